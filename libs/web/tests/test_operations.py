"""Administrators see how far read models are, and have them built anew."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from events.runtime.consuming import Halt, Position
from events.runtime.projecting import Abandoned
from web.operations import operations
from web.serving import application
from web.testing import Keys, client_of, somebody


class Runner:
    """A read model that is a little behind, and takes its time to be rebuilt."""

    name = "consents"

    def __init__(self) -> None:
        place = TopicPartition("gdpr.consents", 0)
        self.rebuilding = False
        self.go_on = asyncio.Event()
        self.fault: Exception | None = None
        self.consumer = SimpleNamespace(positions={place: Position(7)}, ends={place: 10}, halted={}, waits_for=None)

    async def rebuild(self) -> int:
        self.rebuilding = True
        await self.go_on.wait()
        self.rebuilding = False
        if self.fault:
            raise self.fault
        return 3


async def test_a_read_model_is_seen_and_rebuilt(keys: Keys) -> None:
    runner = Runner()
    service: Any = SimpleNamespace(runners={"consents": runner})
    app = application("tried", routes=operations(service), verifier=keys.verifier)
    admin = keys.header(somebody("admin"))
    async with client_of(app, headers=admin) as client:

        async def state() -> dict[str, Any]:
            async with client.get("/ops/projections") as answer:
                (one,) = (await answer.json())["projections"]
                return dict(one)

        assert (await state())["state"] == "serving"
        assert (await state())["lag"] == 3
        async with client.post("/ops/projections/consents/rebuild") as answer:
            assert answer.status == 202
        assert (await state())["state"] == "rebuilding"
        async with client.post("/ops/projections/consents/rebuild") as answer:
            assert (answer.status, (await answer.json(content_type=None))["type"][-17:]) == (409, "rebuild-under-way")
        runner.go_on.set()
        await asyncio.sleep(0.05)
        assert (await state())["state"] == "serving"
        async with client.post("/ops/projections/nothing/rebuild") as answer:
            assert answer.status == 404
    async with (
        client_of(app, headers=keys.header(somebody("staff"))) as client,
        client.get("/ops/projections") as answer,
    ):
        assert answer.status == 403


async def test_what_stands_still_and_what_came_to_nothing_are_said(keys: Keys) -> None:
    runner = Runner()
    place, stopped = runner.consumer.positions.copy().popitem()[0], TopicPartition("gdpr.consents", 1)
    runner.consumer.halted[stopped] = Halt(41, "version 1 of stream is missing before 2", 0.0)
    runner.consumer.ends[stopped] = 43
    service: Any = SimpleNamespace(runners={"consents": runner})
    app = application("tried", routes=operations(service), verifier=keys.verifier)
    async with client_of(app, headers=keys.header(somebody("admin"))) as client:

        async def state() -> dict[str, Any]:
            async with client.get("/ops/projections") as answer:
                (one,) = (await answer.json())["projections"]
                return dict(one)

        said = await state()
        assert (said["state"], said["lag"], said["rebuild_failed"]) == ("halted", 5, None)
        assert [(p["partition"], p["next_offset"], p["halted"]) for p in said["partitions"]] == [
            (place.partition, 7, None),
            (1, 41, "version 1 of stream is missing before 2"),
        ]
        runner.go_on.set()
        for fault, told in (
            (Abandoned("it met poison"), "it met poison"),
            (ValueError("erika@example.org"), "ValueError"),
        ):
            runner.fault = fault
            async with client.post("/ops/projections/consents/rebuild"):
                await asyncio.sleep(0.05)
            assert (await state())["rebuild_failed"] == told
        runner.fault = None
        async with client.post("/ops/projections/consents/rebuild"):
            await asyncio.sleep(0.05)
        assert (await state())["rebuild_failed"] is None
