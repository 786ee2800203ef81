"""The desk before the real services: what the fakes say is what the services say."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from stack.running_stack import RunningStack, start_stack

from .conftest import HTML, Visitor

pytestmark = pytest.mark.slow

BEHIND = ("console", "crm-gateway", "consent", "subject-access", "notifier", "audit")
ERIKA = {
    "type": "crm.person.changed",
    "crm_ref": "K-1",
    "id": "desk-1",
    "occurred": "2026-01-02T03:04:05Z",
    "by": "import",
    "fields": {
        "first_name": "Erika",
        "last_name": "Mustermann",
        "emails": ["erika.mustermann@example.org"],
        "customer_number": "KD-10042",
        "Lieblingsfarbe": "Grün",
    },
}


@pytest.fixture(scope="module")
def whole(scratch: Path) -> Iterator[RunningStack]:
    stack = start_stack(scratch / "desk", only=BEHIND)
    yield stack
    stack.stop()


async def eventually(look: Callable[[], Awaitable[Any]]) -> Any:
    for _ in range(150):
        if found := await look():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come")


@pytest.mark.timeout(240)
async def test_the_walk_before_the_real_services(whole: RunningStack) -> None:
    async with AsyncExitStack() as stack:

        async def sign_in(account: str) -> Visitor:
            jar = aiohttp.CookieJar(unsafe=True)
            url = whole.url("console")
            session = await stack.enter_async_context(aiohttp.ClientSession(url, cookie_jar=jar, headers=HTML))
            visitor = Visitor(session, jar)
            await visitor.get("/sign-in")
            await visitor.send("/sign-in", account=account, password=whole.passwords[account])
            assert visitor.status == 303
            return visitor

        with whole.client() as client:
            (told,) = await asyncio.to_thread(client.request, "POST", "crm-gateway", "/v1/crm/events", body=ERIKA)
            assert told["status"] == "accepted", told

        anna = await sign_in("anna")
        await anna.get("/")
        fields = {**anna.hidden("/"), "q": "must"}

        async def found() -> bool:
            return "Erika Mustermann" in await anna.post("/search", fields)

        await eventually(found)
        await anna.get("/actionpad?crm_ref=K-1")
        pad = anna.place

        async def opened() -> bool:
            html = await anna.get(pad)
            return anna.status == 200 and "not reachable" not in html

        await eventually(opened)

        async def sent() -> bool:
            await anna.get(f"{pad}/links/new")
            said = {"to": ERIKA["fields"]["emails"][0], "language": "de", "hours": "72", "reason": "asked-by-letter"}
            await anna.send(f"{pad}/links/new", "", **said)
            return anna.status == 303

        await eventually(sent)
        link = anna.place

        async def arrived() -> bool:
            return "data-final" in await anna.get(f"{link}/status")

        await eventually(arrived)
        assert whole.mailbox.wait_for("erika.mustermann@example.org")
        await anna.get(f"{link}/revoke")
        await anna.send(f"{link}/revoke", "")
        assert "The link is revoked" in await anna.get(link)

        kinds = await anna.get(pad)
        kind = kinds.split(f"{pad}/consents/")[1].split("/")[0]
        await anna.get(f"{pad}/consents/{kind}/give")
        said = {"method": "paper", "language": "de", "evidence": "letter, folder 12"}
        await anna.send(f"{pad}/consents/{kind}/give", "", **said)
        assert anna.status == 303, anna.html
        assert "The consent is recorded" in await anna.get(anna.place)
        await anna.get(f"{pad}/consents/{kind}/withdraw")
        await anna.send(f"{pad}/consents/{kind}/withdraw", "", method="telephone")
        assert "The withdrawal is recorded" in await anna.get(anna.place)
        html = await anna.get(pad)
        assert "Withdrawn" in html

        axel = await sign_in("axel")
        await axel.get("/history")
        await axel.send("/history", "", whose="K-1")
        history = axel.place

        async def complete() -> bool:
            html = await axel.get(history)
            return all(word in html for word in ("AccessLinkIssued", "PersonLookedAt", "ConsentWithdrawn", "Mail sent"))

        await eventually(complete)
        assert "letter, folder 12" not in axel.html
        assert "letter, folder 12" in await axel.send(history, "", reason="case 4711")

        adam = await sign_in("adam")
        for path in ("/fields", "/kinds", "/read-models", "/quarantine", "/deliveries"):
            html = await adam.get(path)
            assert adam.status == 200, path
        await adam.get("/fields")
        assert "custom.lieblingsfarbe" in adam.html
        await adam.get("/fields/custom.lieblingsfarbe")
        said = {"label_de": "Lieblingsfarbe", "label_en": "Favourite colour", "type": "text", "group": "further"}
        await adam.send("/fields/custom.lieblingsfarbe", "", **said)
        assert adam.status == 303, adam.html
