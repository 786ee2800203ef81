"""Reacting: an event of another service becomes a command of our own, once.

The command's id follows from the event's, so the store's memory of commands is the inbox: a repeat, another log, or a position
that was lost answers the same and does nothing. A refusal is an answer too, and so is that the person has been erased meanwhile:
it is remembered with the position, so that what was refused once does not happen when the log is read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from events.catalogue.vocabulary import Event
from events.deciding import Refused
from events.envelope import Recorded
from events.errors import Conflict, Fenced
from events.projecting import Reaction
from events.runtime.consuming import Batch, Mover, Stop
from events.runtime.database import Pool
from events.runtime.handling import Answer, Handler, Wanted
from events.runtime.logging import logger

log = logger(__name__)

REACTIONS = UUID("7c0f5a3e-6b1d-5b52-9a52-0d3a4c1f7e11")
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command, and the event that it answers."""

    wanted: Wanted
    reaction: Reaction
    event: Recorded[Event]

    def stop(self, error: Exception) -> Stop:
        return _stop(self.reaction, self.event, error)


def _stop(reaction: Reaction, event: Recorded[Event], error: Exception) -> Stop:
    log.error("a reaction failed", reaction=reaction.name, event_id=str(event.id), exc_info=error)
    assert event.place is not None
    return Stop(event.place, f"{reaction.name} cannot take {event.type}: {type(error).__name__}")


class Reacting:
    """All reactions of one service, as one consumption."""

    def __init__(self, reactions: Sequence[Reaction], pool: Pool, handler: Handler) -> None:
        self.name = "reactions"
        self.topics = tuple(sorted({t for r in reactions for t in r.topics}))
        self.types = frozenset().union(*(r.types for r in reactions))
        self._reactions = reactions
        self._pool = pool
        self._handler = handler

    def forget(self) -> None:
        """Nothing is remembered."""

    async def take(self, batch: Batch, move: Mover) -> None:
        """Answer each event. Raises ``Stop`` at one that a reaction cannot take."""
        wanted: list[_Asked] = []
        for event in batch.events:
            wanted += self._wanted(event)
        refused: list[Wanted] = []
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            for asked, answer in zip(part, await self._answers(part), strict=True):
                if isinstance(answer, Refused):
                    want = asked.wanted
                    log.info("reaction refused", decider=want.decider.name, slug=answer.slug, cause=str(want.causation))
                    refused.append(want)
        async with self._pool.acquire() as connection, connection.transaction():
            await move(connection, batch)
            if refused:
                await connection.execute(
                    "INSERT INTO commands (id, stream, first, last)"
                    " SELECT id, stream, 1, 0 FROM unnest($1::uuid[], $2::text[]) r (id, stream) ON CONFLICT DO NOTHING",
                    [want.id for want in refused],
                    [want.decider.stream(want.command) for want in refused],
                )

    async def _answers(self, asked: Sequence[_Asked]) -> list[Answer | Refused | Conflict]:
        """Handle commands; one about an erased person takes nobody else's with it, nor does one that cannot be handled.
        Raises ``Stop`` for that one."""
        try:
            return await self._handler.handle_surely([one.wanted for one in asked])
        except Exception as error:
            if len(asked) > 1:
                return [answer for one in asked for answer in await self._answers([one])]
            if isinstance(error, Fenced):
                return [Refused("erased", str(error))]
            raise asked[0].stop(error) from error

    def _wanted(self, event: Recorded[Event]) -> list[_Asked]:
        wanted = []
        for reaction in self._reactions:
            if type(event.data) not in reaction.to:
                continue
            try:
                command = reaction.command(event)
            except Exception as error:
                raise _stop(reaction, event, error) from error
            if command is not None:
                want = Wanted(
                    decider=reaction.decider,
                    command=command,
                    id=uuid5(REACTIONS, f"{reaction.name}:{event.id}"),
                    correlation=event.correlation or event.id,
                    causation=event.id,
                )
                wanted.append(_Asked(want, reaction, event))
        return wanted
