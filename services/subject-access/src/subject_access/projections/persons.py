"""Persons as the CRM has them: what is held, and since when each of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from events.catalogue.persons import FieldsConfirmed, FieldValue, PersonAdmitted, PersonChanged, PersonRemoved
from events.catalogue.vocabulary import Erased, Event, Personal
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person. ``since`` tells for each field when its value came. ``removed``: the CRM has no such record any more."""

    subject: UUID
    known: datetime
    heard: datetime
    removed: datetime | None
    since: dict[str, datetime]
    crm_ref: Personal[str]
    values: Personal[dict[str, FieldValue]]

    @property
    def erased(self) -> bool:
        """Whether what was held can no longer be read by anyone."""
        return isinstance(self.values, Erased)

    @property
    def held(self) -> Mapping[str, FieldValue]:
        """What is held, field by field."""
        return held(self.values)

    @property
    def gone(self) -> bool:
        """Whether the record was removed in the CRM, and not heard of since."""
        return self.removed is not None and self.removed >= self.heard


def held(values: Erased | dict[str, FieldValue]) -> dict[str, FieldValue]:
    """Give values, none where they are erased."""
    return {} if isinstance(values, Erased) else dict(values)


@projection(
    table="persons", of=(PersonAdmitted, PersonChanged, FieldsConfirmed, PersonRemoved), key=lambda e: e.subject
)
def persons(row: PersonRow | None, e: Recorded[Event]) -> PersonRow | None:
    """Take over what the CRM says."""
    match e.data:
        case PersonAdmitted(crm_ref=crm_ref) if e.subject:
            return PersonRow(e.subject, e.occurred, e.occurred, None, {}, crm_ref, {})
        case PersonChanged(values=values, fields=fields) if row:
            return replace(
                row,
                values={**held(row.values), **held(values)},
                since={**row.since, **dict.fromkeys(fields, e.occurred)},
                heard=max(row.heard, e.occurred),
            )
        case FieldsConfirmed(record=None) if row:
            return replace(row, heard=max(row.heard, e.occurred))
        case PersonRemoved() if row:
            return replace(row, removed=max(row.removed or e.occurred, e.occurred))
        case _:
            return row
