"""Erasure, put together: its rules, its relay, and the fences that it raises again at each start.

What it offers to persons comes with the right itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web as http

from erasure.fencing import Fences
from erasure.settings import Settings
from erasure.web import app_of
from events.runtime.service import Service
from web.running import run

NAME = "erasure"


@dataclass(frozen=True, slots=True)
class Erasure:
    """The service and its HTTP door."""

    service: Service
    fences: Fences
    app: http.Application


def build(settings: Settings) -> Erasure:
    """Put the service together."""
    service = Service(NAME, settings)
    fences = Fences(service)
    service.background(fences.raise_again)
    return Erasure(service, fences, app_of(service, fences))


def main() -> None:
    """Run the service as its environment says."""
    settings = Settings()
    run(NAME, settings, lambda: build(settings))
