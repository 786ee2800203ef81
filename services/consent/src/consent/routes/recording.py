"""What a person says now, recorded for them over HTTP: yes, or no."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from consent.deciders.consents import CONSENTS, GiveConsent, WithdrawConsent
from consent.routes.parts import OfPerson, Parts
from events.catalogue.consents import WordingRef
from events.catalogue.vocabulary import Slug
from events.deciding import Refused
from events.errors import Fenced
from events.runtime.handling import Answer
from web.api import Call, Routes
from web.problems import At, Problem

WHO_MAY_ACT = ("staff", "dpo", "admin", "crm")
AHEAD = timedelta(minutes=1)
"""How far the clock of whoever asks may be ahead of ours."""

Text = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]
GivenBy = Literal["telephone", "paper", "staff", "crm", "import"]
WithdrawnBy = Literal["telephone", "paper", "staff", "crm", "import", "unsubscribe"]
MACHINES = frozenset(("crm", "import", "unsubscribe"))
GIVE_REFUSALS = (
    "unknown-kind",
    "kind-retired",
    "unknown-wording",
    "objection-stands",
    "weak-evidence",
    "erased",
    "command-id-reused",
)


class Given(BaseModel):
    """A consent that somebody records for the person. Without ``evidence`` it is weak."""

    model_config = ConfigDict(extra="forbid")

    kind: Slug
    wording: WordingRef | None = Field(default=None, description="The text that the person saw or heard.")
    method: GivenBy
    evidence: Text | None = Field(default=None, description="How it can be shown: where the form lies, say.")
    at: AwareDatetime | None = Field(default=None, description="When the person agreed; left out: now.")


class Withdrawn(BaseModel):
    """A withdrawal that somebody records for the person."""

    model_config = ConfigDict(extra="forbid")

    kind: Slug
    method: WithdrawnBy
    reason: Text | None = Field(default=None, description="In the person's words, if they said; none is needed.")
    at: AwareDatetime | None = Field(default=None, description="When the person said so; left out: now.")


class Receipt(BaseModel):
    """What became of it. Without an ``event`` nothing changed: it was so already, or something newer holds."""

    subject_id: UUID
    kind: Slug
    event: UUID | None = None
    state: Literal["given", "withdrawn"] | None = None
    since: AwareDatetime | None = None
    recorded: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    version: int = Field(description="Of the person's history after this.")


def recording(parts: Parts) -> Routes:
    """Declare the routes."""
    routes = Routes()
    service, offer = parts.service, parts.offer

    @routes.post(
        "/v1/persons/{subject_id}/consents",
        params=OfPerson,
        body=Given,
        answer=Receipt,
        roles=WHO_MAY_ACT,
        refusals=GIVE_REFUSALS,
    )
    async def record_consent(call: Call[Given, None, OfPerson]) -> Receipt:
        """Record that a person agreed."""
        _must_be_theirs(call, call.body.method)
        said = call.body
        wanted = GiveConsent(
            subject=call.path.subject_id,
            kind=said.kind,
            at=_when(said.at, parts.clock()),
            by=call.actor,
            method=said.method,
            strength="documented" if said.evidence else "weak",
            wording=said.wording,
            evidence=said.evidence or None,
            terms=offer.terms(said.kind),
        )
        try:
            answer = await service.handler.handle(CONSENTS, wanted, command_id=call.command_id)
        except Refused:
            if (terms := await offer.fresh(said.kind)) == wanted.terms:
                raise
            wanted = replace(wanted, terms=terms)
            answer = await service.handler.handle(CONSENTS, wanted, command_id=call.command_id)
        return _receipt(answer, call.path.subject_id, said.kind)

    @routes.post(
        "/v1/persons/{subject_id}/withdrawals",
        params=OfPerson,
        body=Withdrawn,
        answer=Receipt,
        roles=WHO_MAY_ACT,
        refusals=("unknown-kind", "command-id-reused"),
    )
    async def record_withdrawal(call: Call[Withdrawn, None, OfPerson]) -> Receipt:
        """Record that a person withdrew: in effect before this is answered.

        Accepted at any time; with nothing to withdraw it is kept all the same, and overtakes a grant that arrives late.
        """
        _must_be_theirs(call, call.body.method)
        said = call.body
        if said.kind not in offer.kinds and await offer.fresh(said.kind) is None:
            known = ", ".join(offer.kinds)
            raise Refused("unknown-kind", f"There is no kind of consent {said.kind!r}. There are: {known}.")
        wanted = WithdrawConsent(
            subject=call.path.subject_id,
            kind=said.kind,
            at=_when(said.at, parts.clock()),
            by=call.actor,
            method=said.method,
            reason=said.reason or None,
            just_now=said.at is None,
        )
        try:
            answer = await service.handler.handle(CONSENTS, wanted, command_id=call.command_id)
        except Fenced:
            # Nothing personal is recorded of the erased any more; that they withdrew is.
            wanted = replace(wanted, reason=None)
            answer = await service.handler.handle(CONSENTS, wanted, command_id=call.command_id)
        return _receipt(answer, call.path.subject_id, said.kind)

    return routes


def _must_be_theirs(call: Call[Any, Any, Any], method: str) -> None:
    """A machine records what machines do; it cannot claim to have had a letter in its hand."""
    if call.identity.roles == frozenset(("crm",)) and method not in MACHINES:
        raise Problem(
            "invalid-input",
            "A machine says by which door it came: crm, import or unsubscribe.",
            status=422,
            errors=[At("/method", "Use crm, import or unsubscribe.")],
        )


def _when(said: datetime | None, now: datetime) -> datetime:
    if said is None:
        return now
    if said > now + AHEAD:
        raise Problem(
            "invalid-input",
            "Nobody can have said so in the future.",
            status=422,
            errors=[At("/at", "Give a moment that has passed, or leave it out.")],
        )
    return min(said, now)


def _receipt(answer: Answer, subject: UUID, kind: str) -> Receipt:
    for happened in answer.events:
        return Receipt(
            subject_id=subject,
            kind=kind,
            event=happened.id,
            state="given" if happened.type == "ConsentGiven" else "withdrawn",
            since=happened.occurred,
            recorded=happened.recorded,
            valid_until=getattr(happened.data, "valid_until", None),
            version=answer.version,
        )
    return Receipt(subject_id=subject, kind=kind, version=answer.version)
