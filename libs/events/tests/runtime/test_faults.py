"""What is killed, repeated, broken or replaced loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from events.envelope import partition_of
from events.runtime.consuming import Consumer, Moved
from events.runtime.database import UNREACHABLE
from events.runtime.projecting import Projecting

from ..conftest import CONSENTS, Give, Withdraw, eventually, standing
from .test_life_of_an_event import log_of


async def fill(service: Any, people: int, changes: int = 2) -> list[Any]:
    ids = [uuid4() for _ in range(people)]
    for change in range(changes):
        command = Give if change % 2 == 0 else Withdraw
        await asyncio.gather(*(service.handler.handle(CONSENTS, command(subject=i), command_id=uuid4()) for i in ids))
    return ids


async def rows_of(service: Any) -> list[Any]:
    return sorted(await service.reader(standing).select(), key=lambda r: r.subject)


async def caught_up(service: Any, people: int, changes: int) -> Any:
    async def there() -> bool:
        rows = await rows_of(service)
        return len(rows) == people and all(r.changes == changes for r in rows)

    await eventually(there)


async def raw(settings: Any, topic: str, partition: int, *values: bytes) -> None:
    client = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await client.start()
    for value in values:
        await client.send_and_wait(settings.topic_prefix + topic, value, key=b"x", partition=partition)
    await client.stop()


async def test_repeats_in_the_log_change_nothing(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, projections=[standing]) as service:
        await fill(service, 10)
        await caught_up(service, 10, 2)
        before = await rows_of(service)
        log = await log_of(settings, "gdpr.consents")
        for partition, records in log.items():
            await raw(settings, "gdpr.consents", partition, *(r.value for r in records))
        (anna, *_) = await fill(service, 1)
        await eventually(lambda: service.reader(standing).get(anna, "newsletter"))

        async def withdrawn() -> bool:
            row = await service.reader(standing).get(anna, "newsletter")
            return bool(row and row.changes == 2)

        await eventually(withdrawn)
        assert [r for r in await rows_of(service) if r.subject != anna] == before


async def test_a_gap_stops_its_partition_and_no_other(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings) as writer:
        anna = uuid4()
        await writer.handler.handle(CONSENTS, Give(subject=anna), command_id=uuid4())
        await writer.handler.handle(CONSENTS, Withdraw(subject=anna), command_id=uuid4())
        rows = await writer.pool.fetch("SELECT value FROM events ORDER BY version")
    other = installation(kafka.bootstrap, kafka.is_apache).model_copy(
        update={"keys_database_url": settings.keys_database_url, "topic_prefix": f"gap{uuid4().hex[:6]}."}
    )
    async with service_of(other, projections=[standing]) as service:
        await eventually(lambda: not service.waits_for())
        here = partition_of(str(anna))
        await raw(other, "gdpr.consents", here, bytes(rows[1]["value"]))
        waits = await eventually(lambda: [w for w in service.waits_for() if "stopped" in w])
        assert "version 1 of stream is missing" in waits[0]
        assert not await service.reader(standing).get(anna, "newsletter")
        ben = next(u for u in iter(uuid4, None) if partition_of(str(u)) != here)
        await service.handler.handle(CONSENTS, Give(subject=ben), command_id=uuid4())
        await eventually(lambda: service.reader(standing).get(ben, "newsletter"))


async def test_gaps_in_two_partitions_at_once_stop_both_and_end_nothing(
    installation: Any, service_of: Any, kafka: Any
) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    people: dict[int, Any] = {}
    while len(people) < 3:
        person = uuid4()
        people.setdefault(partition_of(str(person)), person)
    (_, anna), (_, ben), (there, zoe) = people.items()
    async with service_of(settings) as writer:
        for person in (anna, ben, zoe):
            await writer.handler.handle(CONSENTS, Give(subject=person), command_id=uuid4())
            await writer.handler.handle(CONSENTS, Withdraw(subject=person), command_id=uuid4())
        second = await writer.pool.fetch(
            "SELECT partition, value FROM events WHERE version = 2 AND partition <> $1", there
        )
        first = await writer.pool.fetchval("SELECT value FROM events WHERE version = 1 AND partition = $1", there)
    other = installation(kafka.bootstrap, kafka.is_apache).model_copy(
        update={"keys_database_url": settings.keys_database_url, "topic_prefix": f"gaps{uuid4().hex[:6]}."}
    )
    async with service_of(other) as service:  # nobody reads yet, so that both come in one batch
        await eventually(lambda: not service.waits_for())
    for row in second:
        await raw(other, "gdpr.consents", row["partition"], bytes(row["value"]))
    async with service_of(other, projections=[standing]) as service:
        await eventually(lambda: len([w for w in service.waits_for() if "stopped" in w]) == 2)
        await raw(other, "gdpr.consents", there, bytes(first))
        await eventually(lambda: service.reader(standing).get(zoe, "newsletter"))


async def test_poison_stops_its_partition_before_itself(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, projections=[standing]) as service:
        (anna,) = await fill(service, 1, 1)
        await eventually(lambda: service.reader(standing).get(anna, "newsletter"))
        await raw(settings, "gdpr.consents", partition_of(str(anna)), b'{"not": "an envelope"}')
        waits = await eventually(lambda: [w for w in service.waits_for() if "stopped" in w])
        assert "stopped at offset 1" in waits[0]
        # What the process knows, the table says a moment later.
        stored = await eventually(lambda: service.pool.fetchrow("SELECT * FROM positions WHERE halted IS NOT NULL"))
        assert stored["next_offset"] == 1


async def test_a_broker_that_lost_its_log_is_filled_again(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, projections=[standing]) as service:
        await fill(service, 12, 3)
        await caught_up(service, 12, 3)
        before = await rows_of(service)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.delete_topics([settings.topic_prefix + "gdpr.consents"])
    await admin.close()
    async with service_of(settings, projections=[standing]) as service:

        async def refilled() -> bool:
            with contextlib.suppress(Exception):
                log = await log_of(settings, "gdpr.consents")
                return sum(map(len, log.values())) == 36
            return False

        await eventually(refilled, 30)
        (zoe,) = await fill(service, 1, 1)
        await eventually(lambda: service.reader(standing).get(zoe, "newsletter"), 30)
        assert [r for r in await rows_of(service) if r.subject != zoe] == before
        assert await service.runners["standing"].rebuild() == 13
        assert [r for r in await rows_of(service) if r.subject != zoe] == before


async def test_two_processes_share_the_partitions_and_a_dead_one_is_replaced(
    installation: Any, service_of: Any, kafka: Any
) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, projections=[standing]) as first:
        async with service_of(settings, projections=[standing]) as second:

            def shared() -> bool:
                sizes = [
                    len(s.runners["standing"].consumer.positions)
                    for s in (first, second)
                    if s.runners["standing"].consumer
                ]
                return sizes == [3, 3]

            await eventually(shared)
            await fill(first, 30, 2)
            await caught_up(second, 30, 2)
        await eventually(lambda: len(first.runners["standing"].consumer.positions) == 6)
        await fill(first, 10, 2)
        await caught_up(first, 40, 2)


async def test_a_zombie_commits_nothing(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, projections=[standing]) as service:
        await fill(service, 6, 1)
        await caught_up(service, 6, 1)
        what = Projecting(standing, 1, service.pool, service.keys, service._hashing, "standing")
        zombie = Consumer(settings, service.pool, service.keys, what)
        living = service.runners["standing"].consumer
        from events.runtime.consuming import Batch, Position

        place = next(p for p, position in living.positions.items() if position.next_offset)
        stale = Batch([], {place: (0, Position(99, uuid4()))})
        async with service.pool.acquire() as connection:
            with pytest.raises(Moved):
                async with connection.transaction():
                    await zombie._move(connection, stale)
        stored = await service.pool.fetchval(
            "SELECT next_offset FROM positions WHERE topic = $1 AND partition = $2", place.topic, place.partition
        )
        assert stored == living.positions[place].next_offset


async def test_a_service_waits_for_its_database_and_says_so(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    async with service_of(away, ready=False) as service:
        await asyncio.sleep(0.3)
        assert any(w.startswith("database:") for w in service.waits_for())


async def test_a_lost_database_connection_ends_nothing(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, projections=[standing]) as service:
        await fill(service, 5, 1)
        await caught_up(service, 5, 1)
        connection = await asyncpg.connect(settings.database_url)
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.close()

        async def again() -> bool:
            try:
                await service.handler.handle(CONSENTS, Give(subject=uuid4()), command_id=uuid4())
            except UNREACHABLE:
                return False
            return True

        await eventually(again)
        await caught_up(service, 6, 1)
