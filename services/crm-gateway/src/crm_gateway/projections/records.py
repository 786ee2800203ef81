"""The records that belong to persons: orders, notes, tickets, whatever the CRM has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from crm_gateway.deciders.news import later
from events.catalogue.persons import FieldsConfirmed, FieldValue, RecordChanged, RecordRemoved
from events.catalogue.vocabulary import Erased, Event, Personal
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record."""

    record: UUID
    subject: UUID
    kind: str
    state: Literal["present", "removed"]
    first_news: datetime
    last_change: datetime
    heard: datetime | None
    removed: datetime | None
    record_ref: Personal[str | None]
    values: Personal[dict[str, FieldValue]]


@projection(
    table="records", of=(RecordChanged, FieldsConfirmed, RecordRemoved), key=lambda e: e.data.record or e.subject
)
def records(row: RecordRow | None, e: Recorded[Event]) -> RecordRow | None:
    """Fold."""
    assert e.subject is not None
    match e.data:
        case RecordChanged(record=record, kind=kind):
            if row is None:
                row = RecordRow(record, e.subject, kind, "present", e.occurred, e.occurred, None, None, None, {})
            held = {} if isinstance(row.values, Erased) else row.values
            news = {} if isinstance(e.data.values, Erased) else e.data.values
            row = replace(row, kind=kind, record_ref=e.data.record_ref, values={**held, **news})
            row = replace(row, last_change=later(row.last_change, e.occurred))
            return _stated(replace(row, heard=later(row.heard, e.occurred)))
        case FieldsConfirmed() if row:
            return _stated(replace(row, heard=later(row.heard, e.occurred)))
        case RecordRemoved(record=record, kind=kind):
            if row is None:
                row = RecordRow(record, e.subject, kind, "removed", e.occurred, e.occurred, None, None, None, {})
            return _stated(replace(row, removed=later(row.removed, e.occurred)))
        case _:
            return row


def _stated(row: RecordRow) -> RecordRow:
    gone = row.removed is not None and (row.heard is None or row.removed >= row.heard)
    return replace(row, state="removed" if gone else "present")
