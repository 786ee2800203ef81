"""A backup of the key database is restored: whoever was erased stays erased (INVARIANTS E1, E3)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from erasure.decider import (
    ERASURES,
    AcknowledgeErasure,
    ConfirmKeyDestroyed,
    FenceErasure,
    ReadmitPerson,
    RequestErasure,
    ScheduleErasure,
)
from erasure.main import Erasure, build
from erasure.settings import Settings
from events.catalogue.vocabulary import THE_SYSTEM
from events.errors import Fenced
from web.testing import client_of

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Erasure]:
    erasure = build(settings)
    task = asyncio.create_task(erasure.service.run())
    try:
        async with asyncio.timeout(20):
            while not erasure.fences.raised:
                if task.done():
                    task.result()
                await asyncio.sleep(0.02)
        yield erasure
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def fenced(erasure: Erasure, subject: UUID) -> UUID:
    """Bring a person's erasure up to the fence."""
    id_ = uuid4()
    common: dict[str, Any] = {"subject": subject, "erasure": id_, "at": AT, "by": THE_SYSTEM}
    for command in (
        RequestErasure(ground="17-1-b", **common),
        ScheduleErasure(final=date(2026, 6, 1), today=date(2026, 5, 4), **common),
        FenceErasure(systems=frozenset({"crm"}), today=date(2026, 6, 2), **common),
    ):
        await erasure.service.handler.handle(ERASURES, command, command_id=uuid4())
    return id_


async def erased(erasure: Erasure, subject: UUID) -> UUID:
    """Erase a person, key and all."""
    id_ = await fenced(erasure, subject)
    await erasure.service.keys.destroy({subject: uuid4()})
    common: dict[str, Any] = {"subject": subject, "erasure": id_, "at": AT, "by": THE_SYSTEM}
    for command in (AcknowledgeErasure(system="crm", **common), ConfirmKeyDestroyed(**common)):
        await erasure.service.handler.handle(ERASURES, command, command_id=uuid4())
    return id_


async def test_after_a_restored_backup_the_erased_stay_erased(settings_of: Callable[..., Settings], kafka: Any) -> None:
    settings = settings_of(kafka.bootstrap, kafka_idempotence=kafka.is_apache)
    anna, ben, cleo, dan = (uuid4() for _ in range(4))
    async with running(settings) as erasure:
        keys = erasure.service.keys
        await keys.for_writing([anna, ben, cleo, dan])
        connection = await asyncpg.connect(settings.keys_database_url)
        backup = await connection.fetch("SELECT subject, version, epoch, wrapped FROM subject_keys")
        await erased(erasure, anna)
        await fenced(erasure, ben)
        await erased(erasure, cleo)
        readmission = ReadmitPerson(subject=cleo, reason="new-contract", at=AT, by=THE_SYSTEM)
        await erasure.service.handler.handle(ERASURES, readmission, command_id=uuid4())

    await connection.execute("TRUNCATE subject_keys, fences")
    await connection.copy_records_to_table(
        "subject_keys", records=[tuple(row) for row in backup], columns=list(backup[0].keys())
    )
    assert await connection.fetchval("SELECT count(*) FROM subject_keys") == 4

    async with running(settings) as erasure:
        keys = erasure.service.keys
        assert set(await keys.secrets([anna, ben, cleo, dan])) == {ben, cleo, dan}
        with pytest.raises(Fenced):
            await keys.for_writing([anna])
        event = await connection.fetchval("SELECT event FROM fences WHERE subject = $1", anna)
        stored = await erasure.service.pool.fetchval(
            "SELECT id FROM events WHERE stream = $1 AND convert_from(value, 'UTF8') LIKE '%ErasureFenced%'",
            f"erasure-{anna}",
        )
        assert event == stored
        async with client_of(erasure.app) as client, asyncio.timeout(20):
            while (await client.get("/readyz")).status != 200:
                await asyncio.sleep(0.05)
            assert "gdpr_destroyed_keys_reappeared_total 1.0" in await (await client.get("/metrics")).text()
    await connection.close()


async def test_the_service_is_not_ready_before_the_fences_are_raised(settings_of: Callable[..., Settings]) -> None:
    erasure = build(settings_of())
    async with client_of(erasure.app) as client, client.get("/readyz") as answer:
        assert answer.status == 503
        assert any(line.startswith("fences:") for line in (await answer.json())["waits_for"])
