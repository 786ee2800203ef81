"""Says at the gateway's door what happened here, in order, again and again until there is an answer to each message."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import aiohttp

from demo_crm.settings import Settings
from demo_crm.store import Store

log = logging.getLogger(__name__)

AT_ONCE = 200
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
TIMEOUT = aiohttp.ClientTimeout(total=30.0)
NDJSON = "application/x-ndjson"


class NoAnswer(Exception):
    """The gateway did not answer as it should; the text says how, without what was sent."""


class Gateway:
    """The gateway's door, as this CRM uses it."""

    def __init__(self, settings: Settings, http: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._http = http

    async def say(self, said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Post messages; gives the outcome of each. Raises ``NoAnswer``."""
        body = b"\n".join(json.dumps(one, ensure_ascii=False).encode() for one in said)
        outcomes = await self._ask("POST", "/v1/crm/events", data=body, headers={"Content-Type": NDJSON})
        if not isinstance(outcomes, list) or len(outcomes) != len(said):
            raise NoAnswer("the answer has another length than the question")
        return outcomes

    async def feed(self, after: int) -> tuple[list[dict[str, Any]], int]:
        """Read the feed from a position; gives the messages and the next position. Raises ``NoAnswer``."""
        told = await self._ask("GET", "/v1/crm/outbox", params={"after": str(after), "limit": "200"})
        return told["messages"], told["next"]

    async def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, **how: Any) -> Any:
        settings = self._settings
        try:
            # Read at each request: the token may be renewed while we run, or not be there yet.
            token = settings.crm_token_file.read_text(encoding="utf-8").strip()
            async with self._http.request(
                method,
                settings.crm_gateway_url + path,
                headers={"Authorization": f"Bearer {token}", **(headers or {})},
                timeout=TIMEOUT,
                **how,
            ) as answer:
                if answer.status != 200:
                    raise NoAnswer(f"status {answer.status}")
                return await answer.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise NoAnswer(type(error).__name__) from None


class Sender:
    """Sends what waits. ``changed`` is called with each customer of whom the gateway answered."""

    def __init__(self, store: Store, gateway: Gateway, changed: Callable[[str], None]) -> None:
        self._store = store
        self._gateway = gateway
        self._changed = changed
        self._something = asyncio.Event()
        self.fault: str | None = None
        """Why the last try failed; nothing once one succeeds."""

    def wake(self) -> None:
        """There is something to say."""
        self._something.set()

    async def run(self) -> None:
        """Send until cancelled."""
        pause = FIRST_PAUSE
        while True:
            self._something.clear()
            try:
                if await self._send():
                    self.fault, pause = None, FIRST_PAUSE
                    continue
            except NoAnswer as error:
                if self.fault is None:
                    log.warning("the gateway does not take messages over: %s", error)
                self.fault = str(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            self._store.introduce()
            await self._something.wait()

    async def _send(self) -> bool:
        """Send the next few; tells whether there were any."""
        waiting = self._store.waiting(AT_ONCE)
        if not waiting:
            return False
        outcomes = await self._gateway.say([message for _, message in waiting])
        self._store.answered({n: _why_not(outcome) for (n, _), outcome in zip(waiting, outcomes, strict=True)})
        for customer in {message["crm_ref"] for _, message in waiting}:
            self._changed(customer)
        return True


def _why_not(outcome: dict[str, Any]) -> str | None:
    if outcome.get("status") != "refused":
        return None
    return " ".join(
        str(part) for part in (outcome.get("pointer"), outcome.get("detail") or outcome.get("slug")) if part
    )
