"""C1: a check that is asked after a withdrawal was acknowledged never says yes, in this process or in another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp

from consent.settings import ConsentSettings
from web.testing import Keys

from .conftest import LENA, Asking, Running, eventually, running

PEOPLE, CHECKERS, ROUNDS = 6, 8, 12


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def another_process(settings: ConsentSettings, signer: Keys, log: Path) -> AsyncIterator[Asking]:
    """Run the service a second time on the same databases, as a process of its own; gives a client of it."""
    port = free_port()
    told = settings.model_dump(mode="json", exclude_none=True) | {"http_port": port}
    environment = {name.upper(): str(value) for name, value in told.items()}
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "consent", env={"PATH": os.environ["PATH"], **environment}, stdout=out, stderr=out
        )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:

            async def ready() -> bool:
                assert process.returncode is None, f"it ended: see {log}"
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get("/readyz") as answer:
                        return answer.status == 200
                return False

            await eventually(ready, 60)
            yield Asking(http, signer)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        assert await process.wait() == 0, f"it did not end well: see {log}"


async def hammer(writer: Asking, checkers: list[Asking]) -> int:
    """Give and withdraw by one door, and check all the while by others; gives how many checks a rule was known for."""
    holds: dict[UUID, bool | None] = dict.fromkeys((uuid4() for _ in range(PEOPLE)), None)
    turn = dict.fromkeys(holds, 0)
    known = 0
    over = False

    async def act(person: UUID) -> None:
        for n in range(ROUNDS):
            yes = n % 2 == 0
            holds[person] = None  # from here on, and until it is acknowledged, both may be true
            turn[person] += 1
            body = {"kind": "newsletter", "method": "paper"} | ({"evidence": "form"} if yes else {})
            path = f"/v1/persons/{person}/{'consents' if yes else 'withdrawals'}"
            status, receipt = await writer(LENA, "POST", path, body)
            assert (status, receipt["state"]) == (200, "given" if yes else "withdrawn")
            holds[person] = yes
            await asyncio.sleep(0.02)

    async def ask(asking: Asking) -> None:
        nonlocal known
        while not over:
            for person in list(holds):
                before, acknowledged = turn[person], holds[person]
                allowed = (await asking.check(person))["allowed"]
                if acknowledged is not None and before == turn[person]:  # nothing new was begun meanwhile
                    known += 1
                    assert allowed == acknowledged

    async with asyncio.TaskGroup() as tasks:
        for number in range(CHECKERS):
            tasks.create_task(ask(checkers[number % len(checkers)]))
        await asyncio.gather(*(act(person) for person in holds))
        over = True
    return known


async def test_no_check_is_older_than_an_acknowledged_withdrawal(consent: Running) -> None:
    assert await hammer(consent.ask, [consent.ask]) > 50


async def test_nor_is_one_in_another_process(
    installation: Callable[..., ConsentSettings], signing: Keys, tmp_path: Path
) -> None:
    settings = installation()
    async with (
        running(settings, signing) as here,
        another_process(settings, signing, tmp_path / "second.log") as there,
    ):
        assert await hammer(here.ask, [there]) > 20
        assert await hammer(there, [here.ask, there]) > 20
