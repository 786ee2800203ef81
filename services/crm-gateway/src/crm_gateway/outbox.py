"""What the CRM is told, in one order: the feed that topic, webhook and pull share.

Sequences are given under one lock, in transactions of their own: a number is visible only when all below it are, so that whoever
asks for what comes after the last one they saw misses nothing. (The numbers of concurrent appends would become visible in any order.)
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from crm_gateway.projections.deliveries import DeliveryRow, deliveries
from crm_gateway.projections.persons import persons
from events.catalogue.crm import ConsentState
from events.catalogue.vocabulary import Erased
from events.runtime.service import Service

LOCK = 20163
LOOK_EVERY = 0.2
LOOK_BACK = "10 minutes"
LOOK_AT_ALL_EVERY = 60.0

NUMBER = f"""
INSERT INTO outbox (message, subject)
SELECT d.message, d.subject
  FROM deliveries d
 WHERE ($1 OR d.informed > now() - interval '{LOOK_BACK}')
   AND NOT EXISTS (SELECT FROM outbox o WHERE o.message = d.message)
   AND EXISTS (SELECT FROM persons p WHERE p.subject = d.subject)
 ORDER BY d.informed, d.message
"""  # noqa: S608
"""Whom the CRM does not know is told nothing, until it does."""


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of the feed: its number, and what it says; nothing where the person has been erased meanwhile."""

    sequence: int
    subject: UUID
    state: ConsentState | None


class Outbox:
    """The feed of one installation."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._news = asyncio.Event()

    async def number(self, *, everything: bool = False) -> int:
        """Give numbers to what has none; say how many that were."""
        async with self._service.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            status = await connection.execute(NUMBER, everything)
        count = int(status.rpartition(" ")[2])
        if count:
            self._news.set()
        return count

    async def run(self) -> None:
        """Number what comes in until cancelled."""
        next_full = 0.0
        while True:
            everything = time.monotonic() >= next_full
            await self.number(everything=everything)
            if everything:
                next_full = time.monotonic() + LOOK_AT_ALL_EVERY
            await asyncio.sleep(LOOK_EVERY)

    async def after(self, sequence: int, limit: int, *, wait: float = 0.0) -> list[Told]:
        """Give what follows a number; where there is nothing, wait for it so many seconds."""
        deadline = time.monotonic() + wait
        await self.number()
        while True:
            self._news.clear()
            rows = await self._service.pool.fetch(
                "SELECT sequence, message FROM outbox WHERE sequence > $1 ORDER BY sequence LIMIT $2", sequence, limit
            )
            left = deadline - time.monotonic()
            if rows or left <= 0:
                return await self.told({r["message"]: r["sequence"] for r in rows})
            # Another process may have numbered it: look again after a while, whoever was woken.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, 1.0)):
                    await self._news.wait()

    async def refusals(self, limit: int) -> list[DeliveryRow]:
        """Give what the CRM said that it does not take over, the newest first."""
        return await self._service.reader(deliveries).select(
            "WHERE t.state = 'refused' ORDER BY t.answered DESC, t.message LIMIT $1", limit
        )

    async def told(self, numbers: dict[UUID, int]) -> list[Told]:
        """Give the entries of these messages, in their order."""
        rows = await self._service.reader(deliveries).select("WHERE t.message = ANY($1)", list(numbers))
        subjects = list({row.subject for row in rows})
        known = await self._service.reader(persons).select("WHERE t.subject = ANY($1)", subjects)
        refs = {row.subject: row.crm_ref for row in known}
        found: list[Told] = []
        for row in rows:
            sequence, ref = numbers[row.message], refs.get(row.subject)
            state = None
            if isinstance(ref, str) and not isinstance(row.content, Erased):
                said = {**row.content, "message": row.message, "sequence": sequence, "crm_ref": ref, "event": row.about}
                state = ConsentState.model_validate(said)
            found.append(Told(sequence, row.subject, state))
        return sorted(found, key=lambda told: told.sequence)


def states(told: Sequence[Told]) -> list[ConsentState]:
    """Give what there is to say."""
    return [one.state for one in told if one.state is not None]
