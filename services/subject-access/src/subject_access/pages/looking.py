"""Who looked at your data: every time that staff opened it, or an auditor read the log about it."""

from __future__ import annotations

from aiohttp import web as http

from subject_access import words
from subject_access.pages.data import page_number
from subject_access.parts import Parts
from subject_access.projections.looks import looks, readings
from subject_access.story import zone_name
from subject_access.visits import Visit, behind_a_link

ON_A_PAGE = 50


def add_to(app: http.Application, parts: Parts) -> None:
    """Hang the page into the application."""

    @behind_a_link(parts)
    async def show(visit: Visit) -> http.StreamResponse:
        """List the looks, newest first."""
        rows = [
            *await parts.service.reader(looks).select("WHERE t.subject = $1", visit.subject),
            *await parts.service.reader(readings).select("WHERE t.subject = $1", visit.subject),
        ]
        rows.sort(key=lambda row: row.at, reverse=True)
        pages = -(-len(rows) // ON_A_PAGE)
        page = page_number(visit.request, pages)
        say = visit.language.say
        told = [
            {"at": row.at, "title": say(words.PLACES.get(row.place, words.ELSEWHERE)), "by": say(who(row.by))}
            for row in rows[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
        ]
        return visit.page(
            "looks.html", zone=zone_name(visit.language), told=told, total=len(rows), page=page, pages=pages
        )

    app.router.add_get("/me/looks", show)


def who(account: str) -> str:
    """Give who it was as the person is told: what they are, not their name, for staff are persons too (Art. 15(4))."""
    return words.LOOKERS.get(account.partition(":")[0], words.LOOKERS["system"])
