"""How many requests, how fast, with which outcome: counted by route pattern, as Prometheus reads it.

Plain numbers, since one event loop counts: a hot route pays well under a microsecond for them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate

from prometheus_client import REGISTRY
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Requests(Collector):
    """The histogram of requests of this process."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, int], list[int]] = {}
        self._seconds: dict[tuple[str, str, int], float] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method, route, status)
        buckets = self._buckets.get(key)
        if buckets is None:
            buckets = self._buckets[key] = [0] * (len(BOUNDS) + 1)
            self._seconds[key] = 0.0
        buckets[bisect_left(BOUNDS, seconds)] += 1
        self._seconds[key] += seconds

    def collect(self) -> Iterable[Metric]:
        """Give what has been counted."""
        family = HistogramMetricFamily(
            "gdpr_http_request_seconds", "From request to answer.", labels=["method", "route", "status"]
        )
        names = [*(str(bound) for bound in BOUNDS), "+Inf"]
        for (method, route, status), buckets in self._buckets.items():
            family.add_metric(
                [method, route, str(status)],
                buckets=list(zip(names, accumulate(buckets), strict=True)),
                sum_value=self._seconds[method, route, status],
            )
        yield family


REQUESTS = Requests()
REGISTRY.register(REQUESTS)
