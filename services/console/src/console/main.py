"""The console, put together: settings, sign-in, sessions, the calls to the services, and every page."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import uvloop
from aiohttp import web as http

from console.calling import Calls
from console.desk import Desk
from console.routes import consents, fields, history, links, persons, running, search, signing, window
from console.settings import Settings, Unusable
from console.signing_in.local import Accounts, Limits
from console.signing_in.openid import OpenId
from events.runtime import logging
from web.catalogues import N_
from web.identity import TokenSigner
from web.languages import Languages
from web.pages import Pages
from web.serving import PortTaken, application, serve
from web.sessions import Sessions, SessionsInMemory

NAME = "console"
NOBODY_COULD = (
    "Nobody could sign in: set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET for your company's sign-in, "
    "or LOCAL_SIGN_IN to a file of built-in accounts (`gdpr up` makes one)."
)


def build(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    limits: Limits | None = None,
) -> http.Application:
    """Put the console together. Raises ``Unusable`` where nobody could sign in."""
    if settings.other_sites_frames and not settings.https:
        raise Unusable(
            "OTHER_SITES_FRAMES needs CONSOLE_URL to begin with https://: browsers keep no such cookie else."
        )
    accounts, openid = None, None
    if settings.oidc_issuer:
        if not settings.oidc_client_id:
            raise Unusable("OIDC_ISSUER is set and OIDC_CLIENT_ID is not: the provider has to know us.")
        openid = OpenId(settings, clock=lambda: clock().timestamp())
    else:
        if settings.local_sign_in is None:
            raise Unusable(NOBODY_COULD)
        accounts = Accounts(settings.local_sign_in)
    sessions = Sessions(
        SessionsInMemory(),
        name="desk",
        https=settings.https,
        idle=timedelta(minutes=settings.idle_minutes),
        absolute=timedelta(hours=settings.longest_hours),
        same_site="None" if settings.other_sites_frames else "Lax",
        clock=clock,
    )
    languages = Languages(NAME, time_zone=settings.time_zone, https=settings.https)
    pages = Pages(
        NAME,
        languages,
        settings.look,
        public_url=settings.console_url,
        frame_ancestors=settings.framed_by,
        service_name=N_("Staff desk"),
    )
    calls = Calls(
        settings.services,
        TokenSigner.from_file(settings.identity_signing_key_file),
        seconds=settings.answer_seconds,
    )
    desk = Desk(settings, pages, sessions, calls, signing.ask, clock=clock)
    app = application(
        NAME, public_url=settings.console_url, problem_page=desk.problem, middlewares=[sessions.middleware]
    )
    pages.add_to(app)
    app.cleanup_ctx.append(_connected(calls))
    signing.add_to(app, desk, accounts, openid, limits or Limits.usual())
    for some in (window, search, persons, links, consents, history, fields, running):
        some.add_to(app, desk)
    return app


def _connected(calls: Calls) -> Callable[[http.Application], AsyncIterator[None]]:
    async def connected(_app: http.Application) -> AsyncIterator[None]:
        async with calls.running():
            yield

    return connected


def main() -> None:
    """Run the console as its environment says."""
    settings = Settings()
    logging.configure(NAME, settings.log_level, settings.log_format)
    try:
        uvloop.run(serve(build(settings), settings.http_host, settings.http_port))
    except (PortTaken, Unusable) as trouble:
        sys.exit(str(trouble))
