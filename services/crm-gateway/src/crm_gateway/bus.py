"""The topics of the boundary: `crm.inbound` is read, `crm.outbound` is written.

FastStream would lose messages as it comes (acknowledged before they are handled, from the end of the topic, errors swallowed), so:
by hand, from the beginning, one batch after the other; a batch is acknowledged when each of its messages was taken over, refused into
quarantine, or found to be known. While the database is away the batch waits. A bad message never stops the good ones behind it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from aiokafka import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage
from faststream.specification import AsyncAPI
from pydantic import GetPydanticSchema

from crm_gateway.messages import MOST_BYTES, Incoming, Refusal
from crm_gateway.outbox import Outbox
from crm_gateway.outcomes import Outcome, refused
from crm_gateway.quarantine import Quarantine
from crm_gateway.receiving import Door
from crm_gateway.settings import Settings
from events.catalogue.crm import INBOUND, OUTBOUND, ConsentState, Inbound
from events.runtime.database import UNREACHABLE
from events.runtime.kafka import BROKER_TROUBLE, make_topics, stopped
from events.runtime.logging import logger
from events.runtime.service import Service

log = logger(__name__)

MOST_RECORDS = 500
PUBLISH_AT_ONCE = 200
PUBLISH_LOCK = 20164
LOOK_EVERY = 0.2
GRACE = 2.0
VERY_LONG_MS = 24 * 3600 * 1000


Messages = Annotated[KafkaMessage, GetPydanticSchema(lambda _source, handler: handler.generate_schema(Inbound))]
"""A batch as it came from the broker; the document of the topics shows what one message in it is."""


class Bus:
    """The FastStream application of the gateway."""

    def __init__(
        self, service: Service, door: Door, quarantine: Quarantine, outbox: Outbox, settings: Settings
    ) -> None:
        self._service = service
        self._door = door
        self._quarantine = quarantine
        self._outbox = outbox
        self._settings = settings
        self._inbound = settings.topic_prefix + INBOUND
        self._outbound = settings.topic_prefix + OUTBOUND
        self.waits_for: str | None = "the broker"
        self._broker = self._make()

    def _make(self) -> KafkaBroker:
        settings = self._settings
        broker = KafkaBroker(
            settings.kafka_bootstrap_servers,
            client_id="crm-gateway",
            logger=None,
            apply_types=False,
            acks="all",
            enable_idempotence=settings.kafka_idempotence,
            request_timeout_ms=10_000,
            allow_auto_create_topics=False,
            # Less than `_stop` waits: a batch that waits for the database would keep its partitions from whoever comes next.
            graceful_timeout=GRACE,
        )
        broker.subscriber(
            self._inbound,
            batch=True,
            group_id=f"{settings.topic_prefix}crm-gateway",
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            # A killed process holds its partitions so long: the least that brokers allow by default.
            session_timeout_ms=6_000,
            heartbeat_interval_ms=1_500,
            fetch_max_wait_ms=settings.fetch_max_wait_ms,
            max_partition_fetch_bytes=4 * MOST_BYTES,
            batch_timeout_ms=50,
            max_records=MOST_RECORDS,
            # A batch may wait for the database as long as it takes: the group must not give up on us meanwhile.
            max_poll_interval_ms=VERY_LONG_MS,
            parser=_parse,
            decoder=_decode,
            title=INBOUND,
            description="What happened in the CRM: bare messages, or CloudEvents in structured or binary form.",
        )(self._take)
        self._publisher = broker.publisher(
            self._outbound,
            title=OUTBOUND,
            schema=ConsentState,
            description="What holds for a consent from now on. At least once: `message` tells repeats apart.",
        )
        return broker

    def asyncapi(self) -> dict[str, Any]:
        """Give the AsyncAPI document of the boundary topics."""
        described = AsyncAPI(
            self._broker, title="CRM gateway", version="1", description="The topics between the CRM and the product."
        )
        document: dict[str, Any] = described.to_specification().to_jsonable()
        return document

    async def run(self) -> None:
        """Read and write until cancelled, through every loss of the broker."""
        pause = 0.1
        while True:
            try:
                await make_topics(self._settings, [self._inbound, self._outbound], boundary=True)
                await self._start()
                self.waits_for, pause = None, 0.1
                await self._publish()
            except (*BROKER_TROUBLE, *UNREACHABLE) as error:
                self.waits_for = f"the broker or the database ({type(error).__name__})"
                log.warning("boundary topics interrupted, beginning anew", error_type=type(error).__name__)
            finally:
                await stopped(self._broker, 5.0)
                self._broker = self._make()  # one that was stopped does not start again
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _start(self) -> None:
        """Start, to the end also when cancelled meanwhile: a broker that is half started cannot be stopped, and leaks."""
        starting = asyncio.ensure_future(self._broker.start())
        try:
            await asyncio.shield(starting)
        finally:
            await asyncio.wait({starting}, timeout=GRACE)
            if not starting.done():
                starting.cancel()

    # --- crm.inbound --------------------------------------------------------------------------------------------

    async def _take(self, batch: Messages) -> None:
        """Handle one batch, however long the database is away, then acknowledge it."""
        raw = batch.raw_message
        records: Sequence[ConsumerRecord[Any, Any]] = raw if isinstance(raw, tuple) else (raw,)
        pause = 0.05
        while True:
            try:
                await self._take_over(records)
                break
            except UNREACHABLE as error:
                log.warning("database not reachable, messages wait", error_type=type(error).__name__)
            except Exception as error:
                # FastStream would swallow it and go on, and the batch would be lost: better it waits, for all to see.
                log.exception("messages cannot be taken over, trying again")
                self.waits_for = f"{self._inbound}: messages cannot be taken over ({type(error).__name__})"
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)
        self.waits_for = None
        with contextlib.suppress(*BROKER_TROUBLE):
            # Not acknowledged, it comes again, and is known.
            await batch.ack()

    async def _take_over(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        incoming = [_incoming(record) for record in records]
        try:
            outcomes = await self._door.receive(incoming, door="topic")
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("a batch failed, taking its messages one by one")
            outcomes = [await self._alone(one) for one in incoming]
        for record, one, outcome in zip(records, incoming, outcomes, strict=True):
            if outcome.status == "refused":
                place = f"{record.topic}/{record.partition}/{record.offset}"
                await self._quarantine.put(one, outcome, door="topic", place=place)

    async def _alone(self, incoming: Incoming) -> Outcome:
        try:
            (outcome,) = await self._door.receive([incoming], door="topic")
        except UNREACHABLE:
            raise
        except Exception:
            log.exception("a message failed")
            return refused(Refusal("unexpected", "Something went wrong here, and it has been logged. Try it again."))
        return outcome

    # --- crm.outbound -------------------------------------------------------------------------------------------

    async def _publish(self) -> None:
        """Publish what has been numbered and not yet published. One process does it at a time, for the order's sake."""
        async with self._service.pool.acquire() as connection:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", PUBLISH_LOCK):
                await asyncio.sleep(1.0)
            try:
                while True:
                    if not await self._publish_some():
                        await connection.execute("SELECT 1")  # with the connection the lock would be lost
                        await asyncio.sleep(LOOK_EVERY)
            finally:
                with contextlib.suppress(*UNREACHABLE):
                    await connection.execute("SELECT pg_advisory_unlock($1)", PUBLISH_LOCK)

    async def _publish_some(self) -> bool:
        rows = await self._service.pool.fetch(
            "SELECT sequence, message FROM outbox WHERE published IS NULL ORDER BY sequence LIMIT $1", PUBLISH_AT_ONCE
        )
        if not rows:
            return False
        for told in await self._outbox.told({r["message"]: r["sequence"] for r in rows}):
            if told.state is not None:
                body = told.state.model_dump_json().encode()
                headers = {"content-type": "application/json"}
                async with asyncio.timeout(30.0):
                    await self._publisher.publish(body, key=str(told.subject).encode(), headers=headers)
        await self._service.pool.execute(
            "UPDATE outbox SET published = now() WHERE sequence = ANY($1)", [r["sequence"] for r in rows]
        )
        return True


async def _parse(records: Any, _original: Any) -> Any:
    """Read nothing yet: a header that is no text must not throw the batch away before anybody has seen it."""
    message = await _original(tuple(replace(record, headers=()) for record in records))
    message.raw_message = records
    return message


async def _decode(message: Any, _original: Any) -> Any:
    """Hand the whole batch over as it is."""
    return message


def _incoming(record: ConsumerRecord[Any, Any]) -> Incoming:
    headers = {
        name.lower(): value.decode("utf-8", "replace")
        for name, value in record.headers
        if value is not None and name.lower().startswith("ce_")
    }
    return Incoming(record.value or b"", headers)
