"""The service on real servers: it waits, it becomes ready, and what it decides stands in the log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from events.catalogue.vocabulary import THE_PERSON
from events.envelope import decode_envelope, partition_of
from export.decider import EXPORTS, RequestExport
from export.main import build
from export.settings import Settings
from web.testing import client_of


async def test_a_request_stands_in_the_log_and_the_service_says_that_it_is_ready(
    settings_of: Callable[..., Settings], kafka: Any
) -> None:
    settings = settings_of(kafka.bootstrap, kafka_idempotence=kafka.is_apache)
    export = build(settings)
    who, copy = uuid4(), uuid4()
    async with client_of(export.app) as client:
        async with client.get("/healthz") as answer:
            assert answer.status == 200
        async with client.get("/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["waits_for"]
        running = asyncio.create_task(export.service.run())
        try:
            await export.service.until_ready()
            wanted = RequestExport(subject=who, export=copy, format="json", at=datetime.now(UTC), by=THE_PERSON)
            await export.service.handler.handle(EXPORTS, wanted, command_id=uuid4())
            async with asyncio.timeout(20):
                while (await client.get("/readyz")).status != 200:
                    await asyncio.sleep(0.05)
            assert "gdpr_events_appended_total" in await (await client.get("/metrics")).text()
            place = TopicPartition(f"{settings.topic_prefix}gdpr.exports", partition_of(str(who)))
            reader = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest")
            await reader.start()
            try:
                reader.assign([place])
                record = await asyncio.wait_for(reader.getone(place), 20)
            finally:
                await reader.stop()
            envelope = decode_envelope(record.value)
            assert (envelope.type, envelope.subject, record.key) == ("ExportRequested", who, str(who).encode())
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
