"""A customer with a link: opens it as it stands in the mail, reads the page, presses a button, as a browser without JavaScript would."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from html.parser import HTMLParser
from uuid import UUID

import aiohttp

from stack.running_stack import RunningStack
from web.forms import COMMAND_FIELD

from .ledger import Answer, Command, Ledger

HURRY = 8.0
LINK = re.compile(r"https?://[^\s/]+(/l/[\w-]+)")


class Forms(HTMLParser):
    """Finds the forms of a page: where each goes, and what stands in its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self._current: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self._current = self.found.setdefault(said.get("action") or "", {})
        elif tag == "input" and (name := said.get("name")):
            self._current[name] = said.get("value") or ""


async def link_in_mail(stack: RunningStack, to: str) -> str | None:
    """Give the path of a link that was mailed to this address; nothing if there is none yet."""
    with suppress(OSError):
        for mail in await asyncio.to_thread(stack.mailbox.mails, to):
            if found := LINK.search(mail["text"]):
                return found[1]
    return None


async def choose(stack: RunningStack, ledger: Ledger, subject: UUID, path: str, kind: str) -> None:
    """Open the link, go to the consents and press the button of this kind; press it again until an answer comes."""
    base = stack.url("subject-access")
    timeout = aiohttp.ClientTimeout(total=HURRY)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=timeout) as browser:
        forms = Forms()
        try:
            async with browser.get(base + path) as page:
                await page.read()
            async with browser.get(f"{base}/me/consents") as page:
                forms.feed(await page.text())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return  # whoever cannot read the page presses nothing
        action = f"/me/consents/{kind}"
        form = forms.found.get(action)
        if not form:
            return
        what = "withdraw" if form["choice"] == "withdraw" else "give"
        act = UUID(form[COMMAND_FIELD])
        command = ledger.add(Command("portal", "subject-access", act, what, time.time(), subject=subject, kind=kind))
        pause = 0.1
        while not command.answers:
            command.tries += 1
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with browser.post(base + action, data=form, allow_redirects=False) as page:
                    if page.status < 500 and page.status != 429:
                        command.answers.append(_answer(page))
                        return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


def _answer(page: aiohttp.ClientResponse) -> Answer:
    """Give the answer: a way on is a yes, and names the event that the choice is in the log."""
    if page.status != 303:
        return Answer(time.time(), page.status)
    found = re.fullmatch(r"/me/choices/([0-9a-f-]{36})", page.headers["Location"])
    return Answer(time.time(), 200, {"event": found[1] if found else None})
