"""From a command to a row in another process, on real PostgreSQL and a real broker."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from events.catalogue import PARTITIONS
from events.catalogue.vocabulary import ERASED
from events.deciding import Refused
from events.envelope import decode_envelope

from ..conftest import CONSENTS, Forbidden, Give, Withdraw, eventually, standing


async def log_of(settings: Any, topic: str) -> dict[int, list[Any]]:
    from aiokafka.structs import TopicPartition

    client = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False)
    await client.start()
    try:
        places = [TopicPartition(settings.topic_prefix + topic, p) for p in range(PARTITIONS)]
        client.assign(places)
        ends = await client.end_offsets(places)
        for place in places:
            client.seek(place, 0)
        found: dict[int, list[Any]] = {p: [] for p in range(PARTITIONS)}
        while sum(map(len, found.values())) < sum(ends.values()):
            for place, records in (await client.getmany(timeout_ms=200)).items():
                found[place.partition] += records
        return found
    finally:
        await client.stop()


async def test_a_command_becomes_a_row(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, projections=[standing]) as service:
        anna = uuid4()
        given = await service.handler.handle(CONSENTS, Give(subject=anna), command_id=uuid4())
        assert given.version == 1
        await service.handler.handle(CONSENTS, Withdraw(subject=anna), command_id=uuid4())
        rows = service.reader(standing)

        async def withdrawn() -> Any:
            row = await rows.get(anna, "newsletter")
            return row if row and row.changes == 2 else None

        row = await eventually(withdrawn)
        assert row.state == "withdrawn"
        assert row.evidence == "ticked on 3 May by Zoë Čapek"
        found = await rows.select("WHERE t.words @> ARRAY[$1::bigint]", rows.hashed("čapek"))
        assert [r.subject for r in found] == [anna]
        log = await log_of(settings, "gdpr.consents")
        values = [r.value for records in log.values() for r in records]
        assert [decode_envelope(v).type for v in values] == ["ConsentGiven", "ConsentWithdrawn"]
        assert not any("Čapek".encode() in v or b"ticked" in v for v in values)


async def test_a_repeated_command_gets_the_first_answer(installation: Any, service_of: Any) -> None:
    async with service_of(installation()) as service:
        anna, command = uuid4(), uuid4()
        first = await service.handler.handle(CONSENTS, Give(subject=anna), command_id=command)
        await service.handler.handle(CONSENTS, Withdraw(subject=anna), command_id=uuid4())
        again = await service.handler.handle(CONSENTS, Give(subject=anna), command_id=command)
        assert again.repeated
        assert [e.id for e in again.events] == [e.id for e in first.events]
        assert again.version == 1
        with pytest.raises(Refused, match="used for another"):
            await service.handler.handle(CONSENTS, Give(subject=uuid4()), command_id=command)
        with pytest.raises(Refused) as refusal:
            await service.handler.handle(CONSENTS, Forbidden(subject=anna), command_id=uuid4())
        assert refusal.value.slug == "forbidden"


async def test_of_many_at_once_exactly_one_decides(installation: Any, service_of: Any) -> None:
    async with service_of(installation()) as service:
        anna = uuid4()
        answers = await asyncio.gather(
            *(service.handler.handle(CONSENTS, Give(subject=anna), command_id=uuid4()) for _ in range(12))
        )
        assert sum(len(a.events) for a in answers) == 1
        tried = await asyncio.gather(
            *(
                service.handler.handle(CONSENTS, Give(subject=anna, kind=f"k{i}"), command_id=uuid4(), expected=1)
                for i in range(8)
            ),
            return_exceptions=True,
        )
        assert sum(not isinstance(t, Exception) for t in tried) == 1


async def test_after_the_key_is_destroyed_nothing_yields_a_value(
    installation: Any, service_of: Any, kafka: Any
) -> None:
    from events.errors import Fenced

    settings = installation(kafka.bootstrap, kafka.is_apache)
    anna, ben = uuid4(), uuid4()
    async with service_of(settings, projections=[standing]) as service:
        for person in (anna, ben):
            await service.handler.handle(CONSENTS, Give(subject=person), command_id=uuid4())
        rows = service.reader(standing)
        await eventually(lambda: rows.get(anna, "newsletter"))
        await eventually(lambda: rows.get(ben, "newsletter"))
        assert await service.keys.destroy({anna: uuid4()}) == 1
        assert (await rows.get(anna, "newsletter")).evidence is ERASED
        assert (await rows.get(ben, "newsletter")).evidence != ERASED
        with pytest.raises(Fenced):
            await service.handler.handle(CONSENTS, Give(subject=anna, kind="other"), command_id=uuid4())
        await service.handler.handle(CONSENTS, Withdraw(subject=anna), command_id=uuid4())
        assert await service.runners["standing"].rebuild() == 2
        row = await rows.get(anna, "newsletter")
        assert row.evidence is ERASED
        assert row.state == "withdrawn"
    async with service_of(settings, projections=[standing]) as service:
        assert (await service.reader(standing).get(anna, "newsletter")).evidence is ERASED
