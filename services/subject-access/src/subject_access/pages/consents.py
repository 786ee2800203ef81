"""Consents: what holds, in which words; one press to give or to withdraw, which counts from that moment.

The choice is our own event, recorded before anything is answered; so no other service can be too busy for it. Its owner answers
with an event of its own, for which the page waits a moment, and then shows a state that changes by itself.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from aiohttp import web as http
from pydantic import BaseModel, Field, StringConstraints

from events.catalogue.consents import WordingRef
from subject_access import reading, words
from subject_access.agreements import agreements
from subject_access.deciders.links import LINKS, ChooseConsent
from subject_access.pages.choices import answered
from subject_access.parts import Parts
from subject_access.projections.standings import standings
from subject_access.visits import Visit, behind_a_link
from web.forms import Form
from web.problems import Problem


class Choice(BaseModel):
    """What was pressed, and the wording that stood beside the button."""

    choice: Literal["give", "withdraw"]
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")] | None = None


CHOICE = Form("choice", Choice)


def add_to(app: http.Application, parts: Parts) -> None:
    """Hang the pages into the application."""
    service = parts.service

    async def overview(visit: Visit, *, status: int = 200, changed: str = "") -> http.Response:
        offered = await reading.offer(service)
        made, objection = agreements(
            offered,
            await service.reader(standings).select("WHERE t.subject = $1", visit.subject),
            await reading.waiting(service, visit.subject),
            visit.language,
            parts.clock(),
        )
        forms = {agreement.kind: CHOICE.blank(visit.request) for agreement in made}
        person = await visit.person()
        return visit.page(
            "consents.html",
            status=status,
            agreements=made,
            objection=objection,
            forms=forms,
            changed=changed,
            methods=words.METHODS,
            channels=words.CHANNELS,
            erased=person is not None and person.erased,
        )

    @behind_a_link(parts)
    async def show(visit: Visit) -> http.StreamResponse:
        """Show every consent."""
        return await overview(visit)

    @behind_a_link(parts)
    async def choose(visit: Visit) -> http.StreamResponse:
        """Record a choice."""
        filled = await CHOICE.read(visit.request)
        said, kind = filled.value, visit.request.match_info["kind"]
        if said is None:
            return await overview(visit, status=422)
        wording = None
        if said.choice == "give":
            newest = (await reading.offer(service)).newest(kind, visit.parts.languages.find(said.language))
            if newest is None or (newest.ref.version, newest.ref.language) != (said.version, said.language):
                return await overview(visit, status=409, changed=kind)
            wording = newest.ref
        elif not await _ever_heard_of(visit, kind):
            raise Problem("unknown-kind", "There is no such consent.", status=404)
        return await record(visit, filled.command_id, kind, said.choice, wording)

    async def record(
        visit: Visit, act: UUID, kind: str, choice: Literal["give", "withdraw"], wording: WordingRef | None
    ) -> http.Response:
        wanted = ChooseConsent(
            link=visit.link.link,
            subject=visit.subject,
            at=parts.clock(),
            act=act,
            kind=kind,
            choice=choice,
            wording=wording,
        )
        answer = await service.handler.handle(LINKS, wanted, command_id=act)
        if not answer.events:
            return http.Response(status=303, headers={"Location": "/me/consents"})
        chosen = answer.events[0].id
        await answered(parts, chosen)
        return http.Response(status=303, headers={"Location": f"/me/choices/{chosen}"})

    async def _ever_heard_of(visit: Visit, kind: str) -> bool:
        offered = await reading.offer(service)
        return kind in offered.kinds or await service.reader(standings).get(visit.subject, kind) is not None

    app.router.add_get("/me/consents", show)
    app.router.add_post("/me/consents/{kind}", choose)
