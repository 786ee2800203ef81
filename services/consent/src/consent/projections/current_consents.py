"""What holds now, for each person and kind: the read model behind every check. Written with the append, so never behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from consent.acts import Act, outweighs
from events.catalogue.consents import (
    ConsentGiven,
    ConsentRefused,
    ConsentWithdrawn,
    Method,
    ObjectionLifted,
    ObjectionRaised,
    Strength,
)
from events.catalogue.vocabulary import Event, Personal
from events.envelope import AnyRecorded, Recorded
from events.projecting import projection

EVERY_KIND = "*"
"""The row of an objection, which is about no kind. No kind can have this name."""

State = Literal["given", "refused", "withdrawn", "objection", "lifted"]


@dataclass(frozen=True, slots=True)
class CurrentConsent:
    """The act that decides, and how it can be shown. ``since`` is when it was done, ``recorded`` when we knew."""

    subject: UUID
    kind: str
    state: State
    since: datetime
    recorded: datetime
    decided_by: UUID
    method: Method
    strength: Strength | None = None
    wording_version: int | None = None
    wording_language: str | None = None
    valid_until: datetime | None = None
    evidence: Personal[str | None] = None


def _key(e: AnyRecorded) -> tuple[UUID | None, str]:
    return e.subject, getattr(e.data, "kind", EVERY_KIND)


@projection(
    table="current_consents",
    of=(ConsentGiven, ConsentRefused, ConsentWithdrawn, ObjectionRaised, ObjectionLifted),
    key=_key,
    key_columns=2,
)
def current_consents(row: CurrentConsent | None, e: Recorded[Event]) -> CurrentConsent | None:
    """Let the act decide that outweighs the others; the decider weighs by the same rule."""
    match e.data:
        case ConsentGiven():
            given = e.data
            if not outweighs(Act(True, e.occurred, given.strength), _act_of(row)):
                return row
            return CurrentConsent(
                *_decided(e, given.kind, "given", given.method),
                strength=given.strength,
                wording_version=given.wording.version if given.wording else given.wording_claimed,
                wording_language=given.wording.language if given.wording else None,
                valid_until=given.valid_until,
                evidence=given.evidence,
            )
        case ConsentRefused(kind=kind, method=method) | ConsentWithdrawn(kind=kind, method=method):
            if not outweighs(Act(False, e.occurred), _act_of(row)):
                return row
            state: State = "refused" if isinstance(e.data, ConsentRefused) else "withdrawn"
            return CurrentConsent(*_decided(e, kind, state, method))
        case ObjectionRaised(method=method) if row is None or e.occurred >= row.since:
            return CurrentConsent(*_decided(e, EVERY_KIND, "objection", method))
        case ObjectionLifted(method=method) if row and e.occurred > row.since:
            return CurrentConsent(*_decided(e, EVERY_KIND, "lifted", method))
        case _:
            return row


def _act_of(row: CurrentConsent | None) -> Act | None:
    return Act(row.state == "given", row.since, row.strength or "strong") if row else None


def _decided(
    e: Recorded[Event], kind: str, state: State, method: Method
) -> tuple[UUID, str, State, datetime, datetime, UUID, Method]:
    assert e.subject is not None
    return e.subject, kind, state, e.occurred, e.recorded, e.id, method
