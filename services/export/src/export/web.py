"""Export over HTTP: whether it lives, whether it is ready, what it measures. The copy itself is not served yet."""

from __future__ import annotations

from aiohttp import web as http

from events.runtime.service import Service
from web.serving import application


def app_of(service: Service) -> http.Application:
    """Give the HTTP door of the service."""
    return application(service.name, waits_for=service.waits_for)
