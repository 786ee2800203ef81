"""The service as others meet it: over HTTP and Kafka, on real servers."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from events.catalogue.access import ConsentChosen
from events.catalogue.persons import ConsentRecordedInCrm, PersonAdmitted, WithdrawalRecordedInCrm
from events.catalogue.vocabulary import THE_PERSON, Actor

from .conftest import ADAM, AXEL, LENA, MAILER, Running, eventually


async def test_a_consent_counts_and_a_withdrawal_ends_it_at_once(consent: Running) -> None:
    ask, anna = consent.ask, uuid4()
    assert await ask.check(anna) | {"subject_id": None} == {
        "allowed": False, "reason": "unknown-person", "kind": "newsletter", "subject_id": None, "since": None, "recorded": None,
        "valid_until": None, "wording": None, "method": None, "strength": None, "event": None,
    }  # fmt: skip
    given = {
        "kind": "newsletter", "method": "paper", "evidence": "form 4711", "wording": {"version": 1, "language": "de"},
    }  # fmt: skip
    status, receipt = await ask(LENA, "POST", f"/v1/persons/{anna}/consents", given)
    assert (status, receipt["state"]) == (200, "given")
    told = await ask.check(anna)
    assert (told["allowed"], told["reason"], told["event"]) == (True, "given", receipt["event"])
    assert (told["wording"], told["strength"], told["method"]) == (
        {"version": 1, "language": "de"}, "documented", "paper",
    )  # fmt: skip

    withdrawn = {"kind": "newsletter", "method": "telephone", "reason": "too many mails"}
    status, receipt = await ask(LENA, "POST", f"/v1/persons/{anna}/withdrawals", withdrawn)
    assert (status, receipt["state"]) == (200, "withdrawn")
    told = await ask.check(anna)
    assert (told["allowed"], told["reason"], told["event"]) == (False, "withdrawn", receipt["event"])

    _, history = await ask(LENA, "GET", f"/v1/persons/{anna}/consents/history")
    assert [(e["type"], e["by"]) for e in history] == [
        ("ConsentGiven", "staff:lena"), ("ConsentWithdrawn", "staff:lena"),
    ]  # fmt: skip
    assert history[0]["data"]["evidence"] == "form 4711"
    assert history[1]["data"]["reason"] == "too many mails"


FORM = {"kind": "newsletter", "method": "paper", "evidence": "form", "wording": {"version": 1, "language": "de"}}


async def test_the_same_command_twice_is_one_act_with_one_answer(consent: Running) -> None:
    anna, id = uuid4(), uuid4()
    path = f"/v1/persons/{anna}/consents"
    answers = await asyncio.gather(*(consent.ask(LENA, "POST", path, FORM, id) for _ in range(8)))
    assert [status for status, _ in answers] == [200] * 8
    assert len({json.dumps(receipt) for _, receipt in answers}) == 1
    _, history = await consent.ask(LENA, "GET", f"{path}/history")
    assert len(history) == 1
    status, problem = await consent.ask(LENA, "POST", f"/v1/persons/{uuid4()}/consents", FORM, id)
    assert (status, problem["type"].rpartition(":")[2]) == (409, "command-id-reused")


async def test_of_many_at_once_the_history_is_one_order_without_gaps(consent: Running) -> None:
    anna = uuid4()
    path = f"/v1/persons/{anna}"
    kinds = ("newsletter", "satisfaction-survey", "personal-offers")
    asked = [
        (f"{path}/{what}", {"kind": kind, "method": "paper", "at": f"2026-01-{day:02}T10:00:00Z", **more})
        for day in range(1, 9)
        for kind in kinds
        for what, more in (("consents", {"evidence": "form"}), ("withdrawals", {}))
    ]
    answers = await asyncio.gather(*(consent.ask(LENA, "POST", *one) for one in asked))
    assert {status for status, _ in answers} == {200}
    _, history = await consent.ask(LENA, "GET", f"{path}/consents/history")
    assert [entry["version"] for entry in history] == list(range(1, len(history) + 1))
    recorded = [entry["recorded"] for entry in history]
    assert recorded == sorted(recorded)
    # Whatever the order of arrival: on the last day the no came before the yes, since at one moment it counts.
    _, held = await consent.ask(LENA, "GET", f"{path}/consents")
    by_kind = {one["kind"]: one for one in held["consents"]}
    for kind in kinds:
        assert (by_kind[kind]["state"], by_kind[kind]["since"]) == ("withdrawn", "2026-01-08T10:00:00Z")


async def test_a_consent_stays_on_the_wording_it_was_given_on(consent: Running) -> None:
    ask, anna, berta = consent.ask, uuid4(), uuid4()
    assert (await ask(LENA, "POST", f"/v1/persons/{anna}/consents", FORM))[0] == 200
    texts = {"de": "Ja, gern.", "en": "Yes, gladly."}
    status, changed = await ask(ADAM, "POST", "/v1/kinds/newsletter/wordings", {"texts": texts})
    assert (status, changed["wording"]) == (200, 2)
    newer = FORM | {"wording": {"version": 2, "language": "en"}}
    assert (await ask(LENA, "POST", f"/v1/persons/{berta}/consents", newer))[0] == 200
    assert (await ask.check(anna))["wording"] == {"version": 1, "language": "de"}
    assert (await ask.check(berta))["wording"] == {"version": 2, "language": "en"}
    _, held = await ask(LENA, "GET", f"/v1/persons/{anna}/consents")
    (one,) = [one for one in held["consents"] if one["kind"] == "newsletter"]
    assert one["text"].startswith("Ja, ich möchte den Newsletter")
    _, held = await ask(LENA, "GET", f"/v1/persons/{berta}/consents")
    assert [one["text"] for one in held["consents"] if one["kind"] == "newsletter"] == ["Yes, gladly."]


async def test_nobody_records_what_is_not_theirs(consent: Running) -> None:
    ask, anna = consent.ask, uuid4()
    path = f"/v1/persons/{anna}"
    assert (await ask(AXEL, "POST", f"{path}/consents", FORM))[0] == 403
    assert (await ask(AXEL, "GET", f"{path}/consents"))[0] == 403
    assert (await ask(MAILER, "GET", f"{path}/consents/history"))[0] == 403
    assert (await ask(LENA, "PUT", "/v1/kinds/newsletter", {}))[0] == 403
    status, problem = await ask(MAILER, "POST", f"{path}/withdrawals", {"kind": "newsletter", "method": "paper"})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/method")
    status, _ = await ask(MAILER, "POST", f"{path}/withdrawals", {"kind": "newsletter", "method": "unsubscribe"})
    assert status == 200
    assert (await ask.check(anna))["reason"] == "withdrawn"


async def test_what_cannot_be_is_refused_with_the_reason(consent: Running) -> None:
    ask, path = consent.ask, f"/v1/persons/{uuid4()}"
    for what, body, slug in (
        ("consents", FORM | {"kind": "carrier-pigeons"}, "unknown-kind"),
        ("withdrawals", {"kind": "carrier-pigeons", "method": "paper"}, "unknown-kind"),
        ("consents", FORM | {"wording": {"version": 7, "language": "de"}}, "unknown-wording"),
        ("consents", FORM | {"at": "2099-01-01T00:00:00Z"}, "invalid-input"),
        ("consents", FORM | {"evidence": "a\0b"}, "invalid-input"),
        ("consents", FORM | {"evidence": "x" * 5000}, "invalid-input"),
        ("consents", FORM | {"method": "portal"}, "invalid-input"),
    ):
        status, problem = await ask(LENA, "POST", f"{path}/{what}", body)
        assert 400 <= status < 500
        assert problem["type"].rpartition(":")[2] == slug
    assert (await ask(LENA, "GET", f"{path}/consents/history"))[1] == []


async def test_choices_in_the_portal_and_news_from_the_crm_are_carried_out(consent: Running) -> None:
    ask, anna = consent.ask, uuid4()
    day = datetime(2026, 2, 3, 10, tzinfo=UTC)
    crm = Actor(kind="crm", id="vogt")
    admitted = PersonAdmitted(at=day, by=crm, crm_ref="K-1")
    await consent.others_record(anna, admitted)
    await consent.others_record(
        anna, ConsentRecordedInCrm(at=day, by=crm, kind="newsletter", strength="documented", evidence="form 7")
    )

    async def says(reason: str) -> Any:
        status, told = await ask(MAILER, "POST", "/v1/consents/check", {"crm_ref": "K-1", "kind": "newsletter"})
        return status == 200 and told["reason"] == reason and told

    told = await eventually(lambda: says("given"))
    assert (told["strength"], told["method"], told["subject_id"]) == ("documented", "crm", str(anna))

    later = datetime.now(UTC)
    no = ConsentChosen(at=later, by=THE_PERSON, link=None, kind="newsletter", choice="withdraw", wording=None)
    choice = await consent.others_record(anna, no)
    await eventually(lambda: says("withdrawn"))
    _, history = await ask(LENA, "GET", f"/v1/persons/{anna}/consents/history")
    assert history[-1]["data"]["answers"] == str(choice)
    assert history[-1]["causation"] == str(choice)

    # The CRM's echo of an older tick changes nothing.
    await consent.others_record(anna, ConsentRecordedInCrm(at=day, by=crm, kind="newsletter", strength="weak"))
    await consent.others_record(anna, WithdrawalRecordedInCrm(at=day, by=crm, kind="satisfaction-survey"))

    async def survey() -> bool:
        return bool((await ask.check(anna, "satisfaction-survey"))["reason"] == "withdrawn")

    await eventually(survey)
    assert (await ask.check(anna))["reason"] == "withdrawn"


async def test_its_read_models_are_seen_and_made_anew(consent: Running) -> None:
    ask, anna = consent.ask, uuid4()
    await ask(LENA, "POST", f"/v1/persons/{anna}/consents", FORM)
    status, told = await ask(ADAM, "GET", "/ops/projections")
    assert status == 200
    names = {one["name"] for one in (told["projections"] if isinstance(told, dict) else told)}
    assert "known_refs" in names
    assert (await ask.check(anna))["allowed"]
