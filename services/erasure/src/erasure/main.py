"""Erasure, put together: its rules, its relay, and the fences that it raises again at each start.

What it offers to persons comes with the right itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass

import uvloop
from aiohttp import web as http

from erasure.fencing import Fences
from erasure.settings import Settings
from erasure.web import app_of
from events.runtime.logging import configure
from events.runtime.service import Service
from web.serving import PortTaken, serve

NAME = "erasure"


@dataclass(frozen=True, slots=True)
class Erasure:
    """The service and its HTTP door."""

    service: Service
    fences: Fences
    app: http.Application


def build(settings: Settings) -> Erasure:
    """Put the service together."""
    service = Service(NAME, settings)
    fences = Fences(service)
    service.background(fences.raise_again)
    return Erasure(service, fences, app_of(service, fences))


async def run(settings: Settings) -> None:
    """Run until told to stop."""
    erasure = build(settings)
    running = asyncio.create_task(erasure.service.run())
    stop = asyncio.Event()
    running.add_done_callback(lambda _: stop.set())
    try:
        await serve(erasure.app, settings.http_host, settings.http_port, stop=stop)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def main() -> None:
    """Start the service as its environment says."""
    settings = Settings()
    configure(NAME, settings.log_level, settings.log_format)
    try:
        uvloop.run(run(settings))
    except PortTaken as trouble:
        sys.exit(str(trouble))
