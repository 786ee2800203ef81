"""Links as staff and the person meet them: issued over HTTP, opened in a browser, revoked, and run out."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

from subject_access import tokens

from .conftest import AXEL, DORA, LENA, Portal


async def test_a_link_opens_the_persons_page_and_nothing_is_used_up(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject)
    for _ in range(3):
        async with portal.visitor() as browser:
            async with browser.get(f"/l/{token}", allow_redirects=False) as answer:
                assert answer.status == 303
                assert answer.headers["Location"] == "/me"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Cache-Control"] == "no-store"
                assert "HttpOnly" in answer.headers["Set-Cookie"]
            async with browser.get("/me") as answer:
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "no-store"
                assert "Erika Mustermann" in await answer.text()


async def test_a_link_speaks_the_language_it_was_sent_in_until_the_reader_chooses(portal: Portal) -> None:
    _, token = await portal.link(await portal.person(), language="de")
    async with portal.visitor() as browser:
        async with browser.get(f"/l/{token}") as answer:
            assert '<html lang="de">' in await answer.text()
        async with browser.get("/me?lang=en"):
            pass
        async with browser.get(f"/l/{token}") as answer:
            assert '<html lang="en">' in await answer.text()


async def test_the_secret_stands_in_no_answer_and_no_event_and_only_hashed_in_the_database(portal: Portal) -> None:
    link, token = await portal.link(await portal.person())
    pool = portal.access.service.pool
    row = await pool.fetchrow("SELECT * FROM links WHERE link = $1", link)
    assert row["token_hash"] == tokens.hashed(token)
    assert token not in str(dict(row))
    events = await pool.fetch("SELECT value FROM events WHERE stream = $1", f"link-{link}")
    assert all(token.encode() not in event["value"] for event in events)
    assert all(b"erika@example.org" not in event["value"] for event in events)


async def test_a_scanner_that_fetches_the_link_is_no_visit(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject)
    async with portal.visitor() as scanner, scanner.get(f"/l/{token}", allow_redirects=False):
        pass
    _, told = await portal.ask(LENA, "GET", f"/v1/persons/{subject}/links")
    assert (told[0]["opened"], told[0]["visits"]) == (None, 0)
    async with portal.visitor() as browser:
        for path in (f"/l/{token}", "/me", "/me"):
            async with browser.get(path) as answer:
                assert answer.status == 200
    _, told = await portal.ask(LENA, "GET", f"/v1/persons/{subject}/links")
    assert told[0]["opened"]
    assert told[0]["visits"] == 1


async def test_a_revoked_link_opens_nothing_from_that_moment_on(portal: Portal) -> None:
    subject = await portal.person()
    link, token = await portal.link(subject, language="en")
    async with portal.visitor() as browser:
        async with browser.get(f"/l/{token}") as answer:
            assert answer.status == 200
        status, told = await portal.ask(DORA, "POST", f"/v1/links/{link}/revocation")
        assert (status, told["state"]) == (200, "revoked")
        async with browser.get("/me") as answer:
            assert answer.status == 401
        async with browser.get(f"/l/{token}") as answer:
            assert answer.status == 410
            page = await answer.text()
    assert "cancelled" in page
    assert "Erika" not in page
    assert "erika@example.org" not in page


async def test_a_link_that_another_process_revoked_ends_the_visit_too(portal: Portal) -> None:
    link, token = await portal.link(await portal.person())
    async with portal.visitor() as browser:
        async with browser.get(f"/l/{token}") as answer:
            assert answer.status == 200
        await portal.access.service.pool.execute("UPDATE links SET revoked = now() WHERE link = $1", link)
        async with browser.get("/me") as answer:
            assert answer.status == 410
            assert "Erika" not in await answer.text()
        async with browser.get("/me") as answer:
            assert answer.status == 401


async def test_a_link_runs_out(portal: Portal) -> None:
    subject = await portal.person()
    _, token = await portal.link(subject, hours=1, language="en")
    async with portal.visitor() as browser:
        async with browser.get(f"/l/{token}") as answer:
            assert answer.status == 200
        portal.clock.ahead = timedelta(hours=1, seconds=1)
        async with browser.get("/me") as answer:
            assert answer.status == 401
        async with browser.get(f"/l/{token}") as answer:
            assert answer.status == 410
            assert "run out" in await answer.text()
    _, told = await portal.ask(LENA, "GET", f"/v1/persons/{subject}/links")
    assert told[0]["state"] == "expired"


async def test_an_unknown_link_says_nothing_about_anybody(portal: Portal) -> None:
    async with portal.visitor() as browser:
        for token in (tokens.new_token(), "x", "%00", "a" * 500):
            async with browser.get(f"/l/{token}") as answer:
                assert answer.status in {400, 404}
                assert "Set-Cookie" not in answer.headers or "visit-by-link" not in answer.headers["Set-Cookie"]


async def test_a_link_goes_to_an_address_of_the_persons_own_only(portal: Portal) -> None:
    subject = await portal.person()
    body = {"to": "somebody@else.example", "reason": "asked-by-telephone"}
    status, told = await portal.ask(LENA, "POST", f"/v1/persons/{subject}/links", body)
    assert (status, told["type"]) == (409, "urn:gdpr:problem:unknown-address")
    body["to"] = "Erika@Example.org"
    status, told = await portal.ask(LENA, "POST", f"/v1/persons/{subject}/links", body)
    assert (status, told["to"]) == (201, "erika@example.org")
    status, told = await portal.ask(LENA, "POST", f"/v1/persons/{uuid4()}/links", body)
    assert (status, told["type"]) == (404, "urn:gdpr:problem:unknown-person")


async def test_the_same_command_again_makes_no_second_link(portal: Portal) -> None:
    subject, other, command = await portal.person(), await portal.person(), uuid4()
    body = {"to": "erika@example.org", "reason": "asked-by-telephone"}
    answers = [
        await portal.ask(LENA, "POST", f"/v1/persons/{subject}/links", body, command_id=command) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    _, told = await portal.ask(LENA, "GET", f"/v1/persons/{subject}/links")
    assert len(told) == 1
    status, told = await portal.ask(LENA, "POST", f"/v1/persons/{other}/links", body, command_id=command)
    assert (status, told["type"]) == (409, "urn:gdpr:problem:command-id-reused")


async def test_a_link_stays_open_as_long_as_is_allowed(portal: Portal) -> None:
    subject = await portal.person()
    body = {"to": "erika@example.org", "reason": "asked-by-telephone", "hours": 8760}
    status, told = await portal.ask(LENA, "POST", f"/v1/persons/{subject}/links", body)
    assert (status, told["type"]) == (409, "urn:gdpr:problem:lifetime-out-of-bounds")


async def test_auditors_see_links_and_send_none(portal: Portal) -> None:
    subject = await portal.person()
    link, _ = await portal.link(subject)
    body = {"to": "erika@example.org", "reason": "asked-by-telephone"}
    assert (await portal.ask(AXEL, "GET", f"/v1/persons/{subject}/links"))[0] == 200
    assert (await portal.ask(AXEL, "POST", f"/v1/persons/{subject}/links", body))[0] == 403
    assert (await portal.ask(AXEL, "POST", f"/v1/links/{link}/revocation"))[0] == 403
    assert (await portal.ask(LENA, "POST", f"/v1/links/{uuid4()}/revocation"))[0] == 404


async def test_a_look_is_recorded_once_and_listed(portal: Portal) -> None:
    subject, command = await portal.person(), uuid4()
    for _ in range(2):
        status, told = await portal.ask(
            LENA, "POST", f"/v1/persons/{subject}/looks", {"where": "actionpad"}, command_id=command
        )
        assert status == 201
    _, looks = await portal.ask(AXEL, "GET", f"/v1/persons/{subject}/looks")
    assert looks == [told]
    assert UUID(told["look"])
    assert (told["where"], told["by"]) == ("actionpad", "staff:lena")
