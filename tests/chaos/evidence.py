"""What can be seen from outside once the storm is over: the log, the databases, the mailbox. No service is asked for its word.

Personal fields are opened with the keys of the key database and the key-encryption key, as nobody but this installation could.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias
from uuid import UUID

from events.envelope import AnyRecorded, Envelope, Place, decode_envelope, open_envelope
from events.projecting import Projection
from events.runtime.keys import NO_KEYS
from events.runtime.projecting import generation_name

from .ledger import Ledger

Row: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[tuple[Any, ...], Row]
Spot: TypeAlias = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the log, byte by byte."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def envelope(self) -> Envelope:
        """What it says, personal fields sealed."""
        return decode_envelope(self.value)


@dataclass(frozen=True, slots=True)
class Stored:
    """One event as its owner's store has it."""

    stream: str
    version: int
    id: UUID
    topic: str
    partition: int
    key: str
    value: bytes
    xid: int = 0


@dataclass(slots=True)
class Store:
    """One service's event store."""

    events: list[Stored] = field(default_factory=list)
    guards: dict[str, int] = field(default_factory=dict)
    commands: dict[UUID, tuple[str, int, int]] = field(default_factory=dict)
    """For each command its stream, and the first and last version of its events."""


@dataclass(frozen=True, slots=True)
class Move:
    """A position moved, in this transaction; from nothing where it was made, or the watch began."""

    xid: int
    name: str
    topic: str
    partition: int
    before: int | None
    after: int


@dataclass(frozen=True, slots=True)
class Applied:
    """A projection noted the version of a stream that it has applied, in this transaction."""

    xid: int
    name: str
    stream: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where a consumption stands at rest."""

    name: str
    topic: str
    partition: int
    next_offset: int
    last_id: UUID | None
    halted: str | None


@dataclass(slots=True)
class Watch:
    """What was written down about one service's positions while the storm went on."""

    moves: list[Move] = field(default_factory=list)
    applied: list[Applied] = field(default_factory=list)
    rows: dict[str, set[int]] = field(default_factory=dict)
    """For each read model the transactions in which rows of it changed."""
    positions: list[Position] = field(default_factory=list)


@dataclass(slots=True)
class Model:
    """One read model: the rows that live, and those that a rebuild from nothing made."""

    service: str
    projection: Projection[Any]
    generation: int
    hashing: bytes
    live: Rows = field(default_factory=dict)
    rebuilt: Rows | None = None

    @property
    def name(self) -> str:
        """The name under which its positions are kept."""
        return generation_name(self.projection, self.generation)


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that nobody can read, put into the log last of all; and what everybody who reads that partition did."""

    topic: str
    partition: int
    offset: int
    stopped: Mapping[tuple[str, str], tuple[int, str | None]] = field(default_factory=dict)
    """For each service and consumption: the next offset, and what it says why it stopped."""
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What each of these services says that it waits for."""
    applied: Sequence[str] = ()
    """What has been applied of what stands behind it."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the receiving server accepted."""

    message_id: str
    recipients: tuple[str, ...]


@dataclass
class Evidence:
    """Everything that the checker looks at."""

    ledger: Ledger = field(default_factory=Ledger)
    log: dict[Spot, list[Record]] = field(default_factory=dict)
    stores: dict[str, Store] = field(default_factory=dict)
    watches: dict[str, Watch] = field(default_factory=dict)
    models: list[Model] = field(default_factory=list)
    secrets: dict[UUID, dict[int, bytes]] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    mails: list[Mail] = field(default_factory=list)
    mails_after_rebuild: int | None = None
    restless: list[str] = field(default_factory=list)
    """What had not come to rest within the bound."""
    rested_after: float = 0.0
    poison: Poison | None = None

    @cached_property
    def events(self) -> list[AnyRecorded]:
        """Every event of the log once, opened; partition by partition in their order."""
        found: list[AnyRecorded] = []
        for spot in sorted(self.log):
            seen: set[UUID] = set()
            for record in self.log[spot]:
                envelope = record.envelope
                if envelope.id in seen:
                    continue
                seen.add(envelope.id)
                keys = self.secrets.get(envelope.subject, NO_KEYS) if envelope.subject else NO_KEYS
                secret = keys.get(envelope.data.key) if envelope.data.key is not None else None
                found.append(open_envelope(envelope, secret, Place(*spot, record.offset)))
        return found

    @cached_property
    def by_stream(self) -> dict[str, list[AnyRecorded]]:
        """The events of each stream, in the order of their versions."""
        streams: dict[str, list[AnyRecorded]] = defaultdict(list)
        for event in self.events:
            streams[event.stream].append(event)
        return {stream: sorted(events, key=lambda e: e.version) for stream, events in streams.items()}
