"""Administrators see how far read models are, and have them built anew."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

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
        self.consumer = SimpleNamespace(
            positions={place: SimpleNamespace(next_offset=7)}, ends={place: 10}, halted={}, waits_for=None
        )

    async def rebuild(self) -> int:
        self.rebuilding = True
        await self.go_on.wait()
        self.rebuilding = False
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
