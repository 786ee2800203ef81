"""The webhook: changes are posted to the CRM, signed, again and again until it takes them, or until they are dead and visible.

Of one record of the CRM, a later change is posted only when the earlier ones are through (or dead). The signature is HMAC-SHA256 over
``timestamp.body``, in the header ``X-GDPR-Signature: t=TIMESTAMP,v1=HEX``; the receiver refuses old timestamps, and by that replays.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import aiohttp
import asyncpg
from prometheus_client import Counter

from crm_gateway.outbox import Outbox
from crm_gateway.settings import Settings
from events.catalogue.crm import ConsentState
from events.runtime.logging import logger
from events.runtime.service import Service

log = logger(__name__)

POSTS = Counter("gdpr_crm_webhook_posts", "Posts to the CRM's webhook, by result", ["result"])
AT_ONCE = 8
LONGEST_PAUSE = 3600.0
LOOK_EVERY = 0.3

QUEUE = """
INSERT INTO webhooks (sequence, message, subject)
SELECT o.sequence, o.message, o.subject
  FROM outbox o JOIN deliveries d USING (message)
 WHERE o.sequence > (SELECT coalesce(max(sequence), 0) FROM webhooks) AND d.state = 'informed'
    ON CONFLICT DO NOTHING
"""
CLAIM = """
UPDATE webhooks SET tries = tries + 1, last_try = now(), next_try = now() + make_interval(secs => $2)
 WHERE sequence IN (
       SELECT w.sequence FROM webhooks w
        WHERE w.state = 'waiting' AND w.next_try <= now()
          AND NOT EXISTS (SELECT FROM webhooks o
                           WHERE o.subject = w.subject AND o.sequence < w.sequence AND o.state = 'waiting')
        ORDER BY w.sequence LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING sequence, message, tries
"""
SETTLE = """
UPDATE webhooks SET state = $2, last_fault = $3, next_try = now() + make_interval(secs => $4) WHERE sequence = $1
"""


@dataclass(frozen=True, slots=True)
class Queued:
    """One post as the queue shows it."""

    sequence: int
    message: UUID
    subject: UUID
    state: str
    tries: int
    next_try: datetime
    last_try: datetime | None
    last_fault: str | None


def signature(secret: bytes, body: bytes, timestamp: int) -> str:
    """Give the value of ``X-GDPR-Signature``."""
    signed = hmac.new(secret, f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


def pause(tries: int, first: float, chance: Callable[[], float] = random.random) -> float:
    """Give the seconds until the next try: doubled each time, up to an hour, half of it by chance."""
    whole: float = min(LONGEST_PAUSE, first * 2 ** min(tries - 1, 20))
    return whole / 2 + whole / 2 * chance()


class Webhook:
    """Posts what the outbox holds to the CRM's address."""

    def __init__(self, service: Service, outbox: Outbox, settings: Settings) -> None:
        self._service = service
        self._outbox = outbox
        self._settings = settings

    async def run(self) -> None:
        """Post until cancelled. Without an address there is nothing to do."""
        settings = self._settings
        if not settings.webhook_url or settings.webhook_secret_file is None:
            return
        secret = settings.webhook_secret_file.read_text(encoding="utf-8").strip().encode()
        timeout = aiohttp.ClientTimeout(total=settings.webhook_timeout)
        async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False) as session:
            while True:
                if not await self._round(session, secret):
                    await asyncio.sleep(LOOK_EVERY)

    async def _round(self, session: aiohttp.ClientSession, secret: bytes) -> bool:
        pool = self._service.pool
        await pool.execute(QUEUE)
        claimed = await pool.fetch(CLAIM, AT_ONCE, 3 * self._settings.webhook_timeout)
        if not claimed:
            return False
        told = await self._outbox.told({r["message"]: r["sequence"] for r in claimed})
        says = {one.sequence: one.state for one in told}
        # All to their end, then the first fault by itself: whoever begins this anew knows lost databases, not groups of faults.
        ended = await asyncio.gather(
            *(self._deliver(session, secret, row, says.get(row["sequence"])) for row in claimed), return_exceptions=True
        )
        for fault in ended:
            if fault is not None:
                raise fault
        return True

    async def _deliver(
        self, session: aiohttp.ClientSession, secret: bytes, row: asyncpg.Record, state: ConsentState | None
    ) -> None:
        if state is None:  # erased meanwhile: there is nothing to say any more
            await self._service.pool.execute(SETTLE, row["sequence"], "delivered", None, 0.0)
            return
        fault = await self._post(session, secret, state, row["tries"])
        if fault is None:
            POSTS.labels("delivered").inc()
            await self._service.pool.execute(SETTLE, row["sequence"], "delivered", None, 0.0)
            return
        dead = row["tries"] >= self._settings.webhook_tries
        POSTS.labels("dead" if dead else "failed").inc()
        log.warning("webhook failed", message=str(row["message"]), tries=row["tries"], fault=fault, dead=dead)
        wait = pause(row["tries"], self._settings.webhook_first_pause)
        await self._service.pool.execute(SETTLE, row["sequence"], "dead" if dead else "waiting", fault, wait)

    async def _post(self, session: aiohttp.ClientSession, secret: bytes, state: ConsentState, tries: int) -> str | None:
        """Post once; give what went wrong."""
        body = state.model_dump_json().encode()
        headers = {
            "Content-Type": "application/json",
            "X-GDPR-Signature": signature(secret, body, int(time.time())),
            "X-GDPR-Message": str(state.message),
            "X-GDPR-Try": str(tries),
        }
        try:
            async with session.post(
                self._settings.webhook_url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return None if 200 <= answer.status < 300 else f"status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return type(error).__name__

    async def queue(self, states: list[str], limit: int) -> list[Queued]:
        """Give the posts in these states: what is to be done oldest first, what is done newest first."""
        order = "DESC" if states == ["delivered"] else "ASC"
        rows = await self._service.pool.fetch(
            "SELECT sequence, message, subject, state, tries, next_try, last_try, last_fault FROM webhooks"  # noqa: S608
            f" WHERE state = ANY($1) ORDER BY sequence {order} LIMIT $2",
            states,
            limit,
        )
        return [Queued(*row) for row in rows]

    async def retry(self, message: UUID) -> bool:
        """Try a post again, from the first try on. Gives whether there is one that waits or is dead."""
        status = await self._service.pool.execute(
            "UPDATE webhooks SET state = 'waiting', tries = 0, next_try = now() WHERE message = $1 AND state <> 'delivered'",
            message,
        )
        return status != "UPDATE 0"
