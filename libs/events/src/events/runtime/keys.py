"""Every person's key: made when first needed, served from memory for a while, destroyed for good.

A key lies in the key database wrapped under a key-encryption key of the current epoch, which lies elsewhere. "No key" has
two meanings, told apart by the fence: never made, and destroyed. A missing key reads as erased; it never raises, and reading
never makes one.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import os
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from events.errors import Fenced
from events.runtime.database import UNREACHABLE, Pool, apply_schema
from events.runtime.logging import logger
from events.runtime.metrics import KEYS_CACHED
from events.sealing import Key

log = logger(__name__)

KEYS_SQL = files("events.runtime") / "keys.sql"
"""The tables of the key database, applied by whoever owns it."""

NO_KEYS: Mapping[int, bytes] = {}
MOST_CACHED = 400_000


def read_key_encryption_keys(file: Path) -> dict[int, bytes]:
    """Read lines ``epoch:base64``. Raises ``ValueError`` for a key that is not 32 bytes."""
    keys = {}
    for line in file.read_text(encoding="ascii").split():
        epoch, _, text = line.partition(":")
        keys[int(epoch)] = base64.b64decode(text)
    if not keys or any(len(key) != 32 for key in keys.values()):
        raise ValueError(f"{file.name} must hold lines 'epoch:base64' of 32 bytes each")
    return keys


class Keys:
    """The keys of one process: cached raw with a time to live, evicted at once when one is destroyed.

    While the process does not hear of destructions (no connection to the key database), nothing is served from memory.
    """

    def __init__(self, pool: Pool, encryption_keys: Mapping[int, bytes], *, cache_seconds: float = 300.0) -> None:
        self._pool = pool
        self._wrapping = dict(encryption_keys)
        self._seconds = cache_seconds
        self._cache: dict[UUID, tuple[float, dict[int, bytes]]] = {}
        self._named: dict[str, bytes] = {}
        self._listening = False
        self._news = 0
        """Counts what was heard of destroyed keys: what was read before the last of it may be one of them."""

    async def prepare(self) -> None:
        """Make the tables; only the owner of the key database can."""
        await apply_schema(self._pool, KEYS_SQL)

    async def secrets(self, subjects: Iterable[UUID]) -> dict[UUID, Mapping[int, bytes]]:
        """Give for each person the keys by version; nothing for those who have none."""
        now = time.monotonic()
        found: dict[UUID, Mapping[int, bytes]] = {}
        missing = []
        for subject in set(subjects):
            hit = self._cache.get(subject) if self._listening else None
            if hit is not None and hit[0] > now:
                found[subject] = hit[1]
            else:
                missing.append(subject)
        if missing:
            news = self._news
            rows = await self._pool.fetch(
                "SELECT subject, version, epoch, wrapped FROM subject_keys WHERE subject = ANY($1)"
                " AND NOT EXISTS (SELECT FROM fences WHERE fences.subject = subject_keys.subject)",
                missing,
            )
            fresh: dict[UUID, dict[int, bytes]] = {}
            for row in rows:
                fresh.setdefault(row["subject"], {})[row["version"]] = self._unwrap(row["epoch"], row["wrapped"])
            found |= fresh
            if len(self._cache) + len(fresh) > MOST_CACHED:
                self._cache.clear()
            if news == self._news:
                self._cache |= {subject: (now + self._seconds, secrets) for subject, secrets in fresh.items()}
            KEYS_CACHED.set(len(self._cache))
        return found

    async def for_writing(self, subjects: Iterable[UUID]) -> dict[UUID, Key]:
        """Give for each person the newest key, made now where there is none. Raises ``Fenced`` for the erased."""
        wanted = set(subjects)
        found = await self.secrets(wanted)
        lacking = [s for s in wanted if s not in found]
        if lacking:
            epoch = max(self._wrapping)
            wrapped = [aes_key_wrap(self._wrapping[epoch], os.urandom(32)) for _ in lacking]
            await self._pool.execute("SELECT make_keys($1, $2, $3)", lacking, epoch, wrapped)
            found |= await self.secrets(lacking)
            if any(s not in found for s in lacking):
                raise Fenced("the person has been erased; nothing new is recorded about them")
        return {subject: Key(version := max(secrets), secrets[version]) for subject, secrets in found.items()}

    async def named(self, name: str) -> bytes:
        """Give the key of this name, made now where there is none: 32 bytes, the same for every process."""
        if name not in self._named:
            epoch = max(self._wrapping)
            await self._pool.execute(
                "INSERT INTO named_keys (name, epoch, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                name,
                epoch,
                aes_key_wrap(self._wrapping[epoch], os.urandom(32)),
            )
            row = await self._pool.fetchrow("SELECT epoch, wrapped FROM named_keys WHERE name = $1", name)
            assert row is not None
            self._named[name] = self._unwrap(row["epoch"], row["wrapped"])
        return self._named[name]

    async def destroy(self, fences: Mapping[UUID, UUID]) -> int:
        """Destroy every key of these persons for good, each for the event that fenced them; give how many keys that were.

        The same again at boot, from the log, keeps a restored backup of the key database erased. Needs the role that may delete.
        """
        gone = await self._pool.fetchval("SELECT destroy_keys($1, $2)", list(fences), list(fences.values()))
        self._news += 1
        for subject in fences:
            self._cache.pop(subject, None)
        return int(gone)

    async def rewrap(self, *, batch: int = 1000) -> int:
        """Wrap every living key under the newest epoch; give how many that were. Then the old epoch's key can be destroyed,
        and no old dump, WAL segment or dead row can be read any more."""
        newest = max(self._wrapping)
        moved = 0
        async with self._pool.acquire() as connection:
            while True:
                async with connection.transaction():
                    rows = await connection.fetch(
                        "SELECT subject, version, epoch, wrapped FROM subject_keys WHERE epoch < $1 LIMIT $2 FOR UPDATE SKIP LOCKED",
                        newest,
                        batch,
                    )
                    await connection.executemany(
                        "UPDATE subject_keys SET epoch = $3, wrapped = $4 WHERE subject = $1 AND version = $2",
                        [(r["subject"], r["version"], newest, self._rewrapped(r, newest)) for r in rows],
                    )
                    moved += len(rows)
                if not rows:
                    break
            async with connection.transaction():
                rows = await connection.fetch(
                    "SELECT name, epoch, wrapped FROM named_keys WHERE epoch < $1 FOR UPDATE", newest
                )
                await connection.executemany(
                    "UPDATE named_keys SET epoch = $2, wrapped = $3 WHERE name = $1",
                    [(r["name"], newest, self._rewrapped(r, newest)) for r in rows],
                )
        return moved + len(rows)

    async def listen(self) -> None:
        """Hear of destroyed keys until cancelled; where the connection is lost, forget everything and connect again."""
        while True:
            try:
                await self._listen_once()
            except UNREACHABLE as error:
                log.warning("not hearing of destroyed keys, serving none from memory", error_type=type(error).__name__)
                await asyncio.sleep(0.5)

    async def _listen_once(self) -> None:
        lost = asyncio.Event()

        def destroyed(_connection: Any, _pid: int, _channel: str, subject: object) -> None:
            self._news += 1
            self._cache.pop(UUID(str(subject)), None)

        def ended(_connection: Any) -> None:
            lost.set()

        async with self._pool.acquire() as connection:
            connection.add_termination_listener(ended)
            await connection.add_listener("keys_destroyed", destroyed)
            self._news += 1
            self._cache.clear()
            self._listening = True
            try:
                while not lost.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(5.0):
                            await lost.wait()
                    if not lost.is_set():
                        await connection.execute("SELECT 1")
            finally:
                self._listening = False
                self._cache.clear()
                if not connection.is_closed():
                    connection.remove_termination_listener(ended)
                    with contextlib.suppress(*UNREACHABLE):
                        await connection.remove_listener("keys_destroyed", destroyed)

    def _unwrap(self, epoch: int, wrapped: bytes) -> bytes:
        try:
            return aes_key_unwrap(self._wrapping[epoch], wrapped)
        except KeyError:
            raise LookupError(f"the key-encryption key of epoch {epoch} is not in the key file") from None

    def _rewrapped(self, row: asyncpg.Record, epoch: int) -> bytes:
        return aes_key_wrap(self._wrapping[epoch], self._unwrap(row["epoch"], row["wrapped"]))


def keyed_hash(key: bytes, text: str) -> int:
    """Give the look-up hash of a normalised text: HMAC-SHA256, the first 64 bits as a signed integer."""
    keyed = _keyed(key).copy()
    keyed.update(text.encode())
    return int.from_bytes(keyed.digest()[:8], "big", signed=True)


@lru_cache(maxsize=16)
def _keyed(key: bytes) -> hmac.HMAC:
    """Give the HMAC with its key taken in: a copy of it costs a quarter of a new one, and a search term is a dozen of them."""
    return hmac.new(key, digestmod="sha256")
