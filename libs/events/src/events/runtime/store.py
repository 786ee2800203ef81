"""The event store of one service: streams in PostgreSQL, appended under their guard row. The events table is the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from uuid import UUID

import asyncpg

from events.catalogue.vocabulary import Event
from events.envelope import Recorded, decode_envelope, key_of, open_envelope, partition_of
from events.errors import Conflict
from events.runtime.database import Connection, Pool, apply_schema
from events.runtime.logging import logger

log = logger(__name__)

STORE_SQL = files("events.runtime") / "store.sql"


@dataclass(frozen=True, slots=True)
class Answered:
    """A command that was answered before: its events are the versions ``first`` to ``last`` of the stream."""

    stream: str
    first: int
    last: int


@dataclass(slots=True)
class Opened:
    """Streams as they stand, and what is known of the commands that are to be tried on them."""

    history: dict[str, list[Recorded[Event]]] = field(default_factory=dict)
    answered: dict[UUID, Answered] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """One event with its final bytes."""

    recorded: Recorded[Event]
    value: bytes


@dataclass(slots=True)
class Appending:
    """What one transaction adds: per stream the version before and after, the commands with their answers, the events."""

    streams: dict[str, tuple[int, int]] = field(default_factory=dict)
    commands: dict[UUID, Answered] = field(default_factory=dict)
    events: list[Written] = field(default_factory=list)


class Store:
    """One service's streams. Whoever appends says what version it saw; the guard row decides."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    async def prepare(self) -> None:
        """Make the tables, and notice a database that was restored into a cluster with a younger transaction counter."""
        await apply_schema(self.pool, STORE_SQL)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(20161, 2)")
            row = await connection.fetchrow(
                "SELECT max(epoch) AS epoch,"
                " coalesce(max(xid) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint, false) AS ahead"
                " FROM events WHERE epoch = (SELECT max(epoch) FROM events)"
            )
            if row is not None and row["ahead"]:
                epoch = row["epoch"] + 1
                log.warning("the database was restored: a new epoch of the relay's order begins", epoch=epoch)
                await connection.execute(f"ALTER TABLE events ALTER COLUMN epoch SET DEFAULT {int(epoch)}")

    async def open(self, streams: Iterable[str], commands: Iterable[UUID] = ()) -> Opened:
        """Read whole streams, personal fields left sealed (they read as ``ERASED``), with the answers to these commands."""
        opened = Opened()
        rows = await self.pool.fetch(
            "SELECT NULL::uuid AS command, stream, version AS first, 0 AS last, value FROM events WHERE stream = ANY($1)"
            " UNION ALL SELECT id, stream, first, last, NULL FROM commands WHERE id = ANY($2) ORDER BY stream, first",
            list(streams),
            list(commands),
        )
        for command, stream, first, last, value in rows:
            if command is None:
                opened.history.setdefault(stream, []).append(open_envelope(decode_envelope(value), None))
            else:
                opened.answered[command] = Answered(stream, first, last)
        return opened

    async def append(self, appending: Appending, connection: Connection | None = None) -> None:
        """Append, in the caller's transaction or in one of its own. Raises ``Conflict`` where a stream has moved on."""
        events = appending.events
        streams = appending.streams
        commands = appending.commands
        arguments: Sequence[object] = (
            list(streams),
            [before for before, _ in streams.values()],
            [after for _, after in streams.values()],
            list(commands),
            [a.stream for a in commands.values()],
            [a.first for a in commands.values()],
            [a.last for a in commands.values()],
            [e.recorded.stream for e in events],
            [e.recorded.version for e in events],
            [e.recorded.id for e in events],
            [e.recorded.data.topic for e in events],
            [partition_of(key_of(e.recorded.stream, e.recorded.subject)) for e in events],
            [key_of(e.recorded.stream, e.recorded.subject) for e in events],
            [e.value for e in events],
            [e.recorded.recorded for e in events],
        )
        try:
            await (connection or self.pool).execute(APPEND, *arguments)
        except asyncpg.PostgresError as error:
            if error.sqlstate in ("GD001", "23505"):
                raise Conflict("the stream has moved on") from None
            raise


APPEND = "SELECT append_events($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)"
