"""What holds for each person and kind of consent, as the consent service recorded it: what the portal shows.

That service alone decides; a grant that it records outweighed all that stood before it. Only a no can come late: it counts where
nothing the person said since speaks against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from events.catalogue.consents import (
    ConsentGiven,
    ConsentRefused,
    ConsentWithdrawn,
    Method,
    ObjectionLifted,
    ObjectionRaised,
    Strength,
)
from events.catalogue.vocabulary import Event
from events.envelope import AnyRecorded, Recorded
from events.projecting import projection

EVERY_KIND = "*"
"""The row of an objection to direct marketing. No kind can have this name."""

State = Literal["given", "refused", "withdrawn", "objection", "lifted"]


@dataclass(frozen=True, slots=True)
class StandingRow:
    """The act that decides."""

    subject: UUID
    kind: str
    state: State
    since: datetime
    decided_by: UUID
    method: Method
    strength: Strength | None = None
    wording_version: int | None = None
    wording_language: str | None = None
    valid_until: datetime | None = None


def _key(e: AnyRecorded) -> tuple[UUID | None, str]:
    return e.subject, getattr(e.data, "kind", EVERY_KIND)


@projection(
    table="standings",
    of=(ConsentGiven, ConsentRefused, ConsentWithdrawn, ObjectionRaised, ObjectionLifted),
    key=_key,
    key_columns=2,
)
def standings(row: StandingRow | None, e: Recorded[Event]) -> StandingRow | None:
    """Take what decides."""
    assert e.subject is not None
    match e.data:
        case ConsentGiven() as given:
            return StandingRow(
                e.subject,
                given.kind,
                "given",
                e.occurred,
                e.id,
                given.method,
                given.strength,
                given.wording.version if given.wording else given.wording_claimed,
                given.wording.language if given.wording else None,
                given.valid_until,
            )
        case ConsentWithdrawn(kind=kind, method=method) if _overtakes(row, e.occurred):
            return StandingRow(e.subject, kind, "withdrawn", e.occurred, e.id, method)
        case ConsentRefused(kind=kind, method=method) if _overtakes(row, e.occurred):
            return StandingRow(e.subject, kind, "refused", e.occurred, e.id, method)
        case ObjectionRaised(method=method) if row is None or e.occurred >= row.since:
            return StandingRow(e.subject, EVERY_KIND, "objection", e.occurred, e.id, method)
        case ObjectionLifted(method=method) if row and e.occurred > row.since:
            return StandingRow(e.subject, EVERY_KIND, "lifted", e.occurred, e.id, method)
        case _:
            return row


def _overtakes(row: StandingRow | None, no_at: datetime) -> bool:
    """Whether a no decides in place of what stands: against a mere flag always, at the same moment before a yes."""
    if row is None or row.strength == "weak":
        return True
    return no_at >= row.since if row.state == "given" else no_at > row.since
