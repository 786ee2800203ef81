"""A service says that it lives, what it waits for and what it did, and stops without breaking off what is under way."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket

import aiohttp
import pytest
import structlog
from aiohttp import web as http

from web.serving import PortTaken, application, serve, start
from web.testing import client_of


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_it_says_that_it_lives_and_what_it_waits_for() -> None:
    waits = ["database: not connected yet"]

    async def waits_for() -> list[str]:
        return waits

    async with client_of(application("tried", waits_for=waits_for)) as client:
        async with client.get("/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "alive"})
        async with client.get("/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["waits_for"] == waits
        waits.clear()
        async with client.get("/readyz") as answer:
            assert answer.status == 200


async def test_it_counts_requests_by_pattern() -> None:
    app = application("tried")

    async def person(_request: http.Request) -> http.Response:
        return http.Response(text="ok")

    app.router.add_get("/v1/persons/{subject_id}/counted", person)
    async with client_of(app) as client:
        await client.get("/v1/persons/erika/counted")
        async with client.get("/metrics") as answer:
            told = await answer.text()
    assert (
        'gdpr_http_request_seconds_count{method="GET",route="/v1/persons/{subject_id}/counted",status="200"} 1' in told
    )
    assert "erika" not in told


async def test_the_log_names_patterns_and_no_person() -> None:
    app = application("tried")

    async def crash(_request: http.Request) -> http.Response:
        raise RuntimeError("erika@example.org")

    app.router.add_post("/v1/persons/{name}", crash)
    with structlog.testing.capture_logs() as lines:
        async with client_of(app) as client:
            await client.post("/v1/persons/erika?q=erika", data="erika", headers={"Authorization": "erika"})
            await client.get("/erika?q=erika")
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [("/v1/persons/{name}", 500), ("unknown", 404)]
    assert not [line for line in requests if "erika" in repr({k: v for k, v in line.items() if k != "exc_info"})]


async def test_what_is_no_http_is_refused_and_not_quoted(caplog: pytest.LogCaptureFixture) -> None:
    runner = await start(application("tried"), "127.0.0.1", 0)
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines:
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.port)
        writer.write(b"GET /erika\x01 HTTP/1.1\r\nHost: erika\r\nX-Erika\x00: 1\r\n\r\n")
        told = await reader.read()
        writer.close()
    await runner.cleanup()
    assert told.startswith(b"HTTP/1.")
    assert b" 400 " in told[:20]
    assert b"application/problem+json" in told
    assert b"erika" not in told.lower()
    assert "erika" not in (caplog.text + repr(lines)).lower()


async def test_https_asks_browsers_to_stay_with_it() -> None:
    async with (
        client_of(application("tried", public_url="https://privacy.example")) as client,
        client.get("/") as answer,
    ):
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["Server"] == "gdpr"


async def test_a_taken_port_is_said_in_one_sentence(free_port: int) -> None:
    runner = await start(application("tried"), "127.0.0.1", free_port)
    with pytest.raises(PortTaken, match=f"Port {free_port} on 127.0.0.1 cannot be used.*HTTP_PORT"):
        await serve(application("tried"), "127.0.0.1", free_port)
    await runner.cleanup()


async def test_it_stops_when_told_to_and_finishes_what_it_began(free_port: int) -> None:
    app = application("tried")
    begun = asyncio.Event()

    async def slow(_request: http.Request) -> http.Response:
        begun.set()
        await asyncio.sleep(0.3)
        return http.Response(text="done")

    app.router.add_get("/slow", slow)
    serving = asyncio.create_task(serve(app, "127.0.0.1", free_port, grace=5))
    await asyncio.sleep(0.1)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{free_port}") as client:
        asking = asyncio.create_task(client.get("/slow"))
        await begun.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        assert await (await asking).text() == "done"
    await asyncio.wait_for(serving, 5)
