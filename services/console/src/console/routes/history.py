"""The history of a person in the log, for officers and auditors: each event with its place, sealed until they say why."""

from __future__ import annotations

import json
from typing import Annotated
from uuid import UUID

from aiohttp import web as http
from pydantic import BaseModel, JsonValue, StringConstraints

from console.answers import Line, PersonFound
from console.calling import Refusal
from console.desk import Asked, Desk
from console.showing import who
from console.words import refused
from web.catalogues import N_
from web.forms import Filled, Form

OF = "/history/{subject:[0-9a-f-]{36}}"


class Whose(BaseModel):
    """Whose history: the CRM's key, or the person's own number here."""

    whose: Annotated[str, StringConstraints(max_length=200)]


class Why(BaseModel):
    """Why the personal fields are opened."""

    reason: Annotated[str, StringConstraints(max_length=500)]


WHOSE = Form(
    "history-of", Whose, says={"whose:missing": N_("Enter the CRM's key of the customer, or their number here.")}
)
OPEN = Form("open-history", Why, says={"reason:missing": N_("Say why: a case number, or what is being examined.")})


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang the pages into the application."""

    @desk.opens("read-history")
    async def ask(asked: Asked) -> http.Response:
        return asked.page("history-of.html", form=WHOSE.blank(asked.request))

    @desk.opens("read-history")
    async def find(asked: Asked) -> http.Response:
        filled = await WHOSE.read(asked.request)
        if filled.value is not None:
            try:
                raise http.HTTPSeeOther(f"/history/{await _subject(asked, filled.value.whose)}")
            except Refusal as error:
                filled.refuse("whose", refused(error))
        return asked.page("history-of.html", status=422, form=filled)

    @desk.opens("read-history")
    async def sealed(asked: Asked) -> http.Response:
        return await _shown(asked, OPEN.blank(asked.request))

    @desk.opens("read-history")
    async def opened(asked: Asked) -> http.Response:
        filled = await OPEN.read(asked.request)
        if filled.value is None:
            return await _shown(asked, filled, status=422)
        try:
            return await _shown(asked, filled, reason=filled.value.reason)
        except Refusal as error:
            filled.refuse("reason", refused(error))
            return await _shown(asked, filled, status=422)

    app.router.add_get("/history", ask)
    app.router.add_post("/history", find)
    app.router.add_get(OF, sealed)
    app.router.add_post(OF, opened)


async def _subject(asked: Asked, whose: str) -> UUID:
    try:
        return UUID(whose)
    except ValueError:
        found = await asked.desk.calls.post(
            asked.member, "crm-gateway", "/v1/persons/by-ref", PersonFound, {"crm_ref": whose}
        )
        return found.subject_id


async def _shown(asked: Asked, form: Filled[Why], *, reason: str = "", status: int = 200) -> http.Response:
    opening = {"decrypt": "true", "reason": reason} if reason else {}
    lines = await asked.desk.calls.lines(asked.member, "audit", f"/v1/history/{asked.subject}", Line, **opening)
    return asked.page(
        "history.html",
        status=status,
        subject=asked.subject,
        lines=lines,
        opened=bool(reason),
        reason=reason,
        form=form,
        by=lambda by: who(f"{by.kind}:{by.id or ''}" if by else "", asked.language),
        plain=_plain,
    )


def _plain(value: JsonValue) -> str:
    """Give a field as it stands in the log: text as text, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
