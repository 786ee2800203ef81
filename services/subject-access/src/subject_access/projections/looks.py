"""Who of staff looked at a person's data, and when: at the person (written with the append), and at their history in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.catalogue.access import PersonLookedAt
from events.catalogue.audit import LogRead
from events.catalogue.vocabulary import Event
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look. ``by`` is an account; the person is told that it was staff, and where."""

    look: UUID
    subject: UUID
    at: datetime
    place: str
    by: str


@projection(table="looks", of=(PersonLookedAt,), key=lambda e: e.data.look or e.id)
def looks(row: LookRow | None, e: Recorded[Event]) -> LookRow | None:
    """Keep the look."""
    match e.data:
        case PersonLookedAt(where=where, by=by, look=look):
            assert e.subject is not None
            return LookRow(look or e.id, e.subject, e.occurred, where, str(by))
        case _:
            return row


@projection(table="readings", of=(LogRead,), key=lambda e: e.data.look)
def readings(row: LookRow | None, e: Recorded[Event]) -> LookRow | None:
    """Keep the look of an auditor into the log, where it was about one person."""
    match e.data:
        case LogRead(look=look, what=what, of=UUID() as subject, by=by):
            return LookRow(look, subject, e.occurred, what, str(by))
        case _:
            return row
