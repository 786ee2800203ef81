"""The notifier on real PostgreSQL, Kafka and SMTP, with what the portal would have recorded."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from events.catalogue.access import AccessLinkIssued, AccessLinkRevoked
from events.catalogue.vocabulary import Actor, Event
from events.envelope import HEADERS, encode
from events.runtime.transport import TransportKey
from events.testing import recorded
from notifier.main import Notifier, build
from notifier.settings import NotifierSettings
from web.identity import Identity
from web.testing import Keys, client_of, somebody

LENA = somebody("staff", account="lena")
ADAM = somebody("admin", account="adam")
BY_LENA = Actor(kind="staff", id="lena")


@dataclass(frozen=True)
class Secrets:
    """The files that an installation shares."""

    key_encryption_key: Path
    identity_keys: Path
    transport_key: Path
    signer: Keys

    @property
    def transport(self) -> TransportKey:
        return TransportKey.from_file(self.transport_key)


@dataclass
class Running:
    """The notifier, running."""

    notifier: Notifier
    settings: NotifierSettings
    http: aiohttp.ClientSession
    secrets: Secrets
    task: asyncio.Task[None]
    _versions: dict[str, int] = field(default_factory=dict)

    async def link(
        self,
        subject: UUID,
        to: str | None,
        *,
        language: str = "de",
        hours: float = 72,
        token: str = "",
        link: UUID | None = None,
    ) -> UUID:
        """Issue a link, as the portal would."""
        link = link or uuid4()
        now = datetime.now(UTC)
        issued = AccessLinkIssued(
            at=now,
            by=BY_LENA,
            link=link,
            token_hash="00",
            expires=now + timedelta(hours=hours),
            language=language,
            reason="asked",
            to=to,
            for_mail=self.secrets.transport.seal(token or f"token-{link}", link),
        )
        await self.record(subject, issued, link)
        return link

    async def revoke(self, subject: UUID, link: UUID) -> None:
        """Revoke a link."""
        await self.record(subject, AccessLinkRevoked(at=datetime.now(UTC), by=BY_LENA, link=link), link)

    async def record(self, subject: UUID, event: Event, link: UUID) -> None:
        """Put an event of the portal on its topic, as its relay would."""
        stream = f"link-{link}"
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        keys = await self.notifier.service.keys.for_writing([subject])
        made = recorded(event, stream, version, subject)
        producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
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

    async def get(self, path: str, who: Identity = LENA) -> Any:
        """Ask, and expect an answer."""
        async with self.http.get(path, headers=self.secrets.signer.header(who)) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def mails(self, subject: UUID) -> Any:
        """Give what the notifier says of a person's mails."""
        return await self.get(f"/v1/persons/{subject}/mails")

    async def until(self, subject: UUID, state: str, **more: Any) -> Any:
        """Wait until the person's newest mail is in this state; give it."""

        async def there() -> Any:
            found = await self.mails(subject)
            return found and found[0]["state"] == state and all(found[0][k] == v for k, v in more.items()) and found[0]

        return await eventually(there)

    async def types(self, subject: UUID) -> list[str]:
        """Give the types of what was recorded about the person's mails, in order."""
        rows = await self.notifier.service.pool.fetch(
            "SELECT value FROM events WHERE key = $1 ORDER BY recorded, position", str(subject)
        )
        return [json.loads(row["value"])["type"] for row in rows]


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    directory = tmp_path_factory.mktemp("secrets")
    signer = Keys()
    made = Secrets(directory / "kek", directory / "jwks.json", directory / "transport.key", signer)
    made.key_encryption_key.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
    made.identity_keys.write_text(json.dumps(signer.public))
    made.transport_key.write_text(f"{base64.b64encode(os.urandom(32)).decode()}\n")
    return made


@pytest.fixture(scope="module")
def plain_settings(secrets: Secrets) -> Callable[..., NotifierSettings]:
    """Make settings that need no server."""

    def make(**more: Any) -> NotifierSettings:
        settings = {
            "database_url": "",
            "keys_database_url": "",
            "key_encryption_key_file": secrets.key_encryption_key,
            "identity_keys_file": secrets.identity_keys,
            "transport_key_file": secrets.transport_key,
            "smtp_host": "127.0.0.1",
            "smtp_port": 1,
            "smtp_tls": "none",
            "smtp_timeout": 2.0,
            "mail_from": "Nordlicht Handel GmbH <datenschutz@nordlicht.example>",
            "company_name": "Nordlicht Handel GmbH",
            "portal_url": "https://portal.nordlicht.example",
            "mail_first_pause": 0.2,
            "mail_lease_seconds": 1.0,
            "fetch_max_wait_ms": 50,
            "lease_seconds": 1.5,
            "http_port": 1,
        }
        return NotifierSettings(**{**settings, **more})

    return make


@pytest.fixture(scope="module")
def installation(
    database: Callable[[], str],
    key_database: Callable[[], str],
    plain_settings: Callable[..., NotifierSettings],
    kafka: Any,
) -> Callable[..., NotifierSettings]:
    """Make the settings of a new installation, with databases and topics of its own."""

    def make(**more: Any) -> NotifierSettings:
        settings = {
            "database_url": database(),
            "keys_database_url": key_database(),
            "kafka_bootstrap_servers": kafka.bootstrap,
            "kafka_idempotence": kafka.is_apache,
            "topic_prefix": f"t{uuid4().hex[:8]}.",
        }
        return plain_settings(**{**settings, **more})

    return make


@contextlib.asynccontextmanager
async def running(settings: NotifierSettings, secrets: Secrets, *, with_mail: bool = True) -> AsyncIterator[Running]:
    """Run the notifier and its HTTP door for as long as a block."""
    notifier = build(settings)
    task = asyncio.create_task(notifier.service.run())
    try:
        async with client_of(notifier.app) as client, asyncio.timeout(60):
            while notifier.waits_for() if with_mail else notifier.service.waits_for():
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
            yield Running(notifier, settings, client, secrets, task)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(scope="module")
async def notifier(
    installation: Callable[..., NotifierSettings], secrets: Secrets, mail: Any
) -> AsyncIterator[Running]:
    """A notifier for the tests of a module, with a mail server."""
    async with running(installation(smtp_port=mail.smtp_port), secrets) as run:
        yield run


async def eventually(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until something holds; give it."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.03)
