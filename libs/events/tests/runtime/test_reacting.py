"""Reactions that meet somebody who has been erased meanwhile go on with everybody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from events.catalogue.consents import ConsentWithdrawn
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
