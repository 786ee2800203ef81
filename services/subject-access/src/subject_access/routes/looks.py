"""Looks over HTTP: whoever shows a person's data to staff says so here first."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from events.catalogue.vocabulary import Slug
from subject_access.deciders.looks import LOOKS, RecordLook
from subject_access.parts import Parts
from subject_access.projections.looks import LookRow, looks
from subject_access.routes.links import WHO_MAY_LOOK, OfPerson
from web.api import Call, Routes

LOOK_IDS: Final = UUID("3f9a0a0e-6b1d-5b0e-8f3b-1f2f5c7f7d10")


class NewLook(BaseModel):
    """Where somebody looks."""

    model_config = ConfigDict(extra="forbid")

    where: Slug = Field(examples=["actionpad"], description="The page or programme that shows the data.")


class LookShown(BaseModel):
    """One look at a person's data."""

    look: UUID
    at: AwareDatetime
    where: str
    by: str


def routes(parts: Parts) -> Routes:
    """Give the routes."""
    made = Routes()
    service = parts.service

    @made.post(
        "/v1/persons/{subject_id}/looks",
        params=OfPerson,
        body=NewLook,
        answer=LookShown,
        status=201,
        roles=WHO_MAY_LOOK,
        refusals=("command-id-reused",),
    )
    async def record_look(call: Call[NewLook, None, OfPerson]) -> LookShown:
        """Record that somebody of staff opens a person's data. The person sees it in the portal."""
        subject = call.path.subject_id
        look = uuid5(LOOK_IDS, f"{subject}:{call.command_id}")
        wanted = RecordLook(look=look, subject=subject, at=parts.clock(), by=call.actor, where=call.body.where)
        await service.handler.handle(LOOKS, wanted, command_id=call.command_id)
        row = await service.reader(looks).get(look)
        assert row is not None, "it is written with the append"
        return _shown(row)

    @made.get("/v1/persons/{subject_id}/looks", params=OfPerson, answer=list[LookShown], roles=WHO_MAY_LOOK)
    async def list_looks(call: Call[None, None, OfPerson]) -> list[LookShown]:
        """List the looks at a person's data, newest first, five hundred at the most."""
        rows = await service.reader(looks).select(
            "WHERE t.subject = $1 ORDER BY t.at DESC LIMIT 500", call.path.subject_id
        )
        return [_shown(row) for row in rows]

    return made


def _shown(row: LookRow) -> LookShown:
    return LookShown(look=row.look, at=row.at, where=row.place, by=row.by)
