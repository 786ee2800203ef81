"""Connections to PostgreSQL: one pool for each database, made when the database answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias, TypeVar

import asyncpg

from events.runtime.logging import logger

log = logger(__name__)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
T = TypeVar("T")

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says when a connection is lost in the middle of a prepare
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidCatalogNameError,
)
"""What the loss of the database looks like. The outcome of what was under way is unknown."""

MIGRATION_LOCK = 20161


async def connect_pool(url: str, *, size: int = 10, waiting: Callable[[str], None] = lambda _why: None) -> Pool:
    """Give a pool, however long the database takes to answer; ``waiting`` hears why it is not there yet."""
    pause = 0.05
    while True:
        try:
            pool: Pool = await asyncpg.create_pool(
                url, min_size=1, max_size=size, command_timeout=60, timeout=10, reset=_tidy
            )
            return pool
        except UNREACHABLE as error:
            waiting(type(error).__name__)
            log.warning("database not reachable, waiting", error_type=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


async def close_pool(pool: Pool) -> None:
    """Close a pool; where that takes long, without a good-bye."""
    try:
        await asyncio.wait_for(pool.close(), 3.0)
    except (TimeoutError, *UNREACHABLE):
        pool.terminate()


async def _tidy(connection: Connection) -> None:
    """Leave no transaction open. Locks and listeners are given back by whoever took them: to make sure each time would cost
    every statement a second round trip."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def apply_schema(pool: Pool, *schemas: Traversable) -> None:
    """Bring the tables up to date: each ``.sql`` file is a list of statements that can be repeated."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
        for schema in schemas:
            await connection.execute(schema.read_text(encoding="utf-8"))


async def until_reachable(work: Callable[[], Awaitable[T]], *, what: str) -> T:
    """Do idempotent work, again and again while the database cannot be reached."""
    pause = 0.05
    while True:
        try:
            return await work()
        except UNREACHABLE as error:
            log.warning("database not reachable, trying again", what=what, error_type=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)


def affected(status: str) -> int:
    """Give the number of rows from a command's status (``UPDATE 3``)."""
    return int(status.rpartition(" ")[2])


Row: TypeAlias = dict[str, Any]
