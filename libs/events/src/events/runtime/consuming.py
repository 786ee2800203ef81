"""Consuming: partitions shared out by leases, records read in order, positions that know their log.

A position is the next offset and the id of the event before it. Where the record there carries another id, this is another log
(an embedded broker that was refilled, a restored cluster, a truncation): reading begins anew, and the version rule makes every
repeat harmless. A partition stops, visibly, at a gap or at what cannot be read or applied; nothing behind it is applied.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from events.catalogue import PARTITIONS
from events.catalogue.vocabulary import Event
from events.envelope import Envelope, Place, Recorded, decode_envelope, open_envelope, recorded_of
from events.errors import EventError, Unreadable
from events.runtime import metrics
from events.runtime.cancelling import is_ours
from events.runtime.database import UNREACHABLE, Connection, Pool, affected
from events.runtime.kafka import BROKER_TROUBLE, consumer, last_records, make_topics, started, stopped
from events.runtime.keys import NO_KEYS, Keys
from events.runtime.logging import logger
from events.runtime.settings import Settings

log = logger(__name__)

RETRY_HALTED_SECONDS = 15.0
UNREAD: Any = None
"""The data of an event that was not read."""


class Stop(Exception):
    """What is being consumed cannot go past this event. ``place`` is where it stands."""

    def __init__(self, place: Place, why: str, *, doubt: bool = False) -> None:
        super().__init__(why)
        self.place = place
        self.why = why
        self.doubt = doubt
        """Whether this may be another log rather than a broken one: a version is missing."""


class Moved(Exception):
    """Somebody else has moved the position: this process was no longer the owner."""


@dataclass(slots=True)
class Position:
    """Where one partition stands: the offset to read next, and the event before it."""

    next_offset: int = 0
    last_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Halt:
    """Where one partition stands still, why, and since when (by the monotonic clock)."""

    offset: int
    why: str
    since: float

    def __str__(self) -> str:
        return f"offset {self.offset}: {self.why}"


@dataclass(slots=True)
class Batch:
    """Records of some partitions, in order within each: events wanted, and where the positions go."""

    events: list[Recorded[Event]] = field(default_factory=list)
    moves: dict[TopicPartition, tuple[int, Position]] = field(default_factory=dict)
    """From the offset that is expected to stand there to the new position."""


class Consumption(Protocol):
    """What is done with the events: a projection or reactions."""

    name: str
    topics: tuple[str, ...]
    types: frozenset[str]

    async def take(self, batch: Batch, move: Mover) -> None:
        """Take a batch in and move the positions; all of it or nothing. Raises ``Stop`` at an event that cannot be taken."""

    def forget(self) -> None:
        """Forget what is remembered of earlier batches: the partitions may have been another's meanwhile."""


class Mover(Protocol):
    """Moves the positions of a batch in a transaction."""

    async def __call__(self, connection: Connection, batch: Batch) -> None: ...


class Consumer:
    """One process's share of one consumption."""

    def __init__(
        self, settings: Settings, pool: Pool, keys: Keys, consumption: Consumption, *, personal: bool = True
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._keys = keys
        self._what = consumption
        self._personal = personal
        self._topics = [settings.topic_prefix + topic for topic in consumption.topics]
        self.owner = uuid4()
        self.positions: dict[TopicPartition, Position] = {}
        self.halted: dict[TopicPartition, Halt] = {}
        self.ends: dict[TopicPartition, int] = {}
        self.waits_for: str | None = "the broker"
        self._unproven: set[TopicPartition] = set()
        self._doubted: dict[TopicPartition, int] = {}

    @property
    def name(self) -> str:
        """The name under which positions are kept."""
        return self._what.name

    async def run(self) -> None:
        """Consume until cancelled, through every loss of the broker or the database."""
        pause = 0.1
        while True:
            began = time.monotonic()
            try:
                await self._consume()
            except Moved:
                log.info("another process took over, reading positions anew", consumption=self.name)
            except (*UNREACHABLE, *BROKER_TROUBLE, asyncpg.DeadlockDetectedError, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and is_ours():
                    raise
                self.waits_for = "the broker or the database"
                log.warning(
                    "consuming interrupted, beginning anew", consumption=self.name, error_type=type(error).__name__
                )
            if time.monotonic() - began > 10:
                pause = 0.1
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _consume(self) -> None:
        await make_topics(self._settings, self._topics)
        client = await started(
            lambda: consumer(self._settings, client=self.name),
            waiting=lambda why: setattr(self, "waits_for", f"the broker ({why})"),
        )
        self.positions = {}
        try:
            next_lease = 0.0
            while True:
                if time.monotonic() >= next_lease:
                    await self._share(client)
                    self.waits_for = None
                    next_lease = time.monotonic() + self._settings.lease_seconds / 3
                if not self.positions:
                    await asyncio.sleep(self._settings.lease_seconds / 6)
                    continue
                await self._fetch(client)
        finally:
            await stopped(client)
            with contextlib.suppress(*UNREACHABLE):
                await self._release()

    # --- leases -------------------------------------------------------------------------------------------------

    async def _share(self, client: AIOKafkaConsumer) -> None:
        """Renew what is ours, take what is free up to a fair share, give back what is too much; then assign."""
        numbers = await share(self._pool, self.name, self.owner, self._settings.lease_seconds)
        wanted = {TopicPartition(topic, n) for topic in self._topics for n in numbers}
        retry = {p for p, halt in self.halted.items() if time.monotonic() - halt.since > RETRY_HALTED_SECONDS}
        for place in retry:
            self.halted.pop(place)
        active = {p for p in wanted if p not in self.halted}
        if active != set(self.positions):
            await self._assign(client, active)
        self.halted = {p: h for p, h in self.halted.items() if p in wanted}
        metrics.HALTED.labels(self.name).set(len(self.halted))
        for place in self.positions:
            end = client.highwater(place)
            if end is not None:
                self.ends[place] = end
                metrics.LAG.labels(self.name, place.topic, place.partition).set(
                    max(0, end - self.positions[place].next_offset)
                )

    async def _assign(self, client: AIOKafkaConsumer, active: set[TopicPartition]) -> None:
        fresh = active - set(self.positions)
        self._what.forget()
        await self._pool.execute(
            "INSERT INTO positions (name, topic, partition, next_offset)"
            " SELECT $1, topic, partition, 0 FROM unnest($2::text[], $3::int[]) AS p (topic, partition) ON CONFLICT DO NOTHING",
            self.name,
            [p.topic for p in fresh],
            [p.partition for p in fresh],
        )
        self.positions = {p: position for p, position in self.positions.items() if p in active}
        rows = await self._pool.fetch(
            "SELECT topic, partition, next_offset, last_id FROM positions WHERE name = $1", self.name
        )
        stored = {TopicPartition(r["topic"], r["partition"]): Position(r["next_offset"], r["last_id"]) for r in rows}
        for place in fresh:
            self.positions[place] = stored.get(place, Position())
        client.assign(sorted(active))
        if not active:
            return
        ends = await client.end_offsets(sorted(active))
        starts = await client.beginning_offsets(sorted(active))
        if beyond := sorted(p for p in active if self.positions[p].next_offset > ends[p] > starts[p]):
            # Another log, or the embedded broker, which counts its last batch as one record: the record itself tells.
            last = await last_records(client, beyond)
            ends |= {place: record.offset + 1 for place, record in last.items() if record is not None}
            client.assign(sorted(active))
        for place in active:
            position = self.positions[place]
            self.ends[place] = ends[place]
            if position.next_offset > ends[place] or (
                position.next_offset and position.next_offset - 1 < starts[place]
            ):
                await self._begin_anew(place, starts[place])
                position = self.positions[place]
            self._seek(client, place)

    def _seek(self, client: AIOKafkaConsumer, place: TopicPartition) -> None:
        """Go to the position; where an event stands before it, read that one first: it proves that this is the same log."""
        position = self.positions[place]
        proof = position.last_id is not None and position.next_offset > 0
        if proof:
            self._unproven.add(place)
        else:
            self._unproven.discard(place)
        client.seek(place, position.next_offset - 1 if proof else position.next_offset)

    async def _begin_anew(self, place: TopicPartition, start: int) -> None:
        was = self.positions[place].next_offset
        log.error(
            "this is another log: reading it from the beginning", consumption=self.name, partition=str(place), was=was
        )
        metrics.FOREIGN_LOGS.labels(self.name).inc()
        await self._pool.execute(
            "UPDATE positions SET next_offset = $4, last_id = NULL WHERE name = $1 AND topic = $2 AND partition = $3 AND next_offset = $5",
            self.name,
            place.topic,
            place.partition,
            start,
            was,
        )
        self._unproven.discard(place)
        self.positions[place] = Position(start, None)

    async def _release(self) -> None:
        await self._pool.execute(
            "WITH gone AS (DELETE FROM members WHERE name = $1 AND owner = $2) DELETE FROM leases WHERE name = $1 AND owner = $2",
            self.name,
            self.owner,
        )

    # --- records ------------------------------------------------------------------------------------------------

    async def _fetch(self, client: AIOKafkaConsumer) -> None:
        try:
            fetched = await client.getmany(timeout_ms=200, max_records=self._settings.batch_records)
        except OffsetOutOfRangeError:
            self.positions = {}
            await self._share(client)
            return
        if not fetched:
            return
        opened, stops = await self._open(client, fetched)
        began = time.monotonic()
        while opened.moves:
            try:
                await self._what.take(opened, self._move)
            except Stop as stop:  # of several partitions each may have its own
                stops.append(stop)
                opened = self._before(opened, stop)
            else:
                self._moved(opened)
                metrics.APPLY_SECONDS.labels(self.name).observe(time.monotonic() - began)
                break
        for halt in stops:
            await self._halt(client, halt)

    async def _open(
        self, client: AIOKafkaConsumer, fetched: Mapping[TopicPartition, Sequence[Any]]
    ) -> tuple[Batch, list[Stop]]:
        """Decode what was fetched, drop the proofs, stop each partition at what cannot be read."""
        batch, stops = Batch(), []
        wanted: list[tuple[TopicPartition, Envelope, int]] = []
        for place, records in fetched.items():
            position = self.positions.get(place)
            if position is None:
                continue
            rest = records
            if place in self._unproven:
                self._unproven.discard(place)
                if not _proves(records[0], position):
                    await self._begin_anew(place, 0)
                    starts = await client.beginning_offsets([place])
                    self.positions[place].next_offset = starts[place]
                    client.seek(place, starts[place])
                    continue
                rest = records[1:]
            reached, last = position.next_offset, position.last_id
            for record in rest:
                try:
                    envelope = decode_envelope(record.value or b"")
                except Unreadable as error:
                    stops.append(Stop(Place(place.topic, place.partition, record.offset), str(error)))
                    break
                reached, last = record.offset + 1, envelope.id
                wanted.append((place, envelope, record.offset))
            if reached != position.next_offset:
                batch.moves[place] = (position.next_offset, Position(reached, last))
        secrets: Mapping[UUID, Mapping[int, bytes]] = {}
        if self._personal:
            secrets = await self._keys.secrets(
                e.subject
                for _, e, _ in wanted
                if e.subject and e.data.sealed is not None and e.type in self._what.types
            )
        broken: dict[TopicPartition, Stop] = {}
        for place, envelope, offset in wanted:
            if place in broken:
                continue
            where = Place(place.topic, place.partition, offset)
            mine = secrets.get(envelope.subject, NO_KEYS) if envelope.subject else NO_KEYS
            try:
                if envelope.type in self._what.types:
                    secret = mine.get(envelope.data.key) if envelope.data.key is not None else None
                    batch.events.append(open_envelope(envelope, secret, where))
                else:
                    # Nobody here wants to read it: its version still counts.
                    batch.events.append(recorded_of(envelope, UNREAD, where))
            except EventError as error:
                broken[place] = Stop(where, str(error))
        for broke in broken.values():
            stops.append(broke)
            batch = self._before(batch, broke)
        return batch, stops

    def _before(self, batch: Batch, stop: Stop) -> Batch:
        """Give the batch without what stands at or behind ``stop`` in its partition."""
        place = TopicPartition(stop.place.topic, stop.place.partition)
        events = [
            e
            for e in batch.events
            if e.place is None
            or (e.place.topic, e.place.partition) != (place.topic, place.partition)
            or e.place.offset < stop.place.offset
        ]
        moves = dict(batch.moves)
        expected, _ = moves.pop(place, (0, None))
        before = [e for e in events if e.place and (e.place.topic, e.place.partition) == (place.topic, place.partition)]
        if before:
            moves[place] = (expected, Position(stop.place.offset, before[-1].id))
        return Batch(events, moves)

    async def _move(self, connection: Connection, batch: Batch) -> None:
        """Move the positions by compare-and-set: anything else than what this process read fails the transaction."""
        places = list(batch.moves)
        status = await connection.execute(
            "UPDATE positions p SET next_offset = n.next_offset, last_id = n.last_id, halted = NULL"
            " FROM unnest($2::text[], $3::int[], $4::bigint[], $5::uuid[], $6::bigint[])"
            " AS n (topic, partition, next_offset, last_id, expected)"
            " WHERE p.name = $1 AND p.topic = n.topic AND p.partition = n.partition AND p.next_offset = n.expected",
            self.name,
            [p.topic for p in places],
            [p.partition for p in places],
            [batch.moves[p][1].next_offset for p in places],
            [batch.moves[p][1].last_id for p in places],
            [batch.moves[p][0] for p in places],
        )
        if affected(status) != len(places):
            raise Moved

    def _moved(self, batch: Batch) -> None:
        for place, (_, position) in batch.moves.items():
            self.positions[place] = position
        metrics.APPLIED.labels(self.name).inc(len(batch.events))

    async def _halt(self, client: AIOKafkaConsumer, stop: Stop) -> None:
        place = TopicPartition(stop.place.topic, stop.place.partition)
        if stop.doubt and self._doubted.get(place) != stop.place.offset:
            self._doubted[place] = stop.place.offset
            self._what.forget()
            self._seek(client, place)
            return
        log.error(
            "partition stopped",
            consumption=self.name,
            topic=place.topic,
            partition=place.partition,
            offset=stop.place.offset,
            why=stop.why,
        )
        self.halted[place] = Halt(stop.place.offset, stop.why, time.monotonic())
        metrics.HALTED.labels(self.name).set(len(self.halted))
        await self._pool.execute(
            "UPDATE positions SET halted = $4 WHERE name = $1 AND topic = $2 AND partition = $3",
            self.name,
            place.topic,
            place.partition,
            str(self.halted[place]),
        )
        self.positions.pop(place, None)
        client.assign(sorted(self.positions))
        for other in self.positions:
            self._seek(client, other)


def _proves(record: Any, position: Position) -> bool:
    try:
        return record.offset == position.next_offset - 1 and decode_envelope(record.value or b"").id == position.last_id
    except Unreadable:
        return False


async def share(pool: Pool, name: str, owner: UUID, seconds: float) -> set[int]:
    """Say that this owner is here, and give the numbers of the partitions that are its own for the next ``seconds``.

    Each of n owners holds at most ``ceil(PARTITIONS / n)``; whoever is not heard of loses its share.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(20162, hashtext($1))", name)
        await connection.execute(
            "INSERT INTO members (name, owner, until) VALUES ($1, $2, now() + make_interval(secs => $3))"
            " ON CONFLICT (name, owner) DO UPDATE SET until = excluded.until",
            name,
            owner,
            seconds,
        )
        await connection.execute("DELETE FROM members WHERE name = $1 AND until < now()", name)
        owners = await connection.fetchval("SELECT count(*) FROM members WHERE name = $1", name)
        fair = -(-PARTITIONS // max(1, owners))
        rows = await connection.fetch(
            "SELECT partition, owner, until > now() AS alive FROM leases WHERE name = $1", name
        )
        held = {r["partition"] for r in rows if r["alive"]}
        mine = sorted(r["partition"] for r in rows if r["alive"] and r["owner"] == owner)
        keep = set(mine[:fair])
        free = [n for n in range(PARTITIONS) if n not in held]
        keep |= set(free[: fair - len(keep)])
        await connection.execute(
            "DELETE FROM leases WHERE name = $1 AND (until <= now() OR (owner = $2 AND NOT partition = ANY($3)))",
            name,
            owner,
            list(keep),
        )
        await connection.execute(
            "INSERT INTO leases (name, partition, owner, until)"
            " SELECT $1, n, $2, now() + make_interval(secs => $4) FROM unnest($3::int[]) n"
            " ON CONFLICT (name, partition) DO UPDATE SET until = excluded.until WHERE leases.owner = excluded.owner",
            name,
            owner,
            list(keep),
            seconds,
        )
    return keep
