"""What we hold: every detail in its group, the beginning of each on one page, the whole of a long one on pages of its own."""

from __future__ import annotations

from aiohttp import web as http

from subject_access.holdings import Section, sections
from subject_access.parts import Parts
from subject_access.projections.fields import fields
from subject_access.projections.persons import PersonRow
from subject_access.projections.records import records
from subject_access.visits import Visit, behind_a_link
from web.problems import Problem

FIRST_DETAILS, FIRST_ENTRIES = 20, 4
DETAILS, ENTRIES = 80, 20
"""How much stands on a page: the first show, and the pages of one group."""


def add_to(app: http.Application, parts: Parts) -> None:
    """Hang the pages into the application."""

    async def held_by(visit: Visit, person: PersonRow | None) -> list[Section]:
        service = parts.service
        rows = await service.reader(records).select(
            "WHERE t.subject = $1 ORDER BY t.kind, t.known DESC, t.record", visit.subject
        )
        catalogue = {row.field: row for row in await service.reader(fields).select()}
        return sections(person, rows, catalogue, visit.language)

    @behind_a_link(parts)
    async def overview(visit: Visit) -> http.StreamResponse:
        """Show what we hold."""
        person = await visit.person()
        shown = [
            (section.first(FIRST_DETAILS, FIRST_ENTRIES), section.total) for section in await held_by(visit, person)
        ]
        return visit.page("data.html", person=person, shown=shown)

    @behind_a_link(parts)
    async def one_group(visit: Visit) -> http.StreamResponse:
        """Show the whole of one group."""
        wanted = visit.request.match_info["section"]
        found = [s for s in await held_by(visit, await visit.person()) if s.id == wanted]
        if not found:
            raise Problem("unknown-section", "There is nothing here.", status=404)
        pages = found[0].pages(DETAILS, ENTRIES)
        page = page_number(visit.request, len(pages))
        return visit.page("section.html", section=pages[page - 1], page=page, pages=len(pages))

    app.router.add_get("/me/data", overview)
    app.router.add_get("/me/data/{section}", one_group)


def page_number(request: http.Request, pages: int) -> int:
    """Give the page that is asked for, or the nearest there is."""
    asked = request.query.get("page", "1")
    return min(max(int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1, 1), max(pages, 1))
