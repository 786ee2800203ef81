"""Visits: whoever came by a link that is open. The link is looked up at every step, so that a revocation ends the visit at once,
whichever process heard of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, TypeAlias
from uuid import UUID, uuid4

from aiohttp import web as http
from pydantic import BaseModel

from events.catalogue.vocabulary import Erased
from subject_access.deciders.links import LINKS, OpenPortal
from subject_access.parts import Parts
from subject_access.projections.links import LinkRow, links
from subject_access.projections.persons import PersonRow, persons
from web.forms import Form
from web.languages import Language, language_of
from web.sessions import Session, session_of

HOME = "/me"
TOLD = "told"
"""In a session: whether the visit has been written into the log."""

Closed: TypeAlias = Literal["expired", "revoked", "unknown", "ended"]


class Nothing(BaseModel):
    """A form with nothing but its button."""


LEAVE = Form("leave", Nothing)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who came by an open link."""

    request: http.Request
    parts: Parts
    link: LinkRow
    session: Session

    @property
    def subject(self) -> UUID:
        """Whose data this is about."""
        return self.link.subject

    @property
    def language(self) -> Language:
        """The reader's language."""
        return language_of(self.request)

    async def person(self) -> PersonRow | None:
        """Give what is held, if it has arrived."""
        return await self.parts.service.reader(persons).get(self.subject)

    def page(self, template: str, *, status: int = 200, **values: Any) -> http.Response:
        """Render a page of the portal."""
        return self.parts.pages.render(
            self.request,
            template,
            status=status,
            link=self.link,
            leaving=LEAVE.blank(self.request),
            contact=self.parts.settings.contact,
            **values,
        )


Handler: TypeAlias = Callable[[http.Request], Awaitable[http.StreamResponse]]
Page: TypeAlias = Callable[[Visit], Awaitable[http.StreamResponse]]


def behind_a_link(parts: Parts, *, fragment: bool = False) -> Callable[[Page], Handler]:
    """Open a page only to whoever came by a link that is open. A ``fragment`` is read by a script: it gets a status alone."""

    def opened(page: Page) -> Handler:
        @wraps(page)
        async def guarded(request: http.Request) -> http.StreamResponse:
            session = session_of(request)
            if session is None:
                return closed(parts, request, "ended") if not fragment else http.Response(status=401)
            link = await parts.service.reader(links).get(UUID(session.owner))
            state = link.state(parts.clock()) if link else "unknown"
            if link is None or state != "open":
                response = closed(parts, request, state, link) if not fragment else http.Response(status=410)
                await parts.sessions.end(request, response)
                return response
            visit = Visit(request, parts, link, session)
            if not fragment:
                await _tell(visit)
            return await page(visit)

        return guarded

    return opened


async def begin(parts: Parts, request: http.Request, response: http.StreamResponse, link: LinkRow) -> None:
    """Begin a visit. Nothing is written into the log yet: scanners of mails fetch every link."""
    await parts.sessions.end(request, http.Response())
    await parts.sessions.begin(response, owner=str(link.link), data={"visit": str(uuid4())}, ends=link.expires)


async def _tell(visit: Visit) -> None:
    """Write the visit into the log, once."""
    if visit.session.data.get(TOLD):
        return
    session = UUID(visit.session.data["visit"])
    wanted = OpenPortal(link=visit.link.link, subject=visit.subject, at=visit.parts.clock(), session=session)
    await visit.parts.service.handler.handle(LINKS, wanted, command_id=session)
    await visit.parts.sessions.change(visit.session, {**visit.session.data, TOLD: True})


def closed(parts: Parts, request: http.Request, why: Closed | str, link: LinkRow | None = None) -> http.Response:
    """Render the page that says why nothing is shown here; it tells nothing about anybody."""
    status = {"ended": 401, "unknown": 404}.get(why, 410)
    return parts.pages.render(
        request,
        "closed.html",
        status=status,
        why=why,
        expired=link.expires if link else None,
        contact=parts.settings.contact,
    )


def greeting_name(person: PersonRow | None) -> str:
    """Give the name by which somebody is greeted, where it is known."""
    if person is None or isinstance(person.values, Erased):
        return ""
    names = (person.values.get("first_name"), person.values.get("last_name"))
    return " ".join(name for name in names if isinstance(name, str) and name)
