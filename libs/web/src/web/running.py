"""Running a service as its environment says: its work and its HTTP door, together until it is told to stop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Protocol

import uvloop
from aiohttp import web as http

from events.runtime import logging
from events.runtime.service import Service
from events.runtime.settings import Settings
from web.serving import PortTaken, serve


class Program(Protocol):
    """A service that has been put together."""

    @property
    def service(self) -> Service:
        """Its work."""

    @property
    def app(self) -> http.Application:
        """Its HTTP door."""


def run(
    name: str, settings: Settings, build: Callable[[], Program], *, unusable: tuple[type[Exception], ...] = ()
) -> None:
    """Run a service until it is told to stop. What cannot be started is said in a sentence: a port that is taken, and what
    ``unusable`` names."""
    told: tuple[type[Exception], ...] = (PortTaken, *unusable)
    logging.configure(name, settings.log_level, settings.log_format)
    try:
        uvloop.run(_together(settings, build))
    except* told as trouble:
        sys.exit("\n".join(str(one) for one in trouble.exceptions))


async def _together(settings: Settings, build: Callable[[], Program]) -> None:
    program = build()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(program.service.run())
        await serve(program.app, settings.http_host, settings.http_port)
        running.cancel()
