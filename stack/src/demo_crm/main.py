"""The demo CRM, put together: its store, its pages, what it sends and what it receives."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from datetime import UTC, datetime

import aiohttp
from aiohttp import web

from demo_crm import customers, guarding
from demo_crm.pages import MOST_BYTES, Pages
from demo_crm.receiving import Receiver
from demo_crm.sending import Gateway, Sender
from demo_crm.settings import Settings
from demo_crm.store import Store
from demo_crm.streaming import Stream

log = logging.getLogger("demo_crm")

GRACE_SECONDS = 5.0


class Crm:
    """The program, for as long as it runs."""

    def __init__(self, settings: Settings, http: aiohttp.ClientSession) -> None:
        self.settings = settings
        self.store = Store(settings.data_dir / "crm.sqlite")
        if self.store.begin_with(customers.read()):
            log.info("filled with made-up customers")
        self.stream = Stream()
        gateway = Gateway(settings, http)
        self.sender = Sender(self.store, gateway, self.stream.tell)
        self.receiver = Receiver(self.store, gateway, settings, changed=self.stream.tell, answered=self.sender.wake)
        self.pages = Pages(self.store, self.sender, self.stream, settings)

    def application(self) -> web.Application:
        """Give the HTTP door."""
        app = web.Application(
            middlewares=[guarding.guard(self.settings, self.pages.explain)], client_max_size=MOST_BYTES
        )
        app.on_response_prepare.append(guarding.careful(self.settings))
        app.add_routes(self.pages.routes())
        app.router.add_post("/webhooks/gdpr", self.receiver.webhook)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        return app

    def waits_for(self) -> list[str]:
        """Say what is missing. Once its customers are known to the gateway, the CRM works without it, as CRMs do."""
        if self.store.introduced:
            return []
        fault = f" ({self.sender.fault})" if self.sender.fault else ""
        return [f"crm-gateway{fault}: {self.store.count_waiting()} messages wait to be taken over"]

    async def work(self) -> None:
        """Send and catch up until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.sender.run())
            tasks.create_task(self.receiver.follow())

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        waits = self.waits_for()
        status, code = ("waiting", 503) if waits else ("ready", 200)
        return web.json_response({"status": status, "waits_for": waits}, status=code)


async def run(settings: Settings) -> None:
    """Run until told to stop."""
    async with aiohttp.ClientSession() as http:
        crm = Crm(settings, http)
        runner = web.AppRunner(crm.application(), access_log=None, shutdown_timeout=GRACE_SECONDS)
        await runner.setup()
        working = asyncio.create_task(crm.work())
        try:
            await web.TCPSite(runner, settings.http_host, settings.http_port, reuse_address=True).start()
            log.info("serving on port %d", settings.http_port)
            await _until_told(working)
        except OSError as error:
            sys.exit(
                f"Port {settings.http_port} on {settings.http_host} cannot be used ({error.strerror}): stop what listens"
                " there, or set HTTP_PORT to another one."
            )
        finally:
            log.info("stopping")
            crm.stream.close()
            await runner.cleanup()
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
            crm.store.close()


async def _until_told(working: asyncio.Task[None]) -> None:
    """Wait for SIGTERM or SIGINT; work that ends by itself is an error, and ends the program so that it is started anew."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((stopping, working), return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        stopping.cancel()
        working.result()


class LogLines(logging.Formatter):
    """One JSON object on each line."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; of an exception only its type, since its text may quote what somebody typed. What asyncio says of a
        task that failed shows the exception too."""
        failed = record.name == "asyncio" and record.exc_info
        said = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": "a task or a callback failed" if failed else record.getMessage(),
        }
        if record.exc_info and record.exc_info[0]:
            said["error"] = record.exc_info[0].__name__
        return json.dumps(said, ensure_ascii=False)


def main() -> None:
    """Run as the environment says."""
    settings = Settings.of_environment()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLines())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    try:
        asyncio.run(run(settings))
    except Exception as error:  # Python itself would print its text
        log.critical("ended by an error", exc_info=error)
        sys.exit(1)
