"""Administration and the log: fields, quarantine, read models, the way to the CRM, histories."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from .conftest import Desk
from .fakes import ERIKA, NOW

ENTRY = str(UUID(int=7))


def entry() -> dict[str, Any]:
    return {
        "id": ENTRY,
        "received": NOW.isoformat(),
        "door": "topic",
        "place": "crm.inbound/2/10442",
        "slug": "bad-date",
        "pointer": "/fields/birth_date",
        "detail": "This is no date.",
        "size": 1042,
        "tries": 1,
        "state": "open",
    }


async def test_an_administrator_describes_a_field(desk: Desk) -> None:
    adam = await desk.signed_in("adam")
    html = await adam.get("/fields")
    assert "1 field from the CRM waits to be described" in html
    await adam.get("/fields/custom.shoe_size")
    said = {"label_de": "Schuhgröße", "label_en": "Shoe size", "type": "number", "group": "further"}
    await adam.send("/fields/custom.shoe_size", "", **said)
    assert adam.status == 303, adam.html
    assert desk.fakes.told("/fields/custom.shoe_size") == [
        {"type": "number", "group": "further", "labels": {"de": "Schuhgröße", "en": "Shoe size"}, "choices": None}
    ]
    assert "custom.shoe_size is described" in await adam.get(adam.place)


async def test_choices_are_lines_of_three(desk: Desk) -> None:
    adam = await desk.signed_in("adam")
    await adam.get("/fields/custom.shoe_size")
    said = {"label_de": "Größe", "label_en": "Size", "type": "choice", "group": "further"}
    html = await adam.send("/fields/custom.shoe_size", "", **said, choices="s | klein | small\nl | groß")
    assert adam.status == 422
    assert "Line 2 is not like that." in html
    html = await adam.send("/fields/custom.shoe_size", "", **said)
    assert "each on a line of its own" in html
    await adam.send("/fields/custom.shoe_size", "", **said, choices="s | klein | small\r\n\r\nl | groß | large")
    assert adam.status == 303
    (told,) = desk.fakes.told("/fields/custom.shoe_size")
    assert told["choices"] == {"s": {"de": "klein", "en": "small"}, "l": {"de": "groß", "en": "large"}}


async def test_the_type_of_a_core_field_is_not_offered(desk: Desk) -> None:
    adam = await desk.signed_in("adam")
    html = await adam.get("/fields/first_name")
    assert '<option value="text" selected>' in html
    assert '<option value="number">' not in html
    await adam.get("/fields/custom.nothing")
    assert adam.status == 404


async def test_whoever_only_looks_is_offered_nothing_to_press(desk: Desk) -> None:
    desk.fakes.quarantined = [entry()]
    desk.fakes.posts = [post("dead")]
    dora = await desk.signed_in("dora")
    for path, offer in (
        ("/fields", "/fields/custom"),
        ("/quarantine", f"/quarantine/{ENTRY}"),
        ("/read-models", "Rebuild"),
        ("/deliveries", "/retry"),
    ):
        html = await dora.get(path)
        assert dora.status == 200
        assert offer not in html, path


@pytest.mark.parametrize(("what", "ending"), [("retry", "/retries"), ("discard", "/discards")])
async def test_a_message_in_quarantine_is_decided_with_a_reason(desk: Desk, what: str, ending: str) -> None:
    desk.fakes.quarantined = [entry()]
    adam = await desk.signed_in("adam")
    html = await adam.get("/quarantine")
    assert f"/quarantine/{ENTRY}" in html
    await adam.get(f"/quarantine/{ENTRY}")
    html = await adam.send(f"/quarantine/{ENTRY}", "", what=what)
    assert adam.status == 422
    assert "Say why." in html
    await adam.send(f"/quarantine/{ENTRY}", "", what=what, reason="case 12")
    assert adam.status == 303
    assert desk.fakes.told(ending) == [{"reason": "case 12"}]
    assert "The decision is kept" in await adam.get(adam.place)


async def test_a_message_that_was_decided_meanwhile_is_said(desk: Desk) -> None:
    adam = await desk.signed_in("adam")
    html = await adam.get(f"/quarantine/{ENTRY}")
    assert adam.status == 404
    assert "decided already" in html


def post(state: str) -> dict[str, Any]:
    return {
        "message": str(uuid4()),
        "sequence": 10042,
        "subject_id": str(ERIKA),
        "state": state,
        "tries": 12,
        "next_try": NOW.isoformat(),
        "last_try": NOW.isoformat(),
        "last_fault": "503",
    }


async def test_what_waits_for_the_crm_is_seen_and_tried_again(desk: Desk) -> None:
    desk.fakes.posts = [post("dead")]
    adam = await desk.signed_in("adam")
    html = await adam.get("/deliveries")
    assert "Given up" in html
    assert "not by itself" in html
    action = f"/deliveries/{desk.fakes.posts[0]['message']}/retry"
    await adam.send(action)
    assert adam.place == "/deliveries"
    assert desk.fakes.heard[-1][:2] == ("POST", f"/v1/crm/webhooks/{desk.fakes.posts[0]['message']}/retries")


async def test_what_the_crm_refused_is_seen(desk: Desk) -> None:
    adam, dora = await desk.signed_in("adam"), await desk.signed_in("dora")
    assert "The CRM has refused nothing." in await adam.get("/deliveries")
    times = {"informed": NOW.isoformat(), "refused": NOW.isoformat()}
    desk.fakes.refusals = [{"message": str(uuid4()), "subject_id": str(ERIKA), "what": "consent", **times}]
    html = await adam.get("/deliveries")
    assert "The CRM has refused nothing." not in html
    assert str(ERIKA) in html
    assert "/history/" not in html, "administrators read no histories"
    assert f'href="/history/{ERIKA}"' in await dora.get("/deliveries")


async def test_read_models_of_all_services_are_seen_and_rebuilt(make_desk: Any) -> None:
    desk = await make_desk(erasure_url="http://127.0.0.1:1")
    adam = await desk.signed_in("adam")
    html = await adam.get("/read-models")
    assert "1 service is not reachable at the moment." in html
    assert "gap at gdpr.persons, partition 3, offset 1042" in html
    form = {**adam.hidden("/read-models/rebuild"), "service": "consent", "name": "kinds"}
    await adam.post("/read-models/rebuild", form)
    assert adam.place == "/read-models"
    assert desk.fakes.heard[-1][1] == "/ops/projections/kinds/rebuild"
    await adam.post("/read-models/rebuild", {**form, "service": "../evil"})
    assert adam.status == 404
    await adam.post("/read-models/rebuild", {**form, "name": "../../x"})
    assert adam.status == 404


async def test_kinds_show_their_words_in_both_languages(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    html = await anna.get("/kinds")
    assert '<blockquote lang="de">Ja, ich möchte' in html
    assert '<blockquote lang="en">Yes, I would like' in html
    assert "1 earlier wording" in html


def lines() -> list[dict[str, Any]]:
    return [
        {
            "id": str(uuid4()),
            "type": "ConsentGiven",
            "occurred": NOW.isoformat(),
            "recorded": NOW.isoformat(),
            "by": {"kind": "staff", "id": "anna"},
            "wording": {"kind": "newsletter", "version": 2, "language": "de", "text": "Ja, ich möchte."},
            "personal": "sealed",
            "place": {"topic": "gdpr.consents", "partition": 3, "offset": 18},
            "repeated_at": [],
            "data": {"kind": "newsletter", "evidence": "letter, folder 12"},
        },
        {"unreadable": "not JSON", "size": 3, "written": None, "place": {"topic": "x", "partition": 3, "offset": 1}},
    ]


async def test_an_auditor_reads_a_history_sealed_and_opens_it_with_a_reason(desk: Desk) -> None:
    desk.fakes.lines = lines()
    axel = await desk.signed_in("axel")
    await axel.get("/history")
    await axel.send("/history", "", whose="K-225")
    assert axel.place == f"/history/{ERIKA}"
    html = await axel.get(axel.place)
    assert "gdpr.consents" in html
    assert "partition 3, offset 18" in html
    assert "letter, folder 12" not in html
    assert "A record that cannot be read" in html
    html = await axel.send(f"/history/{ERIKA}", "")
    assert axel.status == 422
    assert "letter, folder 12" not in html
    html = await axel.send(f"/history/{ERIKA}", "", reason="case 4711")
    assert axel.status == 200
    assert "letter, folder 12" in html
    assert "case 4711" in html


async def test_a_history_of_nobody_is_said(desk: Desk) -> None:
    axel = await desk.signed_in("axel")
    await axel.get("/history")
    html = await axel.send("/history", "", whose="K-999")
    assert axel.status == 422
    assert "no such person" in html
    html = await axel.get(f"/history/{ERIKA}")
    assert "The log holds nothing about this customer." in html
