"""Where a log ends, on the embedded broker: asked for the end, it counts its last batch as one record."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.structs import TopicPartition

from events.runtime import metrics, relay
from events.runtime.kafka import consumer, last_records
from stack.broker import start_broker

from ..conftest import CONSENTS, Give, eventually, standing


async def test_a_batch_of_several_events_is_no_other_log(
    installation: Any, service_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LOOK_SECONDS", 0.2)
    broker = start_broker()
    try:
        settings = installation(broker.bootstrap, False)
        anna = uuid4()
        anew = metrics.FOREIGN_LOGS.labels("standing#1")
        before = anew._value.get()
        async with service_of(settings, projections=[standing]) as service:
            await eventually(lambda: service.relay.leads and not service.waits_for())
            service.relay.hold = True
            for number in range(5):
                await service.handler.handle(CONSENTS, Give(subject=anna, kind=f"k{number}"), command_id=uuid4())
            service.relay.hold = False
            rows = service.reader(standing)

            async def all_there() -> bool:
                return len(await rows.select("WHERE t.subject = $1", anna)) == 5

            await eventually(all_there)
            for _ in range(10):
                await asyncio.sleep(0.1)
                assert service.relay.waits_for is None
        async with service_of(settings, projections=[standing]) as service:
            await eventually(lambda: service.relay.leads and not service.waits_for())
            await service.handler.handle(CONSENTS, Give(subject=anna, kind="k5"), command_id=uuid4())

            async def one_more() -> bool:
                return len(await service.reader(standing).select("WHERE t.subject = $1", anna)) == 6

            await eventually(one_more)
        assert anew._value.get() == before

        client = consumer(settings, client="test")
        await client.start()
        places = [TopicPartition(f"{settings.topic_prefix}gdpr.consents", number) for number in range(6)]
        ends = sum(record.offset + 1 for record in (await last_records(client, places)).values() if record)
        await client.stop()
        assert ends == 6
    finally:
        broker.stop()
