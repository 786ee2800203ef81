"""What journeys need: a browser, and the command line as a person would use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from stack.running_stack import RunningStack

Gdpr: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield chromium
        await chromium.close()


@pytest.fixture(scope="session")
def gdpr(running_stack: RunningStack) -> Gdpr:
    """Run `gdpr ...` on the running stack; answers what it printed and its exit code."""

    def run(*words: str, limit: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stack", *words],
            capture_output=True,
            text=True,
            timeout=limit,
            env={**os.environ, "COLUMNS": "200", "GDPR_DATA": str(running_stack.home.directory)},
            check=False,
        )

    return run


def told(done: subprocess.CompletedProcess[str]) -> Any:
    """What a command with `--json` said."""
    return json.loads(done.stdout)


async def accessible(page: Page) -> None:
    """Nothing that axe objects to, and nothing that a phone must scroll sideways for."""
    found = await Axe().run(page)
    assert found.violations_count == 0, f"{page.url}: {found.generate_report()}"
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px wider than its window"
