"""The access link: made, watched until its mail is out, and revoked."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints

from console.answers import Link, LinkMade, Mail, Person
from console.calling import Refusal, Unreachable, part
from console.desk import VIEWS, Asked, Desk
from console.routes.parts import person
from console.words import SPOKEN, refused
from web.catalogues import N_
from web.forms import Filled, Form
from web.problems import Problem

OF = f"/{VIEWS}/{{subject:[0-9a-f-]{{36}}}}/links"
LINK_MAIL = "access-link"

REASONS = (
    ("asked-by-telephone", N_("By telephone")),
    ("asked-by-letter", N_("By letter")),
    ("asked-by-email", N_("By e-mail")),
    ("asked-in-person", N_("In person")),
    ("own-initiative", N_("Not asked: we send it of our own accord")),
)
HOURS = (("24", N_("One day")), ("72", N_("Three days")), ("168", N_("One week")), ("336", N_("Two weeks")))


class SendLink(BaseModel):
    """Where the link goes, in which language, how long it opens, and why."""

    to: Annotated[str, StringConstraints(max_length=320)]
    language: Literal["de", "en"]
    hours: Literal["24", "72", "168", "336"]
    reason: Literal["asked-by-telephone", "asked-by-letter", "asked-by-email", "asked-in-person", "own-initiative"]


class Revoke(BaseModel):
    """A form with nothing but its button."""


SEND = Form(
    "send-link",
    SendLink,
    says={"to": N_("Choose the address that the mail goes to."), "reason": N_("Say how the customer asked for it.")},
    labels={"language": N_("Language"), "hours": N_("How long it opens")},
)
REVOKE = Form("revoke-link", Revoke)


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang the pages into the application."""

    @desk.opens("send-link")
    async def ask(asked: Asked) -> http.Response:
        whose = await person(asked)
        language = whose.values.get("language")
        known = {"hours": "336", "language": language if language in {"de", "en"} else "de"}
        if len(whose.emails) == 1:
            known["to"] = whose.emails[0]
        return _send_page(asked, whose, SEND.blank(asked.request, known))

    @desk.opens("send-link")
    async def send(asked: Asked) -> http.Response:
        filled = await SEND.read(asked.request)
        whose = await person(asked)
        said = filled.value
        if said is not None and said.to not in whose.emails:
            filled.refuse("to", N_("Choose the address that the mail goes to."))
        if filled.value is None or said is None:
            return _send_page(asked, whose, filled, 422)
        body = {"to": said.to, "language": said.language, "reason": said.reason, "hours": int(said.hours)}
        try:
            made = await desk.calls.post(
                asked.member,
                "subject-access",
                f"/v1/persons/{asked.subject}/links",
                LinkMade,
                body,
                command=filled.command_id,
            )
        except Refusal as error:
            filled.refuse("", refused(error))
            return _send_page(asked, whose, filled, 422)
        except Unreachable:
            filled.refuse("", N_("The customers' portal is not reachable at the moment. Send the form again shortly."))
            return _send_page(asked, whose, filled, 503)
        raise http.HTTPSeeOther(f"{asked.place}/links/{made.link}")

    @desk.opens("send-link")
    async def sent(asked: Asked) -> http.Response:
        whose = await person(asked)
        link = await _link(asked)
        state = await _state(asked, link)
        return asked.page(
            "link.html", person=whose, place=asked.place, link=link, mail=state, form=REVOKE.blank(asked.request)
        )

    @desk.opens("send-link", fragment=True)
    async def status(asked: Asked) -> http.Response:
        link = await _link(asked)
        return asked.page("link-status.html", link=link, mail=await _state(asked, link))

    @desk.opens("send-link")
    async def ask_revoke(asked: Asked) -> http.Response:
        whose = await person(asked)
        link = await _link(asked)
        return asked.page(
            "revoke-link.html", person=whose, place=asked.place, link=link, form=REVOKE.blank(asked.request)
        )

    @desk.opens("send-link")
    async def revoke(asked: Asked) -> http.Response:
        filled = await REVOKE.read(asked.request)
        link = await _link(asked)
        await desk.calls.post(
            asked.member, "subject-access", f"/v1/links/{link.link}/revocation", None, command=filled.command_id
        )
        raise http.HTTPSeeOther(f"{asked.place}/links/{link.link}")

    one = OF + "/{link:[0-9a-f-]{36}}"
    app.router.add_get(f"{OF}/new", ask)
    app.router.add_post(f"{OF}/new", send)
    app.router.add_get(one, sent)
    app.router.add_get(f"{one}/status", status)
    app.router.add_get(f"{one}/revoke", ask_revoke)
    app.router.add_post(f"{one}/revoke", revoke)


def _send_page(asked: Asked, whose: Person, form: Filled[SendLink], status: int = 200) -> http.Response:
    return asked.page(
        "send-link.html",
        status=status,
        person=whose,
        place=asked.place,
        form=form,
        reasons=REASONS,
        hours=HOURS,
        spoken=SPOKEN,
    )


async def _link(asked: Asked) -> Link:
    wanted = UUID(asked.request.match_info["link"])
    links = await asked.desk.calls.get(asked.member, "subject-access", f"/v1/persons/{asked.subject}/links", list[Link])
    for one in links:
        if one.link == wanted:
            return one
    raise Problem("unknown-link", N_("There is no such link."), status=404)


async def _state(asked: Asked, link: Link) -> Mail | None:
    """Give the mail that brings the link: the first of its kind since the link was made."""
    mails = await part(asked.desk.calls.get(asked.member, "notifier", f"/v1/persons/{asked.subject}/mails", list[Mail]))
    since = [one for one in mails or () if one.kind == LINK_MAIL and one.queued >= link.issued]
    return min(since, key=lambda one: one.queued, default=None)
