"""Quarantine: what arrived by the topic and could not be taken over waits here for a person to decide.

The message is sealed under a key of its own, because nobody knows yet whose it is. Only what is wrong stands in the clear. It is
tried again or discarded, each with a reason; and what nobody decides on is discarded when its days are over.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec
from prometheus_client import Counter

from crm_gateway.messages import Incoming
from crm_gateway.outcomes import Outcome
from crm_gateway.receiving import Door
from events.runtime.logging import logger
from events.runtime.service import Service
from events.sealing import open_sealed, seal

log = logger(__name__)

QUARANTINED = Counter("gdpr_crm_quarantined", "Messages put into quarantine, by reason", ["slug"])
KEY = "quarantine"
CLEAN_EVERY = 600.0

State = Literal["open", "taken", "discarded"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One message in quarantine, without what it says."""

    id: UUID
    received: datetime
    door: str
    place: str
    slug: str
    pointer: str
    detail: str
    size: int
    tries: int
    state: State
    decided: datetime | None
    decided_by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Opening:
    """Somebody read what a message says."""

    at: datetime
    by: str
    reason: str


_COLUMNS = "id, received, door, place, slug, pointer, detail, size, tries, state, decided, decided_by, reason"


class Quarantine:
    """The quarantine of one installation."""

    def __init__(self, service: Service, door: Door, *, days: int) -> None:
        self._service = service
        self._door = door
        self._days = days

    async def put(self, incoming: Incoming, outcome: Outcome, *, door: str, place: str) -> UUID:
        """Put a message in, once for each place and content; what is about an erased person without its content."""
        key = await self._service.keys.named(KEY)
        plain = _packed(incoming)
        entry = UUID(bytes=hmac.digest(key, place.encode() + b"\0" + plain, hashlib.sha256)[:16], version=5)
        sealed = None if outcome.slug == "erased" else seal(key, plain, entry.bytes)
        status = await self._service.pool.execute(
            "INSERT INTO quarantine (id, door, place, slug, pointer, detail, size, sealed)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            entry,
            door,
            place,
            outcome.slug or "unexpected",
            (outcome.pointer or "")[:300],
            outcome.detail or "",
            len(incoming.raw),
            sealed,
        )
        if status != "INSERT 0 0":
            QUARANTINED.labels(outcome.slug).inc()
            log.warning("message quarantined", entry=str(entry), slug=outcome.slug, door=door, place=place)
        return entry

    async def entries(self, states: Sequence[str], limit: int) -> list[Entry]:
        """Give the messages in these states, oldest first."""
        rows = await self._service.pool.fetch(
            f"SELECT {_COLUMNS} FROM quarantine WHERE state = ANY($1) ORDER BY received, id LIMIT $2",  # noqa: S608
            list(states),
            limit,
        )
        return [Entry(*row) for row in rows]

    async def get(self, entry: UUID) -> Entry | None:
        """Give one."""
        row = await self._service.pool.fetchrow(f"SELECT {_COLUMNS} FROM quarantine WHERE id = $1", entry)  # noqa: S608
        return Entry(*row) if row else None

    async def openings(self, entry: UUID) -> list[Opening]:
        """Give who has read a message, and why."""
        rows = await self._service.pool.fetch(
            "SELECT at, by, reason FROM quarantine_openings WHERE entry = $1 ORDER BY at", entry
        )
        return [Opening(*row) for row in rows]

    async def open(self, entry: UUID, *, by: str, reason: str) -> Incoming | None:
        """Give what an open message says; that somebody reads it is written down first. Nothing where its content is gone."""
        incoming = await self._content(entry)
        if incoming is not None:
            await self._service.pool.execute(
                "INSERT INTO quarantine_openings (entry, by, reason) VALUES ($1, $2, $3)", entry, by, reason
            )
            log.warning("quarantined message opened", entry=str(entry), by=by)
        return incoming

    async def _content(self, entry: UUID) -> Incoming | None:
        sealed = await self._service.pool.fetchval(
            "SELECT sealed FROM quarantine WHERE id = $1 AND state = 'open'", entry
        )
        if sealed is None:
            return None
        return _unpacked(open_sealed(await self._service.keys.named(KEY), sealed, entry.bytes))

    async def retry(self, entry: UUID, *, by: str, reason: str) -> Outcome | None:
        """Try an open message again. Taken over, it leaves the quarantine; refused again, the new reason stands there. What
        turns out to be about an erased person loses its content.

        Gives nothing where it is not open or its content is gone.
        """
        incoming = await self._content(entry)
        if incoming is None:
            return None
        (outcome,) = await self._door.receive([incoming], door="quarantine")
        if outcome.status == "refused":
            await self._service.pool.execute(
                "UPDATE quarantine SET tries = tries + 1, slug = $2, pointer = $3, detail = $4,"
                " sealed = CASE WHEN $2 = 'erased' THEN NULL ELSE sealed END WHERE id = $1 AND state = 'open'",
                entry,
                outcome.slug,
                (outcome.pointer or "")[:300],
                outcome.detail,
            )
        else:
            await self._decide(entry, "taken", by, reason)
        return outcome

    async def discard(self, entry: UUID, *, by: str, reason: str) -> bool:
        """Discard an open message for good. Gives whether it was open."""
        return await self._decide(entry, "discarded", by, reason)

    async def _decide(self, entry: UUID, state: State, by: str, reason: str) -> bool:
        status = await self._service.pool.execute(
            "UPDATE quarantine SET state = $2, decided = now(), decided_by = $3, reason = $4, sealed = NULL,"
            " tries = tries + CASE WHEN $2 = 'taken' THEN 1 ELSE 0 END WHERE id = $1 AND state = 'open'",
            entry,
            state,
            by,
            reason,
        )
        return status == "UPDATE 1"

    async def run(self) -> None:
        """Discard what nobody decided on in its days, until cancelled."""
        while True:
            status = await self._service.pool.execute(
                "UPDATE quarantine SET state = 'discarded', decided = now(), decided_by = 'system', sealed = NULL,"
                " reason = 'nobody decided in time' WHERE state = 'open' AND received < now() - make_interval(days => $1)",
                self._days,
            )
            if status != "UPDATE 0":
                log.warning("quarantined messages discarded, their days are over", count=status.rpartition(" ")[2])
            await asyncio.sleep(CLEAN_EVERY)


def _packed(incoming: Incoming) -> bytes:
    raw = base64.b64encode(incoming.raw).decode()
    return msgspec.json.encode({"raw": raw, "headers": dict(incoming.headers)})


def _unpacked(plain: bytes) -> Incoming:
    packed = msgspec.json.decode(plain)
    return Incoming(base64.b64decode(packed["raw"]), packed["headers"])
