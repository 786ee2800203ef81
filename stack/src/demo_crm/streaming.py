"""Open pages hear of changes: server-sent events that name the customer, so that a page fetches itself anew."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

HEARTBEAT_SECONDS = 15.0
RECONNECT = b"retry: 1000\n\n"
HEARTBEAT = b": still here\n\n"
MOST_WAITING = 100


class Stream:
    """Everybody who listens at this moment."""

    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    def tell(self, customer: str) -> None:
        """Tell all open pages that a customer changed; a page that does not listen any more misses it."""
        for listener in self._listeners:
            with contextlib.suppress(asyncio.QueueFull):
                listener.put_nowait(customer)

    def close(self) -> None:
        """End all streams; pages connect anew to whoever comes after us."""
        self._closed = True
        for listener in self._listeners:
            while not listener.empty():
                listener.get_nowait()
            listener.put_nowait(None)

    async def listen(self) -> AsyncIterator[bytes]:
        """Give what to write to one open page, until ``close``."""
        listener: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)
        self._listeners.add(listener)
        try:
            yield RECONNECT
            while not self._closed:
                try:
                    customer = await asyncio.wait_for(listener.get(), HEARTBEAT_SECONDS)
                except TimeoutError:
                    yield HEARTBEAT
                    continue
                if customer is None:
                    return
                yield f"event: changed\ndata: {json.dumps({'customer': customer})}\n\n".encode()
        finally:
            self._listeners.discard(listener)
