"""Servers to measure on, with durable settings, and what is needed to run the machinery on them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from events.runtime.keys import KEYS_SQL
from events.runtime.service import Service
from events.runtime.settings import Settings
from stack.kafka import start_kafka
from stack.postgres import RunningPostgres, start_postgres

from .model import TABLE


@dataclass
class Ground:
    """A PostgreSQL server with fsync, and Apache Kafka."""

    directory: Path
    postgres: RunningPostgres
    bootstrap: str

    async def database(self) -> str:
        """Make an empty database."""
        name = f"b{uuid4().hex[:10]}"
        connection = await asyncpg.connect(self.postgres.url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return self.postgres.cluster.url(name)

    async def settings(self, **more: Any) -> Settings:
        """Give the settings of a new installation: databases, topics and keys of its own."""
        keys = await self.database()
        connection = await asyncpg.connect(keys)
        await connection.execute(KEYS_SQL.read_text(encoding="utf-8"))
        await connection.close()
        file = self.directory / "kek"
        if not file.exists():
            file.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
        return Settings(
            database_url=await self.database(),
            keys_database_url=keys,
            key_encryption_key_file=file,
            kafka_bootstrap_servers=self.bootstrap,
            topic_prefix=f"b{uuid4().hex[:8]}.",
            http_port=1,
            identity_keys_file=file,
            pool_size=20,
            **more,
        )


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Start the servers; stop them and remove what they wrote."""
    with tempfile.TemporaryDirectory(prefix="gdpr-bench-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        postgres = start_postgres(directory / "postgres", durable=True)
        kafka = start_kafka(directory / "kafka")
        try:
            yield Ground(directory, postgres, kafka.bootstrap)
        finally:
            kafka.kill()
            postgres.kill()


class Text:
    """SQL as the schema files are read."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, encoding: str = "utf-8") -> str:
        """Give the SQL."""
        return self._text


@contextlib.asynccontextmanager
async def running(settings: Settings, name: str = "consent", **parts: Any) -> AsyncIterator[Service]:
    """Run a service for as long as the block lasts."""
    service = Service(name, settings, schema=[Text(TABLE)], **parts)
    task = asyncio.create_task(service.run())
    await service.until_ready()
    try:
        yield service
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
