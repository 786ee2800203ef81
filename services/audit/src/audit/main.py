"""The audit service, put together: the record of looks, the wordings, and the log itself, read from Kafka."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web as http

from audit.log import Log
from audit.projections.wordings import wordings
from audit.settings import AuditSettings
from audit.web import routes
from events.runtime.service import Service
from web.identity import TokenVerifier
from web.operations import operations
from web.running import run
from web.serving import application

NAME = "audit"


@dataclass(frozen=True, slots=True)
class Audit:
    """The service, put together: ``service.run()`` runs it, ``app`` is its HTTP door."""

    service: Service
    app: http.Application


def build(settings: AuditSettings) -> Audit:
    """Put the service together."""
    service = Service(NAME, settings, schema=[files("audit") / "schema.sql"], projections=[wordings])
    declared = routes(service, Log(settings), settings)
    declared.include(operations(service))
    app = application(
        NAME,
        routes=declared,
        verifier=TokenVerifier.from_file(settings.identity_keys_file),
        waits_for=service.waits_for,
    )
    return Audit(service, app)


def main() -> None:
    """Run the service as its environment says."""
    settings = AuditSettings()
    run(NAME, settings, lambda: build(settings))
