"""Specs: given what has happened, when this is wanted, then that happens. Each command is tried twice.

The second try is on the state after the first: nothing new may happen then, whether it answers with no events or refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar
from uuid import UUID, uuid4

from events.catalogue import OWNERS
from events.catalogue.vocabulary import ERASED, Event, personal_fields
from events.deciding import Decider, Refused
from events.envelope import Recorded

C = TypeVar("C")
S = TypeVar("S")


@dataclass(frozen=True)
class Specs(Generic[C, S]):
    """The specs of one decider: ``given(...).when(...).then(...)``."""

    decider: Decider[C, S]

    def given(self, *history: Event) -> Given[C, S]:
        """Start from what has happened."""
        return Given(self.decider, history)


@dataclass(frozen=True)
class Given(Generic[C, S]):
    """A history, waiting for a command."""

    decider: Decider[C, S]
    history: tuple[Event, ...]

    def when(self, command: C) -> When[C, S]:
        """Try a command."""
        return When(self.decider, self.history, command)


@dataclass(frozen=True)
class When(Generic[C, S]):
    """A command on a history, waiting for what is expected of it."""

    decider: Decider[C, S]
    history: tuple[Event, ...]
    command: C

    def then(self, *expected: Event) -> None:
        """Expect these events, none for a command that is already true; and nothing new the second time."""
        before = self.decider.fold(self.history)
        assert before == self.decider.fold(erased(e) for e in self.history), "evolve read a personal field"
        happened = tuple(self.decider.decide(before, self.command))
        assert happened == expected, f"expected {expected!r}, happened {happened!r}"
        after = self.decider.fold(happened, before)
        try:
            again = tuple(self.decider.decide(after, self.command))
        except Refused:
            again = ()
        assert again == (), f"the second time this happened again: {again!r}"

    def refused(self, slug: str) -> None:
        """Expect a refusal by this rule, the second time too."""
        now = self.decider.fold(self.history)
        for _ in range(2):
            try:
                happened = tuple(self.decider.decide(now, self.command))
            except Refused as refusal:
                assert refusal.slug == slug, f"expected refusal {slug!r}, was {refusal.slug!r}"
                assert refusal.message, "a refusal says what to do"
            else:
                raise AssertionError(f"expected refusal {slug!r}, happened {happened!r}")


def erased(event: Event) -> Event:
    """Give the event as it reads once the person's key has been destroyed."""
    return event.model_copy(update=dict.fromkeys(personal_fields(type(event)), ERASED))


def recorded(
    event: Event, stream: str, version: int, subject: UUID | None, *, event_id: UUID | None = None
) -> Recorded[Event]:
    """Give an event as the service that owns it would record it now: to put it on its topic in that service's place."""
    return Recorded(
        id=event_id or uuid4(),
        type=type(event).__name__,
        stream=stream,
        version=version,
        subject=subject,
        occurred=event.at,
        recorded=datetime.now(UTC),
        source=f"/{OWNERS[event.topic]}",
        correlation=None,
        causation=None,
        data=event,
    )
