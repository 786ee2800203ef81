"""A consent with a personal field, decided, projected: as light as a real one, so that the machinery is what is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from events.catalogue.consents import ConsentGiven, ConsentWithdrawn, WordingRef
from events.catalogue.vocabulary import THE_PERSON, Event, Personal
from events.deciding import Decider, command, state
from events.envelope import AnyRecorded
from events.projecting import projection

WORDING = WordingRef(version=3, language="de")
EVIDENCE = "double opt-in, confirmed from the mail of 3 May 2026"


@command
class Toggle:
    """Give where nothing is given, withdraw where it is."""

    subject: UUID


@state
class Standing:
    """Whether it is given."""

    given: bool = False


def decide(now: Standing, wanted: Toggle) -> Iterator[Event]:
    """Say what happens."""
    at = datetime.now(UTC)
    if now.given:
        yield ConsentWithdrawn(at=at, by=THE_PERSON, kind="newsletter", method="portal", reason="too many mails")
    else:
        yield ConsentGiven(
            at=at,
            by=THE_PERSON,
            kind="newsletter",
            wording=WORDING,
            method="portal",
            strength="strong",
            evidence=EVIDENCE,
        )


def evolve(_now: Standing, event: Event) -> Standing:
    """Say what then holds."""
    return Standing(given=isinstance(event, ConsentGiven))


CONSENTS: Decider[Toggle, Standing] = Decider(
    name="consents",
    initial=Standing(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"consents-{c.subject}",
    subject=lambda c: c.subject,
)


@dataclass(frozen=True, slots=True)
class Row:
    """What holds for one person and kind."""

    subject: UUID
    kind: str
    state: str
    since: datetime
    changes: int
    evidence: Personal[str | None]


@projection(
    table="standing", of=(ConsentGiven, ConsentWithdrawn), key=lambda e: (e.subject, e.data.kind), key_columns=2
)
def standing(row: Row | None, e: AnyRecorded) -> Row | None:
    """Fold a person's consents."""
    changes = row.changes + 1 if row else 1
    match e.data:
        case ConsentGiven(kind=kind, evidence=evidence) if e.subject:
            return Row(e.subject, kind, "given", e.occurred, changes, evidence)
        case ConsentWithdrawn(kind=kind, reason=reason) if e.subject:
            return Row(e.subject, kind, "withdrawn", e.occurred, changes, reason)
        case _:
            return row


TABLE = """
CREATE TABLE IF NOT EXISTS standing (
    subject uuid, kind text, state text NOT NULL, since timestamptz NOT NULL, changes bigint NOT NULL,
    sealed bytea, key_version bigint, PRIMARY KEY (subject, kind)
)
"""
