"""The consent service on real PostgreSQL and Kafka, with what the other services would have recorded."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from consent.main import Consent, build
from consent.settings import ConsentSettings
from events.catalogue import OWNERS
from events.catalogue.vocabulary import Event
from events.envelope import HEADERS, encode
from events.testing import recorded
from web.identity import Identity
from web.testing import Keys, client_of, somebody

LENA = somebody("staff", account="lena")
ADAM = somebody("admin", account="adam")
MAILER = somebody("crm", account="mailer")
AXEL = somebody("auditor", account="axel")


@dataclass
class Asking:
    """A client of the service that says who it is, and makes a new command id for each command."""

    http: aiohttp.ClientSession
    signer: Keys

    async def __call__(
        self, who: Identity, method: str, path: str, body: Any = None, command_id: UUID | None = None
    ) -> tuple[int, Any]:
        headers = self.signer.header(who) | {"Idempotency-Key": str(command_id or uuid4())}
        async with self.http.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def check(self, subject: UUID, kind: str = "newsletter", who: Identity = MAILER) -> Any:
        status, told = await self(who, "GET", f"/v1/consents/check?subject_id={subject}&kind={kind}")
        assert status == 200, told
        return told


@dataclass
class Running:
    """The service, running."""

    consent: Consent
    settings: ConsentSettings
    ask: Asking
    kafka: str
    _versions: dict[str, int]

    async def others_record(self, subject: UUID, event: Event, *, event_id: UUID | None = None) -> UUID:
        """Put an event of another service on its topic, as that service's relay would."""
        stream = f"{OWNERS[event.topic]}-{subject}"
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        keys = await self.consent.service.keys.for_writing([subject])
        made = recorded(event, stream, version, subject, event_id=event_id)
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka)
        await producer.start()
        try:
            await producer.send_and_wait(
                self.settings.topic_prefix + event.topic,
                encode(made, keys[subject]),
                key=str(subject).encode(),
                headers=HEADERS,
            )
        finally:
            await producer.stop()
        return made.id


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Keys]:
    directory = tmp_path_factory.mktemp("secrets")
    signer = Keys()
    (directory / "kek").write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
    (directory / "jwks.json").write_text(json.dumps(signer.public))
    return directory / "kek", directory / "jwks.json", signer


@pytest.fixture(scope="module")
def signing(secrets: tuple[Path, Path, Keys]) -> Keys:
    """Signs the tokens that the services of this module believe."""
    return secrets[2]


@pytest.fixture(scope="module")
def installation(
    database: Callable[[], str], key_database: Callable[[], str], secrets: tuple[Path, Path, Keys], kafka: Any
) -> Callable[..., ConsentSettings]:
    """Make the settings of a new installation, with databases and topics of its own."""

    def make(**more: Any) -> ConsentSettings:
        settings = {
            "database_url": database(),
            "keys_database_url": key_database(),
            "key_encryption_key_file": secrets[0],
            "identity_keys_file": secrets[1],
            "kafka_bootstrap_servers": kafka.bootstrap,
            "kafka_idempotence": kafka.is_apache,
            "topic_prefix": f"t{uuid4().hex[:8]}.",
            "fetch_max_wait_ms": 50,
            "lease_seconds": 1.5,
            "http_port": 1,
        }
        return ConsentSettings(**{**settings, **more})

    return make


@contextlib.asynccontextmanager
async def running(settings: ConsentSettings, signer: Keys) -> AsyncIterator[Running]:
    """Run the service and its HTTP door for as long as a block."""
    consent = build(settings)
    task = asyncio.create_task(consent.service.run())
    try:
        async with client_of(consent.app) as client, asyncio.timeout(60):
            while consent.service.waits_for() or consent.parts.offer.waits_for():
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
            yield Running(consent, settings, Asking(client, signer), settings.kafka_bootstrap_servers, {})
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def consent(
    installation: Callable[..., ConsentSettings], secrets: tuple[Path, Path, Keys]
) -> AsyncIterator[Running]:
    """A service of its own for each test."""
    async with running(installation(), secrets[2]) as run:
        yield run


async def eventually(true: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until something holds; give it."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
