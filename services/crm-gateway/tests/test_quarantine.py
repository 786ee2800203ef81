"""Quarantine: killed at any point, a bad message lies there once, and the good one beside it is taken over once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from faststream.kafka.message import KafkaMessage

from crm_gateway.messages import Incoming, Refusal
from crm_gateway.outcomes import refused
from crm_gateway.quarantine import Quarantine
from crm_gateway.settings import Settings
from events.runtime.kafka import make_topics

from .conftest import STAFF, Running, changed, eventually

GatewayOf = Callable[[Settings], AbstractAsyncContextManager[Running]]


@pytest.fixture
def settings(settings_of: Callable[..., Settings], kafka: Any) -> Settings:
    return settings_of(kafka.bootstrap, kafka_idempotence=kafka.is_apache)


async def send(settings: Settings, *messages: Any) -> None:
    topic = settings.topic_prefix + "crm.inbound"
    await make_topics(settings, [topic], boundary=True)
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    for number, one in enumerate(messages):
        raw = one if isinstance(one, bytes) else json.dumps(one).encode()
        await producer.send_and_wait(topic, raw, partition=number % 2)
    await producer.stop()


async def found(gateway: Running, name: str) -> Any:
    return (await gateway.post("/v1/persons/search", {"q": name}, who=STAFF))["persons"]


async def test_a_kill_between_quarantine_and_commit_doubles_and_loses_nothing(
    settings: Settings, gateway_of: GatewayOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()

    async def hang(*_: Any) -> None:
        await never.wait()

    bad, good = changed("Q-1", {"birth_date": "morgen"}), changed("Q-2", {"last_name": "Nebenan"})
    await send(settings, bad, good, b"{", good)
    with monkeypatch.context() as killed:
        killed.setattr(KafkaMessage, "ack", hang)  # everything was done, and nothing of it acknowledged
        async with gateway_of(settings) as first:
            await eventually(lambda: found(first, "Nebenan"))
            before = await eventually(lambda: first.get("/v1/quarantine"))
    await send(settings, changed("Q-3", {"last_name": "Danach"}))
    async with gateway_of(settings) as second:
        await eventually(lambda: found(second, "Danach"), 40)
        listed = await second.get("/v1/quarantine")
        assert {one["id"] for one in before} <= {one["id"] for one in listed}
        assert sorted(one["slug"] for one in listed) == ["invalid-json", "not-a-date"]
        (person,) = await found(second, "Nebenan")
        events = await second.gateway.service.pool.fetchval(
            "SELECT count(*) FROM events WHERE key = $1", person["subject_id"]
        )
        assert events == 2


async def test_a_kill_before_quarantine_loses_nothing(
    settings: Settings, gateway_of: GatewayOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def killed_here(*_: Any, **__: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    await send(settings, b"{", changed("Q-1", {"last_name": "Vorher"}))
    with monkeypatch.context() as killed:
        killed.setattr(Quarantine, "put", killed_here)
        async with gateway_of(settings):
            await asyncio.wait_for(reached.wait(), 20)
    async with gateway_of(settings) as second:
        (entry,) = await eventually(lambda: second.get("/v1/quarantine"), 40)
        assert entry["slug"] == "invalid-json"
        assert len(await eventually(lambda: found(second, "Vorher"))) == 1


async def test_what_lies_there_is_opened_with_a_reason_mended_and_taken_over(
    settings: Settings, gateway_of: GatewayOf
) -> None:
    early = {"type": "crm.delivery.confirmed", "id": "c", "occurred": "2026-05-03T10:00:00Z", "crm_ref": "Q-1"}
    message = uuid4()
    async with gateway_of(settings) as gateway:
        await send(settings, {**early, "message": str(message)})
        (entry,) = await eventually(lambda: gateway.get("/v1/quarantine"))
        assert (entry["slug"], entry["pointer"], entry["tries"]) == ("unknown-message", "/message", 0)
        place = f"/v1/quarantine/{entry['id']}"
        assert (await gateway.get(place))["openings"] == []
        told = await gateway.post(f"{place}/openings", {"reason": "to mend it"}, who=STAFF)
        assert json.loads(told["text"]) == {**early, "message": str(message)}
        (opening,) = (await gateway.get(place))["openings"]
        assert (opening["by"], opening["reason"]) == ("anna", "to mend it")

        (answer,) = await gateway.post("/v1/crm/events", changed("Q-1", {"last_name": "Frueh"}))
        again = await gateway.post(f"{place}/retries", {"reason": "once more"}, who=STAFF)
        assert (again["status"], (await gateway.get(place))["tries"]) == ("refused", 1)
        await gateway.gateway.service.pool.execute(
            "INSERT INTO deliveries (message, subject, about, what, state, informed) VALUES ($1, $2, $1, 'consent', 'informed', now())",
            message,
            answer["subject_id"],
        )
        again = await gateway.post(f"{place}/retries", {"reason": "now it is known"}, who=STAFF)
        assert again["slug"] == "unknown-message"  # the log knows no such message, whatever the table says
        await gateway.post(f"{place}/discards", {"reason": "was a test"}, who=STAFF, status=204)
        await gateway.post(f"{place}/openings", {"reason": "again"}, who=STAFF, status=409)
        await gateway.post(f"/v1/quarantine/{uuid4()}/openings", {"reason": "?"}, who=STAFF, status=404)
        (gone,) = await gateway.get("/v1/quarantine?state=discarded")
        assert (gone["decided_by"], gone["reason"], gone["tries"]) == ("anna", "was a test", 2)


async def test_what_was_in_the_way_is_mended_and_the_message_taken_over(
    settings: Settings, gateway_of: GatewayOf
) -> None:
    """A clock two days ahead sends news from the future; the day after tomorrow it is none."""
    from datetime import UTC, datetime, timedelta

    async with gateway_of(settings) as gateway:
        ahead = datetime.now(UTC) + timedelta(days=2)
        await send(settings, changed("Q-9", {"last_name": "Zukunft"}, at=ahead.isoformat()))
        (entry,) = await eventually(lambda: gateway.get("/v1/quarantine"))
        assert entry["slug"] == "unlikely-time"
        gateway.gateway.service.handler.clock = lambda: ahead
        told = await gateway.post(f"/v1/quarantine/{entry['id']}/retries", {"reason": "now it is true"}, who=STAFF)
        assert told["status"] == "accepted"
        assert len(await found(gateway, "Zukunft")) == 1
        assert await gateway.get("/v1/quarantine") == []
        (taken,) = await gateway.get("/v1/quarantine?state=taken")
        assert taken["tries"] == 1


async def test_a_message_about_somebody_erased_meanwhile_loses_its_content(gateway: Running) -> None:
    await eventually(lambda: not gateway.gateway.waits_for())
    service, door = gateway.gateway.service, gateway.gateway.door
    quarantine = Quarantine(service, door, days=30)
    (outcome,) = await gateway.post("/v1/crm/events", changed("Q-90", {"last_name": "Vergessen"}))
    said = Incoming(json.dumps(changed("Q-90", {"first_name": "Ganz"})).encode())
    entry = await quarantine.put(said, refused(Refusal("unexpected", "Try it again.")), door="topic", place="here/0/90")
    await service.keys.destroy({UUID(outcome["subject_id"]): uuid4()})
    again = await quarantine.retry(entry, by="admin", reason="try")
    assert again is not None
    assert again.slug == "erased"
    assert await quarantine.open(entry, by="admin", reason="look") is None
    assert (await quarantine.get(entry)).state == "open"  # type: ignore[union-attr]
