"""A read model that is written with the append is never behind it, and rebuilds to the same rows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from events.projecting import Projection
from events.runtime import projecting
from events.runtime.handling import Wanted

from ..conftest import CONSENTS, Give, Withdraw, eventually, standing

AT_ONCE: Projection[Any] = replace(standing, table="standing_at_once")


async def test_what_was_acknowledged_can_be_read_at_once(installation: Any, service_of: Any) -> None:
    async with service_of(installation(), alongside={"consents": [AT_ONCE]}) as service:
        rows = service.reader(AT_ONCE)
        for _ in range(10):
            anna = uuid4()
            await service.handler.handle(CONSENTS, Give(subject=anna), command_id=uuid4())
            assert (await rows.get(anna, "newsletter")).state == "given"
            await service.handler.handle(CONSENTS, Withdraw(subject=anna), command_id=uuid4())
            assert (await rows.get(anna, "newsletter")).state == "withdrawn"


async def test_a_rebuild_under_load_gives_the_same_rows(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, alongside={"consents": [AT_ONCE]}, projections=[standing]) as service:
        people = [uuid4() for _ in range(20)]
        done = False

        async def load() -> int:
            count = 0
            while not done:
                for person in people:
                    command = Give if count % 2 == 0 else Withdraw
                    await service.handler.handle(CONSENTS, command(subject=person), command_id=uuid4())
                count += 1
            return count

        loading = asyncio.create_task(load())

        async def everyone() -> bool:
            return len(await service.reader(AT_ONCE).select()) == 20

        await eventually(everyone)
        for _ in range(2):
            assert await service.runners["standing_at_once"].rebuild() == 20
            assert await service.runners["standing"].rebuild() == 20
        done = True
        count = await loading
        rows = await service.reader(AT_ONCE).select()
        assert {r.changes for r in rows} == {count}

        async def same() -> bool:
            other = await service.reader(standing).select()
            return {r.subject: r for r in other} == {r.subject: r for r in rows}

        await eventually(same)


async def test_a_rebuild_that_waits_for_a_lost_broker_gives_up_and_lets_writers_go_on(
    installation: Any, service_of: Any, kafka: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projecting, "STANDSTILL_SECONDS", 1.0)
    settings = installation(kafka.bootstrap, kafka.is_apache)
    async with service_of(settings, alongside={"consents": [AT_ONCE]}) as service:
        anna, ben = uuid4(), uuid4()
        service.relay.hold = True
        await service.handler.handle(CONSENTS, Give(subject=anna), command_id=uuid4())
        with pytest.raises(projecting.Abandoned):
            await service.runners["standing_at_once"].rebuild()
        async with asyncio.timeout(5):
            await service.handler.handle(CONSENTS, Give(subject=ben), command_id=uuid4())
        service.relay.hold = False
        assert await service.runners["standing_at_once"].rebuild() == 2


async def test_several_rebuilds_at_once_starve_nobody(installation: Any, service_of: Any, kafka: Any) -> None:
    """Appends that wait for the swap hold every connection, and the rebuilds that they wait for still come to their end."""
    settings = installation(kafka.bootstrap, kafka.is_apache).model_copy(update={"pool_size": 3})
    async with service_of(settings, alongside={"consents": [AT_ONCE]}, projections=[standing]) as service:
        people = [uuid4() for _ in range(12)]
        done = False

        async def load(person: Any) -> None:
            while not done:
                for command in (Give, Withdraw):
                    wanted = Wanted(decider=CONSENTS, command=command(subject=person), id=uuid4())
                    await service.handler.handle_many([wanted])

        loading = [asyncio.create_task(load(person)) for person in people]

        async def everyone() -> bool:
            return len(await service.reader(standing).select()) == len(people)

        await eventually(everyone)
        async with asyncio.timeout(40):
            runners = service.runners
            rows = await asyncio.gather(runners["standing_at_once"].rebuild(), runners["standing"].rebuild())
        done = True
        await asyncio.gather(*loading)
        assert rows == [len(people)] * 2
