"""Export, put together: its rules and its relay. What it offers to persons comes with the right itself."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web as http

from events.runtime.service import Service
from export.settings import Settings
from export.web import app_of
from web.running import run

NAME = "export"


@dataclass(frozen=True, slots=True)
class Export:
    """The service and its HTTP door."""

    service: Service
    app: http.Application


def build(settings: Settings) -> Export:
    """Put the service together."""
    service = Service(NAME, settings)
    return Export(service, app_of(service))


def main() -> None:
    """Run the service as its environment says."""
    settings = Settings()
    run(NAME, settings, lambda: build(settings))
