"""Reading the log, on a real broker: a person's history, and the log replayed."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from audit.lines import BrokenShape, LineShape
from events.catalogue.access import AccessLinkIssued, ConsentChosen
from events.catalogue.consents import ConsentGiven, ConsentWithdrawn, WordingPublished, WordingRef
from events.catalogue.persons import PersonAdmitted, PersonChanged
from events.catalogue.vocabulary import THE_PERSON, Actor
from events.envelope import partition_of

from .conftest import AXEL, DORA, LENA, NOW, Running

CRM = Actor(kind="crm", id="lime")
STAFF = Actor(kind="staff", id="lena")
REASON = {"decrypt": True, "reason": "case 2026-17"}


def given_at(hours: int = 0, evidence: str | None = "ticked by Zoë Čapek") -> ConsentGiven:
    return ConsentGiven(
        at=NOW - timedelta(hours=hours),
        by=THE_PERSON,
        kind="newsletter",
        wording=WordingRef(version=2, language="de"),
        method="portal",
        strength="strong",
        evidence=evidence,
    )


async def a_life(audit: Running, apart_from: str = "") -> tuple[UUID, list[UUID]]:
    """Write a short life over three topics; give the person and the events in their order.

    ``apart_from``: not in the partition of this key, for what would stop it there.
    """
    anna = next(who for who in iter(uuid4, None) if partition_of(str(who)) != partition_of(apart_from))
    events: list[Any] = [
        PersonAdmitted(at=NOW, by=CRM, crm_ref="1042"),
        PersonChanged(at=NOW, by=CRM, fields={"last_name": "f1"}, values={"last_name": "Čapek"}),
        given_at(hours=48),
        ConsentChosen(at=NOW, by=THE_PERSON, link=None, kind="newsletter", choice="withdraw", wording=None),
        ConsentWithdrawn(at=NOW, by=THE_PERSON, kind="newsletter", method="portal"),
    ]
    return anna, [(await audit.record(event, anna)).id for event in events]


async def test_a_history_is_merged_in_order_of_recording(audit: Running) -> None:
    anna, ids = await a_life(audit)
    await a_life(audit)
    lines = await audit.lines(f"/v1/history/{anna}")
    assert [UUID(line["id"]) for line in lines] == ids
    assert [line["place"]["topic"] for line in lines] == [
        "gdpr.persons",
        "gdpr.persons",
        "gdpr.consents",
        "gdpr.access",
        "gdpr.consents",
    ]
    assert {line["place"]["partition"] for line in lines} == {partition_of(str(anna))}
    assert lines[2]["by"] == {"kind": "person", "id": None}
    assert lines[2]["occurred"] < lines[2]["recorded"]
    for line in lines:
        LineShape.model_validate(line)


async def test_what_is_sealed_stays_sealed_until_asked(audit: Running) -> None:
    anna, _ = await a_life(audit)
    lines = await audit.lines(f"/v1/history/{anna}")
    assert [line["personal"] for line in lines] == ["sealed", "sealed", "sealed", "none", "none"]
    assert lines[0]["data"]["crm_ref"] == "(sealed)"
    assert lines[2]["data"]["evidence"] == "(sealed)"
    assert "Čapek" not in json.dumps(lines, ensure_ascii=False)
    opened = await audit.lines(f"/v1/history/{anna}", DORA, **REASON)
    assert opened[0]["data"]["crm_ref"] == "1042"
    assert opened[1]["data"]["values"] == {"last_name": "Čapek"}
    assert opened[2]["data"]["evidence"] == "ticked by Zoë Čapek"
    assert opened[2]["personal"] == "opened"


async def test_what_is_erased_says_so_and_the_history_stays(audit: Running) -> None:
    anna, ids = await a_life(audit)
    await audit.audit.service.keys.destroy({anna: uuid4()})
    lines = await audit.lines(f"/v1/history/{anna}", **REASON)
    assert [UUID(line["id"]) for line in lines] == ids
    assert [line["personal"] for line in lines] == ["erased", "erased", "erased", "none", "none"]
    assert lines[2]["data"]["evidence"] == "(erased)"
    assert lines[2]["data"]["kind"] == "newsletter"


async def test_a_repeat_is_shown_once_with_every_place(audit: Running) -> None:
    anna = uuid4()
    first = await audit.record(given_at(), anna)
    await audit.record(ConsentWithdrawn(at=NOW, by=THE_PERSON, kind="newsletter", method="portal"), anna)
    await audit.send(first)
    lines = await audit.lines(f"/v1/history/{anna}")
    assert [line["type"] for line in lines] == ["ConsentGiven", "ConsentWithdrawn"]
    (again,) = lines[0]["repeated_at"]
    assert again["offset"] == lines[0]["place"]["offset"] + 2
    assert lines[1]["repeated_at"] == []


async def test_a_clock_that_was_set_back_does_not_turn_versions_round(audit: Running) -> None:
    anna = uuid4()
    await audit.record(given_at(), anna, recorded=NOW)
    await audit.record(
        ConsentWithdrawn(at=NOW, by=THE_PERSON, kind="newsletter", method="portal"),
        anna,
        recorded=NOW - timedelta(seconds=5),
    )
    assert [line["version"] for line in await audit.lines(f"/v1/history/{anna}")] == [1, 2]


async def test_what_cannot_be_read_is_a_line_and_no_end(audit: Running) -> None:
    anna, ids = await a_life(audit, apart_from="kind-newsletter")
    offset = await audit.put("gdpr.consents", str(anna), b'{"specversion":"1.0","type":"Consen')
    stranger = uuid4()
    foreign = await audit.record(given_at(), stranger)
    lines = await audit.lines(f"/v1/history/{anna}", **REASON)
    broken, *rest = lines
    assert broken["unreadable"] == "not an envelope of ours"
    assert broken["place"] == {"topic": "gdpr.consents", "partition": partition_of(str(anna)), "offset": offset}
    BrokenShape.model_validate(broken)
    assert [UUID(line["id"]) for line in rest] == ids
    assert foreign.id not in {UUID(line["id"]) for line in rest}


async def test_the_words_that_were_agreed_to_are_shown(audit: Running) -> None:
    anna, _ = await a_life(audit)
    texts = {"de": "Ja, ich möchte den Newsletter.", "en": "Yes, I want the newsletter."}
    await audit.record(
        WordingPublished(at=NOW, by=STAFF, kind="newsletter", version=2, texts=texts), stream="kind-newsletter"
    )
    async with asyncio.timeout(20):
        while True:
            wording = (await audit.lines(f"/v1/history/{anna}"))[2]["wording"]
            if wording["text"]:
                break
            await asyncio.sleep(0.05)
    assert wording == {"kind": "newsletter", "version": 2, "language": "de", "text": texts["de"]}


async def test_every_look_stands_in_the_log_before_its_first_line(audit: Running) -> None:
    anna, _ = await a_life(audit)
    before = len(await audit.looks())
    header = audit.signer.header(AXEL)
    path = f"/v1/history/{anna}?decrypt=true&reason=case+2026-17"
    async with audit.http.get(path, headers=header) as response:
        await response.content.readline()
        (look,) = (await audit.looks())[before:]
        assert look["of"] == str(anna)
        assert look["what"] == "history"
        assert look["decrypted"] is True
        assert look["reason"] == "case 2026-17"
        assert look["by"]["id"] == "axel"
        await response.read()
    await audit.lines("/v1/replay", topic="gdpr.consents", partition=3)
    assert (await audit.looks())[-1]["what"] == "replay.gdpr.consents.3"
    assert (await audit.looks())[-1]["decrypted"] is False


async def test_nothing_is_opened_without_role_and_reason(audit: Running) -> None:
    anna, _ = await a_life(audit)
    before = len(await audit.looks())
    assert (await audit.ask(f"/v1/history/{anna}", LENA))[0] == 403
    assert (await audit.ask("/v1/replay", LENA))[0] == 403
    status, text = await audit.ask(f"/v1/history/{anna}", decrypt=True)
    assert (status, json.loads(text)["type"]) == (409, "urn:gdpr:problem:reason-missing")
    status, text = await audit.ask("/v1/replay", decrypt=True, reason="zoe@example.org")
    assert (status, json.loads(text)["type"]) == (409, "urn:gdpr:problem:reason-names-a-person")
    assert len(await audit.looks()) == before


async def test_a_person_whom_nobody_knows_has_an_empty_history(audit: Running) -> None:
    assert await audit.lines(f"/v1/history/{uuid4()}") == []


async def test_a_replay_goes_from_offset_to_offset(audit: Running) -> None:
    anna = uuid4()
    for hours in range(6):
        await audit.record(given_at(hours), anna)
    at = {"topic": "gdpr.consents", "partition": partition_of(str(anna))}
    everything = await audit.lines("/v1/replay", **at)
    offsets = [line["place"]["offset"] for line in everything]
    assert offsets == list(range(len(offsets)))
    some = await audit.lines("/v1/replay", **at, from_offset=2, to_offset=4)
    assert [line["place"]["offset"] for line in some] == [2, 3, 4]
    assert len(await audit.lines("/v1/replay", **at, limit=3)) == 3
    assert await audit.lines("/v1/replay", **at, from_offset=10_000) == []


async def test_a_replay_is_filtered_by_time_type_and_person(audit: Running) -> None:
    anna, bea = uuid4(), uuid4()
    later = NOW + timedelta(days=3)
    await audit.record(given_at(), anna, recorded=later)
    await audit.record(given_at(), bea, recorded=later + timedelta(minutes=1))
    await audit.record(
        AccessLinkIssued(
            at=NOW,
            by=STAFF,
            link=uuid4(),
            token_hash="00",
            expires=NOW,
            language="de",
            reason="asked",
            to="anna@example.org",
            for_mail=None,
        ),
        anna,
        recorded=later + timedelta(minutes=2),
    )
    window = {"from_time": later.isoformat(), "to_time": (later + timedelta(minutes=2)).isoformat()}
    assert {line["subject"] for line in await audit.lines("/v1/replay", **window)} == {str(anna), str(bea)}
    (mine,) = await audit.lines("/v1/replay", **window, subject_id=anna)
    assert mine["subject"] == str(anna)
    early = {"to_time": (later - timedelta(days=30)).isoformat()}
    assert await audit.lines("/v1/replay", **early, subject_id=anna) == []
    for edge in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        assert len(await audit.lines("/v1/replay", subject_id=anna, from_time=edge)) == (2 if edge < "1" else 0)
        assert len(await audit.lines("/v1/replay", subject_id=anna, to_time=edge)) == (0 if edge < "1" else 2)
    links = await audit.lines("/v1/replay", type="AccessLinkIssued", from_time=later.isoformat(), **REASON)
    assert [line["data"]["to"] for line in links] == ["anna@example.org"]


@pytest.mark.parametrize(
    "query",
    [
        {"topic": "gdpr.nothing"},
        {"type": "Nothing"},
        {"from_offset": 3},
        {"topic": "gdpr.consents", "partition": 6},
        {"follow": True, "to_offset": 3, "topic": "gdpr.consents", "partition": 1},
        {"from_time": "yesterday"},
        {"colour": "blue"},
    ],
)
async def test_a_question_without_a_meaning_is_refused(audit: Running, query: dict[str, Any]) -> None:
    status, text = await audit.ask("/v1/replay", **query)
    assert status == 422
    assert json.loads(text)["errors"]


async def test_a_followed_log_goes_on_with_what_is_recorded_from_now_on(audit: Running) -> None:
    anna = uuid4()
    await audit.record(given_at(), anna)
    header = audit.signer.header(AXEL)
    async with audit.http.get(f"/v1/replay?subject_id={anna}&follow=true", headers=header) as response:
        assert json.loads(await response.content.readline())["type"] == "ConsentGiven"
        await audit.record(ConsentWithdrawn(at=NOW, by=THE_PERSON, kind="newsletter", method="portal"), anna)
        async with asyncio.timeout(10):
            while not (line := (await response.content.readline()).strip()):
                pass
        assert json.loads(line)["type"] == "ConsentWithdrawn"


async def test_a_replay_goes_through_what_is_erased_and_what_cannot_be_read(audit: Running) -> None:
    anna, ids = await a_life(audit, apart_from="kind-newsletter")
    bea, others = await a_life(audit)
    await audit.put("gdpr.persons", str(anna), b"\xff\x00 no event at all")
    await audit.audit.service.keys.destroy({anna: uuid4()})
    after = await audit.record(given_at(), anna_too := uuid4())
    lines = await audit.lines("/v1/replay", **REASON)
    read = {line["id"]: line for line in lines if "id" in line}
    assert {str(one) for one in (*ids, *others, after.id)} <= read.keys()
    assert [read[str(one)]["personal"] for one in ids] == ["erased", "erased", "erased", "none", "none"]
    assert read[str(others[1])]["data"]["values"] == {"last_name": "Čapek"}
    assert read[str(after.id)]["subject"] == str(anna_too)
    assert any(line.get("unreadable") and line["place"]["topic"] == "gdpr.persons" for line in lines)
    (only,) = await audit.lines("/v1/replay", type="PersonChanged", subject_id=bea)
    assert only["id"] == str(others[1])


async def test_a_followed_log_ends_when_the_settings_say_so(audit: Running) -> None:
    before, audit.settings.follow_seconds = audit.settings.follow_seconds, 0.3
    try:
        assert await audit.lines("/v1/replay", follow=True, subject_id=uuid4()) == []
    finally:
        audit.settings.follow_seconds = before


async def test_a_broker_that_does_not_answer_is_said(audit: Running) -> None:
    before = audit.audit.service.settings.kafka_bootstrap_servers
    audit.settings.kafka_bootstrap_servers = "127.0.0.1:1"
    try:
        status, text = await audit.ask(f"/v1/history/{uuid4()}")
    finally:
        audit.settings.kafka_bootstrap_servers = before
    assert (status, json.loads(text)["type"]) == (503, "urn:gdpr:problem:broker-unreachable")
