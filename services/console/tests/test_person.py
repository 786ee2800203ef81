"""A person's pages: what is recorded before anything is shown, what is shown without whom, and what staff do there."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Desk, Visitor
from .fakes import ERIKA, GONE, NOW, TWIN

PERSON, PAD = f"/persons/{ERIKA}", f"/actionpad/{ERIKA}"
LINK = {"to": "erika.mustermann@example.org", "language": "en", "hours": "24", "reason": "asked-by-letter"}


def asked(desk: Desk) -> list[str]:
    return [f"{method} {path}" for method, path, *_ in desk.fakes.heard]


@pytest.mark.parametrize(("path", "where"), [(PERSON, "person-page"), (PAD, "actionpad")])
async def test_a_look_is_on_record_before_anything_is_shown(desk: Desk, path: str, where: str) -> None:
    anna = await desk.signed_in("anna")
    await anna.get(path)
    assert anna.status == 200
    assert asked(desk)[:2] == [f"GET /v1/persons/{ERIKA}", f"POST /v1/persons/{ERIKA}/looks"]
    assert desk.fakes.told("/looks") == [{"where": where}]


async def test_nobody_looks_at_somebody_who_does_not_exist(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    html = await anna.get("/persons/00000000-0000-0000-0000-00000000dead")
    assert anna.status == 404
    assert "no such person" in html
    assert not desk.fakes.told("/looks")


@pytest.mark.parametrize("path", [PERSON, PAD, f"{PAD}/links/new", f"{PERSON}/consents/newsletter/give"])
async def test_nothing_is_shown_that_cannot_be_recorded(desk: Desk, path: str) -> None:
    desk.fakes.down.add("subject-access")
    anna = await desk.signed_in("anna")
    html = await anna.get(path)
    assert anna.status == 503
    assert "cannot be recorded at the moment" in html
    assert "Mustermann" not in html
    assert set(asked(desk)) == {f"GET /v1/persons/{ERIKA}", f"POST /v1/persons/{ERIKA}/looks"}
    desk.fakes.down.clear()
    await anna.get(path)
    assert anna.status == 200


async def test_one_visit_is_one_look(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    for path in (PERSON, f"{PERSON}/links/new", PERSON):
        await anna.get(path)
    assert len(desk.fakes.told("/looks")) == 1
    dora = await desk.signed_in("dora")
    await dora.get(PERSON)
    await dora.get(f"/persons/{TWIN}")
    assert len(desk.fakes.told("/looks")) == 3


@pytest.mark.parametrize(
    ("service", "said"),
    [
        ("consent", "The consents are not reachable at the moment."),
        ("notifier", "The mail dispatch is not reachable at the moment."),
    ],
)
async def test_the_rest_of_the_page_works_without_a_service(desk: Desk, service: str, said: str) -> None:
    desk.fakes.down.add(service)
    anna = await desk.signed_in("anna")
    for path in (PERSON, PAD):
        html = await anna.get(path)
        assert anna.status == 200
        assert said in html
        assert "Erika Mustermann" in html
        assert "Send access link" in html


async def test_without_the_customers_records_the_page_says_so(desk: Desk) -> None:
    desk.fakes.down.add("crm-gateway")
    dora = await desk.signed_in("dora", **{"Accept-Language": "de"})
    html = await dora.get(PERSON)
    assert dora.status == 503
    assert "Die Kundendaten sind gerade nicht erreichbar." in html
    assert "Abmelden" in html


async def test_services_that_nobody_started_hold_up_nothing(make_desk: Any) -> None:
    desk = await make_desk(notifier_url="http://127.0.0.1:1")
    anna = await desk.signed_in("anna")
    html = await anna.get(PAD)
    assert anna.status == 200
    assert "The mail dispatch is not reachable at the moment." in html


async def test_a_record_is_told_in_the_words_of_the_catalogue(desk: Desk) -> None:
    anna = await desk.signed_in("anna", **{"Accept-Language": "de"})
    html = await anna.get(PERSON)
    assert "Bestellung <span" in html
    assert "Bestellt am: 2. Mai 2026" in html
    assert "Total: 129,5" in html, "what nobody has described has its own name, without its kind once more"


async def test_what_the_crm_wrote_is_text_and_nothing_more(desk: Desk) -> None:
    person = desk.fakes.persons[str(ERIKA)]
    person["display_name"] = "<script>alert(1)</script> \"Erika'"
    person["company"] = "{{ 7 * 7 }}"
    anna = await desk.signed_in("anna")
    for path in (PERSON, PAD, f"{PAD}/links/new"):
        html = await anna.get(path)
        assert "<script>alert" not in html
        assert "<b>rot</b>" not in html
    await anna.get("/")
    html = await anna.send("/", q="alert")
    assert "&lt;script&gt;alert" in html
    assert "49" not in html.split("firm")[1][:60]


async def test_the_crms_key_leaves_the_address_at_once(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get("/actionpad?crm_ref=K-225")
    assert (anna.status, anna.place) == (303, PAD)
    assert not desk.fakes.told("/looks")
    html = await anna.get("/actionpad?crm_ref=K-999")
    assert anna.status == 404
    assert "no such person" in html
    assert 'href="/actionpad?crm_ref=K-999"' in html, "trying again is trying for the same customer"
    html = await anna.get("/actionpad")
    assert anna.status == 400
    assert "did not say which customer" in html


async def test_only_the_actionpad_stands_in_the_crms_frame(make_desk: Any) -> None:
    desk = await make_desk(demo_crm_url="http://127.0.0.1:8410")
    anna = await desk.signed_in("anna")
    for path in (PAD, "/actionpad?crm_ref=K-999", f"{PAD}/links/new", "/actionpad/nothing"):
        await anna.get(path)
        assert "frame-ancestors http://127.0.0.1:8410" in anna.headers["Content-Security-Policy"], path
        assert "X-Frame-Options" not in anna.headers
    for path in (PERSON, "/", "/kinds", "/sign-in"):
        await anna.get(path)
        assert "frame-ancestors 'none'" in anna.headers["Content-Security-Policy"]
        assert anna.headers["X-Frame-Options"] == "DENY"
    stranger = await desk.visitor()
    await stranger.get("/actionpad?crm_ref=K-225")
    assert "frame-ancestors http://127.0.0.1:8410" in stranger.headers["Content-Security-Policy"]


async def test_an_origin_that_is_none_is_refused(settings: Any) -> None:
    assert settings(frame_ancestors="https://a.example https://b.example").framed_by == (
        "https://a.example",
        "https://b.example",
    )
    for wrong in ("*", "https://a.example/x", "a.example", "https://a.example;script-src *"):
        with pytest.raises(ValueError, match="no origin"):
            settings(frame_ancestors=wrong)


async def test_pages_are_not_kept_and_tell_nothing_to_others(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    for path in (PERSON, PAD, "/"):
        await anna.get(path)
        assert anna.headers["Cache-Control"] == "no-store"
        assert anna.headers["Referrer-Policy"] == "no-referrer"
        assert "unsafe" not in anna.headers["Content-Security-Policy"]


async def send_link(anna: Visitor, **more: str) -> str:
    await anna.get(f"{PAD}/links/new")
    return await anna.send(f"{PAD}/links/new", "", **{**LINK, **more})


async def test_a_link_is_sent_to_one_of_the_persons_own_addresses(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    html = await send_link(anna, to="somebody@else.example")
    assert anna.status == 422
    assert "Choose the address that the mail goes to." in html
    assert not desk.fakes.told("/links")
    await send_link(anna)
    assert anna.status == 303
    assert desk.fakes.told("/links") == [{**LINK, "hours": 24}]
    html = await anna.get(anna.place)
    assert "25 November 2026, 14:05" in html
    assert "data-status=" in html


async def test_the_reason_is_asked_for(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    html = await send_link(anna, reason="")
    assert anna.status == 422
    assert "Say how the customer asked for it." in html
    assert 'value="erika.mustermann@example.org" checked' in html


async def test_a_form_that_is_sent_twice_sends_one_link(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get(f"{PAD}/links/new")
    fields = {**anna.hidden(""), **LINK}
    places = set()
    for _ in range(2):
        await anna.post(f"{PAD}/links/new", fields)
        places.add(anna.place)
    assert len(places) == 1
    assert len(desk.fakes.links) == 1


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("unknown-address", "not among the customer"),
        ("lifetime-out-of-bounds", "may not open for so long"),
        ("something-new", "The service refused this."),
    ],
)
async def test_a_refusal_is_said_in_the_readers_words(desk: Desk, slug: str, said: str) -> None:
    desk.fakes.refuse["/links"] = (409, slug)
    anna = await desk.signed_in("anna")
    html = await send_link(anna)
    assert anna.status == 422
    assert said in html
    assert "In English." not in html


async def test_the_state_of_the_mail_is_said(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await send_link(anna)
    status = f"{anna.place}/status"
    for state, said, final in (
        ("queued", "The mail is in the queue", False),
        ("sent", "took the mail over", True),
        ("failed", "could not be delivered", True),
    ):
        desk.fakes.mail(state)
        html = await anna.get(status)
        assert said in html
        assert ("data-final" in html) is final
    desk.fakes.down.add("notifier")
    assert "being prepared" in await anna.get(status)


async def test_a_link_is_revoked_after_a_question(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await send_link(anna)
    link = anna.place
    html = await anna.get(f"{link}/revoke")
    assert "Revoke the link?" in html
    await anna.send(f"{link}/revoke", "")
    assert anna.place == link
    html = await anna.get(link)
    assert "The link is revoked" in html
    assert "data-status=" not in html


async def test_a_link_of_somebody_else_is_not_shown(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get(f"{PAD}/links/{TWIN}")
    assert anna.status == 404


async def test_whoever_has_no_address_gets_no_link(desk: Desk) -> None:
    desk.fakes.persons[str(ERIKA)]["emails"] = []
    anna = await desk.signed_in("anna")
    html = await anna.get(f"{PAD}/links/new")
    assert "There is no e-mail address" in html
    assert 'name="to"' not in html


async def test_nothing_is_offered_for_the_erased(desk: Desk) -> None:
    desk.fakes.refuse["/looks"] = (409, "erased")
    anna = await desk.signed_in("anna")
    html = await anna.get(f"/persons/{GONE}")
    assert anna.status == 200
    assert "Erased" in html
    assert "Send access link" not in html


async def give(anna: Visitor, **more: str) -> str:
    await anna.get(f"{PAD}/consents/newsletter/give")
    said = {"method": "telephone", "language": "de", "evidence": "Anruf, 24.11., Akte 12"}
    return await anna.send(f"{PAD}/consents/newsletter/give", "", **{**said, **more})


async def test_a_consent_is_recorded_with_its_wording_and_evidence(make_desk: Any) -> None:
    desk = await make_desk(clock=lambda: NOW)
    anna = await desk.signed_in("anna")
    await give(anna)
    assert anna.status == 303, anna.html
    assert desk.fakes.told("/consents") == [
        {
            "kind": "newsletter",
            "method": "telephone",
            "evidence": "Anruf, 24.11., Akte 12",
            "wording": {"version": 2, "language": "de"},
        }
    ]
    html = await anna.get(anna.place)
    assert "The consent is recorded" in html
    assert "Central European" in html


async def test_a_yes_counts_from_the_beginning_of_its_day_and_a_no_from_the_end(make_desk: Any) -> None:
    desk = await make_desk(clock=lambda: NOW)
    anna = await desk.signed_in("anna")
    day = {"day-day": "20", "day-month": "11", "day-year": "2026"}
    await give(anna, **day)
    assert desk.fakes.told("/consents")[0]["at"] == "2026-11-19T23:00:00+00:00"
    await anna.get(f"{PAD}/consents/newsletter/withdraw")
    await anna.send(f"{PAD}/consents/newsletter/withdraw", "", method="paper", **day)
    assert desk.fakes.told("/withdrawals")[0]["at"] == "2026-11-20T22:59:59+00:00"
    html = await give(anna, **{**day, "day-day": "25"})
    assert anna.status == 422
    assert "Nobody can have said so in the future." in html
    await give(anna, **{**day, "day-day": "24"})
    assert "at" not in desk.fakes.told("/consents")[-1], "today is now"


async def test_evidence_and_the_way_are_asked_for(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    html = await give(anna, evidence="", method="")
    assert anna.status == 422
    assert "Say how it can be shown" in html
    assert "Say how the customer told you." in html
    assert not desk.fakes.told("/consents")


async def test_a_withdrawal_needs_no_reason(desk: Desk) -> None:
    desk.fakes.stands("newsletter", "given")
    anna = await desk.signed_in("anna")
    html = await anna.get(PAD)
    assert f"{PAD}/consents/newsletter/withdraw" in html
    await anna.get(f"{PAD}/consents/newsletter/withdraw")
    await anna.send(f"{PAD}/consents/newsletter/withdraw", "", method="staff")
    assert desk.fakes.told("/withdrawals") == [{"kind": "newsletter", "method": "staff"}]
    html = await anna.get(anna.place)
    assert "The withdrawal is recorded" in html
    html = await anna.get(PAD)
    assert "Withdrawn" in html
    assert "staff (anna)" in html


async def test_an_objection_is_named_when_a_consent_is_refused(desk: Desk) -> None:
    desk.fakes.refuse["/consents"] = (409, "objection-stands")
    anna = await desk.signed_in("anna")
    html = await give(anna)
    assert anna.status == 422
    assert "Only an act of their own lifts that." in html
    assert "Akte 12" in html, "what was typed stays"
