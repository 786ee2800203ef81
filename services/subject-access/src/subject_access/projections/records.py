"""The records that belong to persons: orders, notes, tickets, whatever the CRM has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from events.catalogue.persons import FieldsConfirmed, FieldValue, RecordChanged, RecordRemoved
from events.catalogue.vocabulary import Event, Personal
from events.envelope import Recorded
from events.projecting import projection
from subject_access.projections.persons import held


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record. ``removed``: the CRM does not have it any more."""

    record: UUID
    subject: UUID
    kind: str
    known: datetime
    heard: datetime
    removed: datetime | None
    record_ref: Personal[str | None]
    values: Personal[dict[str, FieldValue]]

    @property
    def gone(self) -> bool:
        """Whether the record was removed in the CRM, and not heard of since."""
        return self.removed is not None and self.removed >= self.heard


@projection(
    table="records", of=(RecordChanged, FieldsConfirmed, RecordRemoved), key=lambda e: e.data.record or e.subject
)
def records(row: RecordRow | None, e: Recorded[Event]) -> RecordRow | None:
    """Take over what the CRM says. Fields that are confirmed for the person are no record's, and make no row."""
    assert e.subject is not None
    match e.data:
        case RecordChanged(record=record, kind=kind, record_ref=ref, values=values):
            row = row or RecordRow(record, e.subject, kind, e.occurred, e.occurred, None, None, {})
            return replace(
                row,
                kind=kind,
                record_ref=ref,
                values={**held(row.values), **held(values)},
                heard=max(row.heard, e.occurred),
            )
        case FieldsConfirmed(record=UUID()) if row:
            return replace(row, heard=max(row.heard, e.occurred))
        case RecordRemoved(record=record, kind=kind):
            row = row or RecordRow(record, e.subject, kind, e.occurred, e.occurred, None, None, {})
            return replace(row, removed=max(row.removed or e.occurred, e.occurred))
        case _:
            return row
