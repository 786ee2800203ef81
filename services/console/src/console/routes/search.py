"""Search: one field. What is typed travels in forms, never in an address."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints

from console.answers import Found
from console.calling import Refusal, Unreachable
from console.desk import Asked, Desk, member_of
from console.roles import places
from web.forms import Form
from web.sessions import session_of

MOST = 25


class Search(BaseModel):
    """What is typed."""

    q: Annotated[str, StringConstraints(max_length=200)] = ""


FORM = Form("search", Search)


async def _find(asked: Asked, q: str) -> Found | None:
    if not q.strip():
        return None
    return await asked.desk.calls.post(
        asked.member, "crm-gateway", "/v1/persons/search", Found, {"q": q, "limit": MOST}
    )


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang the pages of the search into the application."""

    @desk.opens("search")
    async def search(asked: Asked) -> http.Response:
        q = asked.visit.searched
        return await _page(asked, q)

    @desk.opens("search")
    async def searched(asked: Asked) -> http.Response:
        filled = await FORM.read(asked.request)
        asked.visit.searched = filled.value.q if filled.value else ""
        return await _page(asked, asked.visit.searched)

    @desk.opens("search", fragment=True)
    async def hits(asked: Asked) -> http.Response:
        filled = await FORM.read(asked.request)
        asked.visit.searched = q = filled.value.q if filled.value else ""
        try:
            return asked.page("hits.html", found=await _find(asked, q), down=False, searched=bool(q.strip()))
        except (Unreachable, Refusal):
            return asked.page("hits.html", found=None, down=True, searched=True)

    async def _page(asked: Asked, q: str) -> http.Response:
        form = FORM.blank(asked.request, {"q": q})
        down, found = False, None
        try:
            found = await _find(asked, q)
        except Unreachable:
            down = True
        return asked.page("search.html", form=form, found=found, down=down, searched=bool(q.strip()))

    async def home(request: http.Request) -> http.StreamResponse:
        """Show the search; those who see no customers are led to the first place that is open to them."""
        session = session_of(request)
        here = [address for address, _ in places(member_of(session))] if session else []
        if here and here[0] != "/":
            raise http.HTTPSeeOther(here[0])
        return await search(request)

    app.router.add_get("/", home)
    app.router.add_post("/", searched)
    app.router.add_post("/search", hits)
