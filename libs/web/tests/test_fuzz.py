"""The OpenAPI document is exact: whatever is sent, no answer comes that it does not declare."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from web.api import Call, Routes
from web.serving import application, start
from web.testing import Keys, fuzz, somebody

routes = Routes()
Count = Annotated[int, Field(ge=0, le=1000)]


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID
    name: Annotated[str, Field(min_length=1, max_length=80)]
    note: str | None = None
    mails: list[Annotated[str, Field(max_length=50)]] = []
    fields: dict[str, str | bool | Count] = {}
    language: Literal["de", "en"] = "de"
    at: AwareDatetime | None = None


class Found(BaseModel):
    id: UUID
    name: str
    at: datetime | None
    fields: dict[str, str | bool | int]


class Which(BaseModel):
    model_config = ConfigDict(extra="forbid")
    q: Annotated[str, Field(min_length=1, max_length=40)]
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    after: UUID | None = None
    day: date | None = None
    kind: list[Literal["a", "b"]] = []


class Place(BaseModel):
    subject_id: UUID


@routes.post("/v1/persons", body=Person, answer=Found, status=201, roles=("staff",))
async def add_person(call: Call[Person]) -> Found:
    """Add a person."""
    return Found(id=call.body.id, name=call.body.name, at=call.body.at, fields=dict(call.body.fields))


@routes.get("/v1/persons", query=Which, answer=list[Found], roles=("staff", "dpo"))
async def find_persons(call: Call[None, Which]) -> list[Found]:
    """Find persons."""
    return [Found(id=UUID(int=1), name=call.query.q, at=None, fields={})]


@routes.get("/v1/persons/{subject_id}", params=Place, answer=Found, roles=("staff",))
async def person(call: Call[None, None, Place]) -> Found:
    """Show a person."""
    return Found(id=call.path.subject_id, name="x", at=None, fields={})


@routes.put("/v1/persons/{subject_id}", params=Place, body=Person, roles=("staff",))
async def change(_call: Call[Person, None, Place]) -> None:
    """Change a person."""


@routes.get("/v1/lines", query=Which, lines=Found, roles=("staff",))
async def lines(call: Call[None, Which]) -> AsyncIterator[Found]:
    """Stream persons."""
    for n in range(min(call.query.limit, 3)):
        yield Found(id=UUID(int=n), name="x", at=None, fields={})


@routes.post("/v1/check", body=Which, answer=Found, command=False, hot=True, roles=("staff",))
async def check(call: Call[Which]) -> Found:
    """Check something."""
    return Found(id=UUID(int=1), name=call.body.q, at=None, fields={})


async def test_every_answer_is_declared() -> None:
    keys = Keys()
    runner = await start(application("fuzzed", routes=routes, verifier=keys.verifier), "127.0.0.1", 0, grace=1.0)
    try:
        await fuzz(f"http://127.0.0.1:{runner.port}", keys.header(somebody("staff")))
    finally:
        await runner.cleanup()
