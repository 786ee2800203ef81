"""What happened so far."""

from __future__ import annotations

from aiohttp import web as http

from subject_access import reading
from subject_access.pages.data import page_number
from subject_access.parts import Parts
from subject_access.projections.happenings import happenings
from subject_access.story import story, zone_name
from subject_access.visits import Visit, behind_a_link

MOST = 5000
"""Events that are looked through, newest first."""
ON_A_PAGE = 40


def add_to(app: http.Application, parts: Parts) -> None:
    """Hang the page into the application."""

    @behind_a_link(parts)
    async def show(visit: Visit) -> http.StreamResponse:
        """Tell what happened, newest first."""
        rows = await parts.service.reader(happenings).select(
            "WHERE t.subject = $1 ORDER BY t.at DESC, t.event LIMIT $2", visit.subject, MOST
        )
        offered = await reading.offer(parts.service)
        told = story(rows, lambda kind: offered.title(kind, visit.language), visit.language)
        pages = -(-len(told) // ON_A_PAGE)
        page = page_number(visit.request, pages)
        return visit.page(
            "history.html",
            zone=zone_name(visit.language),
            told=told[(page - 1) * ON_A_PAGE : page * ON_A_PAGE],
            page=page,
            pages=pages,
        )

    app.router.add_get("/me/history", show)
