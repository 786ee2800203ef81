"""Takes over what the gateway tells: webhooks as they come, and the feed for what came while nobody listened.

A webhook counts if it is signed (HMAC-SHA256 over ``timestamp.body`` by the shared secret) and not older than five minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from demo_crm.sending import Gateway, NoAnswer
from demo_crm.settings import Settings
from demo_crm.store import Store, Told

log = logging.getLogger(__name__)

TOLERANCE_SECONDS = 300
MOST_BYTES = 64_000
SIGNATURE = "X-GDPR-Signature"
READ_AGAIN_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
STATES = frozenset(("given", "withdrawn", "refused", "expired", "invalidated"))


class Forged(Exception):
    """The webhook is not from the gateway, or not from just now; the text says why not."""


class Strange(Exception):
    """The message is not one that this CRM understands."""


def verify(secret: bytes, header: str, body: bytes, now: float) -> None:
    """Check the signature ``t=TIMESTAMP,v1=HEX[,v1=HEX]``. Raises ``Forged``."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    if len(stamps) != 1 or not signatures or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise Forged("the signature is missing or has another form")
    expected = hmac.new(secret, f"{stamps[0]}.".encode() + body, hashlib.sha256).hexdigest().encode()
    # All of them are compared, so that the time taken tells nothing.
    if not any([hmac.compare_digest(expected, one.encode()) for one in signatures]):  # noqa: C419
        raise Forged("the signature does not fit the secret")
    if abs(now - int(stamps[0])) > TOLERANCE_SECONDS:
        raise Forged("the timestamp is older or newer than five minutes")


def understand(said: Mapping[str, Any]) -> Told:
    """Read a message. Raises ``Strange``."""
    try:
        if said["type"] != "gdpr.consent.changed" or said["state"] not in STATES:
            raise Strange("this CRM knows only gdpr.consent.changed")
        since = datetime.fromisoformat(said["since"])
        wording = said.get("wording") or {}
        return Told(
            message=str(UUID(said["message"])),
            customer=str(said["crm_ref"]),
            kind=str(said["kind"]),
            state=str(said["state"]),
            since=since.astimezone(UTC).isoformat(),
            method=said.get("method"),
            wording=wording.get("version"),
            event=said.get("event"),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Strange("something in the message is missing or has another form") from None


async def _body(request: web.Request) -> bytes:
    """Give the whole body, however many pieces it comes in."""
    body = b""
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > MOST_BYTES:
            raise web.HTTPRequestEntityTooLarge(MOST_BYTES, len(body))
    return body


class Receiver:
    """``changed`` is called with each customer of whom there is news, ``answered`` when there is an answer to send."""

    def __init__(
        self,
        store: Store,
        gateway: Gateway,
        settings: Settings,
        *,
        changed: Callable[[str], None],
        answered: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._gateway = gateway
        self._settings = settings
        self._changed = changed
        self._answered = answered
        self._clock = clock
        self.fault: str | None = None

    async def webhook(self, request: web.Request) -> web.Response:
        """``POST /webhooks/gdpr``: 204 once it is written down, so that the gateway need not post it again."""
        body = await _body(request)
        secret = self._settings.webhook_secret_file.read_text(encoding="utf-8").strip().encode()
        try:
            verify(secret, request.headers.get(SIGNATURE, ""), body, self._clock().timestamp())
        except Forged as why:
            log.warning("webhook refused: %s", why)
            return web.json_response({"refused": str(why)}, status=401)
        try:
            said = json.loads(body)
        except ValueError:
            return web.json_response({"refused": "the body is not JSON"}, status=400)
        if not isinstance(said, dict):
            return web.json_response({"refused": "the body is not an object"}, status=400)
        self.take(said, "webhook")
        return web.Response(status=204)

    def take(self, said: Mapping[str, Any], door: str) -> None:
        """Write a message down and answer it, whichever way it came."""
        at = self._clock().isoformat()
        try:
            told = understand(said)
        except Strange as why:
            log.warning("message not understood: %s", why)
            self._refuse(said, door, at, str(why))
            return
        if self._store.take_over(told, door, at):
            self._changed(told.customer)
            self._answered()

    def _refuse(self, said: Mapping[str, Any], door: str, at: str, why: str) -> None:
        message, customer = said.get("message"), said.get("crm_ref")
        try:
            named = str(UUID(message)) if isinstance(message, str) else None
        except ValueError:
            named = None
        if named and isinstance(customer, str) and customer:
            self._store.refuse(named, customer, door, at, f"Not understood: {why}.")
            self._answered()

    async def follow(self) -> None:
        """Read the feed from where we were, then now and again: a webhook that was given up is found there."""
        pause = FIRST_PAUSE
        while True:
            try:
                while await self.catch_up():
                    pass
            except NoAnswer as error:
                self.fault = str(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            self.fault, pause = None, FIRST_PAUSE
            await asyncio.sleep(READ_AGAIN_SECONDS)

    async def catch_up(self) -> bool:
        """Read one page of the feed; tells whether there may be more. Raises ``NoAnswer``."""
        said, position = await self._gateway.feed(self._store.position)
        for message in said:
            self.take(message, "feed")
        # Written after the messages: a kill in between reads them twice, which changes nothing.
        moved = position != self._store.position
        self._store.position = position
        return moved
