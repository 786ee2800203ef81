"""Fences raised again: at every start the key database is told whose key this service has destroyed.

A restored backup of the key database brings keys back that were destroyed. The log does not forget: before the service calls
itself ready, every erasure whose key was destroyed, and who was not let in again, is carried out anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Final
from uuid import UUID

from prometheus_client import Counter

from events.catalogue.erasures import TOPIC
from events.envelope import Envelope, decode_envelope
from events.runtime.logging import logger
from events.runtime.service import Service

log = logger(__name__)

AT_ONCE: Final = 500
REAPPEARED = Counter("gdpr_destroyed_keys_reappeared_total", "Keys of erased persons that were there again at a start.")


class Fences:
    """What the log says about destroyed keys, and whether the key database has heard it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.raised = False

    def waits_for(self) -> list[str]:
        """Give what the service waits for on this account."""
        return [] if self.raised else ["fences: the key database has not been told of the erased yet"]

    async def raise_again(self) -> None:
        """Tell the key database of every erased person; harmless to repeat."""
        erased = await self._erased()
        reappeared = 0
        persons = list(erased.items())
        for start in range(0, len(persons), AT_ONCE):
            reappeared += await self._service.keys.destroy(dict(persons[start : start + AT_ONCE]))
        if reappeared:
            REAPPEARED.inc(reappeared)
            log.error("destroyed keys were there again, as after a restored backup: destroyed anew", keys=reappeared)
        log.info("fences raised", persons=len(persons))
        self.raised = True

    async def _erased(self) -> Mapping[UUID, UUID]:
        """Give whose key is destroyed, and the event that fenced each."""
        fenced: dict[UUID, UUID] = {}
        erased: dict[UUID, UUID] = {}
        async for event in self._log():
            assert event.subject is not None
            match event.type:
                case "ErasureFenced":
                    fenced[event.subject] = event.id
                case "KeyDestroyed":
                    erased[event.subject] = fenced[event.subject]
                case "PersonReadmitted":
                    erased.pop(event.subject, None)
        return erased

    async def _log(self) -> AsyncIterator[Envelope]:
        """Read this service's own events, each person's in their order."""
        async with self._service.pool.acquire() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(
                "SELECT value FROM events WHERE topic = $1 ORDER BY stream, version", TOPIC, prefetch=1000
            ):
                yield decode_envelope(row["value"])
