"""One record that belongs to a person: an order, a note, a ticket, or whatever the CRM calls it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from crm_gateway.deciders.news import NOTHING_SEEN, Seen, later, sift, with_confirmed, with_values
from crm_gateway.deciders.person import MOST_FIELDS
from events.catalogue.persons import FieldsConfirmed, FieldValue, RecordChanged, RecordRemoved
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state


@command
class ChangeRecord:
    """The CRM says what the record holds."""

    subject: UUID
    record: UUID
    kind: str
    record_ref: str
    values: Mapping[str, FieldValue]
    prints: Mapping[str, str]
    at: datetime
    by: Actor


@command
class RemoveRecord:
    """The CRM says that there is no such record any more."""

    subject: UUID
    record: UUID
    kind: str
    at: datetime
    by: Actor


Command: TypeAlias = ChangeRecord | RemoveRecord


@state
class Record:
    """What the CRM said last about the record, and when."""

    seen: Seen
    known: bool = False
    heard: datetime | None = None
    removed: datetime | None = None


def decide(record: Record, wanted: Command) -> Iterator[Event]:
    """Only what is newer counts."""
    at, by = wanted.at, wanted.by
    match wanted:
        case ChangeRecord(prints=prints):
            if len(record.seen.keys() | prints.keys()) > MOST_FIELDS:
                raise Refused("too-many-fields", f"A record has {MOST_FIELDS} fields at the most. Send fewer.")
            changed, confirmed = sift(record.seen, None, at, prints)
            if changed or not record.known:
                yield RecordChanged(
                    at=at,
                    by=by,
                    kind=wanted.kind,
                    record=wanted.record,
                    record_ref=wanted.record_ref,
                    fields={f: prints[f] for f in changed},
                    values={f: wanted.values[f] for f in changed},
                )
            if confirmed:
                yield FieldsConfirmed(at=at, by=by, fields=tuple(confirmed), record=wanted.record)
        case RemoveRecord():
            newest = record.removed is None or at > record.removed
            if newest and (record.heard is None or at >= record.heard):
                yield RecordRemoved(at=at, by=by, kind=wanted.kind, record=wanted.record)


def evolve(record: Record, event: Event) -> Record:
    """Fold."""
    match event:
        case RecordChanged(at=at, fields=prints):
            return replace(record, known=True, seen=with_values(record.seen, at, prints), heard=later(record.heard, at))
        case FieldsConfirmed(at=at, fields=fields):
            return replace(record, seen=with_confirmed(record.seen, at, fields), heard=later(record.heard, at))
        case RecordRemoved(at=at):
            return replace(record, removed=later(record.removed, at))
        case _:
            return record


RECORD: Decider[Command, Record] = Decider(
    name="record",
    initial=Record(seen=NOTHING_SEEN),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"record-{c.record}",
    subject=lambda c: c.subject,
)
