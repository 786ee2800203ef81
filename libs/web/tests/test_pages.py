"""Pages hold in a browser: on a phone and a desk, by day and by night, by keyboard, without a script, and for axe."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web as http
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from web.languages import Languages
from web.pages import Look, Pages
from web.serving import start
from web.testing import client_of

PAGES = ("/", "/form", "/done", "/desk", "/panel", "/nowhere")


def _kitchen() -> Callable[..., http.Application]:
    spec = importlib.util.spec_from_file_location("kitchen", Path(__file__).parent / "kitchen.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["kitchen"] = module
    spec.loader.exec_module(module)
    return module.kitchen  # type: ignore[no-any-return]


kitchen = _kitchen()
HTML = {"Accept": "text/html"}


async def test_a_page_is_not_cached_and_lets_nothing_in() -> None:
    async with client_of(kitchen(), headers=HTML) as client, client.get("/") as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        html = await answer.text()
    assert not re.findall(r"<style|style=|<script(?! src)|\son\w+=", html)


async def test_a_page_with_its_stylesheet_and_script_is_small() -> None:
    async with client_of(kitchen(), headers=HTML) as client:
        size = 0
        async with client.get("/") as answer:
            html = await answer.text()
        for asset in re.findall(r'(?:href|src)="(/static/[^"]+)"', html):
            async with client.get(asset) as answer:
                assert "immutable" in answer.headers["Cache-Control"]
                size += len(await answer.read())
        assert size + len(html.encode()) < 60_000
        async with client.get("/static/gdpr.000000000000.css") as answer:
            assert answer.status == 404


async def test_a_problem_is_a_page_to_browsers_and_tells_nothing() -> None:
    async with client_of(kitchen()) as client:
        async with client.get("/crash", headers={**HTML, "Accept-Language": "de"}) as answer:
            told = await answer.text()
            assert answer.status == 500
            assert "Bei uns ist etwas schiefgegangen" in told
            assert "erika@example.org" not in told
        async with client.get("/nowhere", headers={"Accept": "application/json"}) as answer:
            assert answer.content_type == "application/problem+json"


async def test_only_configured_origins_may_show_a_framed_page() -> None:
    pages = Pages("web", Languages(), Look(), frame_ancestors=["https://crm.example"])
    app = http.Application()

    async def panel(request: http.Request) -> http.Response:
        return pages.render(request, "problem.html", framed="open" not in request.query, title="t", advice="a")

    pages.add_to(app)
    app.router.add_get("/", panel)
    async with client_of(app) as client:
        async with client.get("/") as answer:
            assert "frame-ancestors https://crm.example" in answer.headers["Content-Security-Policy"]
            assert "X-Frame-Options" not in answer.headers
        async with client.get("/?open") as answer:
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_links_are_ours_whatever_the_host_header_says() -> None:
    pages = Pages("web", Languages(), Look(), public_url="https://privacy.example/")
    assert pages.link("/l/abc", lang="de") == "https://privacy.example/l/abc?lang=de"
    for path in ("https://evil.example", "//evil.example", "/\\evil.example", "me"):
        with pytest.raises(ValueError, match="slash"):
            pages.link(path)
    async with client_of(kitchen(), headers={**HTML, "Host": "evil.example"}) as client, client.get("/") as answer:
        assert "evil.example" not in await answer.text()


async def test_what_was_asked_stays_when_the_language_changes() -> None:
    async with client_of(kitchen(), headers=HTML) as client, client.get('/?q="><b>&lang=en') as answer:
        html = await answer.text()
    assert "?q=%22%3E%3Cb%3E&amp;lang=de" in html


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
async def address() -> AsyncIterator[str]:
    runner = await start(kitchen(), "127.0.0.1", 0, grace=1.0)
    yield f"http://127.0.0.1:{runner.port}"
    await runner.cleanup()


async def _page(browser: Browser, width: int, **options: Any) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 844}, locale="en-GB", **options)
    return await context.new_page()


async def _fill_in_wrongly(page: Page, address: str) -> None:
    await page.goto(address + "/form")
    await page.fill("#name", "")
    await page.fill("#mail", "erika")
    await page.fill("#born-day", "31")
    await page.fill("#born-month", "2")
    await page.click("button.primary")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_every_component_is_accessible_and_fits(browser: Browser, address: str, width: int, scheme: Any) -> None:
    page = await _page(browser, width, color_scheme=scheme)
    for path in (*PAGES, "wrong"):
        if path == "wrong":
            await _fill_in_wrongly(page, address)
        else:
            await page.goto(address + path)
        found = await Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
    await page.context.close()


@pytest.mark.slow
async def test_it_stays_legible_at_200_percent_and_in_forced_colours(browser: Browser, address: str) -> None:
    page = await _page(browser, 640, forced_colors="active", reduced_motion="reduce")
    for path in PAGES:
        await page.goto(address + path)
        await page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 640, path
    await page.context.close()


@pytest.mark.slow
async def test_a_wrong_form_comes_back_filled_and_leads_to_the_field(browser: Browser, address: str) -> None:
    page = await _page(browser, 390, java_script_enabled=True)
    await _fill_in_wrongly(page, address)
    assert (await page.title()).startswith("Error:")
    assert await page.input_value("#mail") == "erika"
    assert await page.input_value("#born-day") == "31"
    await page.click(".error-summary a[href='#born-day']")
    assert await page.evaluate("document.activeElement.id") == "born-day"
    await page.context.close()


@pytest.mark.slow
async def test_the_keyboard_reaches_everything_and_skips_to_the_content(browser: Browser, address: str) -> None:
    page = await _page(browser, 390)
    await page.goto(address + "/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('main') !== null")
    await page.context.close()


@pytest.mark.slow
async def test_a_status_changes_by_itself_and_without_a_script_there_is_a_link(browser: Browser, address: str) -> None:
    page = await _page(browser, 390)
    await page.goto(address + "/")
    await page.wait_for_selector("[data-final]", timeout=5000)
    assert "In effect since 14:05." in await page.inner_text(".status")
    assert not await page.is_visible(".status .again")
    await page.context.close()
    page = await _page(browser, 390, java_script_enabled=False)
    await page.goto(address + "/")
    assert await page.is_visible(".status .again a")
    await page.context.close()


@pytest.mark.slow
async def test_nothing_is_loaded_from_elsewhere_and_little_from_here(browser: Browser, address: str) -> None:
    page = await _page(browser, 390)
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(address + "/done", wait_until="networkidle")
    assert [re.sub(r"\.\w{12}\.", ".", url.removeprefix(address)) for url in asked if not url.startswith("data:")] == [
        "/done",
        "/static/gdpr.css",
    ]
    assert complaints == []
    await page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("accent", ["#ffff00", "#ffffff", "#000000", "#ff0000", "#777777"])
async def test_any_accent_passes_axe(browser: Browser, accent: str) -> None:
    runner = await start(kitchen(Look(accent=accent, second=accent)), "127.0.0.1", 0, grace=1.0)
    try:
        for scheme in ("light", "dark"):
            page = await _page(browser, 390, color_scheme=scheme)
            for path in ("/", "/done", "/form"):
                await page.goto(f"http://127.0.0.1:{runner.port}{path}")
                found = await Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
            await page.context.close()
    finally:
        await runner.cleanup()


async def test_the_stylesheet_names_no_address_of_others() -> None:
    async with client_of(kitchen(), headers=HTML) as client, client.get("/") as answer:
        html = await answer.text()
        async with aiohttp.ClientSession() as session:
            css_url = re.search(r'href="(/static/gdpr[^"]+)"', html)
            assert css_url is not None
            async with session.get(answer.url.with_path(css_url[1])) as css:
                assert not re.findall(r"url\(|@import|https?:", (await css.text()).replace('[href^="http"]', ""))
