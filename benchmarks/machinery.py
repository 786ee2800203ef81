"""Append, relay, replay and rebuild, each beside the bare thing it is made of."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from events.catalogue import PARTITIONS
from events.envelope import HEADERS
from events.runtime.handling import Wanted
from events.runtime.kafka import make_topics
from events.runtime.settings import Settings
from stack.postgres import binaries

from .figures import Figure
from .ground import Ground, running
from .model import CONSENTS, Toggle, standing

CLIENTS = 16
SECONDS = 6.0
PROJECTING = (sys.executable, "-m", "benchmarks.replaying")


async def append(ground: Ground) -> AsyncIterator[Figure]:
    """Commands from 16 clients, each read, decided, sealed and appended, against pgbench with two statements."""
    limit = await _pgbench(ground)
    settings = await ground.settings()
    async with running(settings) as service:
        assert service.relay
        service.relay.hold = True  # it has a figure of its own
        people = [uuid4() for _ in range(20_000)]
        for start in range(0, len(people), 400):
            await service.handler.handle_many(
                [Wanted(decider=CONSENTS, command=Toggle(subject=p), id=uuid4()) for p in people[start : start + 400]]
            )
        count = 0
        end = time.perf_counter() + SECONDS

        async def client(number: int) -> None:
            nonlocal count
            turn = number
            while time.perf_counter() < end:
                await service.handler.handle(CONSENTS, Toggle(subject=people[turn % len(people)]), command_id=uuid4())
                turn += CLIENTS
                count += 1

        began = time.perf_counter()
        await asyncio.gather(*(client(n) for n in range(CLIENTS)))
        rate = count / (time.perf_counter() - began)
    yield Figure("append", rate, "commands/s", limit, "pgbench, two statements, 16 clients", 0.5)


async def _pgbench(ground: Ground) -> float:
    url = await ground.database()
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE s (id int PRIMARY KEY, version int); CREATE TABLE e (id bigserial PRIMARY KEY, value bytea)"
    )
    await connection.execute("INSERT INTO s SELECT n, 0 FROM generate_series(1, 10000) n")
    await connection.close()
    script = ground.directory / "two.sql"
    script.write_text(
        "\\set id random(1, 10000)\nBEGIN;\nUPDATE s SET version = version + 1 WHERE id = :id;\n"
        f"INSERT INTO e (value) VALUES ('{'x' * 700}');\nEND;\n"
    )
    parts = urlsplit(url)
    done = await asyncio.to_thread(
        subprocess.run,
        [
            str(binaries() / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(int(SECONDS)),
            "-f", str(script), url,
        ],
        capture_output=True, text=True, check=True, env={"PGPASSWORD": parts.password or "", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


async def _fill(settings: Settings, events: int, people: int) -> None:
    """Record events without waiting for anybody."""
    async with running(settings) as service:
        if service.relay:
            service.relay.hold = True
        ids = [uuid4() for _ in range(people)]
        for start in range(0, events, 400):
            batch = [ids[(start + n) % people] for n in range(min(400, events - start))]
            await service.handler.handle_many(
                [Wanted(decider=CONSENTS, command=Toggle(subject=p), id=uuid4()) for p in batch]
            )


@contextlib.asynccontextmanager
async def _log_of(settings: Settings) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Give what tells how many records the log has."""
    await make_topics(settings, [settings.topic_prefix + "gdpr.consents"])
    client = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False)
    await client.start()
    places = [TopicPartition(settings.topic_prefix + "gdpr.consents", p) for p in range(PARTITIONS)]
    client.assign(places)

    async def size() -> int:
        return sum((await client.end_offsets(places)).values())

    try:
        yield size
    finally:
        await client.stop()


async def relay(ground: Ground, events: int = 60_000) -> AsyncIterator[Figure]:
    """From the events table to acknowledged by Kafka, against batches of the same size produced bare."""
    settings = await ground.settings()
    await _fill(settings, events, events // 4)
    connection = await asyncpg.connect(settings.database_url)
    values = [bytes(r["value"]) for r in await connection.fetch("SELECT value FROM events LIMIT 20000")]
    await connection.close()
    limit = await _produce(settings, values, events)
    async with _log_of(settings) as log_size, running(settings) as service:
        while service.relay is None or service.relay.waits_for:
            await asyncio.sleep(0.001)
        began = time.perf_counter()
        while await log_size() < events:
            await asyncio.sleep(0.01)
        rate = events / (time.perf_counter() - began)
    yield Figure("relay", rate, "events/s", limit, "aiokafka, batches of 900 kB, all acknowledged", 0.5)


async def _produce(settings: Settings, values: list[bytes], count: int) -> float:
    topic = settings.topic_prefix + "bare"
    await make_topics(settings, [topic])
    client = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers, acks="all", enable_idempotence=True, max_batch_size=900_000
    )
    await client.start()
    await client.send_and_wait(topic, b"warm")
    key = str(uuid4()).encode()
    began = time.perf_counter()
    sent = 0
    while sent < count:
        waiting = []
        for partition in range(PARTITIONS):
            batch = client.create_batch()
            while sent < count and batch.append(
                key=key, value=values[sent % len(values)], timestamp=None, headers=HEADERS
            ):
                sent += 1
            waiting.append(await client.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*waiting)
    rate = count / (time.perf_counter() - began)
    await client.stop()
    return rate


async def _fetch(settings: Settings) -> float:
    """Read the whole topic with nothing but ``getmany``."""
    client = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False, max_partition_fetch_bytes=16_000_000,
        fetch_max_bytes=64_000_000,
    )  # fmt: skip
    await client.start()
    places = [TopicPartition(settings.topic_prefix + "gdpr.consents", p) for p in range(PARTITIONS)]
    total = sum((await client.end_offsets(places)).values())
    began = time.perf_counter()  # from here on it fetches ahead
    client.assign(places)
    for place in places:
        client.seek(place, 0)
    read = 0
    while read < total:
        read += sum(len(r) for r in (await client.getmany(timeout_ms=100, max_records=5000)).values())
    rate = total / (time.perf_counter() - began)
    await client.stop()
    return rate


async def _publish(settings: Settings, events: int) -> None:
    async with _log_of(settings) as log_size, running(settings):
        while await log_size() < events:
            await asyncio.sleep(0.1)


async def replay(ground: Ground, events: int = 150_000) -> AsyncIterator[Figure]:
    """Fetch, decode, decrypt, fold and write to PostgreSQL: one process, and two on the same partitions."""
    settings = await ground.settings(batch_records=10_000)
    await _fill(settings, events, events // 10)
    await _publish(settings, events)
    limit = await _fetch(settings)
    one = await _consume(settings, events, 1)
    yield Figure("replay, one process", one, "events/s", limit, "aiokafka getmany of the same records", 0.3)
    two = await _consume(settings, events, 2)
    yield Figure("replay, two processes", two, "events/s", one, "one process", 1.8)


async def _consume(settings: Settings, events: int, processes: int) -> float:
    """Replay into an empty read model with so many processes; the rate from the first position to the last."""
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute("TRUNCATE standing, positions, applied, leases, members, generations")
    children = [
        await asyncio.create_subprocess_exec(*PROJECTING, settings.model_dump_json(), "consent")
        for _ in range(processes)
    ]
    try:
        began = None
        while True:
            done = int(await connection.fetchval("SELECT coalesce(sum(next_offset), 0) FROM positions"))
            if began is None and done:
                began, start = time.perf_counter(), done
            if done >= events:
                assert began is not None
                return (events - start) / (time.perf_counter() - began)
            await asyncio.sleep(0.01)
    finally:
        for child in children:
            child.terminate()
            await child.wait()
        await connection.close()


async def rebuild(ground: Ground, small: int = 20_000) -> AsyncIterator[Figure]:
    """Rebuilding ten times the events of as many people takes ten times as long, and not more."""
    times: list[float] = []
    for events in (small, 10 * small):
        settings = await ground.settings(batch_records=10_000)
        await _fill(settings, events, small)
        async with _log_of(settings) as log_size, running(settings, projections=[standing]) as service:
            while await log_size() < events or await _lag(service):
                await asyncio.sleep(0.2)
            began = time.perf_counter()
            await service.runners["standing"].rebuild()
            times.append(time.perf_counter() - began)
    yield Figure(
        "rebuild at 10x the events", times[1], "s", times[0], f"the same at {small} events", 10.5, lower_is_better=True
    )


async def _lag(service: Any) -> int:
    row = await service.pool.fetchrow(
        "SELECT (SELECT count(*) FROM events) - (SELECT coalesce(sum(next_offset), 0) FROM positions) AS lag"
    )
    return int(row["lag"])


async def visible(ground: Ground, rate: int = 200, seconds: int = 15) -> AsyncIterator[Figure]:
    """From the command's arrival in one service until a row of another service's read model shows it, in a process of its own."""
    settings = await ground.settings()
    other = settings.model_copy(update={"database_url": await ground.database()})
    child = await asyncio.create_subprocess_exec(*PROJECTING, other.model_dump_json(), "audit")
    connection = await asyncpg.connect(other.database_url)
    begun: dict[UUID, float] = {}
    seen: list[float] = []

    async def watch() -> None:
        while len(seen) < rate * seconds:
            rows = await connection.fetch("SELECT subject FROM standing WHERE subject = ANY($1)", list(begun))
            now = time.perf_counter()
            seen.extend(now - begun.pop(row["subject"]) for row in rows)
            await asyncio.sleep(0.003)

    try:
        async with running(settings) as service:
            while not await connection.fetchval("SELECT to_regclass('standing') IS NOT NULL"):
                await asyncio.sleep(0.1)
            await service.handler.handle(CONSENTS, Toggle(subject=uuid4()), command_id=uuid4())
            while not await connection.fetchval("SELECT count(*) FROM standing"):
                await asyncio.sleep(0.1)
            watching = asyncio.create_task(watch())
            handling = set()
            start = time.perf_counter()
            for number in range(rate * seconds):
                await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
                subject = uuid4()
                begun[subject] = time.perf_counter()
                task = asyncio.create_task(
                    service.handler.handle(CONSENTS, Toggle(subject=subject), command_id=uuid4())
                )
                handling.add(task)
                task.add_done_callback(handling.discard)
            await watching
    finally:
        child.terminate()
        await child.wait()
        await connection.close()
    milliseconds = sorted(1000 * s for s in seen)
    yield Figure(f"command to visible elsewhere at {rate}/s, median", milliseconds[len(milliseconds) // 2], "ms")
    yield Figure(
        f"command to visible elsewhere at {rate}/s, p99", milliseconds[int(len(milliseconds) * 0.99)], "ms",
        goal=250, lower_is_better=True,
    )  # fmt: skip
