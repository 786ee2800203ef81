"""The process that ``benchmarks.checking`` asks: the consent service with people in it, and "hello" beside it on the same loop."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import uvloop
from aiohttp import web as http

from consent.deciders.consents import CONSENTS, GiveConsent
from consent.main import Consent, build
from consent.settings import ConsentSettings
from events.catalogue.consents import WordingRef
from events.catalogue.vocabulary import THE_PERSON
from events.runtime.handling import Wanted
from events.runtime.logging import configure
from web.serving import start


async def hello(_request: http.Request) -> http.Response:
    """What aiohttp can do at most."""
    return http.Response(text="hello")


async def main(told: dict[str, Any]) -> None:
    """Serve until standard input ends."""
    with tempfile.TemporaryDirectory() as place:
        keys = Path(place) / "keys.json"
        await asyncio.to_thread(keys.write_text, json.dumps(told["keys"]))
        settings = ConsentSettings(**told["settings"] | {"identity_keys_file": keys, "http_port": 1})
        consent = build(settings)
        running = asyncio.create_task(consent.service.run())
        while consent.service.waits_for() or consent.parts.offer.waits_for():
            await asyncio.sleep(0.01)
        await _agree(consent, [UUID(person) for person in told["people"]])
        bare = http.Application()
        bare.router.add_get("/hello", hello)
        runner = await start(consent.app, "127.0.0.1", 0)
        limit = http.AppRunner(bare, access_log=None)
        await limit.setup()
        await http.TCPSite(limit, "127.0.0.1", 0).start()
        print(runner.port, limit.addresses[0][1], flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()
        await limit.cleanup()
        running.cancel()
        await asyncio.wait((running,))


async def _agree(consent: Consent, people: list[UUID]) -> None:
    terms = consent.parts.offer.terms("newsletter")
    for first in range(0, len(people), 400):
        await consent.service.handler.handle_many(
            [
                Wanted(
                    decider=CONSENTS,
                    command=GiveConsent(
                        subject=person, kind="newsletter", at=datetime.now(UTC), by=THE_PERSON, method="portal",
                        strength="strong", wording=WordingRef(version=1, language="de"), terms=terms,
                    ),
                    id=uuid4(),
                )
                for person in people[first : first + 400]
            ]
        )  # fmt: skip


if __name__ == "__main__":
    configure("consent", "error")
    uvloop.run(main(json.loads(sys.stdin.readline())))
