"""The desk in a real browser: for axe, by keyboard, on narrow screens, and in the CRM's frame."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web as http
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright, expect

from web.serving import start
from web.testing import Keys

from .conftest import PASSWORD, Desk, run_desk
from .fakes import ERIKA, NOW, Fakes
from .test_running import ENTRY, entry, lines, post

pytestmark = pytest.mark.slow

LINK = UUID(int=9)
PERSON, PAD = f"/persons/{ERIKA}", f"/actionpad/{ERIKA}"
OF_STAFF = (
    "/",
    PERSON,
    PAD,
    f"{PAD}/links/new",
    f"{PERSON}/links/new",
    f"{PAD}/links/{LINK}",
    f"{PAD}/links/{LINK}/revoke",
    f"{PERSON}/consents/telephone/give",
    f"{PAD}/consents/newsletter/withdraw",
    f"{PAD}/consents/newsletter?recorded=nothing",
    "/kinds",
    "/nowhere",
)
OF_ADMIN = ("/fields", "/fields/custom.shoe_size", "/read-models", "/quarantine", f"/quarantine/{ENTRY}", "/deliveries")
OF_AUDITOR = ("/history", f"/history/{ERIKA}")
PAGES = [*(("anna", p) for p in OF_STAFF), *(("adam", p) for p in OF_ADMIN), *(("axel", p) for p in OF_AUDITOR)]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture(scope="module")
async def shown(keys: Keys, make_settings: Callable[..., Any]) -> AsyncIterator[Desk]:
    """A desk with something on every page."""
    fakes = Fakes(keys.verifier)
    fill(fakes)
    async with AsyncExitStack() as stack:
        yield await run_desk(stack, fakes, make_settings)


def fill(fakes: Fakes) -> None:
    fakes.stands("newsletter", "given")
    fakes.stands("telephone", "withdrawn", method="portal", text=None)
    fakes.mail("queued")
    fakes.quarantined, fakes.posts, fakes.lines = [entry()], [post("dead"), post("waiting")], lines()
    fakes.links = [
        {
            "link": str(LINK),
            "state": "open",
            "issued": NOW.isoformat(),
            "expires": (NOW + timedelta(hours=72)).isoformat(),
            "to": "erika.mustermann@example.org",
            "opened": None,
            "revoked": None,
        }
    ]


async def signed_in(browser: Browser, desk: Desk, account: str, width: int = 1280, **options: Any) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 844}, **{"locale": "en-GB", **options})
    page = await context.new_page()
    await page.goto(desk.url + "/sign-in")
    await enter(page, account)
    return page


async def enter(page: Any, account: str) -> None:
    await page.fill("#account", account)
    await page.fill("#password", PASSWORD)
    await page.click("button.primary")


@pytest.mark.parametrize(
    ("width", "locale", "scheme"), [(390, "de-DE", "light"), (1280, "en-GB", "light"), (320, "de-DE", "dark")]
)
async def test_every_page_is_accessible_and_fits(
    browser: Browser, shown: Desk, width: int, locale: str, scheme: Any
) -> None:
    said: list[str] = []
    for account in ("anna", "adam", "axel"):
        page = await signed_in(browser, shown, account, width, locale=locale, color_scheme=scheme)
        page.on("console", lambda message: said.append(message.text))
        for path in (path for who, path in PAGES if who == account):
            await page.goto(shown.url + path)
            found = await Axe().run(page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        await page.context.close()
    assert not [one for one in said if "404" not in one], "nothing that the policy forbids"


async def test_the_sign_in_page_is_accessible_and_says_what_is_wrong(browser: Browser, shown: Desk) -> None:
    page = await (await browser.new_context(viewport={"width": 390, "height": 844}, locale="de-DE")).new_page()
    await page.goto(shown.url + "/")
    await page.fill("#account", "anna")
    await page.fill("#password", "falsch")
    await page.keyboard.press("Enter")
    await expect(page.locator(".error-summary")).to_contain_text("Konto und Passwort passen nicht zusammen")
    assert await page.evaluate("document.activeElement.className") == "error-summary"
    assert (await Axe().run(page)).violations_count == 0
    await page.context.close()


async def test_the_keyboard_alone_finds_and_opens_a_customer(browser: Browser, shown: Desk) -> None:
    page = await signed_in(browser, shown, "anna")
    await page.goto(shown.url + PERSON)
    await page.keyboard.press("/")
    await page.wait_for_url(shown.url + "/")
    await page.keyboard.type("must")
    await expect(page.locator(".hits a")).to_have_count(2)
    await expect(page.locator("[role=status]")).to_have_text("2 customers")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    assert "E. Mustermann" in str(await page.evaluate("document.activeElement.textContent"))
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    assert await page.evaluate("document.activeElement.id") == "q"
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Escape")
    assert await page.evaluate("document.activeElement.id") == "q"
    await page.keyboard.type("erika muster")
    await expect(page.locator(".hits a")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.wait_for_url(shown.url + PERSON)
    await page.go_back()
    await expect(page.locator("#q")).to_have_value("erika muster")
    assert "erika" not in page.url
    await page.context.close()


async def test_it_works_without_a_script(browser: Browser, shown: Desk) -> None:
    page = await signed_in(browser, shown, "anna", java_script_enabled=False)
    await page.fill("#q", "erika")
    await page.keyboard.press("Enter")
    await page.click(".hits a")
    await page.click("text=Send access link")
    await page.check("text=erika.mustermann@example.org")
    await page.check("text=By telephone")
    await page.click("button:has-text('Send access link')")
    await expect(page.locator("h1")).to_have_text("The access link is made")
    await expect(page.locator("[data-status-again]")).to_be_visible()
    await page.context.close()


async def test_the_status_of_the_mail_changes_by_itself(browser: Browser, shown: Desk) -> None:
    shown.fakes.mail("queued")
    page = await signed_in(browser, shown, "anna", 360)
    await page.goto(f"{shown.url}{PAD}/links/{LINK}")
    await expect(page.locator("[data-status-text]")).to_contain_text("On its way")
    shown.fakes.mail("sent")
    await expect(page.locator("[data-status-text]")).to_contain_text("took the mail over", timeout=15_000)
    await page.context.close()


@pytest.fixture
async def crm() -> AsyncIterator[tuple[int, dict[str, str]]]:
    """A page of a CRM that shows whatever address it is given in a frame."""
    frames: dict[str, str] = {}

    async def page(_request: http.Request) -> http.Response:
        return http.Response(
            text=f"<!doctype html><title>CRM</title><iframe name=pad width=360 height=800 src='{frames['src']}'></iframe>",
            content_type="text/html",
        )

    app = http.Application()
    app.router.add_get("/", page)
    runner = await start(app, "127.0.0.1", 0, grace=1.0)
    yield runner.port, frames
    await runner.cleanup()


async def test_the_actionpad_works_in_the_crms_frame(browser: Browser, make_desk: Any, crm: Any) -> None:
    port, frames = crm
    desk = await make_desk(demo_crm_url=f"http://127.0.0.1:{port}")
    fill(desk.fakes)
    frames["src"] = f"{desk.url}/actionpad?crm_ref=K-225"
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(f"http://127.0.0.1:{port}/")
    frame = page.frame_locator("iframe")
    await enter_in(frame)
    await expect(frame.locator("h1")).to_have_text("Erika Mustermann")
    await frame.locator("text=Send access link").click()
    await frame.locator("label", has_text="erika.mustermann@example.org").click()
    await frame.locator("label", has_text="By telephone").click()
    await frame.locator("button", has_text="Send access link").click()
    await expect(frame.locator("h1")).to_have_text("The access link is made")
    await page.goto(f"http://localhost:{port}/")
    await expect(page.frame_locator("iframe").locator("#account, .person-head")).to_have_count(0)
    await page.context.close()


async def enter_in(frame: Any) -> None:
    await frame.locator("#account").fill("anna")
    await frame.locator("#password").fill(PASSWORD)
    await frame.locator("button.primary").click()


async def test_in_another_sites_frame_a_window_signs_in(browser: Browser, make_desk: Any, crm: Any) -> None:
    """``localhost`` and ``127.0.0.1`` are two sites, and safe ones to a browser: their cookies may be ``Secure``."""
    port, frames = crm
    desk = await make_desk(
        console_url="https://desk.example", other_sites_frames=True, frame_ancestors=f"http://localhost:{port}"
    )
    fill(desk.fakes)
    frames["src"] = f"{desk.url}/actionpad?crm_ref=K-225"
    page = await (await browser.new_context(locale="en-GB")).new_page()
    await page.goto(f"http://localhost:{port}/")
    frame = page.frame_locator("iframe")
    async with page.expect_popup() as opened:
        await frame.locator("a.primary").click()
    window = await opened.value
    await window.wait_for_selector("#account")
    await enter(window, "anna")
    await expect(frame.locator("h1")).to_have_text("Erika Mustermann")
    await frame.locator("text=Send access link").click()
    await expect(frame.locator("h1")).to_have_text("Send access link")
    await page.context.close()
