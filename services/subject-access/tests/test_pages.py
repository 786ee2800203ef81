"""The pages as a browser without a script meets them: everything that is held, one press for a consent, and nothing for others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from events.catalogue.audit import LogRead
from events.catalogue.consents import ChoiceDeclined, ConsentGiven, ConsentWithdrawn, ObjectionRaised
from events.catalogue.persons import FieldDescribed, FieldDiscovered, RecordChanged
from events.catalogue.vocabulary import THE_PERSON, THE_SYSTEM, Actor
from subject_access import reading
from subject_access.main import build
from subject_access.projections.looks import readings
from subject_access.projections.persons import persons
from subject_access.projections.records import records
from subject_access.settings import SubjectAccessSettings
from web.testing import client_of

from .conftest import ERIKA, LENA, LONG_AGO, THE_CRM, Portal, eventually

pytestmark = pytest.mark.usefixtures("offered")


@pytest.fixture(scope="module")
async def offered(portal: Portal) -> None:
    await portal.offer()


async def page(browser: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    async with browser.get(path) as answer:
        text = await answer.text()
        assert answer.status == status, text
        return text


def form(html: str, kind: str) -> dict[str, str]:
    """Give what the form of a kind of consent would send."""
    inside = re.search(rf'action="/me/consents/{kind}".*?</form>', html, re.S)
    assert inside, html
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', inside[0]))


async def press(browser: aiohttp.ClientSession, kind: str, fields: dict[str, str], **more: Any) -> tuple[int, str, str]:
    """Send the form; give status, where it leads, and the page."""
    async with browser.post(f"/me/consents/{kind}", data=fields, allow_redirects=False, **more) as answer:
        return answer.status, answer.headers.get("Location", ""), await answer.text()


async def test_everything_that_is_held_is_shown(portal: Portal) -> None:
    subject = await portal.person({**ERIKA, **{f"custom.field_{n}": f"value {n}" for n in range(120)}, "company": None})
    for kind, many in (("order", 31), ("note", 3), ("loyalty-card", 1)):
        for n in range(many):
            values = {"text": f"{kind} {n}", "total": n}
            await portal.record(
                RecordChanged(
                    at=LONG_AGO + timedelta(days=n),
                    by=THE_CRM,
                    kind=kind,
                    record=uuid4(),
                    record_ref=f"{kind}-{n}",
                    fields=dict.fromkeys(values, "x"),
                    values=values,
                ),
                subject,
            )
    service = portal.access.service

    async def own() -> list[Any]:
        rows = await service.reader(records).select("WHERE t.subject = $1", subject)
        return rows if len(rows) == 35 else []

    held_records = await eventually(own)
    _, token = await portal.link(subject, language="en")
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        overview = await page(browser, "/me/data")
        shown = overview
        for section in re.findall(r'href="(/me/data/[^"?]+)"', overview):
            pages = [await page(browser, section)]
            while further := re.findall(rf'href="\?page=({len(pages) + 1})"', pages[-1]):
                pages.append(await page(browser, f"{section}?page={further[0]}"))
            shown += "".join(pages)
    person = await service.reader(persons).get(subject)
    assert person is not None
    fields = set(re.findall(r'data-field="([^"]+)"', shown))
    assert {name for name, value in person.held.items() if value is not None} <= fields
    assert set(re.findall(r'data-record="([^"]+)"', shown)) == {str(row.record) for row in held_records}
    for told in ("value 119", "order 0", "note 2", "loyalty-card 0", "51147 Köln", "12 August 1964"):
        assert told in shown
    assert "We do not hold: Company, Position." in overview
    assert len(overview.encode()) < 35_000


async def test_a_field_is_shown_in_the_words_that_an_administrator_gave_it(portal: Portal) -> None:
    name = "custom.shoe_size"
    await portal.record(FieldDiscovered(at=LONG_AGO, by=THE_CRM, field=name, guessed="number"))
    subject = await portal.person({"emails": ERIKA["emails"], name: 39})
    _, token = await portal.link(subject)
    labels = {"de": "Schuhgröße", "en": "Size of your shoes"}
    async with portal.visitor() as browser:
        assert "Shoe size" in await page(browser, f"/l/{token}") + await page(browser, "/me/data?lang=en")
        await portal.record(
            FieldDescribed(at=LONG_AGO, by=THE_CRM, field=name, type="number", group="who-you-are", labels=labels)
        )

        async def described() -> bool:
            return "Size of your shoes" in await page(browser, "/me/data?lang=en")

        await eventually(described)
        assert "Schuhgröße" in await page(browser, "/me/data?lang=de")


async def test_the_wording_they_saw_when_and_how(portal: Portal) -> None:
    subject = await portal.person()
    await portal.given(subject)
    _, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        html = await page(browser, "/me/consents?lang=en")
    assert '<blockquote lang="de">Ja, ich möchte newsletter, wie in Fassung 1' in html
    assert "Given on 3 May 2024, 11:30 (Central European Summer Time), on paper." in html
    assert "What we need newsletter for." in html
    assert "You have not agreed to this" in html
    assert '<blockquote lang="en">Yes, I would like surveys as described in version' in html


async def test_a_withdrawal_counts_at_once_and_nobody_needs_to_be_there(portal: Portal) -> None:
    subject = await portal.person()
    await portal.given(subject)
    link, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        before = datetime.now(UTC)
        html = await page(browser, "/me/consents?lang=en")
        status, where, _ = await press(browser, "newsletter", form(html, "newsletter"))
        assert status == 303
        confirmed = await page(browser, where)
        made = await portal.choice_of(subject)
        assert (made.data.kind, made.data.choice, made.data.link) == ("newsletter", "withdraw", link)
        assert before <= made.occurred <= datetime.now(UTC)
        assert where == f"/me/choices/{made.id}"
        assert f"{made.id.hex[:4]}-{made.id.hex[4:8]}".upper() in confirmed
        assert "We have received your choice" in confirmed
        assert "data-final" not in confirmed
        assert "Received" in await page(browser, "/me/consents")
        # The consent service is back, and answers.
        await portal.record(
            ConsentWithdrawn(at=made.occurred, by=THE_PERSON, kind="newsletter", method="portal", answers=made.id),
            subject,
        )

        async def final() -> bool:
            return "data-final" in await page(browser, f"{where}/status")

        await eventually(final)
        assert "In effect since" in await page(browser, where)
        html = await page(browser, "/me/consents")
        assert "Withdrawn on" in html
        assert form(html, "newsletter")["choice"] == "give"


async def test_an_answer_that_comes_in_time_is_on_the_first_page(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject)

    async def consent_service() -> None:
        async def chosen() -> Any:
            rows = await portal.access.service.pool.fetch("SELECT choice_id FROM choices WHERE subject = $1", subject)
            return rows and rows[0]["choice_id"]

        choice = await eventually(chosen)
        now = datetime.now(UTC)
        await portal.record(
            ConsentGiven(
                at=now, by=THE_PERSON, kind="surveys", method="portal", strength="strong", wording=None, answers=choice
            ),
            subject,
        )

    portal.settings.answer_seconds = 10
    try:
        async with portal.visitor() as browser:
            await page(browser, f"/l/{token}")
            fields = form(await page(browser, "/me/consents"), "surveys")
            answering = asyncio.create_task(consent_service())
            _, where, _ = await press(browser, "surveys", fields)
            confirmed = await page(browser, f"{where}?lang=en")
            await answering
    finally:
        portal.settings.answer_seconds = 0.3
    assert "data-final" in confirmed
    assert "You have agreed" in confirmed
    assert "In effect since" in confirmed
    made = await portal.choice_of(subject)
    assert (made.data.wording.version, made.data.wording.language) == (int(fields["version"]), fields["language"])


async def test_a_form_pressed_twice_is_one_choice(portal: Portal) -> None:
    subject = await portal.person()
    await portal.given(subject)
    _, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        fields = form(await page(browser, "/me/consents"), "newsletter")
        both = await asyncio.gather(*(press(browser, "newsletter", fields) for _ in range(2)))
        later = await press(browser, "newsletter", fields)
    assert {(status, where) for status, where, _ in [*both, later]} == {(303, both[0][1])}
    await portal.choice_of(subject)


async def test_a_choice_that_could_not_be_carried_out_says_why(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        _, where, _ = await press(browser, "surveys", form(await page(browser, "/me/consents"), "surveys"))
        made = await portal.choice_of(subject)
        await portal.record(
            ChoiceDeclined(at=made.occurred, by=THE_SYSTEM, kind="surveys", answers=made.id, reason="overtaken"),
            subject,
        )

        async def declined() -> bool:
            return "was not carried out" in await page(browser, f"{where}?lang=en")

        await eventually(declined)
        assert "Something that you said later already counts." in await page(browser, where)


async def test_nobody_agrees_to_words_they_have_not_read(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        fields = form(await page(browser, "/me/consents?lang=en"), "surveys")
        newer = int(fields["version"]) + 1
        await portal.publish("surveys", newer)

        async def published() -> bool:
            return (await reading.offer(portal.access.service)).wordings["surveys"][-1].version == newer

        await eventually(published)
        status, _, html = await press(browser, "surveys", fields)
        assert status == 409
        assert "The wording has changed since you opened the page" in html
        assert form(html, "surveys")["version"] == str(newer)
        for forged in ({"version": "77"}, {"language": "xx"}, {"version": ""}, {"choice": "both"}):
            status, _, _ = await press(browser, "surveys", fields | forged)
            assert status in {409, 422}
    assert await portal.access.service.pool.fetchval("SELECT count(*) FROM choices WHERE subject = $1", subject) == 0


async def test_a_post_that_was_forged_elsewhere_does_nothing(portal: Portal) -> None:
    subject = await portal.person()
    await portal.given(subject)
    _, token = await portal.link(subject)
    async with portal.visitor() as browser, portal.visitor() as other:
        for one in (browser, other):
            await page(one, f"/l/{token}")
        fields = form(await page(browser, "/me/consents"), "newsletter")
        others = form(await page(other, "/me/consents"), "newsletter")
        for forged in ({"choice": "withdraw"}, fields | {"form-token": "x"}, others):
            assert (await press(browser, "newsletter", forged))[0] == 403
        assert (await press(browser, "newsletter", fields, headers={"Sec-Fetch-Site": "cross-site"}))[0] == 403
        assert (await press(browser, "never-heard-of", fields))[0] == 404
    assert await portal.access.service.pool.fetchval("SELECT count(*) FROM choices WHERE subject = $1", subject) == 0


async def test_nothing_counts_that_is_pressed_after_the_link_was_revoked(portal: Portal) -> None:
    subject = await portal.person()
    await portal.given(subject)
    link, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        fields = form(await page(browser, "/me/consents"), "newsletter")
        await portal.ask(LENA, "POST", f"/v1/links/{link}/revocation")
        assert (await press(browser, "newsletter", fields))[0] == 401
    assert await portal.access.service.pool.fetchval("SELECT count(*) FROM choices WHERE subject = $1", subject) == 0


async def test_somebody_elses_choice_is_nothing_to_see(portal: Portal) -> None:
    anna, erika = await portal.person(), await portal.person()
    await portal.given(anna)
    tokens = [(await portal.link(subject))[1] for subject in (anna, erika)]
    async with portal.visitor() as browser:
        await page(browser, f"/l/{tokens[0]}")
        _, where, _ = await press(browser, "newsletter", form(await page(browser, "/me/consents"), "newsletter"))
        await page(browser, where)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{tokens[1]}")
        for path in (where, f"{where}/status", "/me/choices/x"):
            await page(browser, path, status=404)


async def test_after_an_objection_what_was_given_before_does_not_count(portal: Portal) -> None:
    subject = await portal.person()
    await portal.given(subject)
    await portal.record(ObjectionRaised(at=datetime.now(UTC), by=THE_PERSON, method="telephone"), subject)
    await eventually(lambda: portal.stands(subject, "*", "objection"))
    _, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        html = await page(browser, "/me/consents?lang=en")
    assert "You have objected to advertising since, so we do not use it." in html


async def test_what_happened_and_who_looked_is_told_in_plain_words(portal: Portal) -> None:
    subject = await portal.person()
    await portal.given(subject)
    await portal.ask(LENA, "POST", f"/v1/persons/{subject}/looks", {"where": "actionpad"})
    axel = Actor(kind="staff", id="axel")
    read = LogRead(at=LONG_AGO, by=axel, look=uuid4(), what="history", of=subject, decrypted=True, reason="case 7")
    await portal.record(read)
    await eventually(lambda: portal.access.service.reader(readings).get(read.look))
    _, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        looks = await page(browser, "/me/looks?lang=en")

        async def told() -> str:
            history = await page(browser, "/me/history?lang=en")
            return history if "This page was opened" in history else ""

        history = await eventually(told)
    assert "2 looks so far." in looks
    assert "In the overview beside our customer system" in looks
    assert "A member of our staff" in looks
    assert "lena" not in looks
    assert "axel" not in looks
    for line in ("We sent you a link", "Consent given: Newsletter by e-mail", "We began to hold a record about you"):
        assert line in history
    assert "All times are those of Central European Time." in history


async def test_an_erased_person_is_told_so_calmly(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject)
    await portal.access.service.keys.destroy({subject: uuid4()})
    async with portal.visitor() as browser:
        home = await page(browser, f"/l/{token}")
        data = await page(browser, "/me/data")
        consents = await page(browser, "/me/consents?lang=en")
        await page(browser, "/me/history")
    assert "Ihre Daten sind gelöscht" in home
    assert "Ihre Daten sind gelöscht" in data
    assert "Your data has been erased" in consents
    assert '<form method="post" action="/me/consents/' not in consents
    body = {"to": "erika@example.org", "reason": "asked-by-telephone"}
    status, told = await portal.ask(LENA, "POST", f"/v1/persons/{subject}/links", body)
    assert (status, told["type"]) == (409, "urn:gdpr:problem:erased")


async def test_who_leaves_has_left(portal: Portal) -> None:
    _, token = await portal.link(await portal.person())
    async with portal.visitor() as browser:
        html = await page(browser, f"/l/{token}")
        leaving = re.search(r'action="/me/end".*?</form>', html, re.S)
        assert leaving
        fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', leaving[0]))
        async with browser.post("/me/end", data=fields) as answer:
            assert answer.url.path == "/left"
        await page(browser, "/me", status=401)
        await page(browser, f"/l/{token}")


async def test_personal_pages_are_kept_nowhere_and_lead_nowhere(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject)
    async with portal.visitor() as browser:
        await page(browser, f"/l/{token}")
        for path in ("/me", "/me/data", "/me/data/who-you-are", "/me/consents", "/me/history", "/me/looks"):
            async with browser.get(path) as answer:
                html = await answer.text()
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "no-store"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert str(subject) not in html
                assert not re.findall(r'(?:href|src|action)="[^"]*(?:erika|mustermann)', html, re.I)
                assert not re.findall(r'(?:href|src)="https?:', html)
                assert token not in html
    async with portal.visitor() as stranger:
        for path in ("/me", "/me/data", "/me/consents", "/me/history", "/me/looks", f"/me/choices/{UUID(int=1)}"):
            assert "Mustermann" not in await page(stranger, path, status=401)


async def test_links_cannot_be_tried_without_end_and_a_lost_database_is_said(
    installation: Callable[..., SubjectAccessSettings],
) -> None:
    access = build(installation(link_openings_per_minute=3))
    async with client_of(access.app, headers={"Accept": "text/html", "Accept-Language": "en"}) as browser:
        assert "How you get in" in await page(browser, "/")
        for _ in range(3):
            assert "We cannot be reached at the moment" in await page(browser, "/l/abc", status=503)
        async with browser.get("/l/abc") as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) > 0
