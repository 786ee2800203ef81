"""The topic: every form of message arrives, a bad one holds up no good one, and nothing is lost while the database is away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from .conftest import STAFF, Running, changed, eventually

Send = Any


@pytest_asyncio.fixture(loop_scope="session")
async def send(gateway: Running) -> AsyncIterator[Send]:
    producer = AIOKafkaProducer(bootstrap_servers=gateway.settings.kafka_bootstrap_servers)
    await eventually(lambda: not any("boundary" in w for w in gateway.gateway.waits_for()))
    await producer.start()

    async def send_one(value: Any, headers: dict[str, bytes] | None = None, partition: int = 0) -> None:
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        topic = gateway.settings.topic_prefix + "crm.inbound"
        await producer.send_and_wait(topic, raw, headers=list((headers or {}).items()), partition=partition)

    yield send_one
    await producer.stop()


async def arrived(gateway: Running, name: str) -> Any:
    """Wait until a person of this name is found."""

    async def found() -> Any:
        return (await gateway.post("/v1/persons/search", {"q": name}, who=STAFF))["persons"]

    (person,) = await eventually(found)
    return person


async def test_every_form_of_message_arrives(gateway: Running, send: Send) -> None:
    await send(changed("T-1", {"last_name": "Nackt"}))
    structured = {
        "specversion": "1.0",
        "id": "7",
        "source": "/lime",
        "type": "crm.person.changed",
        "time": "2026-05-03T10:00:00Z",
        "datacontenttype": "application/json",
        "data": {"crm_ref": "T-2", "fields": {"last_name": "Strukturiert"}},
    }
    await send(structured, {"content-type": b"application/cloudevents+json"})
    binary = {
        "ce_specversion": b"1.0",
        "ce_id": b"8",
        "ce_source": b"/lime",
        "ce_type": b"crm.person.changed",
        "ce_time": b"2026-05-03T10:00:00Z",
        "ce_subject": b"T-3",
        "content-type": b"application/json",
    }
    await send({"fields": {"last_name": "Binaer"}}, binary)
    for number, name in enumerate(("Nackt", "Strukturiert", "Binaer"), 1):
        assert (await arrived(gateway, name))["crm_ref"] == f"T-{number}"


async def test_garbage_goes_to_quarantine_and_the_good_beside_it_arrives(gateway: Running, send: Send) -> None:
    await send(b'{"type": "crm.person.chan')
    await send(b"\xff\xfe\x00")
    await send(b"")
    await send(b'"text"', {"x": b"\xff\xfe", "ce_id": b"\xff"})
    await send(changed("T-9", {"last_name": "A\0B"}))
    await send(changed("T-9", {"emails": ["kein Stern"]}))
    await send(changed("T-9", {}, at="9999-12-31T23:59:59Z"))
    await send({**changed("T-9", {}), "type": "crm.person.exploded"})
    answer = {"type": "crm.delivery.confirmed", "id": "d", "occurred": "2026-05-03T10:00:00Z", "crm_ref": "T-9"}
    await send({**answer, "message": str(uuid4())})
    await send(changed("T-8", {"last_name": "=Formel()", "first_name": "שלום 🌻"}))
    person = await arrived(gateway, "Formel")
    assert person["display_name"] == "שלום 🌻 =Formel()"

    async def all_listed() -> Any:
        found = await gateway.get("/v1/quarantine")
        return found if len(found) == 9 else None

    listed = await eventually(all_listed)
    assert sorted(one["slug"] for one in listed) == sorted(
        ["invalid-json"] * 3
        + ["invalid-input", "nul", "not-an-email", "unlikely-time", "unknown-type", "unknown-message"]
    )
    assert {one["slug"]: one["pointer"] for one in listed}["nul"] == "/fields/last_name"

    entry = next(one for one in listed if one["slug"] == "not-an-email")
    again = await gateway.post(f"/v1/quarantine/{entry['id']}/retries", {"reason": "once more"}, who=STAFF)
    assert (again["status"], again["slug"]) == ("refused", "not-an-email")
    await gateway.post(f"/v1/quarantine/{entry['id']}/discards", {"reason": "no address"}, who=STAFF, status=204)
    told = await gateway.post(f"/v1/quarantine/{entry['id']}/discards", {"reason": "twice"}, who=STAFF, status=409)
    assert told["type"] == "urn:gdpr:problem:not-open"
    sealed = await gateway.gateway.service.pool.fetch("SELECT sealed, state FROM quarantine")
    assert all((row["sealed"] is None) == (row["state"] == "discarded") for row in sealed)
    assert not any(b"kein Stern" in (row["sealed"] or b"") for row in sealed)


async def test_messages_wait_while_the_database_is_away(gateway: Running, send: Send) -> None:
    connection = await asyncpg.connect(gateway.settings.database_url)
    count = 120

    async def kill() -> None:
        for _ in range(15):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            await asyncio.sleep(0.07)

    killing = asyncio.create_task(kill())
    for number in range(count):
        await send(changed(f"W-{number}", {"last_name": f"Wartend{number}"}), partition=number % 6)
    await killing
    await connection.close()

    async def all_there() -> bool:
        persons = gateway.gateway.service.pool.fetchval(
            "SELECT count(*) FROM events WHERE stream LIKE 'person-%' AND convert_from(value, 'UTF8') LIKE '%PersonAdmitted%'"
        )
        return bool(await persons >= count)

    await eventually(all_there)
    assert (await arrived(gateway, f"Wartend{count - 1}"))["crm_ref"] == f"W-{count - 1}"


async def test_the_topics_are_described(gateway: Running) -> None:
    document = await gateway.get("/asyncapi.json")
    assert document["asyncapi"].startswith("3.")
    assert {"crm.inbound", "crm.outbound"} <= {title.split(":")[0] for title in document["channels"]}
    assert "ConsentState" in document["components"]["schemas"]
    assert "PersonChangedInCrm" in document["components"]["schemas"]
