"""A small service to try the machinery on: one aggregate with a personal field, one read model, on real servers."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from events.catalogue.consents import ConsentGiven, ConsentWithdrawn
from events.catalogue.vocabulary import THE_PERSON, Event, Personal
from events.deciding import Decider, Refused, command, state
from events.envelope import Recorded
from events.projecting import Projection, Terms, projection
from events.runtime.service import Service
from events.runtime.settings import Settings

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@command
class Give:
    subject: UUID
    kind: str = "newsletter"
    evidence: str = "ticked on 3 May by Zoë Čapek"


@command
class Withdraw:
    subject: UUID
    kind: str = "newsletter"


@command
class Forbidden:
    subject: UUID


@state
class Standing:
    given: frozenset[str] = frozenset()


def decide(now: Standing, wanted: Give | Withdraw | Forbidden) -> Any:
    match wanted:
        case Give(kind=kind, evidence=evidence) if kind not in now.given:
            yield ConsentGiven(
                at=NOW, by=THE_PERSON, kind=kind, wording=None, method="portal", strength="strong", evidence=evidence
            )
        case Withdraw(kind=kind) if kind in now.given:
            yield ConsentWithdrawn(at=NOW, by=THE_PERSON, kind=kind, method="portal")
        case Forbidden():
            raise Refused("forbidden", "Do not do this.")


def evolve(now: Standing, event: Event) -> Standing:
    match event:
        case ConsentGiven(kind=kind):
            return Standing(given=now.given | {kind})
        case ConsentWithdrawn(kind=kind):
            return Standing(given=now.given - {kind})
        case _:
            return now


CONSENTS: Decider[Any, Standing] = Decider(
    name="consents",
    initial=Standing(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"consents-{c.subject}",
    subject=lambda c: c.subject,
)

from dataclasses import dataclass, replace  # noqa: E402


@dataclass(frozen=True, slots=True)
class Row:
    subject: UUID
    kind: str
    state: str
    changes: int
    since: datetime
    words: Terms
    evidence: Personal[str | None] = None


@projection(
    table="standing", of=(ConsentGiven, ConsentWithdrawn), key=lambda e: (e.subject, e.data.kind), key_columns=2
)
def standing(row: Row | None, e: Recorded[Event]) -> Row | None:
    match e.data:
        case ConsentGiven(kind=kind, evidence=evidence):
            assert e.subject is not None
            words = Terms(str(evidence).lower().split())
            return Row(e.subject, kind, "given", row.changes + 1 if row else 1, e.occurred, words, evidence)
        case ConsentWithdrawn() if row:
            words = Terms(str(row.evidence).lower().split())  # they read back as nothing: a fold says them each time
            return replace(row, state="withdrawn", changes=row.changes + 1, since=e.occurred, words=words)
        case _:
            return row


TABLES = """
CREATE TABLE IF NOT EXISTS standing (
    subject uuid, kind text, state text NOT NULL, changes bigint NOT NULL, since timestamptz NOT NULL,
    words bigint[] NOT NULL, sealed bytea, key_version bigint, PRIMARY KEY (subject, kind)
);
CREATE INDEX IF NOT EXISTS standing_words ON standing USING gin (words);
CREATE TABLE IF NOT EXISTS standing_at_once (LIKE standing INCLUDING ALL);
"""


class Text:
    """SQL as the schema files are read."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, encoding: str = "utf-8") -> str:
        return self._text


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secrets") / "kek"
    file.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
    return file


@pytest.fixture(scope="module")
def installation(
    database: Callable[[], str], key_database: Callable[[], str], key_file: Path
) -> Callable[..., Settings]:
    """Make the settings of a new installation: databases of its own, and topics of its own where there is a broker."""

    def make(bootstrap: str = "127.0.0.1:1", idempotence: bool = True) -> Settings:
        return Settings(
            database_url=database(),
            keys_database_url=key_database(),
            key_encryption_key_file=key_file,
            kafka_bootstrap_servers=bootstrap,
            kafka_idempotence=idempotence,
            topic_prefix=f"t{uuid4().hex[:8]}.",
            fetch_max_wait_ms=50,
            lease_seconds=1.5,
            http_port=1,
            identity_keys_file=key_file,
        )

    return make


@pytest.fixture
def service_of() -> Callable[..., Any]:
    """Run a service for as long as a block: ``async with service_of(settings) as service``."""

    @contextlib.asynccontextmanager
    async def running(settings: Settings, *, ready: bool = True, **parts: Any) -> AsyncIterator[Service]:
        parts.setdefault("schema", [Text(TABLES)])
        service = Service("consent", settings, **parts)
        task = asyncio.create_task(service.run())
        try:
            if ready:
                waiting = asyncio.create_task(service.until_ready())
                await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if task.done():
                    waiting.cancel()
                    task.result()
            yield service
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return running


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


__all__ = ["CONSENTS", "Forbidden", "Give", "Projection", "Row", "Withdraw", "eventually", "standing"]
