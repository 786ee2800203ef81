"""Looks: whenever staff open what is held of a person, that is written down, and the person can see it.

One look is one stream, so that no look waits for another.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from events.catalogue.access import PersonLookedAt
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, command, state


@command
class RecordLook:
    """Somebody opened a person's data; ``where`` names the page or the programme."""

    look: UUID
    subject: UUID
    at: datetime
    by: Actor
    where: str


@state
class Look:
    """Whether the look is written down."""

    recorded: bool = False


def decide(look: Look, command: RecordLook) -> Iterable[Event]:
    """Say what happens. Nobody is kept from looking by this; that is for roles to do."""
    if not look.recorded:
        yield PersonLookedAt(at=command.at, by=command.by, where=command.where, look=command.look)


def evolve(look: Look, event: Event) -> Look:
    """Give what holds once this has happened."""
    match event:
        case PersonLookedAt():
            return Look(recorded=True)
        case _:
            return look


LOOKS: Decider[RecordLook, Look] = Decider(
    name="looks",
    initial=Look(),
    decide=decide,
    evolve=evolve,
    stream=lambda command: f"look-{command.look}",
    subject=lambda command: command.subject,
)
