"""A consent check over HTTP, from 16 connections, beside aiohttp's "hello" served by the same loop in the same process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

from events.runtime.settings import Settings
from web.testing import Keys, somebody

from .figures import Figure
from .ground import Ground

CONNECTIONS = 16
SECONDS = 2.0
ROUNDS = 5
PEOPLE = 2_000


async def check(ground: Ground) -> AsyncIterator[Figure]:
    """Both are asked with the same headers and by turns, and the middle of the rounds counts.

    A machine that others use too is not even for long.
    """
    signer = Keys()
    settings = await ground.settings()
    people = [uuid4() for _ in range(PEOPLE)]
    async with _served(settings, signer, people) as (port, hello_port):
        token = signer.header(somebody("crm"))["Authorization"]
        hello = _requests(["/hello"], token)
        asked = _requests([f"/v1/consents/check?subject_id={p}&kind=newsletter" for p in people], token)
        await _ask(port, asked, 0.5)
        rates, limits = [], []
        for _ in range(ROUNDS):
            limits.append(await _ask(hello_port, hello, SECONDS))
            rates.append(await _ask(port, asked, SECONDS))
    ratios = sorted((rate / limit, rate, limit) for rate, limit in zip(rates, limits, strict=True))
    _, rate, limit = ratios[len(ratios) // 2]
    yield Figure("consent check", rate, "checks/s", limit, 'aiohttp "hello" on the same loop', 0.6)


@contextlib.asynccontextmanager
async def _served(settings: Settings, signer: Keys, people: list[UUID]) -> AsyncIterator[tuple[int, int]]:
    """Run the service in a process of its own, so that the client's work is not in the figure; gives its ports, that of
    "hello" second.
    """
    told = {"settings": settings.model_dump(mode="json"), "keys": signer.public, "people": [str(p) for p in people]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.checked", env=dict(os.environ),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(told).encode() + b"\n")
    try:
        port, hello_port = (await process.stdout.readline()).split()
        yield int(port), int(hello_port)
    finally:
        process.stdin.close()
        await process.wait()


def _requests(paths: list[str], token: str) -> list[bytes]:
    return [f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n\r\n".encode() for path in paths]


async def _ask(port: int, requests: list[bytes], seconds: float) -> float:
    """Ask over kept connections, one request at a time on each; a client this plain costs little beside the server."""
    end = time.perf_counter() + seconds

    async def connection(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        count, turn = 0, number
        while time.perf_counter() < end:
            writer.write(requests[turn % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            start = head.index(b"Content-Length:") + 15
            await reader.readexactly(int(head[start : head.index(b"\r", start)]))
            turn += CONNECTIONS
            count += 1
        writer.close()
        return count

    began = time.perf_counter()
    done = sum(await asyncio.gather(*(connection(n) for n in range(CONNECTIONS))))
    return done / (time.perf_counter() - began)
