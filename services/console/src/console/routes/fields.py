"""The field catalogue: what the CRM sends, and an administrator's words for it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints

from console.answers import Field, Fields
from console.calling import Refusal, Unreachable
from console.desk import Asked, Desk
from console.words import FIELD_TYPES, refused
from web.catalogues import N_
from web.forms import Filled, Form
from web.problems import Problem

Label = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Describe(BaseModel):
    """What a field is."""

    label_de: Label
    label_en: Label
    type: Literal["text", "number", "date", "yes_no", "choice", "emails", "phones", "addresses", "language"]
    group: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    choices: Annotated[str, StringConstraints(max_length=8000)] = ""


FORM = Form(
    "describe-field",
    Describe,
    labels={
        "label_de": N_("Label in German"),
        "label_en": N_("Label in English"),
        "type": N_("Type"),
        "group": N_("Group"),
        "choices": N_("Choices"),
    },
)
LINE = N_("Write each choice as: value | German label | English label. Line %(number)s is not like that.")


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang the pages into the application."""

    async def fields(asked: Asked) -> Fields:
        return await desk.calls.get(asked.member, "crm-gateway", "/v1/fields", Fields)

    async def one(asked: Asked) -> tuple[Field, Fields]:
        known = await fields(asked)
        for field in known.fields:
            if field.field == asked.request.match_info["field"]:
                return field, known
        raise Problem("unknown-field", N_("There is no such field."), status=404)

    @desk.opens("see-fields")
    async def listed(asked: Asked) -> http.Response:
        known = await fields(asked)
        described = asked.request.query.get("described", "")
        return asked.page("fields.html", known=known, described=described)

    @desk.opens("describe-field")
    async def ask(asked: Asked) -> http.Response:
        field, known = await one(asked)
        filled = {
            "label_de": field.labels.get("de", ""),
            "label_en": field.labels.get("en", ""),
            "type": field.type,
            "group": field.group,
            "choices": "\n".join(
                f"{value} | {texts.get('de', '')} | {texts.get('en', '')}"
                for value, texts in (field.choices or {}).items()
            ),
        }
        return _page(asked, field, known, FORM.blank(asked.request, filled))

    @desk.opens("describe-field")
    async def describe(asked: Asked) -> http.Response:
        filled = await FORM.read(asked.request)
        field, known = await one(asked)
        choices = _choices(filled)
        said = filled.value
        if said is None:
            return _page(asked, field, known, filled, 422)
        body: dict[str, Any] = {
            "type": said.type,
            "group": said.group,
            "labels": {"de": said.label_de, "en": said.label_en},
            "choices": choices,
        }
        try:
            await desk.calls.post(
                asked.member,
                "crm-gateway",
                f"/v1/fields/{field.field}",
                None,
                body,
                command=filled.command_id,
                method="PUT",
            )
        except Refusal as error:
            filled.refuse("choices" if error.slug == "choices" else "", refused(error))
            return _page(asked, field, known, filled, 422)
        except Unreachable:
            filled.refuse(
                "", N_("The customers' records are not reachable at the moment. Send the form again shortly.")
            )
            return _page(asked, field, known, filled, 503)
        raise http.HTTPSeeOther(f"/fields?described={field.field}")

    which = "/fields/{field:[a-z0-9][a-z0-9_.-]{0,63}}"
    app.router.add_get("/fields", listed)
    app.router.add_get(which, ask)
    app.router.add_post(which, describe)


def _page(asked: Asked, field: Field, known: Fields, form: Filled[Describe], status: int = 200) -> http.Response:
    groups = {**known.groups, **{one.group: {} for one in known.fields if one.group not in known.groups}}
    return asked.page(
        "field.html",
        status=status,
        field=field,
        form=form,
        groups=[(name, texts.get(asked.language.code, name)) for name, texts in groups.items()],
        types=[
            (name, asked.language.say(FIELD_TYPES[name]))
            for name in FIELD_TYPES
            if not field.core or name == field.type
        ],
    )


def _choices(filled: Filled[Describe]) -> dict[str, dict[str, str]] | None:
    """Read the choices, each a line: value, German, English."""
    said = filled.value
    if said is None or said.type != "choice":
        return None
    choices: dict[str, dict[str, str]] = {}
    for number, line in enumerate(said.choices.splitlines(), 1):
        parts = [part.strip() for part in line.split("|")]
        if not line.strip():
            continue
        if len(parts) != 3 or not all(parts):
            filled.refuse("choices", LINE, number=number)
            return None
        choices[parts[0]] = {"de": parts[1], "en": parts[2]}
    if not choices:
        filled.refuse("choices", N_("Give the choices, each on a line of its own."))
    return choices
