"""Export, put together: its rules and its relay. What it offers to persons comes with the right itself."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass

import uvloop
from aiohttp import web as http

from events.runtime.logging import configure
from events.runtime.service import Service
from export.settings import Settings
from export.web import app_of
from web.serving import PortTaken, serve

NAME = "export"


@dataclass(frozen=True, slots=True)
class Export:
    """The service and its HTTP door."""

    service: Service
    app: http.Application


def build(settings: Settings) -> Export:
    """Put the service together."""
    service = Service(NAME, settings)
    return Export(service, app_of(service))


async def run(settings: Settings) -> None:
    """Run until told to stop."""
    export = build(settings)
    running = asyncio.create_task(export.service.run())
    stop = asyncio.Event()
    running.add_done_callback(lambda _: stop.set())
    try:
        await serve(export.app, settings.http_host, settings.http_port, stop=stop)
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
