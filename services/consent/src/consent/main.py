"""The consent service: its table of contents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

from aiohttp import web as http

from consent import configuration
from consent.checking import Checking
from consent.deciders.consents import CONSENTS
from consent.deciders.kinds import KINDS
from consent.deciders.purposes import PURPOSES
from consent.offer import Offer
from consent.projections.current_consents import current_consents
from consent.projections.kinds import kinds
from consent.projections.known_refs import known_refs
from consent.projections.purposes import purposes
from consent.projections.wordings import wordings
from consent.reactions import REACTIONS
from consent.routes.checks import checks
from consent.routes.held import held
from consent.routes.kinds import kinds as kinds_routes
from consent.routes.parts import Parts
from consent.routes.recording import recording
from consent.settings import ConsentSettings
from events.runtime.service import Service
from web.api import Routes
from web.identity import TokenVerifier
from web.operations import operations
from web.running import run
from web.serving import application


@dataclass(frozen=True, slots=True)
class Consent:
    """The service, put together: ``service.run()`` runs it, ``app`` is its HTTP door."""

    service: Service
    app: http.Application
    parts: Parts


def build(settings: ConsentSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Consent:
    """Put the service together. Raises ``configuration.Unusable`` for a file that cannot be used."""
    configured = configuration.read(settings.consent_configuration)
    offer = Offer(lambda: service)
    service = Service(
        "consent",
        settings,
        schema=[files("consent") / "schema.sql"],
        projections=[known_refs],
        alongside={
            CONSENTS.name: [current_consents],
            KINDS.name: [kinds, wordings],
            PURPOSES.name: [purposes],
        },
        reactions=[offer.completing(reaction) for reaction in REACTIONS],
    )
    checking = Checking(service, offer, clock)
    parts = Parts(service, offer, checking, clock)

    async def configure() -> None:
        await configuration.apply(configured, service.handler, clock())
        await offer.refresh()
        await offer.follow()

    service.background(configure)
    service.background(checking.run)

    routes = Routes()
    for some in (checks, recording, held, kinds_routes):
        routes.include(some(parts))
    routes.include(operations(service))
    app = application(
        "consent",
        routes=routes,
        verifier=TokenVerifier.from_file(settings.identity_keys_file),
        waits_for=lambda: [*service.waits_for(), *offer.waits_for()],
    )
    return Consent(service, app, parts)


def main() -> None:
    """Run the service as its environment says."""
    settings = ConsentSettings()
    run("consent", settings, lambda: build(settings), unusable=(configuration.Unusable,))
