"""Kafka as this product uses it: topics made once, consumers that assign for themselves, producers that are given up on doubt."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import ConsumerRecord, TopicPartition

from events.catalogue import PARTITIONS
from events.runtime.logging import logger
from events.runtime.settings import Settings

log = logger(__name__)

EVENT_TOPIC = {"retention.ms": "-1", "cleanup.policy": "delete"}
BOUNDARY_TOPIC = {"retention.ms": str(3 * 24 * 3600 * 1000), "cleanup.policy": "delete"}
"""``crm.*`` hold personal data in the clear: three days, then gone."""

BROKER_TROUBLE = (KafkaError, OSError, TimeoutError)
PATIENCE_SECONDS = 30.0
"""So long a broker may take for anything before it is asked anew: one that was killed in the middle never answers."""


def consumer(settings: Settings, *, client: str, fetch_max_bytes: int = 16_000_000) -> AIOKafkaConsumer:
    """Give a consumer without a group: it is told its partitions and where to begin."""
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        client_id=client,
        enable_auto_commit=False,
        auto_offset_reset="none",
        fetch_max_wait_ms=settings.fetch_max_wait_ms,
        max_partition_fetch_bytes=fetch_max_bytes,
        fetch_max_bytes=4 * fetch_max_bytes,
        max_poll_records=settings.batch_records,
        request_timeout_ms=10_000,
        check_crcs=True,
    )


def producer(settings: Settings, *, client: str) -> AIOKafkaProducer:
    """Give a producer that waits for all replicas."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        client_id=client,
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        request_timeout_ms=10_000,
        max_batch_size=900_000,
        max_request_size=5_000_000,
    )


async def started(make: Callable[[], Any], *, waiting: Callable[[str], None] = lambda _why: None) -> Any:
    """Give a started client of the broker, however long that takes; ``waiting`` hears why it is not there yet."""
    pause = 0.1
    while True:
        client = make()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await client.start()
        except BROKER_TROUBLE as error:
            await stopped(client)
            waiting(type(error).__name__)
            log.warning("broker not reachable, waiting", error_type=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
        except BaseException:
            await stopped(client)
            raise
        else:
            return client


async def stopped(client: Any, seconds: float = 3.0) -> None:
    """Stop a client; one that does not want to is left behind.

    In a task of its own: within ours aiokafka would let out a ``CancelledError`` that nobody asked for, and keep one that was.
    """
    stopping = asyncio.ensure_future(client.stop())
    try:
        await asyncio.wait({stopping}, timeout=seconds)
    finally:
        stopping.cancel()
        stopping.add_done_callback(_how_it_stopped)


def _how_it_stopped(stopping: asyncio.Future[Any]) -> None:
    if stopping.cancelled():
        log.debug("client did not stop cleanly", error_type="CancelledError")
    elif (error := stopping.exception()) is not None:  # a client that is being given up on may fail in any way
        log.debug("client did not stop cleanly", error_type=type(error).__name__)


async def last_records(
    client: AIOKafkaConsumer, places: Sequence[TopicPartition], *, seconds: float = 20.0
) -> Mapping[TopicPartition, ConsumerRecord[bytes | None, bytes | None] | None]:
    """Give the last record of each partition, ``None`` for an empty one. Afterwards the client must be assigned anew.

    Only the record itself tells where a partition ends: asked for the end, the embedded broker counts the last batch as one
    record, however many it holds. Raises ``TimeoutError``.
    """
    ends = await client.end_offsets(places)
    starts = await client.beginning_offsets(places)
    filled = [place for place in places if ends[place] > starts[place]]
    # Assigned only now, and sought at once: a partition without a position would be an error to the client.
    client.assign(filled)
    for place in filled:
        client.seek(place, ends[place] - 1)
    last: dict[TopicPartition, ConsumerRecord[bytes | None, bytes | None] | None] = dict.fromkeys(places)
    left, limit = set(filled), time.monotonic() + seconds
    while left:
        if time.monotonic() > limit:
            raise TimeoutError("the end of the topic could not be read")
        for place, records in (await client.getmany(*left, timeout_ms=1000)).items():
            last[place] = records[-1]
            if records[-1].offset + 1 >= (client.highwater(place) or 0):
                left.discard(place)
                client.pause(place)
    return last


async def make_topics(settings: Settings, topics: Iterable[str], *, boundary: bool = False) -> None:
    """Make the topics that are not there yet; those that are stay as they are. Whoever needs a topic first makes it."""
    wanted = [
        NewTopic(
            name=topic,
            num_partitions=PARTITIONS,
            replication_factor=settings.replication_factor,
            topic_configs=BOUNDARY_TOPIC if boundary else EVENT_TOPIC,
        )
        for topic in topics
    ]
    async with asyncio.timeout(PATIENCE_SECONDS), _admin(settings) as admin:
        present = set(await admin.list_topics())
        lacking = [t for t in wanted if t.name not in present]
        if lacking:
            answer = await admin.create_topics(lacking)
            for topic, code, *_ in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(topic)
            while not {t.name for t in wanted} <= set(await admin.list_topics()):
                await asyncio.sleep(0.05)


async def drop_topics(settings: Settings, topics: Iterable[str]) -> None:
    """Remove topics, whoever else reads them."""
    async with asyncio.timeout(PATIENCE_SECONDS), _admin(settings) as admin:
        await admin.delete_topics(list(topics))


@contextlib.asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers, request_timeout_ms=10_000)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()
