"""What auditors ask over HTTP. Both answers are streams of lines; the look is in the log before the first of them leaves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from audit.decider import LOOKS, MOST_CHARACTERS, RecordLook
from audit.history import Texts, about, lines, span_of
from audit.lines import BrokenShape, LineShape, written
from audit.log import Log, Span
from audit.projections.wordings import wordings
from audit.replay import Filter, portions
from audit.settings import AuditSettings
from events.catalogue import EVENTS, PARTITIONS, TOPICS
from events.catalogue.vocabulary import Slug
from events.envelope import partition_of
from events.runtime.service import Service
from web.api import Call, Routes
from web.problems import At, Problem

READERS = ("auditor", "dpo")
REFUSALS = ("reason-missing", "reason-too-long", "reason-names-a-person")
UNREACHABLE = {503: ("broker-unreachable",)}

Reason = Annotated[str, StringConstraints(max_length=MOST_CHARACTERS)]
EventType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,64}$")]
WRITTEN_OUT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d")


def _written_out(given: object) -> object:
    if isinstance(given, str) and not WRITTEN_OUT.match(given):  # a bare number would be read as seconds
        raise ValueError("write it out, with its offset: 2026-05-04T09:00:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Clock = Callable[[], datetime]


class Whose(BaseModel):
    """Whose history."""

    subject_id: UUID


class Opening(BaseModel):
    """Whether personal fields are opened, and why."""

    model_config = ConfigDict(extra="forbid")

    decrypt: bool = Field(default=False, description="Open the personal fields. Needs a `reason`.")
    reason: Reason = Field(default="", description="Stands in the log for ever: a case number, never a person.")


class Wanted(Opening):
    """What is to be replayed."""

    topic: list[Slug] = Field(default=[], description="One or several; left out: all event topics.", max_length=20)
    partition: int | None = Field(default=None, ge=0, lt=PARTITIONS)
    from_offset: int | None = Field(default=None, ge=0, le=2**62, description="Needs one topic and one partition.")
    to_offset: int | None = Field(default=None, ge=0, le=2**62, description="The last offset to read.")
    from_time: Moment | None = Field(default=None, description="Recorded at or after this time.")
    to_time: Moment | None = Field(default=None, description="Recorded before this time.")
    type: list[EventType] = Field(default=[], description="Only events of these types.", max_length=50)
    subject_id: UUID | None = Field(default=None, description="Only one person's events.")
    limit: int | None = Field(default=None, ge=1, le=2**40, description="So many lines at the most.")
    follow: bool = Field(default=False, description="Go on at the end of the log, with what is recorded from now on.")


def routes(service: Service, log: Log, settings: AuditSettings, clock: Clock = lambda: datetime.now(UTC)) -> Routes:
    """Declare the routes."""
    made = Routes()
    readers, followers = asyncio.Semaphore(settings.readers), asyncio.Semaphore(settings.readers)

    async def record_look(call: Call[Any, Any, Any], what: str, of: UUID | None) -> None:
        look = uuid4()
        asked: Opening = call.query
        command = RecordLook(
            look=look,
            at=clock(),
            by=call.actor,
            what=what,
            of=of,
            decrypted=asked.decrypt,
            reason=asked.reason,
        )
        await service.handler.handle(LOOKS, command, command_id=look)

    @made.get(
        "/v1/history/{subject_id}",
        params=Whose,
        query=Opening,
        lines=LineShape | BrokenShape,
        roles=READERS,
        refusals=REFUSALS,
        problems=UNREACHABLE,
    )
    async def history(call: Call[None, Opening, Whose]) -> AsyncIterator[bytes]:
        """Read one person's whole history from the log.

        Over all event topics, in the order in which it was recorded. A record that cannot be read is a line of its own. Personal
        fields are opened only when asked for, with a reason; every look is recorded before the first line leaves.
        """
        subject, opening = call.path.subject_id, call.query.decrypt
        await record_look(call, "history", subject)
        async with readers:
            found = [one async for some in log.read(span_of(subject), about(subject)) for one in some]
        secrets = await service.keys.secrets([subject]) if opening else {}
        texts: Texts = {(row.kind, row.version): row.texts for row in await service.reader(wordings).select()}
        for line in lines(found, subject, secrets, texts, opening=opening):
            yield written(line)

    @made.get(
        "/v1/replay",
        query=Wanted,
        lines=LineShape | BrokenShape,
        roles=READERS,
        refusals=REFUSALS,
        problems=UNREACHABLE,
    )
    async def replay(call: Call[None, Wanted]) -> AsyncIterator[bytes]:
        """Read the log as it was written.

        Each partition in its order, up to where the log ended when it was asked; with `follow` for a day, and with an empty
        line now and then. Whoever reads slowly is waited for.
        """
        asked = call.query
        span, wanted = span_and_filter(asked)
        await record_look(call, _what(span), asked.subject_id)
        async with followers if span.follow else readers:
            reading = log.read(span, wanted.by_key)
            async for some in portions(reading, wanted, service.keys, opening=asked.decrypt, limit=asked.limit):
                yield some

    return made


def span_and_filter(asked: Wanted) -> tuple[Span, Filter]:
    """Give what a question means. Raises ``Problem`` 422 for what means nothing."""
    wrong: list[At] = []
    if not set(asked.topic) <= set(TOPICS):
        wrong.append(At("/topic", f"Give one of {', '.join(TOPICS)}."))
    if not set(asked.type) <= set(EVENTS):
        wrong.append(At("/type", "Give the name of an event, such as ConsentGiven."))
    partition = asked.partition
    if asked.subject_id is not None:
        own = partition_of(str(asked.subject_id))
        if partition not in (None, own):
            wrong.append(At("/partition", f"This person's events are in partition {own}."))
        partition = own
    offsets = asked.from_offset is not None or asked.to_offset is not None
    if offsets and (len(asked.topic) != 1 or partition is None):
        wrong.append(At("/from_offset", "Offsets count within one partition: give one topic and one partition."))
    if asked.follow and (asked.to_offset is not None or asked.to_time is not None):
        wrong.append(At("/follow", "Leave out to_offset and to_time, or do not follow."))
    if wrong:
        raise Problem("invalid-input", "The query does not fit. Mend what the pointers name.", status=422, errors=wrong)
    span = Span(
        topics=tuple(dict.fromkeys(asked.topic)) or TOPICS,
        partitions=tuple(range(PARTITIONS)) if partition is None else (partition,),
        from_offset=asked.from_offset,
        to_offset=asked.to_offset,
        from_time=asked.from_time,
        to_time=asked.to_time,
        follow=asked.follow,
    )
    wanted = Filter(
        types=frozenset(asked.type),
        subject=asked.subject_id,
        from_time=asked.from_time,
        to_time=asked.to_time,
    )
    return span, wanted


def _what(span: Span) -> str:
    """Say in one word what was replayed: ``replay.gdpr.consents.3``."""
    topics = [span.topics[0]] if len(span.topics) == 1 else []
    partitions = [str(span.partitions[0])] if len(span.partitions) == 1 else []
    return ".".join(["replay", *topics, *partitions])
