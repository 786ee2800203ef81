"""The audit service on real PostgreSQL and Kafka, and a log that the other services would have written."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from audit.main import Audit, build
from audit.settings import AuditSettings
from events.catalogue import OWNERS
from events.catalogue.vocabulary import Event
from events.envelope import HEADERS, Recorded, encode, has_personal, key_of, partition_of
from events.runtime.kafka import make_topics
from web.identity import Identity
from web.testing import Keys, client_of, somebody

AXEL = somebody("auditor", account="axel")
DORA = somebody("dpo", account="dora")
LENA = somebody("staff", account="lena")
NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


@dataclass
class Running:
    """The service, running, and what it needs to be asked and to be fed."""

    audit: Audit
    settings: AuditSettings
    http: aiohttp.ClientSession
    signer: Keys
    recorded: datetime = NOW
    _versions: dict[str, int] = field(default_factory=dict)
    _producer: AIOKafkaProducer | None = None

    async def record(
        self, event: Event, subject: UUID | None = None, *, stream: str = "", recorded: datetime | None = None
    ) -> Recorded[Event]:
        """Put an event of another service on its topic, as that service's relay would."""
        if recorded is None:
            self.recorded += timedelta(seconds=1)
        stream = stream or f"{OWNERS[event.topic]}-{subject}"
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        made: Recorded[Event] = Recorded(
            id=uuid4(),
            type=type(event).__name__,
            stream=stream,
            version=version,
            subject=subject,
            occurred=event.at,
            recorded=recorded or self.recorded,
            source=f"/{OWNERS[event.topic]}",
            correlation=None,
            causation=None,
            data=event,
        )
        await self.send(made)
        return made

    async def send(self, made: Recorded[Event]) -> None:
        """Send an event's bytes; twice gives a repeat."""
        subject = made.subject
        key = None
        if subject and has_personal(made.data):
            key = (await self.audit.service.keys.for_writing([subject]))[subject]
        await self.put(made.data.topic, key_of(made.stream, subject), encode(made, key), made.recorded)

    async def put(self, topic: str, key: str, value: bytes, at: datetime = NOW) -> int:
        """Put any bytes on a topic; give their offset."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
            await self._producer.start()
        sent = await self._producer.send_and_wait(
            self.settings.topic_prefix + topic,
            value,
            key=key.encode(),
            partition=partition_of(key),
            timestamp_ms=int(at.timestamp() * 1000),
            headers=HEADERS,
        )
        return int(sent.offset)

    async def lines(self, path: str, who: Identity = AXEL, **query: Any) -> list[Any]:
        """Ask for lines, and read them all."""
        status, text = await self.ask(path, who, **query)
        assert status == 200, text
        return [json.loads(line) for line in text.splitlines() if line]

    async def ask(self, path: str, who: Identity = AXEL, **query: Any) -> tuple[int, str]:
        """Ask."""
        given = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()}
        async with self.http.get(path, params=given, headers=self.signer.header(who)) as response:
            return response.status, await response.text()

    async def looks(self) -> list[Any]:
        """Give the looks that stand in the service's own events."""
        rows = await self.audit.service.pool.fetch("SELECT value FROM events ORDER BY position")
        return [json.loads(row["value"])["data"]["open"] for row in rows]

    async def stop(self) -> None:
        """Stop the producer."""
        if self._producer is not None:
            await self._producer.stop()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Keys]:
    directory = tmp_path_factory.mktemp("secrets")
    signer = Keys()
    (directory / "kek").write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
    (directory / "jwks.json").write_text(json.dumps(signer.public))
    return directory / "kek", directory / "jwks.json", signer


@pytest.fixture(scope="module")
def installation(
    database: Callable[[], str], key_database: Callable[[], str], secrets: tuple[Path, Path, Keys], kafka: Any
) -> Callable[..., AuditSettings]:
    """Make the settings of a new installation, with databases and topics of its own."""

    def make(**more: Any) -> AuditSettings:
        return AuditSettings(
            database_url=database(),
            keys_database_url=key_database(),
            key_encryption_key_file=secrets[0],
            identity_keys_file=secrets[1],
            kafka_bootstrap_servers=kafka.bootstrap,
            kafka_idempotence=kafka.is_apache,
            topic_prefix=f"t{uuid4().hex[:8]}.",
            fetch_max_wait_ms=50,
            lease_seconds=1.5,
            http_port=1,
            **more,
        )

    return make


@contextlib.asynccontextmanager
async def running(settings: AuditSettings, signer: Keys) -> AsyncIterator[Running]:
    """Run the service and its HTTP door for as long as a block."""
    audit = build(settings)
    await make_topics(settings, [settings.topic_prefix + topic for topic in OWNERS])
    task = asyncio.create_task(audit.service.run())
    try:
        async with client_of(audit.app) as client, asyncio.timeout(60):
            while audit.service.waits_for():
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
            run = Running(audit, settings, client, signer)
            try:
                yield run
            finally:
                await run.stop()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(scope="module")
async def audit(installation: Callable[..., AuditSettings], secrets: tuple[Path, Path, Keys]) -> AsyncIterator[Running]:
    """A service for the tests of a module."""
    async with running(installation(), secrets[2]) as run:
        yield run
