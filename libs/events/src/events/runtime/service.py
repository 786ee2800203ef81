"""One service, put together: store, handler, keys, relay, read models and reactions, started and stopped as one.

It starts without a database or a broker, says what it waits for, and goes on by itself.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import asyncpg

from events.catalogue import OWNERS
from events.errors import EventError
from events.projecting import Projection, Reaction
from events.runtime.cancelling import is_ours
from events.runtime.consuming import Consumer
from events.runtime.database import UNREACHABLE, Pool, apply_schema, connect_pool
from events.runtime.handling import Handler
from events.runtime.keys import Keys, read_key_encryption_keys
from events.runtime.logging import logger
from events.runtime.projecting import ProjectionRunner
from events.runtime.reacting import Reacting
from events.runtime.relay import Relay
from events.runtime.settings import Settings
from events.runtime.store import Store
from events.runtime.tables import Reader, Table, TableWriter

log = logger(__name__)

R = TypeVar("R")
Background = Callable[[], Awaitable[None]]
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class NotReady(EventError):
    """The service has not reached its database yet. Try again in a moment."""


class Service:
    """What a service is made of. ``main.py`` of each service says it in one screen."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        schema: Sequence[Traversable] = (),
        projections: Sequence[Projection[Any]] = (),
        alongside: Mapping[str, Sequence[Projection[Any]]] | None = None,
        reactions: Sequence[Reaction] = (),
        background: Sequence[Background] = (),
    ) -> None:
        self.name = name
        self.settings = settings
        self.topics = tuple(topic for topic, owner in OWNERS.items() if owner == name)
        self._schema = schema
        self._projections = projections
        self._alongside = alongside or {}
        self._reactions = reactions
        self._background = list(background)
        self._tables: dict[str, Table[Any]] = {}
        self._waiting: dict[str, str] = {"database": "not connected yet"}
        self._ready = asyncio.Event()
        self._pool: Pool | None = None
        self._keys: Keys | None = None
        self._handler: Handler | None = None
        self._hashing = b""
        self.relay: Relay | None = None
        self.runners: dict[str, ProjectionRunner] = {}
        self.reacting: Consumer | None = None

    @property
    def pool(self) -> Pool:
        """The service's own database. Raises ``NotReady``."""
        if self._pool is None or not self._ready.is_set():
            raise NotReady("the database is not connected yet")
        return self._pool

    @property
    def keys(self) -> Keys:
        """The keys of persons. Raises ``NotReady``."""
        if self._keys is None:
            raise NotReady("the key database is not connected yet")
        return self._keys

    @property
    def handler(self) -> Handler:
        """The door of the deciders. Raises ``NotReady``."""
        if self._handler is None:
            raise NotReady("the database is not connected yet")
        return self._handler

    def reader(self, projection: Projection[R]) -> Reader[R]:
        """Give what reads the rows of a read model. Raises ``NotReady``."""
        table = self._tables.get(projection.table)
        if table is None:  # made once: finding out how each column is read costs milliseconds
            table = self._tables[projection.table] = Table(projection)
        return Reader(table, self.pool, self.keys, self._hashing)

    def background(self, task: Background) -> None:
        """Add something that runs as long as the service does, from when the database is there."""
        self._background.append(task)

    async def until_ready(self) -> None:
        """Wait until the database and the key database are there."""
        await self._ready.wait()

    def waits_for(self) -> list[str]:
        """Give what the service waits for, as sentences; nothing where it is ready."""
        waits = [f"{what}: {why}" for what, why in self._waiting.items()]
        if self.relay and self.relay.waits_for:
            waits.append(f"relay: {self.relay.waits_for}")
        for consumer in self.consumers():
            if consumer.waits_for:
                waits.append(f"{consumer.name}: {consumer.waits_for}")
            waits += [
                f"{consumer.name}: {place.topic}/{place.partition} stopped at {halt}"
                for place, halt in consumer.halted.items()
            ]
        return waits

    def consumers(self) -> list[Consumer]:
        """Give what consumes in this process."""
        found = [runner.consumer for runner in self.runners.values() if runner.consumer]
        return [*found, *([self.reacting] if self.reacting else [])]

    async def run(self) -> None:
        """Run until cancelled."""
        settings = self.settings
        self._pool = await connect_pool(settings.database_url, size=settings.pool_size, waiting=self._waits("database"))
        keys_pool = await connect_pool(settings.keys_database_url, size=4, waiting=self._waits("key database"))
        try:
            encryption_keys = read_key_encryption_keys(settings.key_encryption_key_file)
            self._keys = Keys(keys_pool, encryption_keys, cache_seconds=settings.key_cache_seconds)
            await self._prepare()
            _collect_rarely()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keys.listen())
                if self.relay:
                    tasks.create_task(self.relay.run())
                for runner in self.runners.values():
                    tasks.create_task(runner.run())
                if self.reacting:
                    tasks.create_task(self.reacting.run())
                for background in self._background:
                    tasks.create_task(_forever(background, self._failing(background)))
        finally:
            self._ready.clear()
            await asyncio.gather(_close(self._pool), _close(keys_pool))

    async def _prepare(self) -> None:
        assert self._pool is not None
        assert self._keys is not None
        store = Store(self._pool)
        pause = 0.1
        while True:
            try:
                await store.prepare()
                await apply_schema(self._pool, *self._schema)
                self._hashing = await self._keys.named(f"lookup-{self.name}")
                break
            except (*UNREACHABLE, asyncpg.UndefinedTableError) as error:
                self._waiting["key database"] = type(error).__name__
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
        alongside = {p.table: p for projections in self._alongside.values() for p in projections}
        for projection in [*self._projections, *alongside.values()]:
            self.runners[projection.table] = ProjectionRunner(
                projection,
                self.settings,
                self._pool,
                self._keys,
                self._hashing,
                alongside=projection.table in alongside,
            )
        self._handler = Handler(
            source=f"/{self.name}",
            store=store,
            keys=self._keys,
            alongside={
                name: [TableWriter(Table(p), self._keys, self._hashing) for p in projections]
                for name, projections in self._alongside.items()
            },
        )
        if self.topics:
            self.relay = Relay(self.settings, self._pool, self.topics, self._handler.appended, name=self.name)
        if self._reactions:
            self.reacting = Consumer(
                self.settings, self._pool, self._keys, Reacting(self._reactions, self._pool, self._handler)
            )
        self._waiting.clear()
        self._ready.set()

    def _failing(self, background: Background) -> Callable[[str | None], None]:
        what = f"background task {getattr(background, '__qualname__', '')}".rstrip()

        def failing(why: str | None) -> None:
            self._waiting.pop(what, None)
            if why:
                self._waiting[what] = f"failed ({why}), begins anew"

        return failing

    def _waits(self, what: str) -> Callable[[str], None]:
        self._waiting[what] = "not connected yet"

        def waiting(why: str) -> None:
            self._waiting[what] = why

        return waiting


def _collect_rarely() -> None:
    """Leave what the start has made out of garbage collection, and look at the rest less often.

    A batch holds tens of thousands of objects that are no garbage and no cycles: at Python's own thresholds half of a replay's
    time goes into looking at them again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


async def _forever(background: Background, failing: Callable[[str | None], None] = lambda _why: None) -> None:
    """Run a background task; begin it again when the database was lost, and after a fault of its own, which ``failing`` hears.

    One message or mail that cannot be handled must not take the whole service with it, at each start anew.
    """
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            await background()
            return
        except (*UNREACHABLE, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_ours():
                raise
            log.warning("background task interrupted, beginning anew", error_type=type(error).__name__)
            await asyncio.sleep(FIRST_PAUSE)
        except Exception as error:
            log.exception("background task failed, beginning anew")
            pause = FIRST_PAUSE if time.monotonic() - began > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
            failing(type(error).__name__)
            await asyncio.sleep(pause)
            failing(None)


async def _close(pool: Pool) -> None:
    try:
        async with asyncio.timeout(3.0):
            await pool.close()
    except (TimeoutError, *UNREACHABLE):
        pool.terminate()
