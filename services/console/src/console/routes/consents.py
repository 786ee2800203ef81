"""A consent or a withdrawal that a customer tells staff of: recorded with the way it came, and how it can be shown."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints

from console.answers import Held, HeldConsent, Kind, Person, Receipt
from console.calling import Refusal, Unreachable
from console.desk import VIEWS, Asked, Desk
from console.routes.parts import person
from console.words import SPOKEN, refused
from web.catalogues import N_
from web.forms import Filled, Form
from web.problems import Problem

KIND = f"/{VIEWS}/{{subject:[0-9a-f-]{{36}}}}/consents/{{kind:[a-z0-9][a-z0-9_.-]{{0,63}}}}"

METHODS = (
    ("telephone", N_("By telephone")),
    ("paper", N_("In writing: a letter, a form, a mail")),
    ("staff", N_("In person")),
)
NOT_REACHABLE = N_("The consents are not reachable at the moment. Send the form again shortly.")
FUTURE = N_("Nobody can have said so in the future. Enter a day that has passed.")

Noted = Annotated[str, StringConstraints(max_length=2000)]


class Give(BaseModel):
    """The customer agreed: how, to the text in which language, where it can be shown, and when."""

    method: Literal["telephone", "paper", "staff"]
    language: Literal["de", "en"]
    evidence: Annotated[str, StringConstraints(min_length=3, max_length=2000)]
    day: date | None = None


class Withdraw(BaseModel):
    """The customer withdrew: how, perhaps why, and when."""

    method: Literal["telephone", "paper", "staff"]
    reason: Noted = ""
    day: date | None = None


HOW = N_("Say how the customer told you.")
GIVE = Form(
    "give-consent",
    Give,
    says={
        "method": HOW,
        "language": N_("Say in which language the customer read or heard the wording."),
        "evidence:missing": N_("Say how it can be shown: where the letter lies, who was on the telephone."),
    },
    labels={"evidence": N_("How can it be shown?"), "day": N_("When did the customer say so?")},
)
WITHDRAW = Form(
    "withdraw-consent",
    Withdraw,
    says={"method": HOW},
    labels={"reason": N_("What did the customer say?"), "day": N_("When did the customer say so?")},
)


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang the pages into the application."""

    @desk.opens("record-consent")
    async def ask_give(asked: Asked) -> http.Response:
        whose, kind = await person(asked), await _kind(asked)
        return _page(asked, "give-consent.html", whose, kind, GIVE.blank(asked.request))

    @desk.opens("record-consent")
    async def ask_withdraw(asked: Asked) -> http.Response:
        whose, kind = await person(asked), await _kind(asked)
        return _page(asked, "withdraw-consent.html", whose, kind, WITHDRAW.blank(asked.request))

    @desk.opens("record-consent")
    async def give(asked: Asked) -> http.Response:
        filled = await GIVE.read(asked.request)
        whose, kind = await person(asked), await _kind(asked)
        at = _moment(asked, filled, ends=False)
        if (said := filled.value) is None:
            return _page(asked, "give-consent.html", whose, kind, filled, 422)
        body: dict[str, Any] = {"kind": kind.kind, "method": said.method, "evidence": said.evidence}
        if kind.wordings:
            body["wording"] = {"version": kind.wordings[-1].version, "language": said.language}
        return await _record(asked, "give-consent.html", "consents", whose, kind, filled, body | at)

    @desk.opens("record-consent")
    async def withdraw(asked: Asked) -> http.Response:
        filled = await WITHDRAW.read(asked.request)
        whose, kind = await person(asked), await _kind(asked)
        at = _moment(asked, filled, ends=True)
        if (said := filled.value) is None:
            return _page(asked, "withdraw-consent.html", whose, kind, filled, 422)
        body: dict[str, Any] = {"kind": kind.kind, "method": said.method}
        if said.reason:
            body["reason"] = said.reason
        return await _record(asked, "withdraw-consent.html", "withdrawals", whose, kind, filled, body | at)

    @desk.opens("record-consent")
    async def recorded(asked: Asked) -> http.Response:
        whose, kind = await person(asked), await _kind(asked)
        return asked.page(
            "consent-recorded.html",
            person=whose,
            place=asked.place,
            kind=kind,
            one=await _held(asked, kind),
            reference=asked.request.query.get("recorded", "")[:8],
        )

    app.router.add_get(f"{KIND}/give", ask_give)
    app.router.add_post(f"{KIND}/give", give)
    app.router.add_get(f"{KIND}/withdraw", ask_withdraw)
    app.router.add_post(f"{KIND}/withdraw", withdraw)
    app.router.add_get(KIND, recorded)


def _page(
    asked: Asked, template: str, whose: Person, kind: Kind, form: Filled[Any], status: int = 200
) -> http.Response:
    return asked.page(
        template, status=status, person=whose, place=asked.place, kind=kind, form=form, methods=METHODS, spoken=SPOKEN
    )


def _moment(asked: Asked, filled: Filled[Any], *, ends: bool) -> dict[str, str]:
    """Give the moment that a day stands for, in doubt in the customer's favour: a yes at its beginning, a no at its end.

    So a yes never overtakes a no of the same day, and a no overtakes every yes of it. Today, and no day, is now.
    """
    day: date | None = filled.value.day if filled.value else None
    now = asked.desk.clock().astimezone(asked.language.zone)
    if day is not None and day > now.date():
        filled.refuse("day", FUTURE)
        filled.errors[-1] = filled.errors[-1].__class__("day", filled.errors[-1].message, "day-day")
    if day is None or day >= now.date():
        return {}
    local = datetime.combine(day, time(23, 59, 59) if ends else time(0, 0), tzinfo=asked.language.zone)
    return {"at": local.astimezone(UTC).isoformat()}


async def _record(
    asked: Asked, template: str, where: str, whose: Person, kind: Kind, filled: Filled[Any], body: dict[str, Any]
) -> http.Response:
    try:
        receipt = await asked.desk.calls.post(
            asked.member,
            "consent",
            f"/v1/persons/{asked.subject}/{where}",
            Receipt,
            body,
            command=filled.command_id,
        )
    except Refusal as error:
        filled.refuse("", refused(error))
        return _page(asked, template, whose, kind, filled, 422)
    except Unreachable:
        filled.refuse("", NOT_REACHABLE)
        return _page(asked, template, whose, kind, filled, 503)
    event: UUID | str = receipt.event or "nothing"
    raise http.HTTPSeeOther(f"{asked.place}/consents/{kind.kind}?recorded={event}")


async def _kind(asked: Asked) -> Kind:
    wanted = asked.request.match_info["kind"]
    kinds = await asked.desk.calls.get(asked.member, "consent", "/v1/kinds", list[Kind])
    for one in kinds:
        if one.kind == wanted:
            return one
    raise Problem("unknown-kind", N_("There is no such consent."), status=404)


async def _held(asked: Asked, kind: Kind) -> HeldConsent | None:
    held = await asked.desk.calls.get(asked.member, "consent", f"/v1/persons/{asked.subject}/consents", Held)
    return next((one for one in held.consents if one.kind == kind.kind), None)
