"""The portal in a real browser: on a phone and a desk, in both languages, for axe, and a withdrawal that shows its effect by itself."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from events.catalogue.consents import ConsentWithdrawn
from events.catalogue.persons import RecordChanged
from events.catalogue.vocabulary import THE_PERSON

from .conftest import ERIKA, LENA, LONG_AGO, THE_CRM, Portal

pytestmark = pytest.mark.slow

PAGES = ("/", "/l/unknown", "/me", "/me/data", "/me/data/bought", "/me/consents", "/me/history", "/me/looks")
WEIGHT = 60_000


@dataclass(frozen=True)
class Guest:
    """A person with something of everything, and their link."""

    subject: UUID
    token: str


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture(scope="module")
async def guest(portal: Portal) -> Guest:
    await portal.offer()
    subject = await portal.person({**ERIKA, "custom.a_very_long_name_that_a_programme_made_up_for_a_field": "x" * 80})
    values = {"date": "2024-02-11", "total": 129.9, "items": "2 × Regenjacke"}
    for n in range(6):
        await portal.record(
            RecordChanged(
                at=LONG_AGO,
                by=THE_CRM,
                kind="order",
                record=uuid4(),
                record_ref=f"A-{n}",
                fields=dict.fromkeys(values, "x"),
                values=values,
            ),
            subject,
        )
    await portal.given(subject)
    await portal.ask(LENA, "POST", f"/v1/persons/{subject}/looks", {"where": "actionpad"})
    _, token = await portal.link(subject)
    return Guest(subject, token)


async def open_page(browser: Browser, width: int, language: str, **more: object) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 844}, locale=language, **more)  # type: ignore[arg-type]
    return await context.new_page()


@pytest.mark.parametrize(
    ("width", "language", "scheme"),
    [(390, "de", "dark"), (390, "en", "light"), (1280, "de", "light"), (1280, "en", "dark")],
)
async def test_every_page_is_accessible_fits_and_is_small(
    portal: Portal, browser: Browser, guest: Guest, width: int, language: str, scheme: str
) -> None:
    page = await open_page(browser, width, language, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(f"{portal.address}/l/{guest.token}")
    sizes: dict[str, int] = {}
    for path in PAGES:
        await page.goto(f"{portal.address}{path}?lang={language}")
        assert await page.get_attribute("html", "lang") == language
        found = await Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
        html = await page.content()
        assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', html)
        for asset in set(assets) - sizes.keys():
            answer = await page.request.get(portal.address + asset)
            sizes[asset] = len(await answer.body())
        assert len(html.encode()) + sum(sizes[asset] for asset in assets) < WEIGHT, path
    assert [text for text in complaints if "404" not in text] == []
    await page.context.close()


async def test_a_withdrawal_shows_its_effect_by_itself(portal: Portal, browser: Browser, guest: Guest) -> None:
    page = await open_page(browser, 390, "en")
    await page.goto(f"{portal.address}/l/{guest.token}")
    await page.goto(f"{portal.address}/me?lang=en")
    await page.get_by_role("link", name="Your consents").click()
    await page.locator("#newsletter").get_by_role("button").click()
    assert "You have withdrawn" in await page.inner_text("h1")
    assert "We have received your choice" in await page.inner_text(".status")
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    made = await portal.choice_of(guest.subject)
    await portal.record(
        ConsentWithdrawn(at=made.occurred, by=THE_PERSON, kind="newsletter", method="portal", answers=made.id),
        guest.subject,
    )
    await page.wait_for_selector(".status [data-final]", timeout=8000)
    assert "In effect since" in await page.inner_text(".status")
    await page.context.close()


async def test_it_holds_without_a_script_at_320_px_and_twice_the_size(
    portal: Portal, browser: Browser, guest: Guest
) -> None:
    page = await open_page(browser, 320, "de", java_script_enabled=False)
    await page.goto(f"{portal.address}/l/{guest.token}")
    for path in PAGES:
        await page.goto(portal.address + path)
        overflow = await page.locator("html").evaluate("e => e.scrollWidth")
        assert overflow <= 320, path
    await page.context.close()
    page = await open_page(browser, 640, "de", forced_colors="active", reduced_motion="reduce")
    await page.goto(f"{portal.address}/l/{guest.token}")
    for path in PAGES:
        await page.goto(portal.address + path)
        await page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 640, path
    await page.context.close()


async def test_to_give_is_as_easy_as_to_withdraw(portal: Portal, browser: Browser, guest: Guest) -> None:
    subject = await portal.person()
    await portal.given(subject)
    _, token = await portal.link(subject)
    page = await open_page(browser, 390, "de")
    await page.goto(f"{portal.address}/l/{token}")
    await page.goto(f"{portal.address}/me/consents")
    boxes = await asyncio.gather(
        *(page.locator(f"#{kind} button").bounding_box() for kind in ("newsletter", "surveys"))
    )
    assert boxes[0]
    assert boxes[1]
    assert (boxes[0]["width"], boxes[0]["height"]) == (boxes[1]["width"], boxes[1]["height"])
    await page.context.close()
