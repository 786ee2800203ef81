"""Nothing is skipped and nothing overtakes, however transactions interleave: appends that lock late, commit late, or roll back.

Several appenders work by hand in transactions of their own, each step at a moment that hypothesis chooses; a reader takes what the
relay would take at moments in between, from a cursor as the relay keeps it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.runtime.relay import START, UNPUBLISHED
from events.runtime.store import APPEND, STORE_SQL

STREAMS = ("a", "b")


class Interleaving:
    """Transactions under way, and what a relay has read so far."""

    def __init__(self, connections: list[asyncpg.Connection[Any]], reader: asyncpg.Connection[Any]) -> None:
        self.free = connections
        self.open: list[tuple[asyncpg.Connection[Any], Any]] = []
        self.waiting: list[tuple[asyncpg.Connection[Any], Any, asyncio.Task[Any]]] = []
        self.reader = reader
        self.cursor = START
        self.read: list[tuple[str, int]] = []
        self.committed: set[tuple[str, int]] = set()

    async def begin(self, *, early: bool) -> None:
        if self.free:
            connection = self.free.pop()
            transaction = connection.transaction()
            await transaction.start()
            if early:  # an xid before the stream's lock: such an append must be refused, or its events would overtake
                await connection.execute("SELECT pg_current_xact_id()")
            self.open.append((connection, transaction))

    async def append(self, stream: str) -> None:
        if self.open:
            connection, transaction = self.open.pop(0)
            task = asyncio.create_task(self._append(connection, transaction, stream))
            await asyncio.sleep(0.002)
            self.waiting.append((connection, transaction, task))

    async def _append(
        self, connection: asyncpg.Connection[Any], transaction: Any, stream: str
    ) -> tuple[str, int] | None:
        version = await self.reader_version(connection, stream)
        now = datetime.now(UTC)
        try:
            await connection.execute(
                APPEND, [stream], [version], [version + 1], [uuid4()], [stream], [version + 1], [version + 1],
                [stream], [version + 1], [uuid4()], ["t"], [0], ["k"], [f"{stream}/{version + 1}".encode()], [now],
            )  # fmt: skip
        except asyncpg.PostgresError:
            return None
        return stream, version + 1

    async def reader_version(self, connection: asyncpg.Connection[Any], stream: str) -> int:
        return int(await connection.fetchval("SELECT coalesce(max(version), 0) FROM events WHERE stream = $1", stream))

    async def finish(self, commit: bool) -> None:
        for index, (connection, transaction, task) in enumerate(self.waiting):
            if task.done():
                del self.waiting[index]
                written = task.result()
                if written and commit:
                    await transaction.commit()
                    self.committed.add(written)
                else:
                    await transaction.rollback()
                self.free.append(connection)
                await asyncio.sleep(0.001)
                return

    async def relay(self) -> None:
        rows = await self.reader.fetch(UNPUBLISHED, ["t"], [0], *([c] for c in self.cursor), 100)
        for row in rows:
            self.cursor = (row["epoch"], row["xid"], row["position"])
            stream, version = bytes(row["value"]).decode().split("/")
            self.read.append((stream, int(version)))

    async def settle(self) -> None:
        while self.waiting:
            await self.finish(True)
            await asyncio.sleep(0.001)
        for connection, transaction in self.open:
            await transaction.rollback()
            self.free.append(connection)
        self.open = []
        await self.relay()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.sampled_from([False, False, True])),
        st.tuples(st.just("append"), st.sampled_from(STREAMS)),
        st.tuples(st.just("finish"), st.sampled_from([True, True, True, False])),
        st.tuples(st.just("relay"), st.none()),
    ),
    min_size=10,
    max_size=60,
)


@pytest.fixture(scope="module")
def url(database: Any) -> str:
    made: str = database()
    return made


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_commits_is_relayed_once_and_in_order_of_its_stream(url: str, steps: list[tuple[str, Any]]) -> None:
    asyncio.run(_try(url, steps))


async def _try(url: str, steps: list[tuple[str, Any]]) -> None:
    connections = [await asyncpg.connect(url) for _ in range(5)]
    reader = connections.pop()
    try:
        await reader.execute(
            "DROP TABLE IF EXISTS events, streams, commands, positions, applied, leases, members, generations"
        )
        await reader.execute(STORE_SQL.read_text(encoding="utf-8"))
        world = Interleaving(list(connections), reader)
        for what, how in steps:
            match what:
                case "begin":
                    await world.begin(early=how)
                case "append":
                    await world.append(how)
                case "finish":
                    await world.finish(how)
                case _:
                    await world.relay()
        await world.settle()
    finally:
        for connection in [*connections, reader]:
            await connection.close()
    assert len(world.read) == len(set(world.read)), "relayed twice"
    assert set(world.read) == world.committed, "skipped, or relayed before it was committed"
    for stream in STREAMS:
        versions = [version for name, version in world.read if name == stream]
        assert versions == sorted(versions), "a later version overtook an earlier one"
