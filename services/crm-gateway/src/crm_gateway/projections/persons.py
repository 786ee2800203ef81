"""Persons as the CRM has them: the whole record, and what it is found by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from crm_gateway.deciders.news import later
from crm_gateway.terms import terms_of
from events.catalogue.persons import FieldsConfirmed, FieldValue, PersonAdmitted, PersonChanged, PersonRemoved
from events.catalogue.vocabulary import Erased, Event, Personal
from events.envelope import Recorded
from events.projecting import Terms, projection


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person. ``heard`` is when the CRM last said that the record is there, ``removed`` when it said that it is not."""

    subject: UUID
    state: Literal["present", "removed"]
    first_news: datetime
    last_change: datetime
    heard: datetime | None
    removed: datetime | None
    words: Terms
    crm_ref: Personal[str]
    values: Personal[dict[str, FieldValue]]


@projection(
    table="persons", of=(PersonAdmitted, PersonChanged, FieldsConfirmed, PersonRemoved), key=lambda e: e.subject
)
def persons(row: PersonRow | None, e: Recorded[Event]) -> PersonRow | None:
    """Fold."""
    match e.data:
        case PersonAdmitted(crm_ref=crm_ref):
            assert e.subject is not None
            return PersonRow(e.subject, "present", e.occurred, e.occurred, None, None, Terms(), crm_ref, {})
        case PersonChanged(values=values) if row:
            merged = _held(row.values) | _held(values)
            row = replace(row, values=merged, last_change=later(row.last_change, e.occurred))
            return _stated(replace(row, heard=later(row.heard, e.occurred)))
        case FieldsConfirmed(record=None) if row:
            return _stated(replace(row, heard=later(row.heard, e.occurred)))
        case PersonRemoved() if row:
            row = replace(row, last_change=later(row.last_change, e.occurred))
            return _stated(replace(row, removed=later(row.removed, e.occurred)))
        case _:
            return row


def _held(values: Erased | Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    return {} if isinstance(values, Erased) else dict(values)


def _stated(row: PersonRow) -> PersonRow:
    gone = row.removed is not None and (row.heard is None or row.removed >= row.heard)
    return replace(row, state="removed" if gone else "present", words=terms_of(_held(row.values)))
