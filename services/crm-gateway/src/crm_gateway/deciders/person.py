"""One person as the CRM knows them: admitted with the first news, changed by newer news only, removed; and their consents there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from crm_gateway.deciders.news import EMPTY, NOTHING_SEEN, Seen, later, left_out, sift, with_confirmed, with_values
from events.catalogue.persons import (
    ConsentRecordedInCrm,
    FieldsConfirmed,
    FieldValue,
    PersonAdmitted,
    PersonChanged,
    PersonRemoved,
    WithdrawalRecordedInCrm,
)
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state

MOST_FIELDS = 1000
"""More than that a person's record cannot hold: an event must fit into one record of the log."""


@command
class AdmitPerson:
    """Something became known that belongs to this person."""

    subject: UUID
    crm_ref: str
    at: datetime
    by: Actor


@command
class ChangePerson:
    """The CRM says what it holds. ``prints`` are the fingerprints of the values, by field."""

    subject: UUID
    crm_ref: str
    values: Mapping[str, FieldValue]
    prints: Mapping[str, str]
    full: bool
    at: datetime
    by: Actor


@command
class RemovePerson:
    """The CRM says that it has no such record any more."""

    subject: UUID
    crm_ref: str
    at: datetime
    by: Actor


@command
class RecordConsent:
    """Somebody recorded in the CRM that the person agreed."""

    subject: UUID
    crm_ref: str
    kind: str
    strength: Literal["weak", "documented"]
    wording: int | None
    evidence: str | None
    at: datetime
    by: Actor


@command
class RecordWithdrawal:
    """Somebody recorded in the CRM that the person withdrew."""

    subject: UUID
    crm_ref: str
    kind: str
    at: datetime
    by: Actor


Command: TypeAlias = AdmitPerson | ChangePerson | RemovePerson | RecordConsent | RecordWithdrawal
Said: TypeAlias = tuple[str, datetime, str, int | None]


@state
class Person:
    """What the CRM said last, and when."""

    seen: Seen
    admitted: bool = False
    emptied: datetime | None = None
    heard: datetime | None = None
    removed: datetime | None = None
    said: frozenset[Said] = frozenset()


def decide(person: Person, wanted: Command) -> Iterator[Event]:
    """Every message admits the person; beyond that only what is new counts."""
    at, by = wanted.at, wanted.by
    if isinstance(wanted, ChangePerson) and len(person.seen.keys() | wanted.prints.keys()) > MOST_FIELDS:
        raise Refused("too-many-fields", f"A person's record has {MOST_FIELDS} fields at the most. Send fewer.")
    if not person.admitted:
        yield PersonAdmitted(at=at, by=by, crm_ref=wanted.crm_ref)
    match wanted:
        case ChangePerson():
            yield from _changes(person, wanted)
        case RemovePerson():
            if not _older(at, person.removed) and (person.heard is None or at >= person.heard):
                yield PersonRemoved(at=at, by=by)
        case RecordConsent(kind=kind, strength=strength, wording=wording):
            if (kind, at, strength, wording) not in person.said:
                yield ConsentRecordedInCrm(
                    at=at, by=by, kind=kind, strength=strength, wording=wording, evidence=wanted.evidence
                )
        case RecordWithdrawal(kind=kind):
            if (kind, at, "withdrawn", None) not in person.said:
                yield WithdrawalRecordedInCrm(at=at, by=by, kind=kind)
        case AdmitPerson():
            return


def _changes(person: Person, wanted: ChangePerson) -> Iterator[Event]:
    at, by = wanted.at, wanted.by
    changed, confirmed = sift(person.seen, person.emptied, at, wanted.prints)
    emptied: list[str] = []
    if wanted.full:
        emptied, still_empty = left_out(person.seen, at, wanted.prints)
        confirmed += still_empty
    if changed or emptied:
        yield PersonChanged(
            at=at,
            by=by,
            fields={f: wanted.prints[f] for f in changed} | dict.fromkeys(emptied, EMPTY),
            values={f: wanted.values[f] for f in changed} | dict.fromkeys(emptied),
            full=wanted.full,
        )
    if confirmed or (wanted.full and not changed and not emptied and not _older(at, person.emptied)):
        yield FieldsConfirmed(at=at, by=by, fields=tuple(confirmed), full=wanted.full)


def evolve(person: Person, event: Event) -> Person:
    """Fold."""
    match event:
        case PersonAdmitted():
            return replace(person, admitted=True)
        case PersonChanged(at=at, fields=prints, full=full):
            return replace(
                person,
                seen=with_values(person.seen, at, prints),
                heard=later(person.heard, at),
                emptied=later(person.emptied, at) if full else person.emptied,
            )
        case FieldsConfirmed(at=at, fields=fields, full=full):
            return replace(
                person,
                seen=with_confirmed(person.seen, at, fields),
                heard=later(person.heard, at),
                emptied=later(person.emptied, at) if full else person.emptied,
            )
        case PersonRemoved(at=at):
            return replace(person, removed=later(person.removed, at))
        case ConsentRecordedInCrm(at=at, kind=kind, strength=strength, wording=wording):
            return replace(person, said=person.said | {(kind, at, strength, wording)})
        case WithdrawalRecordedInCrm(at=at, kind=kind):
            return replace(person, said=person.said | {(kind, at, "withdrawn", None)})
        case _:
            return person


def _older(at: datetime, than: datetime | None) -> bool:
    """Whether ``at`` brings nothing new after ``than``."""
    return than is not None and at <= than


PERSON: Decider[Command, Person] = Decider(
    name="person",
    initial=Person(seen=NOTHING_SEEN),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"person-{c.subject}",
    subject=lambda c: c.subject,
)
