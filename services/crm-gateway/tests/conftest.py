"""The CRM's door on real servers: a gateway of its own for each module, its HTTP door, and messages to send to it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio

from crm_gateway.main import Gateway, build
from crm_gateway.settings import Settings
from web.testing import Keys, client_of, somebody

CRM = somebody("crm", account="lime")
STAFF = somebody("staff", "dpo", "admin", account="anna")


@pytest.fixture(scope="session")
def signing() -> Keys:
    return Keys()


@pytest.fixture(scope="module")
def settings_of(
    database: Callable[[], str],
    key_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    signing: Keys,
) -> Callable[..., Settings]:
    """Make the settings of a new installation."""

    def make(bootstrap: str = "127.0.0.1:1", **more: Any) -> Settings:
        secrets = tmp_path_factory.mktemp("secrets")
        (secrets / "kek").write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
        (secrets / "jwks").write_text(json.dumps(signing.public))
        return Settings(
            database_url=database(),
            keys_database_url=key_database(),
            key_encryption_key_file=secrets / "kek",
            identity_keys_file=secrets / "jwks",
            kafka_bootstrap_servers=bootstrap,
            topic_prefix=f"t{uuid4().hex[:8]}.",
            fetch_max_wait_ms=50,
            lease_seconds=1.5,
            http_port=1,
            **more,
        )

    return make


@dataclass
class Running:
    """A gateway that runs, and a client for each role."""

    gateway: Gateway
    settings: Settings
    http: aiohttp.ClientSession
    signing: Keys

    async def post(self, path: str, body: Any = None, *, who: Any = CRM, **more: Any) -> Any:
        """Post JSON (or bytes as they are) and give the answer; the status must be the expected one."""
        return await self.ask("POST", path, body, who=who, **more)

    async def get(self, path: str, *, who: Any = STAFF, **more: Any) -> Any:
        return await self.ask("GET", path, who=who, **more)

    async def ask(
        self, method: str, path: str, body: Any = None, *, who: Any, status: int = 200, kind: str = "application/json"
    ) -> Any:
        headers = {**self.signing.header(who), "Idempotency-Key": str(uuid4())}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = kind
        async with self.http.request(method, path, data=data, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == status, text
            return json.loads(text) if text else None


@contextlib.asynccontextmanager
async def running(settings: Settings, signing: Keys) -> AsyncIterator[Running]:
    """Run a gateway for as long as the block lasts."""
    gateway = build(settings)
    task = asyncio.create_task(gateway.service.run())
    try:
        waiting = asyncio.create_task(gateway.service.until_ready())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            waiting.cancel()
            task.result()
        async with client_of(gateway.app) as client:
            yield Running(gateway, settings, client, signing)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def gateway_of(signing: Keys) -> Callable[[Settings], contextlib.AbstractAsyncContextManager[Running]]:
    return lambda settings: running(settings, signing)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(settings_of: Callable[..., Settings], kafka: Any, signing: Keys) -> AsyncIterator[Running]:
    """A gateway for the whole module, on a real broker."""
    async with running(settings_of(kafka.bootstrap, kafka_idempotence=kafka.is_apache), signing) as up:
        yield up


def changed(ref: str, fields: dict[str, Any], *, at: str = "2026-05-03T10:00:00Z", **more: Any) -> dict[str, Any]:
    """Give a message: fields of a person changed."""
    return {
        "type": "crm.person.changed",
        "id": str(uuid4()),
        "occurred": at,
        "crm_ref": ref,
        "by": "mia",
        "fields": fields,
        **more,
    }


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
