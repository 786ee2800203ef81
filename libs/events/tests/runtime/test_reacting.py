"""Reactions that meet somebody who has been erased meanwhile go on with everybody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from events.catalogue.consents import ConsentWithdrawn
from events.deciding import Refused
from events.envelope import partition_of
from events.errors import TooLarge
from events.projecting import reaction

from ..conftest import CONSENTS, Give, Withdraw, eventually

ANSWERS = replace(CONSENTS, name="answers", stream=lambda c: f"answers-{c.subject}")


@reaction(name="answer", to=(ConsentWithdrawn,), decider=ANSWERS)
def answer(e: Any) -> Give:
    return Give(subject=e.subject, kind="answer")


async def test_the_erased_are_passed_over_and_nobody_else(installation: Any, service_of: Any, kafka: Any) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    people = anna, *_ = [uuid4() for _ in range(8)]
    async with service_of(settings) as service:
        for person in people:
            await service.handler.handle(CONSENTS, Give(subject=person), command_id=uuid4())
        await service.keys.destroy({anna: uuid4()})
        for person in people:
            await service.handler.handle(CONSENTS, Withdraw(subject=person), command_id=uuid4())
    async with service_of(settings, reactions=[answer]) as service:

        async def answered() -> bool:
            streams = await service.pool.fetch("SELECT stream FROM events WHERE stream LIKE 'answers-%'")
            return {r["stream"] for r in streams} >= {f"answers-{p}" for p in people if p != anna}

        await eventually(answered)
        assert not await service.pool.fetchval("SELECT count(*) FROM events WHERE stream = $1", f"answers-{anna}")
        await eventually(lambda: not service.waits_for())


async def test_what_was_refused_stays_refused_when_the_log_is_read_again(
    installation: Any, service_of: Any, kafka: Any
) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    anna, forbidden = uuid4(), True

    def decide(now: Any, wanted: Any) -> Any:
        if forbidden:
            raise Refused("forbidden", "Not today.")
        yield from ANSWERS.decide(now, wanted)

    @reaction(name="answer", to=(ConsentWithdrawn,), decider=replace(ANSWERS, decide=decide))
    def strict(e: Any) -> Give:
        return Give(subject=e.subject, kind="answer")

    async def read() -> bool:
        return bool(await service.pool.fetchval("SELECT sum(next_offset) FROM positions WHERE name = 'reactions'") == 2)

    async with service_of(settings, reactions=[strict]) as service:
        await service.handler.handle(CONSENTS, Give(subject=anna), command_id=uuid4())
        await service.handler.handle(CONSENTS, Withdraw(subject=anna), command_id=uuid4())
        await eventually(read)
        await service.pool.execute("UPDATE positions SET next_offset = 0, last_id = NULL")
    forbidden = False
    async with service_of(settings, reactions=[strict]) as service:
        await eventually(read)
        assert not await service.pool.fetchval("SELECT count(*) FROM events WHERE stream = $1", f"answers-{anna}")


async def test_a_command_that_cannot_be_recorded_stops_its_partition_and_not_the_service(
    installation: Any, service_of: Any, kafka: Any
) -> None:
    settings = installation(kafka.bootstrap, kafka.is_apache)
    people = anna, *others = [uuid4() for _ in range(8)]

    def decide(now: Any, wanted: Any) -> Any:
        if wanted.subject == anna:
            raise TooLarge("an event may have 900 kB at the most")
        yield from ANSWERS.decide(now, wanted)

    @reaction(name="answer", to=(ConsentWithdrawn,), decider=replace(ANSWERS, decide=decide))
    def large(e: Any) -> Give:
        return Give(subject=e.subject, kind="answer")

    elsewhere = {f"answers-{p}" for p in others if partition_of(str(p)) != partition_of(str(anna))}
    async with service_of(settings, reactions=[large]) as service:
        for person in people:
            await service.handler.handle(CONSENTS, Give(subject=person), command_id=uuid4())
            await service.handler.handle(CONSENTS, Withdraw(subject=person), command_id=uuid4())

        async def answered() -> bool:
            streams = await service.pool.fetch("SELECT stream FROM events WHERE stream LIKE 'answers-%'")
            return {r["stream"] for r in streams} >= elsewhere

        await eventually(answered)
        waits = await eventually(lambda: [w for w in service.waits_for() if "stopped" in w])
        assert "answer cannot take ConsentWithdrawn: TooLarge" in waits[0]
