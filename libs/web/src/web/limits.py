"""Rate limits: so many at once, so many a minute, for each key (an account, an address, a session).

In-process: with several processes each has its own. It keeps guessing slow; it is no accounting.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from aiohttp import web as http

from web.problems import Problem

MOST_KEYS = 50_000


class Limit:
    """A token bucket for each key: ``burst`` at once, refilled with ``per_minute``."""

    def __init__(
        self, *, burst: int, per_minute: float, clock: Callable[[], float] = time.monotonic, most_keys: int = MOST_KEYS
    ) -> None:
        self._burst = float(burst)
        self._rate = per_minute / 60
        self._clock = clock
        self._most = most_keys
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, key: str) -> float:
        """Take one, and give 0; or give the seconds until there is one again."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        wait = 0.0
        if tokens >= 1:
            tokens -= 1
        else:
            wait = (1 - tokens) / self._rate
        if len(self._buckets) >= self._most:
            self._forget(now)
        self._buckets[key] = (tokens, now)
        return wait

    def take(self, key: str) -> None:
        """Take one. Raises ``Problem`` 429 with ``Retry-After`` where there is none."""
        if wait := self.wait(key):
            seconds = max(1, math.ceil(wait))
            raise Problem(
                "too-many",
                f"Too many in a short time. Wait {seconds} seconds and try again.",
                status=429,
                headers={"Retry-After": str(seconds)},
            )

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again, and if that frees nothing, the one that was used longest ago."""
        full = [key for key, (tokens, at) in self._buckets.items() if tokens + (now - at) * self._rate >= self._burst]
        for key in full or [next(iter(self._buckets))]:
            del self._buckets[key]


def address_of(request: http.Request, *, proxies: int = 0) -> str:
    """Give the address that a request comes from; ``proxies``: how many proxies of ours stand before us.

    Each of ours appends the address it saw to ``X-Forwarded-For``; what stands before those, anybody may have written.
    """
    seen = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    return seen[-proxies] if 0 < proxies <= len(seen) else (request.remote or "")
