"""So many at once, so many a minute, for each key."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request

from web.limits import Limit, address_of
from web.problems import Problem
from web.testing import Clock


def test_a_burst_passes_and_then_one_waits(clock: Clock) -> None:
    limit = Limit(burst=3, per_minute=6, clock=clock)
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 10]
    clock.now += 10
    assert limit.wait("a") == 0
    assert limit.wait("a") > 0


def test_each_key_has_its_own(clock: Clock) -> None:
    limit = Limit(burst=1, per_minute=1, clock=clock)
    assert limit.wait("a") == 0
    assert limit.wait("b") == 0


def test_a_refusal_says_when_to_come_back(clock: Clock) -> None:
    limit = Limit(burst=1, per_minute=1, clock=clock)
    limit.take("a")
    with pytest.raises(Problem) as refused:
        limit.take("a")
    assert refused.value.status == 429
    assert refused.value.headers["Retry-After"] == "60"


def test_memory_is_bounded_and_whoever_waits_is_not_forgotten_first(clock: Clock) -> None:
    limit = Limit(burst=2, per_minute=60, clock=clock, most_keys=10)
    for n in range(100):
        clock.now += 1
        limit.wait(f"k{n}")
    assert len(limit._buckets) <= 10
    limit.wait("greedy")
    limit.wait("greedy")
    for n in range(9):
        limit.wait(f"other{n}")
    assert limit.wait("greedy") > 0


def test_only_our_own_proxies_are_believed() -> None:
    request = make_mocked_request("GET", "/", headers={"X-Forwarded-For": "6.6.6.6, 10.0.0.7"})
    assert address_of(request) != "6.6.6.6"
    assert address_of(request, proxies=1) == "10.0.0.7"
    assert address_of(request, proxies=9) == address_of(request)
