"""A person: the wide page at the desk, and the Actionpad, the narrow panel beside the customer in the CRM."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints, ValidationError

from console.answers import Happened, PersonFound
from console.calling import part
from console.desk import PANEL, VIEWS, Asked, Desk
from console.routes.parts import whole
from console.showing import shown_fields, shown_records, stories
from web.catalogues import N_
from web.problems import Problem


class Ref(BaseModel):
    """The CRM's key of a person."""

    crm_ref: Annotated[str, StringConstraints(min_length=1, max_length=200)]


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang a person's pages into the application."""

    @desk.opens("open-person")
    async def by_ref(asked: Asked) -> http.Response:
        """Open the Actionpad for the CRM's key, which leaves the address at once."""
        try:
            ref = Ref.model_validate(dict(asked.request.query)).crm_ref
        except ValidationError:
            raise Problem(
                "crm-ref-missing", N_("The CRM did not say which customer: the address needs ?crm_ref=..."), status=400
            ) from None
        found = await desk.calls.post(asked.member, "crm-gateway", "/v1/persons/by-ref", PersonFound, {"crm_ref": ref})
        raise http.HTTPSeeOther(f"/{PANEL}/{found.subject_id}")

    @desk.opens("open-person")
    async def person(asked: Asked) -> http.Response:
        known = await whole(asked)
        panel = asked.request.match_info["view"] == PANEL
        history = await part(
            desk.calls.get(asked.member, "consent", f"/v1/persons/{asked.subject}/consents/history", list[Happened])
        )
        values: dict[str, Any] = {
            "known": known,
            "person": known.person,
            "place": asked.place,
            "history": stories(history, known.kinds, asked.language) if history is not None else None,
        }
        if not panel:
            values["groups"] = shown_fields(known.person, known.fields, asked.language)
            values["records"] = shown_records(known.person, known.fields, asked.language)
        return asked.page("actionpad.html" if panel else "person.html", **values)

    app.router.add_get(f"/{PANEL}", by_ref)
    app.router.add_get(f"/{VIEWS}/{{subject:[0-9a-f-]{{36}}}}", person)
