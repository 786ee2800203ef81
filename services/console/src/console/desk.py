"""The desk itself: what every page needs. A page is opened by an act; whoever has not signed in is asked to, at the same address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import web as http
from babel import dates
from pydantic import BaseModel

from console import words
from console.calling import Calls, Refusal, Unreachable
from console.roles import Act, may, must, places
from console.settings import Settings
from console.visits import Visit, Visits
from console.words import SERVICES, refused
from web.catalogues import N_
from web.forms import Form
from web.identity import Identity
from web.languages import Language, language_of
from web.pages import Pages
from web.problems import Problem
from web.sessions import Session, Sessions, session_of

PANEL = "actionpad"
VIEWS = "{view:persons|actionpad}"
"""The two shapes of a person's pages: wide at the desk, narrow in the CRM."""


class Nothing(BaseModel):
    """A form with nothing but its button."""


SIGN_OUT = Form("sign-out", Nothing)


class NotSignedIn(Exception):
    """Nobody has signed in; ``member_of`` raises it."""


@dataclass(slots=True)
class Asked:
    """A request of a member of staff."""

    request: http.Request
    member: Identity
    session: Session
    visit: Visit
    desk: Desk

    @property
    def language(self) -> Language:
        """The language that the member reads."""
        return language_of(self.request)

    @property
    def subject(self) -> UUID:
        """The person whose page it is."""
        return UUID(self.request.match_info["subject"])

    @property
    def place(self) -> str:
        """The address of the person's page, in the shape that is open."""
        return f"/{self.request.match_info['view']}/{self.subject}"

    def may(self, act: Act) -> bool:
        """Whether the member may do it."""
        return may(self.member, act)

    def page(self, template: str, **values: Any) -> http.Response:
        """Render a page for the member."""
        return self.desk.page(self.request, template, member=self.member, **values)


Handler = Callable[[Asked], Awaitable[http.StreamResponse]]
Served = Callable[[http.Request], Awaitable[http.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the pages work with."""

    settings: Settings
    pages: Pages
    sessions: Sessions
    calls: Calls
    sign_in: Callable[[Desk, http.Request], Awaitable[http.StreamResponse]]
    visits: Visits = field(default_factory=Visits)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def opens(self, act: Act, *, fragment: bool = False) -> Callable[[Handler], Served]:
        """Open a page to those who may do this act. A ``fragment`` is fetched by a script, which no sign-in page helps."""

        def opened(handler: Handler) -> Served:
            async def serve(request: http.Request) -> http.StreamResponse:
                session = session_of(request)
                if session is None:
                    if fragment:
                        raise Problem("not-signed-in", N_("Your session has ended."), status=401)
                    return await self.sign_in(self, request)
                member = member_of(session)
                must(member, act)
                visit = self.visits.of(session, self.clock())
                try:
                    return await handler(Asked(request, member, session, visit, self))
                except Unreachable as error:
                    raise not_reachable(error) from None
                except Refusal as error:
                    raise problem_from(error) from None

            return serve

        return opened

    def page(
        self, request: http.Request, template: str, *, status: int = 200, member: Identity | None = None, **values: Any
    ) -> http.Response:
        """Render a page of the desk; those of the Actionpad may stand in the CRM's frame."""
        panel = is_panel(request)
        return self.pages.render(
            request, template, status=status, framed=panel, **self._frame(request, member, panel=panel), **values
        )

    def problem(self, request: http.Request, problem: Problem) -> http.Response:
        """Render a problem, with the desk around it where somebody has signed in.

        What a role forbids it forbids the next time, too; all else may be tried again, for the same customer.
        """
        session = session_of(request)
        member = member_of(session) if session else None
        panel = is_panel(request)
        here = request.path_qs if request.method == "GET" else request.path
        again = here if member and problem.status != 403 else ""
        frame = self._frame(request, member, panel=panel)
        return self.pages.problem(request, problem, framed=panel, again=again, **frame)

    def _frame(self, request: http.Request, member: Identity | None, *, panel: bool) -> dict[str, Any]:
        language, now = language_of(request), self.clock()
        return {
            "panel": panel,
            "member": member,
            "places": places(member) if member else [],
            "may": (lambda act: may(member, act)) if member else (lambda _act: False),
            "sign_out": SIGN_OUT.blank(request) if member else None,
            "words": words,
            "said": lambda pairs: [(value, language.say(text)) for value, text in pairs],
            "zone": dates.get_timezone_name(now.astimezone(language.zone), width="long", locale=language.locale),
            "now": now,
        }


def is_panel(request: http.Request) -> bool:
    """Whether the page is one of the Actionpad."""
    return request.path == f"/{PANEL}" or request.path.startswith(f"/{PANEL}/")


def member_of(session: Session) -> Identity:
    """Give the member of staff whose session it is. Their own name is in it: the services are told it with each call."""
    return Identity(session.owner, str(session.data["name"]), frozenset(session.data["roles"]))


def not_reachable(error: Unreachable) -> Problem:
    """Give the problem of a page that is nothing without a service that is not there."""
    return Problem(
        "not-reachable",
        SERVICES.get(error.service, SERVICES[""]),
        status=503,
        headers={"Retry-After": "5"},
    )


def problem_from(error: Refusal) -> Problem:
    """Give the problem of what a service refused where no form can show it."""
    status = error.status if error.status in {403, 404, 409, 410, 422, 429} else 409
    return Problem(error.slug, refused(error), status=status)
