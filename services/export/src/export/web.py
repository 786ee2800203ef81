"""Export over HTTP: whether it lives, whether it is ready, what it measures. The copy itself is not served yet."""

from __future__ import annotations

from aiohttp import web as http

from events.runtime.service import Service
from web.api import Routes
from web.identity import TokenVerifier
from web.operations import operations
from web.serving import application


def app_of(service: Service) -> http.Application:
    """Give the HTTP door of the service."""
    routes = Routes()
    routes.include(operations(service))
    return application(
        service.name,
        routes=routes,
        verifier=TokenVerifier.from_file(service.settings.identity_keys_file),
        waits_for=service.waits_for,
    )
