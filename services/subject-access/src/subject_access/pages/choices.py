"""One choice that was made: confirmed with a reference, and shown with a state that changes by itself until it is answered."""

from __future__ import annotations

import asyncio
from uuid import UUID

from aiohttp import web as http

from subject_access import reading, words
from subject_access.parts import Parts
from subject_access.projections.choices import ChoiceRow, choices
from subject_access.projections.outcomes import OutcomeRow, outcomes
from subject_access.visits import Visit, behind_a_link
from web.problems import Problem

LOOK_AGAIN_SECONDS = 0.04


def add_to(app: http.Application, parts: Parts) -> None:
    """Hang the pages into the application."""
    service = parts.service

    async def chosen(visit: Visit) -> tuple[ChoiceRow, OutcomeRow | None, str]:
        try:
            row = await service.reader(choices).get(UUID(visit.request.match_info["choice"]))
        except ValueError:
            row = None
        if row is None or row.subject != visit.subject:
            raise Problem("unknown-choice", "There is nothing here.", status=404)
        title = (await reading.offer(service)).title(row.kind, visit.language)
        return row, await service.reader(outcomes).get(row.choice_id), title

    async def page(visit: Visit, template: str) -> http.Response:
        choice, outcome, title = await chosen(visit)
        why = words.DECLINED.get(outcome.reason or "", words.NOT_TAKEN_OVER) if outcome else ""
        return visit.page(
            template, choice=choice, outcome=outcome, title=title, reference=reference(choice.choice_id), why=why
        )

    @behind_a_link(parts)
    async def confirm(visit: Visit) -> http.StreamResponse:
        """Confirm a choice, with a reference to keep."""
        return await page(visit, "chosen.html")

    @behind_a_link(parts, fragment=True)
    async def status(visit: Visit) -> http.StreamResponse:
        """Give the state of a choice, for a page that stands open."""
        return await page(visit, "choice-status.html")

    app.router.add_get("/me/choices/{choice}", confirm)
    app.router.add_get("/me/choices/{choice}/status", status)


async def answered(parts: Parts, choice: UUID) -> None:
    """Wait a moment for the answer to a choice; whether it came, the page will say."""
    loop = asyncio.get_running_loop()
    until = loop.time() + parts.settings.answer_seconds
    while loop.time() < until and await parts.service.reader(outcomes).get(choice) is None:
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


def reference(event: UUID) -> str:
    """Give the reference that people keep: the beginning of the event's id, by which auditors find it in the log."""
    return f"{event.hex[:4]}-{event.hex[4:8]}".upper()
