"""A desk on a free port, with small services behind it, and somebody who has signed in."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web as http

from console.main import build
from console.settings import Settings
from console.signing_in.local import Limits
from events.runtime import logging
from web.limits import Limit
from web.serving import start
from web.testing import Keys

from .fakes import Fakes

PASSWORD = base64.urlsafe_b64encode(os.urandom(12)).decode()
HTML = {"Accept": "text/html", "Accept-Language": "en"}
PEOPLE = {
    "anna": ("Anna Albers", ["staff"]),
    "dora": ("Dora Dietz", ["dpo"]),
    "adam": ("Adam Ahrens", ["admin"]),
    "axel": ("Axel Auer", ["auditor"]),
    "crm": ("A machine", ["crm"]),
}


def hashed(password: str) -> str:
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**10, r=8, p=1)
    return f"scrypt$1024$8$1${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """Log as the running service does: an unconfigured log draws pictures of every exception."""
    logging.configure("console", "warning")


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Path:
    place = tmp_path_factory.mktemp("console")
    (place / "key.json").write_text(json.dumps(keys.private))
    accounts = [
        {"account": account, "name": name, "roles": roles, "scrypt": hashed(PASSWORD)}
        for account, (name, roles) in PEOPLE.items()
    ]
    (place / "sign-in.json").write_text(json.dumps({"accounts": accounts}))
    return place


@pytest.fixture(scope="session")
def make_settings(secrets: Path) -> Callable[..., Settings]:
    """Make settings; every service is at one address."""

    def make(url: str = "http://127.0.0.1:1", **more: Any) -> Settings:
        services = ("crm_gateway", "consent", "subject_access", "notifier", "audit", "export", "erasure")
        told = {f"{name}_url": url for name in services}
        return Settings(
            **{
                "identity_signing_key_file": secrets / "key.json",
                "local_sign_in": secrets / "sign-in.json",
                "company_name": "Nordlicht Handel GmbH",
                "answer_seconds": 2.0,
                **told,
                **more,
            }
        )

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Callable[..., Settings]:
    return make_settings


@pytest.fixture
def fakes(keys: Keys) -> Fakes:
    return Fakes(keys.verifier)


@dataclass
class Desk:
    """A desk that runs."""

    url: str
    fakes: Fakes
    stack: AsyncExitStack
    app: http.Application

    async def visitor(self, **headers: str) -> Visitor:
        """Give a browser that nobody has signed in with."""
        jar = aiohttp.CookieJar(unsafe=True)
        session = aiohttp.ClientSession(self.url, cookie_jar=jar, headers={**HTML, **headers})
        await self.stack.enter_async_context(session)
        return Visitor(session, jar)

    async def signed_in(self, account: str, **headers: str) -> Visitor:
        """Give the browser of somebody who has signed in."""
        visitor = await self.visitor(**headers)
        await visitor.get("/sign-in")
        await visitor.send("/sign-in", account=account, password=PASSWORD)
        assert visitor.status == 303, visitor.html
        return visitor


class Visitor:
    """A browser without a script: it fetches pages and sends the forms that stand on them."""

    def __init__(self, session: aiohttp.ClientSession, jar: aiohttp.CookieJar) -> None:
        self.session, self.jar = session, jar
        self.status, self.html, self.headers, self.place = 0, "", {}, ""

    async def _take(self, answer: aiohttp.ClientResponse) -> str:
        async with answer:
            self.status, self.html, self.headers = answer.status, await answer.text(), dict(answer.headers)
            self.cookies = answer.headers.getall("Set-Cookie", [])
            self.place = answer.headers.get("Location", "")
        return self.html

    async def get(self, path: str, **more: Any) -> str:
        return await self._take(await self.session.get(path, allow_redirects=False, **more))

    async def post(self, path: str, fields: dict[str, Any], **more: Any) -> str:
        return await self._take(await self.session.post(path, data=fields, allow_redirects=False, **more))

    def hidden(self, path: str) -> dict[str, str]:
        """Give the hidden fields of the form of this page that is sent to an address; empty: to the page's own."""
        for attributes, body in re.findall(r"<form([^>]*)>(.*?)</form>", self.html, re.S):
            action = re.search(r'action="([^"]*)"', attributes)
            if (action.group(1) if action else "") == path:
                return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', body))
        raise AssertionError(f"there is no form to {path!r}")

    async def send(self, path: str, form: str | None = None, **fields: Any) -> str:
        """Send the form of the page that was fetched last."""
        return await self.post(path, {**self.hidden(path if form is None else form), **fields})


def generous() -> Limits:
    return Limits(Limit(burst=1000, per_minute=1000), Limit(burst=1000, per_minute=1000))


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def make_desk(stack: AsyncExitStack, fakes: Fakes, settings: Callable[..., Settings]) -> Callable[..., Any]:
    async def make(**more: Any) -> Desk:
        return await run_desk(stack, fakes, settings, **more)

    return make


async def run_desk(
    stack: AsyncExitStack,
    fakes: Fakes,
    settings: Callable[..., Settings],
    *,
    limits: Limits | None = None,
    clock: Any = None,
    **more: Any,
) -> Desk:
    """Run a desk, with its own limits, clock and settings where a test needs them."""
    behind = await start(fakes.app(), "127.0.0.1", 0, grace=1.0)
    stack.push_async_callback(behind.cleanup)
    clocked = {"clock": clock} if clock else {}
    app = build(settings(f"http://127.0.0.1:{behind.port}", **more), limits=limits or generous(), **clocked)
    runner = await start(app, "127.0.0.1", 0, grace=1.0)
    stack.push_async_callback(runner.cleanup)
    return Desk(f"http://127.0.0.1:{runner.port}", fakes, stack, app)


@pytest.fixture
async def desk(make_desk: Callable[..., Any]) -> Desk:
    made: Desk = await make_desk()
    return made
