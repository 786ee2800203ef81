"""The way in and out: the first page, the link from the mail, and leaving."""

from __future__ import annotations

from aiohttp import web as http

from subject_access import tokens
from subject_access.parts import Parts
from subject_access.projections.links import links
from subject_access.visits import HOME, LEAVE, Visit, begin, behind_a_link, closed, greeting_name
from web.languages import COOKIE, PARAMETER
from web.limits import Limit, address_of
from web.sessions import session_of


def add_to(app: http.Application, parts: Parts) -> None:
    """Hang the pages into the application."""
    rate = parts.settings.link_openings_per_minute
    limit = Limit(burst=rate, per_minute=rate)

    async def first(request: http.Request) -> http.StreamResponse:
        """Say what this is, and how one gets a link."""
        inside = session_of(request) is not None
        return parts.pages.render(request, "start.html", contact=parts.settings.contact, inside=inside)

    async def by_link(request: http.Request) -> http.StreamResponse:
        """Let in whoever has an open link. Asked a hundred times, it does the same a hundred times."""
        limit.take(address_of(request, proxies=parts.settings.proxies))
        token_hash = tokens.hashed(request.match_info["token"])
        found = await parts.service.reader(links).select("WHERE t.token_hash = $1", token_hash)
        link = found[0] if found else None
        state = link.state(parts.clock()) if link else "unknown"
        if link is None or state != "open":
            return closed(parts, request, state, link)
        response = http.Response(status=303, headers={"Location": HOME})
        await begin(parts, request, response, link)
        if COOKIE not in request.cookies and PARAMETER not in request.query:
            https = parts.settings.portal_url.startswith("https://")
            response.set_cookie(COOKIE, link.language, path="/", httponly=True, samesite="Lax", secure=https)
        return response

    @behind_a_link(parts)
    async def home(visit: Visit) -> http.StreamResponse:
        """Say who we are, what this page is, until when it stays open, and what one can do."""
        person = await visit.person()
        return visit.page("home.html", person=person, name=greeting_name(person))

    @behind_a_link(parts)
    async def leave(visit: Visit) -> http.StreamResponse:
        """End the visit; the link stays what it is."""
        await LEAVE.read(visit.request)
        response = http.Response(status=303, headers={"Location": "/left"})
        await parts.sessions.end(visit.request, response)
        return response

    async def left(request: http.Request) -> http.StreamResponse:
        """Say that the page is closed."""
        return parts.pages.render(request, "left.html", contact=parts.settings.contact)

    app.router.add_get("/", first)
    app.router.add_get("/l/{token}", by_link, allow_head=False)
    app.router.add_get(HOME, home)
    app.router.add_post("/me/end", leave)
    app.router.add_get("/left", left)
