"""The CRM's door, put together: its rules, its read models, its doors and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.resources import files

from aiohttp import web as http
from aiohttp.typedefs import Handler

from crm_gateway.bus import Bus
from crm_gateway.deciders.delivery import DELIVERY
from crm_gateway.deciders.field import FIELD
from crm_gateway.deciders.person import PERSON
from crm_gateway.deciders.record import RECORD
from crm_gateway.outbox import Outbox
from crm_gateway.projections.deliveries import deliveries
from crm_gateway.projections.fields import fields
from crm_gateway.projections.persons import persons
from crm_gateway.projections.records import records
from crm_gateway.quarantine import Quarantine
from crm_gateway.reactions import consent_concerns_crm
from crm_gateway.receiving import Door
from crm_gateway.routes import events as event_routes
from crm_gateway.routes import fields as field_routes
from crm_gateway.routes import outbox as outbox_routes
from crm_gateway.routes import persons as person_routes
from crm_gateway.routes import quarantine as quarantine_routes
from crm_gateway.settings import Settings
from crm_gateway.webhooks import Webhook
from events.runtime.service import Service
from web.api import Routes
from web.identity import TokenVerifier
from web.operations import operations
from web.running import run
from web.serving import application

NAME = "crm-gateway"


@dataclass(frozen=True, slots=True)
class Gateway:
    """The service and its HTTP door."""

    service: Service
    door: Door
    bus: Bus
    app: http.Application

    def waits_for(self) -> list[str]:
        """Give what it waits for, as sentences."""
        return waits_for(self.service, self.bus)


def build(settings: Settings) -> Gateway:
    """Put the service together."""
    service = Service(
        NAME,
        settings,
        schema=[files("crm_gateway") / "schema.sql"],
        # Of our own events nothing needs to be read back: what the CRM said is found as soon as it has been answered.
        alongside={
            PERSON.name: [persons],
            RECORD.name: [records],
            FIELD.name: [fields],
            DELIVERY.name: [deliveries],
        },
        reactions=[consent_concerns_crm],
    )
    door = Door(service, own_account=settings.crm_own_account)
    quarantine = Quarantine(service, door, days=settings.quarantine_days)
    outbox = Outbox(service)
    webhook = Webhook(service, outbox, settings)
    bus = Bus(service, door, quarantine, outbox, settings)
    for task in (bus.run, outbox.run, webhook.run, quarantine.run):
        service.background(task)
    routes = Routes()
    for part in (
        event_routes.routes(door),
        outbox_routes.routes(outbox, webhook),
        quarantine_routes.routes(quarantine),
        person_routes.routes(service),
        field_routes.routes(service),
        operations(service),
    ):
        routes.include(part)
    app = application(
        NAME,
        routes=routes,
        verifier=TokenVerifier.from_file(settings.identity_keys_file),
        waits_for=partial(waits_for, service, bus),
    )
    app.router.add_get("/asyncapi.json", asyncapi(bus))
    return Gateway(service, door, bus, app)


def waits_for(service: Service, bus: Bus) -> list[str]:
    """Give what the service and the boundary topics wait for."""
    return [*service.waits_for(), *([f"boundary topics: {bus.waits_for}"] if bus.waits_for else [])]


def asyncapi(bus: Bus) -> Handler:
    """Serve the document that describes the boundary topics."""

    async def serve_document(_request: http.Request) -> http.StreamResponse:
        return http.json_response(bus.asyncapi())

    return serve_document


def main() -> None:
    """Run the service as its environment says."""
    settings = Settings()
    run(NAME, settings, lambda: build(settings))
