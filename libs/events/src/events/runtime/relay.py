"""The relay: publishes a service's events to Kafka, each partition in order, exactly the stored bytes.

Not a flag in a table but the end of the topic tells what has been published, so that an empty broker is filled from the
first event on. One process publishes at a time (an advisory lock); a zombie beside it could only repeat what is there.

Order within a partition is ``(epoch, xid, position)``, read up to the oldest transaction still running: nothing can appear
before what has been read. A transaction that stays open holds the relay back, and ``gdpr_relay_oldest_unpublished_seconds``
shows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import TopicPartition

from events.catalogue import PARTITIONS
from events.envelope import HEADERS, decode_envelope
from events.errors import ForeignLog, Unreadable
from events.runtime import metrics
from events.runtime.cancelling import is_ours
from events.runtime.database import UNREACHABLE, Pool
from events.runtime.kafka import (
    BROKER_TROUBLE,
    consumer,
    drop_topics,
    last_records,
    make_topics,
    producer,
    started,
    stopped,
)
from events.runtime.logging import logger
from events.runtime.settings import Settings

log = logger(__name__)

Cursor = tuple[int, int, int]
Sent = tuple[str, int, Any]
"""Topic, partition, and the broker's answer to come."""
START: Cursor = (-1, -1, -1)
LOCK = "SELECT pg_try_advisory_lock(20161, 3)"
BATCH = 12_000
SEND_SECONDS = 15.0
LOOK_SECONDS = 3.0

UNPUBLISHED = """
WITH horizon AS MATERIALIZED (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin, coalesce((SELECT max(epoch) FROM events), 0) AS epoch
)
SELECT e.topic, e.partition, e.key, e.value, e.recorded, e.epoch, e.xid, e.position
  FROM horizon
 CROSS JOIN unnest($1::text[], $2::int[], $3::int[], $4::bigint[], $5::bigint[]) AS c (topic, partition, epoch, xid, position)
 CROSS JOIN LATERAL (
    SELECT * FROM events
     WHERE topic = c.topic AND partition = c.partition
       AND (events.epoch, events.xid, events.position) > (c.epoch, c.xid, c.position)
       AND (events.epoch < horizon.epoch OR events.xid < horizon.xmin)
     ORDER BY topic, partition, events.epoch, events.xid, events.position
     LIMIT $6
 ) e
"""


class LogLost(Exception):
    """The broker has an empty log where there was one: it is filled again."""


class Relay:
    """The relay of one service, for the topics that it alone writes."""

    def __init__(
        self, settings: Settings, pool: Pool, topics: Sequence[str], appended: asyncio.Event, *, name: str
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._topics = topics
        self._reached: dict[tuple[str, int], int] = {}
        """How many records each partition has at the least, by what the broker told us. Of the last batch only the first record
        counts: the embedded broker says no more of it, and a log that is cut loses whole batches."""
        self._prefix = settings.topic_prefix
        self._appended = appended
        self._name = name
        self.waits_for: str | None = "the broker"
        self.leads = False
        self.hold = False
        """Publish nothing for now."""

    async def run(self) -> None:
        """Publish until cancelled, through every loss of the broker or the database."""
        while True:
            try:
                await self._lead()
            except LogLost as error:
                log.error("the broker lost its data, filling the topics again", place=error.args)
            except ForeignLog as error:
                self.waits_for = str(error)
                log.error("the topic is not ours: publishing nothing until an operator decides", reason=str(error))
                await asyncio.sleep(10)
            except (*UNREACHABLE, *BROKER_TROUBLE, asyncio.CancelledError) as error:
                if isinstance(error, asyncio.CancelledError) and is_ours():
                    raise
                self.waits_for = "the broker or the database"
                log.warning("relay interrupted, beginning anew", error_type=type(error).__name__)
                await asyncio.sleep(0.3)
            finally:
                self.leads = False
                metrics.RELAY_LEADS.set(0)

    async def _lead(self) -> None:
        async with self._pool.acquire() as connection:
            try:
                while not await connection.fetchval(LOCK):
                    self.waits_for = None  # another process of this service publishes
                    await asyncio.sleep(0.5)
                self.leads = True
                metrics.RELAY_LEADS.set(1)
                await make_topics(self._settings, [self._prefix + topic for topic in self._topics])
                out = await started(lambda: producer(self._settings, client=f"{self._name}-relay"), waiting=self._wait)
                try:
                    await self._follow(connection, out)
                finally:
                    await stopped(out)
            finally:
                if not connection.is_closed():
                    with contextlib.suppress(*UNREACHABLE):
                        await connection.execute("SELECT pg_advisory_unlock_all()")

    async def _follow(self, connection: Any, out: AIOKafkaProducer) -> None:
        client = await started(
            lambda: consumer(self._settings, client=f"{self._name}-relay-ends", fetch_max_bytes=1_048_576)
        )
        try:
            cursors = await self._ends(client)
            self.waits_for = None
            log.info("relay publishes", topics=list(self._topics))
            next_look = time.monotonic() + LOOK_SECONDS
            while True:
                self._appended.clear()
                if self.hold or not await self._publish(connection, out, cursors):
                    # Not wait_for: it loses a cancellation that comes together with what is waited for (cpython 86296).
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await self._appended.wait()
                if time.monotonic() > next_look:
                    await self._look(client)
                    next_look = time.monotonic() + LOOK_SECONDS
        finally:
            await stopped(client)

    async def _look(self, client: AIOKafkaConsumer) -> None:
        """See that the log is still as long as it was: a broker that lost its data while we were connected says nothing."""
        ends = await client.end_offsets([TopicPartition(self._prefix + topic, p) for topic, p in self._reached])
        for place, end in ends.items():
            reached = self._reached[place.topic.removeprefix(self._prefix), place.partition]
            if end == 0 and reached > 0:
                raise LogLost(place.topic, place.partition)
            if end < reached:
                raise ForeignLog(f"{place.topic}/{place.partition} was cut from {reached} to {end} records")

    async def _acknowledge(self, sent: list[Sent]) -> None:
        """Wait until the broker has the batches, and see that they stand behind what stood there before.

        Batches that were sent while the broker lost its data stand alone at the head of an empty log, as if all before them had
        been published: that topic is given up and filled again from the first event.
        """
        for topic, partition, acknowledged in sent:
            offset = (await acknowledged).offset
            reached = self._reached[topic, partition]
            if 0 <= offset < reached:
                if offset == 0:
                    log.error("the broker lost its data: giving the topic up and filling it again", topic=topic)
                    await drop_topics(self._settings, [self._prefix + topic])
                    raise LogLost(topic, partition)
                raise ForeignLog(f"{topic}/{partition} was cut from {reached} to {offset} records")
            self._reached[topic, partition] = max(reached, offset + 1)
        sent.clear()

    def _wait(self, why: str) -> None:
        self.waits_for = f"the broker ({why})"

    async def _ends(self, client: AIOKafkaConsumer) -> dict[tuple[str, int], Cursor]:
        """Give for each partition the place in our order of the last event that is published there. Raises ``ForeignLog``."""
        places = [TopicPartition(self._prefix + topic, p) for topic in self._topics for p in range(PARTITIONS)]
        ends = await client.end_offsets(places)
        self._reached = {(p.topic.removeprefix(self._prefix), p.partition): ends[p] for p in places}
        last: dict[TopicPartition, UUID] = {}
        for place, record in (await last_records(client, places)).items():
            if record is None:
                continue
            try:
                last[place] = decode_envelope(record.value or b"").id
            except Unreadable:
                raise ForeignLog(f"{place.topic}/{place.partition} ends with something that is no event") from None
        rows = await self._pool.fetch(
            "SELECT id, epoch, xid, position FROM events WHERE id = ANY($1)", list(last.values())
        )
        known: dict[UUID, Cursor] = {r["id"]: (r["epoch"], r["xid"], r["position"]) for r in rows}
        for place, event_id in last.items():
            if event_id not in known:
                raise ForeignLog(
                    f"{place.topic}/{place.partition} ends with event {event_id}, which this store does not hold"
                )
        return {
            (p.topic.removeprefix(self._prefix), p.partition): known[last[p]] if p in last else START for p in places
        }

    async def _publish(self, connection: Any, out: AIOKafkaProducer, cursors: dict[tuple[str, int], Cursor]) -> int:
        """Publish what is new, wait until the broker has it, and move the cursors; give how many events that were."""
        rows = await connection.fetch(
            UNPUBLISHED,
            [topic for topic, _ in cursors],
            [partition for _, partition in cursors],
            *([c[i] for c in cursors.values()] for i in range(3)),
            max(1, BATCH // len(cursors)),
        )
        if not rows:
            metrics.RELAY_BEHIND.set(0)
            return 0
        metrics.RELAY_BEHIND.set(max(0.0, time.time() - min(r["recorded"] for r in rows).timestamp()))
        sent: list[Sent] = []
        batch: BatchBuilder | None = None
        place: tuple[str, int] | None = None
        moved: dict[tuple[str, int], Cursor] = {}

        async def send() -> None:
            if batch is not None and place is not None:
                future = await out.send_batch(batch, self._prefix + place[0], partition=place[1])
                sent.append((*place, future))

        async with asyncio.timeout(SEND_SECONDS):
            for topic, partition, key, value, recorded, epoch, xid, position in rows:
                stamp = int(recorded.timestamp() * 1000)
                if place != (topic, partition):
                    await send()
                    batch, place = out.create_batch(), (topic, partition)
                assert batch is not None
                if batch.append(key=key.encode(), value=value, timestamp=stamp, headers=HEADERS) is None:
                    # One batch of a partition at a time: a later one must not arrive where an earlier one failed.
                    await send()
                    await self._acknowledge(sent)
                    batch = out.create_batch()
                    batch.append(key=key.encode(), value=value, timestamp=stamp, headers=HEADERS)
                moved[topic, partition] = (epoch, xid, position)
            await send()
            await self._acknowledge(sent)
        cursors |= moved
        for topic in {topic for topic, _ in moved}:
            metrics.RELAYED.labels(topic).inc(sum(1 for r in rows if r["topic"] == topic))
        return len(rows)
