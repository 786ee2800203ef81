"""Handling commands: read, fold, decide, append. Once for each command id, whatever is repeated or killed.

What was read is not locked while the decider thinks; the guard row decides at the append, and whoever lost reads again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from events.catalogue.vocabulary import Event
from events.deciding import AnyDecider, Refused
from events.envelope import Recorded, encode, has_personal
from events.errors import Conflict, TooLarge
from events.runtime import metrics
from events.runtime.database import UNREACHABLE, Connection
from events.runtime.keys import Keys
from events.runtime.store import Answered, Appending, Opened, Store, Written
from events.runtime.tables import AnyWriter

TRIES = 25
LANES = 2
MOST_TOGETHER = 100
MOST_BYTES = 900_000
"""What Kafka takes in one record by default is a little more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A command on its way to its decider. ``expected``: only if the stream still has this version."""

    decider: AnyDecider
    command: Any
    id: UUID
    expected: int | None = None
    correlation: UUID | None = None
    causation: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command: its events, the stream's version after them, and whether it had been answered before.

    The personal fields of events that were read back for a repeat read as ``ERASED``.
    """

    stream: str
    version: int
    events: tuple[Recorded[Event], ...]
    repeated: bool = False


@dataclass(slots=True)
class _Stream:
    state: Any
    version: int
    before: int
    subject: UUID | None


class _Lane:
    """Commands that come while a transaction is under way wait, and go together in the next: one commit serves them all.

    A stream always takes the same lane, so that its commands do not fight each other.
    """

    def __init__(self, handle_many: Callable[[Sequence[Wanted]], Awaitable[list[Answer | Refused | Conflict]]]) -> None:
        self._handle_many = handle_many
        self._waiting: list[tuple[Wanted, asyncio.Future[Answer | Exception]]] = []
        self._working: asyncio.Task[None] | None = None

    async def handle(self, wanted: Wanted) -> Answer | Exception:
        """Wait for the answer to one command."""
        future: asyncio.Future[Answer | Exception] = asyncio.get_running_loop().create_future()
        self._waiting.append((wanted, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            await self._go(together)

    async def _go(self, together: list[tuple[Wanted, asyncio.Future[Answer | Exception]]]) -> None:
        answers: Sequence[Answer | Exception]
        try:
            answers = await self._handle_many([wanted for wanted, _ in together])
        except UNREACHABLE as error:
            answers = [error] * len(together)
        except Exception as error:
            if len(together) > 1:  # it is somebody's own fault, and nobody else's
                for one in together:
                    await self._go([one])
                return
            answers = [error]
        for (_, future), answer in zip(together, answers, strict=True):
            if not future.done():
                future.set_result(answer)


@dataclass(slots=True)
class Handler:
    """The door of one service's deciders.

    ``alongside`` names projections that are written in the transaction of the append, by decider: what they say is never
    older than an acknowledged command. ``appended`` is set after each append, to wake the relay.
    """

    source: str
    store: Store
    keys: Keys
    alongside: Mapping[str, Sequence[AnyWriter]] = field(default_factory=dict)
    appended: asyncio.Event = field(default_factory=asyncio.Event)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _lanes: list[_Lane] = field(init=False)

    def __post_init__(self) -> None:
        self._lanes = [_Lane(self.handle_many) for _ in range(LANES)]

    async def handle(
        self,
        decider: AnyDecider,
        command: Any,
        *,
        command_id: UUID,
        expected: int | None = None,
        correlation: UUID | None = None,
        causation: UUID | None = None,
    ) -> Answer:
        """Handle one command. Raises ``Refused``, ``Conflict`` (``expected`` is not the version), ``Fenced``, ``TooLarge``."""
        wanted = Wanted(
            decider=decider,
            command=command,
            id=command_id,
            expected=expected,
            correlation=correlation,
            causation=causation,
        )
        lane = self._lanes[hash(decider.stream(command)) % LANES]
        answer = await lane.handle(wanted)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def handle_many(self, batch: Sequence[Wanted]) -> list[Answer | Refused | Conflict]:
        """Handle commands in their order, all in one transaction; a refusal takes its place in the answers, and so does a
        ``Conflict`` for one that expected another version. What else is raised is raised for all, and nothing is recorded."""
        for attempt in range(TRIES):
            try:
                return await self._try(batch)
            except Conflict:
                metrics.CONFLICTS.inc()
                await asyncio.sleep(random.uniform(0, 0.002 * (attempt + 1)))  # noqa: S311
        raise Conflict("the stream is too busy; try again")

    async def handle_surely(self, batch: Sequence[Wanted]) -> list[Answer | Refused | Conflict]:
        """Handle commands, again and again while the database cannot be reached or the streams are busy: the ids make it safe."""
        pause = 0.05
        while True:
            try:
                return await self.handle_many(batch)
            except (*UNREACHABLE, Conflict):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _try(self, batch: Sequence[Wanted]) -> list[Answer | Refused | Conflict]:
        names = [w.decider.stream(w.command) for w in batch]
        opened = await self.store.open(set(names), [w.id for w in batch])
        streams: dict[str, _Stream] = {}
        answers: list[Answer | Refused | Conflict] = []
        appending = Appending()
        for wanted, name in zip(batch, names, strict=True):
            answers.append(self._decide(wanted, name, opened, streams, appending))
        if appending.commands:
            await self._append(appending, streams, {w.decider.name for w in batch})
        return answers

    def _decide(
        self, wanted: Wanted, name: str, opened: Opened, streams: dict[str, _Stream], appending: Appending
    ) -> Answer | Refused | Conflict:
        decider = wanted.decider
        known = opened.answered.get(wanted.id) or appending.commands.get(wanted.id)
        history = opened.history.get(name, [])
        if known is not None:
            if known.stream != name:
                return Refused(
                    "command-id-reused",
                    "This id was used for another command before. Send a new command under a new id.",
                )
            metrics.REPEATED.labels(decider.name).inc()
            events = [*history, *(w.recorded for w in appending.events if w.recorded.stream == name)]
            mine = tuple(e for e in events if known.first <= e.version <= known.last)
            return Answer(stream=name, version=known.last, events=mine, repeated=True)
        stream = streams.get(name)
        if stream is None:
            version = history[-1].version if history else 0
            state = decider.fold(e.data for e in history)
            stream = streams[name] = _Stream(state, version, version, decider.subject(wanted.command))
        if wanted.expected is not None and wanted.expected != stream.version:
            return Conflict("the stream has moved on")
        try:
            happened = tuple(decider.decide(stream.state, wanted.command))
        except Refused as refusal:
            metrics.REFUSED.labels(decider.name, refusal.slug).inc()
            return refusal
        first = stream.version + 1
        recorded = tuple(self._record(wanted, name, stream, event) for event in happened)
        appending.commands[wanted.id] = Answered(name, first, stream.version)
        appending.streams[name] = (stream.before, stream.version)
        appending.events.extend(Written(r, b"") for r in recorded)
        return Answer(stream=name, version=stream.version, events=recorded)

    def _record(self, wanted: Wanted, name: str, stream: _Stream, event: Event) -> Recorded[Event]:
        stream.state = wanted.decider.evolve(stream.state, event)
        stream.version += 1
        return Recorded(
            id=uuid4(),
            type=type(event).__name__,
            stream=name,
            version=stream.version,
            subject=stream.subject if event.about_a_person else None,
            occurred=event.at.astimezone(UTC),
            recorded=self.clock(),
            source=self.source,
            correlation=wanted.correlation,
            causation=wanted.causation,
            data=event,
        )

    async def _append(self, appending: Appending, streams: Mapping[str, _Stream], deciders: set[str]) -> None:
        sealed_for = {s for w in appending.events if has_personal(w.recorded.data) and (s := w.recorded.subject)}
        keys = await self.keys.for_writing(sealed_for) if sealed_for else {}
        appending.events = [
            Written(w.recorded, encode(w.recorded, keys.get(w.recorded.subject) if w.recorded.subject else None))
            for w in appending.events
        ]
        if any(len(w.value) > MOST_BYTES for w in appending.events):
            raise TooLarge("an event may have 900 kB at the most")
        writers = [writer for name in deciders for writer in self.alongside.get(name, ())]
        if writers and appending.events:
            async with self.store.pool.acquire() as connection, connection.transaction():
                await self._append_with(connection, appending, writers)
        else:
            await self.store.append(appending)
        for written in appending.events:
            metrics.APPENDED.labels(written.recorded.type).inc()
        self.appended.set()

    async def _append_with(self, connection: Connection, appending: Appending, writers: Sequence[AnyWriter]) -> None:
        await self.store.append(appending, connection)
        for writer in writers:
            await writer.write(connection, [w.recorded for w in appending.events])


__all__ = ["Answer", "Handler", "Wanted"]
