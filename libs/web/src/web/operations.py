"""What administrators do to a running service: see how far its read models are, and have one built anew."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from aiokafka.structs import TopicPartition
from pydantic import BaseModel, Field, StringConstraints

from events.runtime.consuming import Consumer
from events.runtime.logging import logger
from events.runtime.projecting import Abandoned, ProjectionRunner
from events.runtime.service import Service
from web.api import Call, Routes
from web.problems import Problem

log = logger(__name__)


class PartitionState(BaseModel):
    """How far a read model has read one partition, as far as this process knows it."""

    topic: str
    partition: int
    next_offset: int
    lag: int | None
    halted: str | None = None


class ProjectionState(BaseModel):
    """A read model of the service."""

    name: str
    state: Literal["serving", "rebuilding", "halted", "waiting"]
    rebuilding: bool
    rebuild_failed: str | None = Field(default=None, description="Why the last rebuild was given up.")
    waits_for: str | None = None
    lag: int
    partitions: list[PartitionState]


class Projections(BaseModel):
    """The read models of a service."""

    projections: list[ProjectionState]


class Started(BaseModel):
    """A rebuild that has begun."""

    name: str
    state: Literal["rebuilding"] = "rebuilding"


class Which(BaseModel):
    """The name of a read model."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}$")]


def operations(service: Service) -> Routes:
    """Give the routes under ``/ops``; ``routes.include(operations(service))``."""
    routes = Routes()
    under_way: set[asyncio.Task[None]] = set()
    failed: dict[str, str] = {}

    @routes.get("/ops/projections", answer=Projections, roles=("admin", "auditor", "dpo"))
    async def list_projections(_call: Call) -> Projections:
        """Show the read models: how far they are, what stopped."""
        return Projections(projections=[_state(one, failed.get(one.name)) for one in service.runners.values()])

    @routes.post(
        "/ops/projections/{name}/rebuild",
        params=Which,
        answer=Started,
        status=202,
        roles=("admin",),
        command=False,
        refusals=("rebuild-under-way",),
        problems={404: ("unknown-projection",)},
    )
    async def rebuild_projection(call: Call[None, None, Which]) -> Started:
        """Build a read model anew beside the living one, which serves until the swap."""
        name = call.path.name
        runner = service.runners.get(name)
        if runner is None:
            raise Problem(
                "unknown-projection", "There is no such read model. GET /ops/projections lists them.", status=404
            )
        if runner.rebuilding:
            raise Problem("rebuild-under-way", "It is being rebuilt already. Wait for that one.")
        failed.pop(name, None)
        task = asyncio.create_task(_rebuild(runner, failed))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        # So that whoever asks next is told of it.
        await asyncio.sleep(0)
        return Started(name=name)

    return routes


async def _rebuild(runner: ProjectionRunner, failed: dict[str, str]) -> None:
    try:
        rows = await runner.rebuild()
    except Exception as error:
        # Our own sentence, or no more than the kind of trouble: what others say may quote what stands in a row.
        failed[runner.name] = str(error) if isinstance(error, Abandoned) else type(error).__name__
        log.error("rebuild failed", projection=runner.name, exc_info=error)
    else:
        log.info("rebuilt", projection=runner.name, rows=rows)


def _state(runner: ProjectionRunner, failed: str | None) -> ProjectionState:
    consumer = runner.consumer
    places = sorted({*consumer.positions, *consumer.halted}) if consumer else []
    partitions = [_partition(consumer, place) for place in places] if consumer else []
    waits_for = consumer.waits_for if consumer else None
    state: Literal["serving", "rebuilding", "halted", "waiting"] = "serving"
    if runner.rebuilding:
        state = "rebuilding"
    elif any(part.halted for part in partitions):
        state = "halted"
    elif waits_for:
        state = "waiting"
    return ProjectionState(
        name=runner.name,
        state=state,
        rebuilding=runner.rebuilding,
        rebuild_failed=failed,
        waits_for=waits_for,
        lag=sum(part.lag or 0 for part in partitions),
        partitions=partitions,
    )


def _partition(consumer: Consumer, place: TopicPartition) -> PartitionState:
    halt = consumer.halted.get(place)
    next_offset = halt.offset if halt else consumer.positions[place].next_offset
    return PartitionState(
        topic=place.topic,
        partition=place.partition,
        next_offset=next_offset,
        lag=max(0, consumer.ends[place] - next_offset) if place in consumer.ends else None,
        halted=halt.why if halt else None,
    )
