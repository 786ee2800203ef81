"""aiokafka lets cancellations of its own tasks out, and keeps ours: neither may end a loop that is to run, nor keep one alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from events.runtime import service
from events.runtime.consuming import Consumer
from events.runtime.kafka import stopped
from events.runtime.relay import Relay
from events.runtime.service import _forever


class LetsOut:
    """A client whose stop raises the cancellation of one of its own tasks, as a consumer does while the broker is away."""

    async def stop(self) -> None:
        fetching = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        fetching.cancel()
        await fetching


class Keeps:
    """A client whose stop does not care that it is cancelled."""

    async def stop(self) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue


async def test_stopping_a_client_lets_no_foreign_cancellation_out() -> None:
    await stopped(LetsOut())
    await stopped(Keeps(), 0.05)


async def test_stopping_a_client_keeps_no_cancellation_of_ours() -> None:
    task = asyncio.create_task(stopped(Keeps(), 60))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


def a_consumer(once: Callable[[], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
    made = Consumer.__new__(Consumer)
    made._consume = once  # type: ignore[method-assign]
    made._what = type("What", (), {"name": "standing#1"})()
    return made.run()


def a_relay(once: Callable[[], Coroutine[Any, Any, None]]) -> Coroutine[Any, Any, None]:
    made = Relay.__new__(Relay)
    made._lead = once  # type: ignore[method-assign]
    return made.run()


@pytest.mark.parametrize("running", [a_consumer, a_relay, _forever], ids=["consumer", "relay", "background task"])
async def test_what_runs_for_ever_survives_a_foreign_cancellation_and_ends_at_its_own(running: Any) -> None:
    times = 0

    async def once() -> None:
        nonlocal times
        times += 1
        if times == 1:
            await LetsOut().stop()
        await asyncio.sleep(60)

    task = asyncio.create_task(running(once))
    async with asyncio.timeout(5):
        while times < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_background_task_that_fails_begins_anew_and_is_said_to_have_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "FIRST_PAUSE", 0.01)
    times, said = 0, []

    async def fails() -> None:
        nonlocal times
        times += 1
        if times < 3:
            raise ValueError("erika@example.org")

    await _forever(fails, said.append)
    assert times == 3
    assert said == ["ValueError", None] * 2
