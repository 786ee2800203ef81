"""The portal: its table of contents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from aiohttp import web as http

from events.runtime.service import Service
from events.runtime.transport import TransportKey
from subject_access.deciders.links import LINKS
from subject_access.deciders.looks import LOOKS
from subject_access.pages import choices as choice_pages
from subject_access.pages import consents, data, door, history, looking
from subject_access.parts import Parts
from subject_access.projections.choices import choices
from subject_access.projections.fields import fields
from subject_access.projections.happenings import happenings
from subject_access.projections.links import links
from subject_access.projections.looks import looks, readings
from subject_access.projections.offer import kinds, purposes, wordings
from subject_access.projections.outcomes import outcomes
from subject_access.projections.persons import persons
from subject_access.projections.records import records
from subject_access.projections.standings import standings
from subject_access.routes import links as link_routes
from subject_access.routes import looks as look_routes
from subject_access.settings import SubjectAccessSettings
from web import sessions
from web.api import Routes
from web.catalogues import N_
from web.identity import TokenVerifier
from web.languages import Languages
from web.operations import operations
from web.pages import Pages
from web.running import run
from web.serving import application

NAME = "subject-access"


@dataclass(frozen=True, slots=True)
class SubjectAccess:
    """The portal, put together: ``service.run()`` runs it, ``app`` is its HTTP door."""

    service: Service
    app: http.Application
    parts: Parts


def build(settings: SubjectAccessSettings, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> SubjectAccess:
    """Put the portal together."""
    service = Service(
        NAME,
        settings,
        schema=[files("subject_access") / "schema.sql", sessions.SCHEMA],
        projections=[persons, records, fields, kinds, wordings, purposes, standings, outcomes, happenings, readings],
        alongside={LINKS.name: [links, choices], LOOKS.name: [looks]},
    )
    https = settings.portal_url.startswith("https://")
    languages = Languages("subject_access", time_zone=settings.time_zone, https=https)
    parts = Parts(
        service=service,
        settings=settings,
        transport=TransportKey.from_file(settings.transport_key_file),
        languages=languages,
        pages=Pages(
            "subject_access",
            languages,
            settings.look,
            public_url=settings.portal_url,
            service_name=N_("Your data"),
        ),
        sessions=sessions.Sessions(
            sessions.PostgresSessions(lambda: service.pool),
            name="visit-by-link",
            https=https,
            idle=timedelta(minutes=settings.visit_idle_minutes),
            clock=clock,
        ),
        clock=clock,
    )
    routes = Routes()
    for some in (link_routes.routes(parts), look_routes.routes(parts), operations(service)):
        routes.include(some)
    app = application(
        NAME,
        routes=routes,
        verifier=TokenVerifier.from_file(settings.identity_keys_file),
        waits_for=service.waits_for,
        public_url=settings.portal_url,
        problem_page=parts.pages.problem,
        middlewares=(parts.sessions.middleware,),
    )
    parts.pages.add_to(app)
    for page in (door, data, consents, choice_pages, history, looking):
        page.add_to(app, parts)
    return SubjectAccess(service, app, parts)


def main() -> None:
    """Run the service as its environment says."""
    settings = SubjectAccessSettings()
    run(NAME, settings, lambda: build(settings))
