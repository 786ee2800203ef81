"""Projecting: a read model follows the log, and can be built anew beside the living one.

Rows, versions and positions change in one transaction. An event whose version has been applied is dropped, the next one is
applied, and at a gap the partition stops.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from events.catalogue import PARTITIONS
from events.projecting import Projection
from events.runtime import metrics
from events.runtime.consuming import Batch, Consumer, Moved, Mover, Stop
from events.runtime.database import UNREACHABLE, Connection, Pool, close_pool, connect_pool, until_reachable
from events.runtime.keys import Keys
from events.runtime.logging import logger
from events.runtime.settings import Settings
from events.runtime.tables import Fold, Table, TableWriter

log = logger(__name__)

MOST_REMEMBERED = 500_000
CONNECTIONS_TO_REBUILD = 4
LONGEST_QUEUE_SECONDS = 24 * 3600.0
STANDSTILL_SECONDS = 15.0
"""So long writers wait for a swap, and no longer: a broker that goes away at that moment must not stop a whole service."""
LIVING = "SELECT generation FROM generations WHERE name = $1 FOR SHARE"
"""Asked by every batch of the living generation; the swap waits for it, and it for the swap."""


class Abandoned(Exception):
    """A rebuild was given up; the living read model stays."""


def generation_name(projection: Projection[Any], generation: int) -> str:
    """Give the name under which positions and versions of one generation are kept."""
    return f"{projection.table}#{generation}"


class Projecting:
    """One generation of one read model, as a consumption."""

    def __init__(
        self, projection: Projection[Any], generation: int, pool: Pool, keys: Keys, hashing: bytes, table: str
    ) -> None:
        self.name = generation_name(projection, generation)
        self.topics = projection.topics
        self.types = projection.types
        self._projection = projection
        self._generation = generation
        self._living = table == projection.table
        self._pool = pool
        self._writer = TableWriter(Table(projection, table), keys, hashing)
        self._versions: dict[str, int] = {}

    def forget(self) -> None:
        """Forget which versions were applied: they are read again from the database."""
        self._versions.clear()

    async def take(self, batch: Batch, move: Mover) -> None:
        """Apply a batch. Raises ``Stop`` at a gap, or at an event that the fold cannot take."""
        try:
            await self._take(batch, move)
        except BaseException:
            self.forget()
            raise

    async def _take(self, batch: Batch, move: Mover) -> None:
        versions = self._versions
        if len(versions) > MOST_REMEMBERED:
            versions.clear()
        unknown = list({e.stream for e in batch.events} - versions.keys())
        if unknown:
            rows = await self._pool.fetch(
                "SELECT stream, version FROM applied WHERE name = $1 AND stream = ANY($2)", self.name, unknown
            )
            versions.update(dict.fromkeys(unknown, 0))
            versions.update((r["stream"], r["version"]) for r in rows)
        fresh = []
        touched: dict[str, int] = {}
        for event in batch.events:
            seen = versions[event.stream]
            if event.version <= seen:
                continue
            if event.version != seen + 1:
                assert event.place is not None
                raise Stop(event.place, f"version {seen + 1} of stream is missing before {event.version}", doubt=True)
            versions[event.stream] = touched[event.stream] = event.version
            fresh.append(event)
        metrics.SKIPPED.labels(self.name).inc(len(batch.events) - len(fresh))
        async with self._pool.acquire() as connection, connection.transaction():
            if self._living and await connection.fetchval(LIVING, self._projection.table) != self._generation:
                raise Moved  # a rebuild has put another generation in this table's place
            try:
                await self._writer.write(connection, fresh)
            except Fold as fault:
                assert fault.event.place is not None
                log.exception("the fold failed", projection=self.name, event_id=str(fault.event.id))
                raise Stop(fault.event.place, str(fault)) from fault
            if touched:
                await connection.execute(
                    "INSERT INTO applied (name, stream, version) SELECT $1, * FROM unnest($2::text[], $3::int[])"
                    " ON CONFLICT (name, stream) DO UPDATE SET version = excluded.version",
                    self.name,
                    list(touched),
                    list(touched.values()),
                )
            await move(connection, batch)


class ProjectionRunner:
    """The living generation of one read model in this process, and its rebuild where one is wanted.

    ``alongside``: the rows are written by the append itself, so that nothing consumes for the living generation.
    """

    def __init__(
        self,
        projection: Projection[Any],
        settings: Settings,
        pool: Pool,
        keys: Keys,
        hashing: bytes,
        *,
        alongside: bool = False,
    ) -> None:
        self.projection = projection
        self.alongside = alongside
        self._settings = settings
        self._pool = pool
        self._keys = keys
        self._hashing = hashing
        self.consumer: Consumer | None = None
        self.rebuilding = False
        self.progress: Mapping[str, int] = {}

    @property
    def name(self) -> str:
        """The read model's name, which is its table's."""
        return self.projection.table

    async def generation(self) -> int:
        """Give the number of the living generation."""
        await self._pool.execute(
            "INSERT INTO generations (name, generation) VALUES ($1, 1) ON CONFLICT DO NOTHING", self.name
        )
        return int(await self._pool.fetchval("SELECT generation FROM generations WHERE name = $1", self.name))

    async def run(self) -> None:
        """Follow the log until cancelled; after a swap, with the new generation."""
        while not self.alongside:
            generation = await until_reachable(self.generation, what=self.name)
            self.consumer = self._consumer(generation, self.name, self._pool)
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(self.consumer.run())
                while not following.done() and await self._still(generation):
                    await asyncio.sleep(1.0)
                following.cancel()
        await asyncio.Event().wait()

    async def _still(self, generation: int) -> bool:
        try:
            return await self.generation() == generation
        except UNREACHABLE:
            return True

    def _consumer(self, generation: int, table: str, pool: Pool) -> Consumer:
        what = Projecting(self.projection, generation, pool, self._keys, self._hashing, table)
        return Consumer(self._settings, pool, self._keys, what)

    async def rebuild(self) -> int:
        """Build the read model anew from the first event beside the living one, then swap; give how many rows it has.

        Readers see the old rows until the swap and the new ones after it. Several are built one after the other. Raises
        ``Abandoned`` where this one is under way, or cannot be ended.
        """
        if self.rebuilding:
            raise Abandoned("a rebuild is under way")
        self.rebuilding = True
        # Connections of its own: those that wait for the swap may have taken all others.
        pool = await connect_pool(self._settings.database_url, size=CONNECTIONS_TO_REBUILD)
        try:
            async with pool.acquire() as connection:
                if not await connection.fetchval("SELECT pg_try_advisory_lock(20163, hashtext($1))", self.name):
                    raise Abandoned("a rebuild is under way in another process")
                await connection.execute("SELECT pg_advisory_lock(20161, 4)", timeout=LONGEST_QUEUE_SECONDS)
                return await self._rebuild(pool, connection)
        finally:
            self.rebuilding = False
            self.progress = {}
            await close_pool(pool)  # and with the connections its locks

    async def _rebuild(self, pool: Pool, connection: Connection) -> int:
        old = await self.generation()
        new = old + 1
        name, table = generation_name(self.projection, new), f"{self.name}__g{new}"
        for statement in (
            f"DROP TABLE IF EXISTS {table}",
            f"CREATE TABLE {table} (LIKE {self.name} INCLUDING ALL)",
        ):
            await pool.execute(statement)
        await self._forget(name)
        builder = self._consumer(new, table, pool)
        building = asyncio.create_task(builder.run())
        try:
            await self._until(building, builder, None)
            async with connection.transaction():
                try:
                    async with asyncio.timeout(STANDSTILL_SECONDS):
                        await self._level(building, builder, connection, pool, old)
                except TimeoutError:
                    raise Abandoned("the log did not come through in time; the living read model stays") from None
                building.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await building
                await connection.execute(f"DROP TABLE {self.name}")
                await connection.execute(f"ALTER TABLE {table} RENAME TO {self.name}")
                await connection.execute("UPDATE generations SET generation = $2 WHERE name = $1", self.name, new)
                await connection.execute("DELETE FROM positions WHERE name = $1", generation_name(self.projection, old))
        finally:
            building.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await building
        await self._forget(generation_name(self.projection, old))
        if self.alongside:
            await self._forget(name)  # nobody follows the log for it: positions that stand still would look like a lag
        rows = int(await self._pool.fetchval(f"SELECT count(*) FROM {self.name}"))  # noqa: S608
        log.info("read model rebuilt", projection=self.name, generation=new, rows=rows)
        return rows

    async def _level(
        self, building: asyncio.Task[None], builder: Consumer, connection: Connection, pool: Pool, old: int
    ) -> None:
        """Keep writers waiting, and let the builder take in what the living read model has."""
        if self.alongside:
            # Appends wait from here on; what was appended before must have come through the log.
            await connection.execute("LOCK TABLE events IN SHARE MODE")
            await self._until_log_is_in(building, connection, pool, builder.name)
            return
        # Whoever writes the living rows waits from here on; readers do not.
        await connection.execute("SELECT FROM generations WHERE name = $1 FOR UPDATE", self.name)
        living = await connection.fetch(
            "SELECT topic, partition, next_offset FROM positions WHERE name = $1",
            generation_name(self.projection, old),
        )
        await self._until(building, builder, {(r["topic"], r["partition"]): r["next_offset"] for r in living})

    async def _forget(self, name: str) -> None:
        for table in ("positions", "applied", "leases", "members"):
            await self._pool.execute(f"DELETE FROM {table} WHERE name = $1", name)  # noqa: S608

    async def _until(
        self, building: asyncio.Task[None], builder: Consumer, goal: Mapping[tuple[str, int], int] | None
    ) -> None:
        """Wait until the builder is at the goal, or at the end of every partition."""
        everything = len(self.projection.topics) * PARTITIONS
        while True:
            if building.done():
                building.result()
            if builder.halted:
                raise Abandoned("the rebuild met an event that it cannot apply; the living read model stays")
            at = {(p.topic, p.partition): position.next_offset for p, position in builder.positions.items()}
            ends = {(p.topic, p.partition): end for p, end in builder.ends.items()}
            self.progress = {"applied": sum(at.values()), "of": sum(ends.values())}
            wanted = goal if goal is not None else ends
            if (
                len(at) == everything
                and len(ends) == everything
                and all(at[p] >= offset for p, offset in wanted.items())
            ):
                return
            await asyncio.sleep(0.02)

    async def _until_log_is_in(
        self, building: asyncio.Task[None], connection: Connection, pool: Pool, name: str
    ) -> None:
        last = await connection.fetch(
            "SELECT DISTINCT ON (topic, partition) topic, partition, id FROM events WHERE topic = ANY($1)"
            " ORDER BY topic, partition, epoch DESC, xid DESC, position DESC",
            list(self.projection.topics),
        )
        wanted = {(self._settings.topic_prefix + r["topic"], r["partition"]): r["id"] for r in last}
        while True:
            if building.done():
                building.result()
            rows = await pool.fetch("SELECT topic, partition, last_id FROM positions WHERE name = $1", name)
            if {(r["topic"], r["partition"]): r["last_id"] for r in rows if r["last_id"]}.items() >= wanted.items():
                return
            await asyncio.sleep(0.02)
