"""Erasure over HTTP: whether it lives, whether it is ready, what it measures. Requests are not taken yet."""

from __future__ import annotations

from aiohttp import web as http

from erasure.fencing import Fences
from events.runtime.service import Service
from web.api import Routes
from web.identity import TokenVerifier
from web.operations import operations
from web.serving import application


def app_of(service: Service, fences: Fences) -> http.Application:
    """Give the HTTP door of the service. It is ready only once the key database knows of every erased person."""
    routes = Routes()
    routes.include(operations(service))
    return application(
        service.name,
        routes=routes,
        verifier=TokenVerifier.from_file(service.settings.identity_keys_file),
        waits_for=lambda: [*service.waits_for(), *fences.waits_for()],
    )
