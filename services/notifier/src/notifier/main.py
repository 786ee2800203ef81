"""The notifier, put together: what asks for mails, the queue, and the sender."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

from aiohttp import web as http

from events.runtime.service import Service
from notifier.composing import Composer
from notifier.decider import MAILS
from notifier.posting import Post
from notifier.projections.mails import mails
from notifier.reactions import link_issued, link_revoked
from notifier.sending import Sender
from notifier.settings import NotifierSettings
from notifier.web import routes
from web.identity import TokenVerifier
from web.operations import operations
from web.running import run
from web.serving import application

NAME = "notifier"


@dataclass(frozen=True, slots=True)
class Notifier:
    """The service, put together: ``service.run()`` runs it, ``app`` is its HTTP door."""

    service: Service
    sender: Sender
    app: http.Application

    def waits_for(self) -> list[str]:
        """Give what it waits for, as sentences."""
        return [*self.service.waits_for(), *self.sender.waits_for()]


def build(settings: NotifierSettings) -> Notifier:
    """Put the service together."""
    service = Service(
        NAME,
        settings,
        schema=[files("notifier") / "schema.sql"],
        alongside={MAILS.name: [mails]},
        reactions=[link_issued(settings.sender.domain), link_revoked],
    )
    sender = Sender(service, Composer(settings), Post(settings), settings)
    service.background(sender.run)
    service.background(sender.watch)
    declared = routes(service)
    declared.include(operations(service))
    app = application(
        NAME,
        routes=declared,
        verifier=TokenVerifier.from_file(settings.identity_keys_file),
        waits_for=lambda: [*service.waits_for(), *sender.waits_for()],
    )
    return Notifier(service, sender, app)


def main() -> None:
    """Run the service as its environment says."""
    settings = NotifierSettings()
    run(NAME, settings, lambda: build(settings))
