"""The services' HTTP doors, for clients that do what every client should: ask again under the same id until there is an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import aiohttp

from stack.running_stack import RunningStack

from .ledger import Answer

HURRY = 4.0
"""How long a client waits for an answer before it asks again."""


class Doors:
    """HTTP to the services, as somebody with a token."""

    def __init__(self, stack: RunningStack, http: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.http = http
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}

    def token(self, *roles: str) -> str:
        """Give a token of somebody with these roles, renewed in time."""
        token, until = self._tokens.get(roles, ("", 0.0))
        if time.monotonic() > until:
            token = self.stack.token("storm", *roles)
            self._tokens[roles] = token, time.monotonic() + 120
        return token

    async def ask(
        self, method: str, service: str, path: str, body: Any = None, *, roles: tuple[str, ...], key: UUID | None = None
    ) -> Answer:
        """Ask once. Raises what the loss of a connection raises."""
        headers = {"Authorization": f"Bearer {self.token(*roles)}"}
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        async with self.http.request(
            method,
            self.stack.url(service) + path,
            json=body,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=HURRY),
        ) as answer:
            return Answer(time.time(), answer.status, await answer.json(content_type=None))

    async def ask_until_answered(self, *asked: Any, on_try: Callable[[], None] = lambda: None, **how: Any) -> Answer:
        """Ask again until the answer is a yes or a no."""
        pause = 0.05
        while True:
            on_try()
            with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
                answer = await self.ask(*asked, **how)
                if answer.status < 500 and answer.status != 429:
                    return answer
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
