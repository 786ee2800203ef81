"""Looks at the log: whoever reads it is written into it, before they see the first line.

One look is one stream, so that no look waits for another. The reason stands in the log for ever and in the clear, so it
names a case and not a person.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from events.catalogue.audit import LogRead
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state

MOST_CHARACTERS = 300


@command
class RecordLook:
    """Somebody is about to read: what, whose where it is one person's, and whether personal data is opened for them."""

    look: UUID
    at: datetime
    by: Actor
    what: str
    of: UUID | None = None
    decrypted: bool = False
    reason: str = ""


@state
class Look:
    """Whether the look stands in the log."""

    recorded: bool = False


def decide(look: Look, command: RecordLook) -> list[Event]:
    """Record a look; one that opens personal data needs its reason (Art. 5(2))."""
    if look.recorded:
        return []
    reason = " ".join(command.reason.split())
    if command.decrypted and not reason:
        raise Refused("reason-missing", "To open personal data, say why: a case number, or what is being examined.")
    if len(reason) > MOST_CHARACTERS:
        raise Refused("reason-too-long", f"Give the reason in {MOST_CHARACTERS} characters at the most.")
    if "@" in reason:
        raise Refused("reason-names-a-person", "The reason stands in the log for ever: name a case, not a person.")
    return [
        LogRead(
            at=command.at,
            by=command.by,
            look=command.look,
            what=command.what,
            of=command.of,
            decrypted=command.decrypted,
            reason=reason,
        )
    ]


def evolve(look: Look, event: Event) -> Look:
    """Remember that the look is recorded."""
    match event:
        case LogRead():
            return Look(recorded=True)
        case _:
            return look


LOOKS: Decider[RecordLook, Look] = Decider(
    name="looks",
    initial=Look(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"look-{c.look}",
    subject=lambda _: None,
)
