"""Quarantine: what lies there, and an administrator's decision."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from crm_gateway.outcomes import Outcome
from crm_gateway.quarantine import Entry, Quarantine
from web.api import Call, Routes
from web.problems import Problem

State = Literal["open", "taken", "discarded"]


class Which(BaseModel):
    """Which message."""

    id: UUID


class Asked(BaseModel):
    """Which messages to show."""

    state: State = "open"
    limit: int = Field(default=100, ge=1, le=1000)


class Decision(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[
        str, StringConstraints(max_length=500, strip_whitespace=True, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
    ]


class Quarantined(BaseModel):
    """One message in quarantine. What it says stays sealed."""

    id: UUID
    received: datetime
    door: str
    place: str = Field(description="Topic, partition and offset.")
    slug: str
    pointer: str = Field(description="JSON pointer to what is wrong.")
    detail: str
    size: int
    tries: int
    state: State
    decided: datetime | None
    decided_by: str | None
    reason: str | None


class Opening(BaseModel):
    """Somebody read what a message says."""

    at: datetime
    by: str
    reason: str


class WithOpenings(Quarantined):
    """One message, and who has read it."""

    openings: list[Opening]


class Content(BaseModel):
    """What was sent."""

    text: str = Field(description="As it was sent; what is no UTF-8 in it is replaced.")
    headers: dict[str, str]


def routes(quarantine: Quarantine) -> Routes:
    """Give the routes."""
    made = Routes()

    @made.get("/v1/quarantine", query=Asked, answer=list[Quarantined], roles=("admin", "dpo"))
    async def entries(call: Call[None, Asked]) -> list[Quarantined]:
        """Give what arrived by the topic and could not be taken over, oldest first."""
        return [_shown(one) for one in await quarantine.entries([call.query.state], call.query.limit)]

    @made.get(
        "/v1/quarantine/{id}",
        params=Which,
        answer=WithOpenings,
        roles=("admin", "dpo"),
        problems={404: ("unknown-entry",)},
    )
    async def entry(call: Call[None, None, Which]) -> WithOpenings:
        """Give one message, without what it says."""
        found = await quarantine.get(call.path.id)
        if found is None:
            raise _unknown()
        read = [Opening(at=o.at, by=o.by, reason=o.reason) for o in await quarantine.openings(call.path.id)]
        return WithOpenings(**_shown(found).model_dump(), openings=read)

    @made.post(
        "/v1/quarantine/{id}/openings",
        params=Which,
        body=Decision,
        answer=Content,
        roles=("admin", "dpo"),
        command=False,
        refusals=("not-open",),
        problems={404: ("unknown-entry",)},
    )
    async def open_content(call: Call[Decision, None, Which]) -> Content:
        """Read what a message says. Who did that, and why, is kept with it."""
        incoming = await quarantine.open(call.path.id, by=call.identity.account, reason=call.body.reason)
        if incoming is None:
            raise await _not_open(quarantine, call.path.id)
        return Content(text=incoming.raw.decode("utf-8", "replace"), headers=dict(incoming.headers))

    @made.post(
        "/v1/quarantine/{id}/retries",
        params=Which,
        body=Decision,
        answer=Outcome,
        roles=("admin",),
        command=False,
        refusals=("not-open",),
        problems={404: ("unknown-entry",)},
    )
    async def retry(call: Call[Decision, None, Which]) -> Outcome:
        """Try a message again, after what was in its way has been mended."""
        outcome = await quarantine.retry(call.path.id, by=call.identity.account, reason=call.body.reason)
        if outcome is None:
            raise await _not_open(quarantine, call.path.id)
        return outcome

    @made.post(
        "/v1/quarantine/{id}/discards",
        params=Which,
        body=Decision,
        roles=("admin",),
        command=False,
        refusals=("not-open",),
        problems={404: ("unknown-entry",)},
    )
    async def discard(call: Call[Decision, None, Which]) -> None:
        """Discard a message for good; what it says is destroyed at once."""
        if not await quarantine.discard(call.path.id, by=call.identity.account, reason=call.body.reason):
            raise await _not_open(quarantine, call.path.id)

    return made


async def _not_open(quarantine: Quarantine, entry: UUID) -> Problem:
    found = await quarantine.get(entry)
    if found is None:
        return _unknown()
    if found.state == "open":
        return Problem("not-open", "It is about an erased person, and its content was not kept. It can be discarded.")
    return Problem("not-open", f"It was {found.state} before. `GET /v1/quarantine` lists the open ones.")


def _unknown() -> Problem:
    return Problem("unknown-entry", "There is no such message in quarantine.", status=404)


def _shown(entry: Entry) -> Quarantined:
    return Quarantined(
        id=entry.id,
        received=entry.received,
        door=entry.door,
        place=entry.place,
        slug=entry.slug,
        pointer=entry.pointer,
        detail=entry.detail,
        size=entry.size,
        tries=entry.tries,
        state=entry.state,
        decided=entry.decided,
        decided_by=entry.decided_by,
        reason=entry.reason,
    )
