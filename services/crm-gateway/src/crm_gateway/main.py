"""The CRM's door, put together: its rules, its read models, its doors and the way back."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web as http
from events.runtime.logging import configure
from events.runtime.service import Service
from web.api import Routes
from web.identity import TokenVerifier
from web.serving import application, serve

from crm_gateway.projections.deliveries import deliveries
from crm_gateway.projections.fields import fields
from crm_gateway.projections.persons import persons
from crm_gateway.projections.records import records
from crm_gateway.receiving import Door
from crm_gateway.routes import events as event_routes
from crm_gateway.routes import fields as field_routes
from crm_gateway.routes import persons as person_routes
from crm_gateway.settings import Settings

NAME = "crm-gateway"


@dataclass(frozen=True, slots=True)
class Gateway:
    """The service and its HTTP door."""

    service: Service
    door: Door
    app: http.Application


def build(settings: Settings) -> Gateway:
    """Put the service together."""
    service = Service(
        NAME,
        settings,
        schema=[files("crm_gateway") / "schema.sql"],
        projections=[persons, records, fields],
        alongside={"delivery": [deliveries]},
    )
    door = Door(service)
    routes = Routes()
    for part in (event_routes.routes(door), person_routes.routes(service), field_routes.routes(service)):
        routes.include(part)
    verifier = TokenVerifier.from_file(settings.identity_keys_file)
    app = application(NAME, routes=routes, verifier=verifier, waits_for=service.waits_for)
    return Gateway(service, door, app)


async def run(settings: Settings) -> None:
    """Run until told to stop."""
    gateway = build(settings)
    running = asyncio.create_task(gateway.service.run())
    stop = asyncio.Event()
    running.add_done_callback(lambda _: stop.set())
    try:
        await serve(gateway.app, settings.http_host, settings.http_port, stop=stop)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def main() -> None:
    """Start the service as its environment says."""
    settings = Settings()
    configure(NAME, settings.log_level, settings.log_format)
    try:
        import uvloop
    except ImportError:  # not on every platform
        asyncio.run(run(settings))
    else:
        uvloop.run(run(settings))
