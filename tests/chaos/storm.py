"""One storm: a stack of its own, load at its doors, faults, then calm; and what the checker makes of what is left."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from events.catalogue import PARTITIONS
from events.catalogue.crm import INBOUND
from events.envelope import partition_of
from stack.running_stack import RunningStack, start_stack
from stack.services import BrokerKind

from . import looking
from .doors import Doors
from .evidence import Evidence, Model, Poison
from .faults import SERVERS, Fault, Weather, plan
from .invariants import contradictions
from .ledger import Ledger
from .load import Load
from .looking import databases, gather, projections_of, read_log
from .watching import watch

REST_LIMIT = 90.0
"""So long after the last fault everything must have come to rest (P5, I1)."""
SETTINGS = {"MAIL_LEASE_SECONDS": "8"}
"""A notifier that sleeps for longer than a mail is held for wakes up and sends what another has sent: under one Message-ID."""
POISON = b'{"this": "is no event"}'
POISONED = "gdpr.persons"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a storm is to be like."""

    seed: int
    kills: int
    broker: BrokerKind = "kafka"
    """The embedded one is not killed: it forgets its log, and with it what there is to check."""
    only: tuple[str, ...] = ()
    """Just these services; all there are if empty."""
    pace: float = 1.5
    """Seconds between two faults, on the average."""
    people: int = 40
    rate: float = 1.0
    rebuild: bool = True
    poison: bool = True


@dataclass(slots=True)
class Report:
    """What came of a storm."""

    forecast: Forecast
    faults: list[Fault]
    weather: Weather
    evidence: Evidence
    found: dict[str, list[str]]

    @property
    def holds(self) -> bool:
        """Whether every invariant held, the faults came as planned, and something was at stake at every door."""
        return not any(self.found.values()) and not self.weather.missed and not self.idle

    @property
    def idle(self) -> list[str]:
        """The doors at which nothing was acknowledged: a storm says nothing about them."""
        used = {command.door for command, _ in self.evidence.ledger.acknowledged()}
        portal = ("link", "portal") if {"subject-access", "notifier"} <= self.evidence.stores.keys() else ()
        return [door for door in ("crm-http", "crm-topic", "consent", *portal) if door not in used]

    def summary(self) -> str:
        """Say in a few lines how it went."""
        ledger = self.evidence.ledger
        acknowledged = sum(1 for _ in ledger.acknowledged())
        refused = sum(1 for c in ledger.commands if c.refused)
        again = sum(c.tries > 1 for c in ledger.commands)
        records = sum(map(len, self.evidence.log.values()))
        doors = Counter(c.door for c, _ in ledger.acknowledged())
        lines = [
            f"seed {self.forecast.seed}: {self.weather.kills} kills, {self.weather.frozen} pauses, {self.weather.copied} second copies",
            f"{acknowledged} commands acknowledged, {refused} refused, {again} sent more than once; "
            f"{len(ledger.checks)} checks answered, {sum(c.allowed for c in ledger.checks)} with yes; "
            f"{len(self.evidence.mails)} mails",
            "by door: " + ", ".join(f"{door} {count}" for door, count in doors.most_common()),
            f"{records} records in the log, {records - len(self.evidence.events)} of them repeats; "
            f"at rest {self.evidence.rested_after:.1f} s after the last fault (bound: {REST_LIMIT:.0f} s)",
        ]
        for name, said in self.found.items():
            lines.append(f"{name}: {'holds' if not said else f'{len(said)} CONTRADICTIONS'}")
            lines += [f"    {one}" for one in said[:8]]
        lines += [f"fault that could not be made to happen: {fault}" for fault in self.weather.missed]
        lines += [f"nothing was acknowledged at the door {door}" for door in self.idle]
        return "\n".join(lines)


def weather(directory: Path, forecast: Forecast) -> Report:
    """Have one storm. Blocks; call it from the main thread, since children live as long as the thread that started them."""
    for library in ("aiokafka", "asyncpg"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what our own clients say of a dead broker is no news
    with _told(SETTINGS):
        stack = start_stack(directory, broker=forecast.broker, only=forecast.only, limit=180)
    try:
        return asyncio.run(_weather(stack, forecast))
    finally:
        stack.stop()


@contextlib.contextmanager
def _told(settings: Mapping[str, str]) -> Iterator[None]:
    """Have whatever is started meanwhile know these settings."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


async def _weather(stack: RunningStack, forecast: Forecast) -> Report:
    services = list(databases(stack))
    for service, database in databases(stack).items():
        await watch(stack.database_url(database), [p.table for p in projections_of(service)])
    servers = SERVERS if forecast.broker == "kafka" else ("postgres",)
    faults = plan(forecast.seed, forecast.kills, services, pace=forecast.pace, servers=servers)
    storm, ledger = Weather(stack), Ledger()
    async with aiohttp.ClientSession() as http:
        doors = Doors(stack, http)
        load = Load(doors, ledger, seed=forecast.seed, people=forecast.people, rate=forecast.rate)
        await load.begin()
        try:
            await storm.go(faults)
        finally:
            await storm.clear()
        calm = time.monotonic()
        _say("calm: until everything is at rest")
        await load.end(REST_LIMIT)
        restless = await until_at_rest(stack, calm + REST_LIMIT)
        evidence = await gather(stack, ledger)
        evidence.restless, evidence.rested_after = restless, time.monotonic() - calm
        _say("at rest: read models are rebuilt")
        if forecast.rebuild and not restless:
            await rebuild_all(stack, doors, evidence)
        _say("poison")
        if forecast.poison and not restless:
            evidence.poison = await poison(stack, load, evidence)
    return Report(forecast, faults, storm, evidence, contradictions(evidence))


def _say(what: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')}  {what}", flush=True)


# --- rest ------------------------------------------------------------------------------------------------------


async def until_at_rest(stack: RunningStack, deadline: float) -> list[str]:
    """Wait until nothing is on its way any more; give what still is at the deadline."""
    while True:
        left = await on_its_way(stack)
        if not left:
            await asyncio.sleep(0.5)
            if not await on_its_way(stack):
                return []
        if time.monotonic() > deadline:
            return left
        await asyncio.sleep(0.3)


async def on_its_way(stack: RunningStack) -> list[str]:
    """Say what is on its way: unpublished events, positions before the end, messages not taken over, mails without an end."""
    try:
        return await _on_its_way(stack)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        return [f"a server does not answer ({type(error).__name__})"]


async def _on_its_way(stack: RunningStack) -> list[str]:
    left = [f"{name} is not ready" for name in stack.names() if not stack.is_ready(name)]
    if left:
        return left
    log = await read_log(stack.bootstrap)
    ids = {record.envelope.id for records in log.values() for record in records}
    ends = {spot: records[-1].offset + 1 if records else 0 for spot, records in log.items()}
    types = {r.envelope.id: r.envelope for records in log.values() for r in records if "Mail" in r.envelope.type}
    for service, database in databases(stack).items():
        connection = await asyncpg.connect(stack.database_url(database), timeout=5)
        try:
            unpublished = {r["id"] for r in await connection.fetch("SELECT id FROM events")} - ids
            left += [f"{service}: {len(unpublished)} events are not published"] if unpublished else []
            rows = await connection.fetch("SELECT name, topic, partition, next_offset FROM positions")
            for name, topic, partition, next_offset in rows:
                if next_offset < ends.get((topic, partition), 0):
                    left.append(f"{service}: {name} has not reached the end of {topic}/{partition}")
        finally:
            await connection.close()
    if behind := await _inbound_behind(stack):
        left.append(f"crm-gateway: {behind} messages of {INBOUND} are not taken over")
    if "notifier" in stack.names():
        kinds = [e.type for e in types.values()]
        open_mails = kinds.count("MailQueued") - kinds.count("MailAccepted") - kinds.count("MailFailed")
        left += [f"notifier: {open_mails} mails have no end"] if open_mails > 0 else []
    return left


async def _inbound_behind(stack: RunningStack) -> int:
    client = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap, group_id="crm-gateway", enable_auto_commit=False)
    await client.start()
    try:
        places = [TopicPartition(INBOUND, p) for p in range(PARTITIONS)]
        client.assign(places)
        ends = await client.end_offsets(places)
        return sum([end - (await client.committed(place) or 0) for place, end in ends.items()])
    finally:
        await client.stop()


# --- afterwards --------------------------------------------------------------------------------------------------


async def rebuild_all(stack: RunningStack, doors: Doors, evidence: Evidence) -> None:
    """Have every read model built anew from nothing, one after the other, and look at the rows again."""
    for model in evidence.models:
        path = f"/ops/projections/{model.projection.table}/rebuild"
        answer = await doors.ask_until_answered("POST", model.service, path, roles=("admin",))
        if answer.status != 202:
            raise RuntimeError(f"{model.service} does not rebuild {model.projection.table}: {answer.status}")
    deadline = time.monotonic() + REST_LIMIT
    for model in evidence.models:
        connection = await asyncpg.connect(stack.database_url(databases(stack)[model.service]))
        try:
            again = await _rebuilt(connection, model, evidence, deadline)
            model.rebuilt = again.live if again else {}
        finally:
            await connection.close()
    evidence.mails_after_rebuild = len(list(looking.mails_of(stack)))


async def _rebuilt(
    connection: asyncpg.Connection[asyncpg.Record], model: Model, evidence: Evidence, deadline: float
) -> Model | None:
    while time.monotonic() < deadline:
        again = await looking.look_at_model(
            connection, model.service, model.projection, model.hashing, evidence.secrets
        )
        if again.generation > model.generation:
            return again
        await asyncio.sleep(0.1)
    return None


async def poison(stack: RunningStack, load: Load, evidence: Evidence) -> Poison:
    """Put a record that nobody can read into the log, and something good behind it; look at what its readers do."""
    subject = next(iter(load.subjects.values()))
    partition = partition_of(str(subject))
    client = AIOKafkaProducer(bootstrap_servers=stack.bootstrap)
    await client.start()
    offset = (await client.send_and_wait(POISONED, POISON, key=b"poison", partition=partition)).offset
    await client.stop()
    await load.change(subject)
    found = Poison(POISONED, partition, offset)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = await _what_stopped(stack, found, f"person-{subject}", len(evidence.by_stream[f"person-{subject}"]))
        if all(why for _, why in found.stopped.values()):
            break
        await asyncio.sleep(0.2)
    return found


async def _what_stopped(stack: RunningStack, found: Poison, stream: str, version: int) -> Poison:
    stopped: dict[tuple[str, str], tuple[int, str | None]] = {}
    told: dict[str, list[str]] = {}
    applied: list[str] = []
    for service, database in databases(stack).items():
        connection = await asyncpg.connect(stack.database_url(database))
        try:
            for name, next_offset, halted in await connection.fetch(
                "SELECT name, next_offset, halted FROM positions WHERE topic = $1 AND partition = $2",
                found.topic,
                found.partition,
            ):
                stopped[service, name] = next_offset, halted
            for name, reached in await connection.fetch("SELECT name, version FROM applied WHERE stream = $1", stream):
                if reached > version:
                    applied.append(f"{service}: {name} applied version {reached} of {stream}")
        finally:
            await connection.close()
        async with aiohttp.ClientSession() as http, http.get(f"{stack.url(service)}/readyz") as answer:
            told[service] = (await answer.json())["waits_for"]
    return replace(found, stopped=stopped, told=told, applied=applied)
