"""The HTTP door: every message, one or many, in every form; what is newer stands; what nobody knows is kept and marked."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from .conftest import CRM, STAFF, Running, changed, eventually

EVENTS = "/v1/crm/events"


def message(what: str, ref: str, *, at: str = "2026-05-03T10:00:00Z", **more: Any) -> dict[str, Any]:
    return {"type": what, "id": str(uuid4()), "occurred": at, "crm_ref": ref, "by": "mia", **more}


async def send(gateway: Running, *messages: Any, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await gateway.post(EVENTS, list(messages), **more)
    return found


async def person(gateway: Running, ref: str) -> dict[str, Any]:
    found = await gateway.post("/v1/persons/by-ref", {"crm_ref": ref})
    whole: dict[str, Any] = await gateway.get(f"/v1/persons/{found['subject_id']}")
    return whole


async def test_every_message_is_taken_over_once(gateway: Running) -> None:
    order = {"kind": "order", "record_ref": "O-1"}
    sent = [
        (changed("E-1", {"last_name": "Alles"}), ["PersonAdmitted", "PersonChanged"]),
        (message("crm.record.changed", "E-1", fields={"total": 12.5}, **order), ["RecordChanged"]),
        (message("crm.record.removed", "E-1", at="2026-05-04T10:00:00Z", **order), ["RecordRemoved"]),
        (message("crm.consent.recorded", "E-1", kind="newsletter", evidence="letter"), ["ConsentRecordedInCrm"]),
        (message("crm.consent.withdrawn", "E-1", kind="newsletter"), ["WithdrawalRecordedInCrm"]),
        (message("crm.person.removed", "E-1", at="2026-05-04T10:00:00Z"), ["PersonRemoved"]),
    ]
    answers = await send(gateway, *(one for one, _ in sent))
    assert [(a["status"], a["events"]) for a in answers] == [("accepted", events) for _, events in sent]
    assert [a["id"] for a in answers] == [one["id"] for one, _ in sent]
    held = await person(gateway, "E-1")
    assert held["state"] == "removed"
    assert [(r["kind"], r["record_ref"], r["state"]) for r in held["records"]] == [("order", "O-1", "removed")]
    assert {a["status"] for a in await send(gateway, *(one for one, _ in sent))} == {"repeated"}
    same_news = [{**one, "id": str(uuid4())} for one, _ in sent]
    assert {a["status"] for a in await send(gateway, *same_news)} == {"unchanged"}


async def test_the_first_news_of_anybody_admits_them(gateway: Running) -> None:
    answers = await send(
        gateway,
        message("crm.record.changed", "F-1", kind="note", record_ref="N-1", fields={"text": "called"}),
        message("crm.consent.withdrawn", "F-2", kind="newsletter"),
    )
    assert [a["events"] for a in answers] == [
        ["PersonAdmitted", "RecordChanged"],
        ["PersonAdmitted", "WithdrawalRecordedInCrm"],
    ]
    assert (await person(gateway, "F-1"))["records"][0]["values"] == {"text": "called"}


async def test_a_partial_message_leaves_the_rest_and_a_full_one_empties_it(gateway: Running) -> None:
    await send(gateway, changed("P-1", {"first_name": "Ada", "last_name": "Teil", "size": 4}))
    await send(gateway, changed("P-1", {"last_name": "Neu"}, at="2026-05-04T10:00:00Z"))
    assert (await person(gateway, "P-1"))["values"] == {"first_name": "Ada", "last_name": "Neu", "custom.size": 4}
    await send(gateway, changed("P-1", {"last_name": "Voll"}, at="2026-05-05T10:00:00Z", full=True))
    values = (await person(gateway, "P-1"))["values"]
    assert values == {"first_name": None, "last_name": "Voll", "custom.size": None}
    (late,) = await send(gateway, changed("P-1", {"title": "Dr."}, at="2026-05-04T12:00:00Z"))
    assert late["status"] == "unchanged"


async def test_older_news_never_overwrites_newer_field_by_field(gateway: Running) -> None:
    await send(gateway, changed("O-1", {"last_name": "Dienstag"}, at="2026-05-05T10:00:00Z"))
    (answer,) = await send(
        gateway, changed("O-1", {"last_name": "Montag", "first_name": "Neu"}, at="2026-05-04T10:00:00+02:00")
    )
    assert answer["events"] == ["PersonChanged"]
    assert (await person(gateway, "O-1"))["values"] == {"last_name": "Dienstag", "first_name": "Neu"}


async def test_a_bad_message_holds_up_none_beside_it(gateway: Running) -> None:
    lines = [
        changed("B-1", {"last_name": "Gut"}),
        changed("B-2", {"emails": ["x"]}),
        changed("B-3", {"last_name": "Gut"}),
    ]
    raw = b"\n".join(json.dumps(one).encode() for one in lines) + b'\n{"cut off\n\n'
    answers = await gateway.post(EVENTS, raw, kind="application/x-ndjson")
    assert [a["status"] for a in answers] == ["accepted", "refused", "accepted", "refused"]
    refused = answers[1]
    assert (refused["slug"], refused["pointer"], refused["id"]) == ("not-an-email", "/fields/emails/0", lines[1]["id"])
    assert "Correct it" in refused["detail"]
    assert await gateway.post(EVENTS, []) == []
    (alone,) = await gateway.post(EVENTS, changed("B-4", {"last_name": "Allein"}))
    assert alone["status"] == "accepted"


async def test_cloudevents_come_in_every_form(gateway: Running) -> None:
    event = {
        "specversion": "1.0", "id": "1", "source": "/crm", "type": "crm.person.changed", "subject": "C-1",
        "time": "2026-05-03T10:00:00Z", "data": {"fields": {"last_name": "Wolke"}},
    }  # fmt: skip
    (one,) = await gateway.post(EVENTS, event, kind="application/cloudevents+json")
    assert one["status"] == "accepted"
    (again,) = await gateway.post(EVENTS, [event], kind="application/cloudevents-batch+json")
    assert again["status"] == "repeated"
    names = ("specversion", "id", "source", "type", "subject", "time")
    headers = {f"ce-{name}": str(event[name]) for name in names} | gateway.signing.header(CRM)
    headers |= {"ce-subject": "C-%C3%9C", "Content-Type": "application/json", "ce-id": "2"}
    async with gateway.http.post(EVENTS, data=json.dumps(event["data"]), headers=headers) as answer:
        assert (answer.status, (await answer.json())[0]["status"]) == (200, "accepted")
    assert (await person(gateway, "C-Ü"))["values"] == {"last_name": "Wolke"}


async def test_who_has_not_the_role_of_a_crm_is_not_heard(gateway: Running) -> None:
    await gateway.post(EVENTS, [], who=STAFF, status=403)
    async with gateway.http.post(EVENTS, json=[]) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("body", "kind", "status", "slug"),
    [
        (b"[{]", "application/json", 400, "invalid-json"),
        (b"[" + b"{}," * 5000 + b"{}]", "application/json", 413, "too-many-messages"),
        (b"{}", "text/plain", 415, "media-type"),
    ],
)
async def test_what_is_no_list_of_messages_is_a_problem(
    gateway: Running, body: bytes, kind: str, status: int, slug: str
) -> None:
    told = await gateway.post(EVENTS, body, kind=kind, status=status)
    assert told["type"] == f"urn:gdpr:problem:{slug}"


async def test_a_body_in_pieces_of_which_the_last_never_comes_is_given_up(gateway: Running) -> None:
    async def pieces() -> Any:
        yield b'{"type": '
        raise ConnectionError

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await gateway.http.post(EVENTS, data=pieces(), headers=gateway.signing.header(CRM))
    assert (await send(gateway, changed("G-1", {"last_name": "Danach"})))[0]["status"] == "accepted"


async def test_an_unknown_field_is_kept_shown_and_marked_once_until_somebody_describes_it(gateway: Running) -> None:
    sent = [changed(f"U-{n}", {"Schuhgröße!": n, "last_name": "Feld"}) for n in range(3)]
    await send(gateway, *sent)
    await send(gateway, message("crm.record.changed", "U-0", kind="order", record_ref="1", fields={"Total": 5}))
    discovered = await gateway.gateway.service.pool.fetchval(
        "SELECT count(*) FROM events WHERE stream = 'field-custom.schuhgroesse'"
    )
    assert discovered == 1

    async def field(name: str) -> dict[str, Any]:
        found = (await gateway.get("/v1/fields"))["fields"]
        return {one["field"]: one for one in found}[name]

    marked = await field("custom.schuhgroesse")
    assert (marked["state"], marked["type"], marked["core"]) == ("discovered", "number", False)
    assert (await field("order.total"))["state"] == "discovered"
    assert (await person(gateway, "U-2"))["values"]["custom.schuhgroesse"] == 2
    labels = {"de": "Schuhgröße", "en": "Shoe size"}
    said = {"type": "number", "group": "further", "labels": labels}
    answer = await gateway.ask("PUT", "/v1/fields/custom.schuhgroesse", said, who=STAFF)
    assert answer["changed"] is True
    assert ((await field("custom.schuhgroesse"))["state"], marked["labels"] != labels) == ("described", True)
    assert (await field("custom.schuhgroesse"))["labels"] == labels
    await gateway.ask("PUT", "/v1/fields/nobody", said, who=STAFF, status=409)


async def test_what_looks_like_a_formula_or_runs_from_the_right_comes_back_as_it_was(gateway: Running) -> None:
    values = {"first_name": "=1+1", "last_name": "שלום", "company": "🌻 & Söhne", "custom.note": "\u202etxt.exe"}
    await send(gateway, changed("R-1", values))
    assert (await person(gateway, "R-1"))["values"] == values


async def test_ten_thousand_fields_do_not_fit_but_do_no_harm(gateway: Running) -> None:
    many = [{f"f{n}": n for n in range(start, start + 500)} for start in range(0, 10_000, 500)]
    answers = await send(gateway, *(changed("M-1", part) for part in many))
    assert [a["status"] for a in answers] == ["accepted"] * 2 + ["refused"] * 18
    assert {a["slug"] for a in answers[2:]} == {"too-many-fields"}
    assert len((await person(gateway, "M-1"))["values"]) == 1000
    known = {one["field"] for one in (await gateway.get("/v1/fields"))["fields"]}
    assert "custom.f999" in known
    assert "custom.f1000" not in known  # what was refused leaves nothing behind


async def test_the_same_message_at_two_doors_is_one(gateway: Running) -> None:
    from aiokafka import AIOKafkaProducer

    one = changed("D-1", {"last_name": "Doppelt"})
    assert (await send(gateway, one))[0]["status"] == "accepted"
    await eventually(lambda: not any("boundary" in w for w in gateway.gateway.waits_for()))
    producer = AIOKafkaProducer(bootstrap_servers=gateway.settings.kafka_bootstrap_servers)
    await producer.start()
    topic = gateway.settings.topic_prefix + "crm.inbound"
    other = changed("D-2", {"last_name": "Zuerst auf dem Topic"})
    for value in (one, other):
        await producer.send_and_wait(topic, json.dumps(value).encode(), partition=0)
    await producer.stop()

    async def there() -> bool:
        found = await gateway.post("/v1/persons/search", {"q": "Zuerst"}, who=STAFF)
        return bool(found["persons"])

    await eventually(there)
    assert (await send(gateway, other))[0]["status"] == "repeated"
    events = await gateway.gateway.service.pool.fetchval(
        "SELECT count(*) FROM events WHERE key = $1", (await person(gateway, "D-1"))["subject_id"]
    )
    assert events == 2
