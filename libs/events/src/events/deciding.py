"""Deciders: from what has happened and what is wanted to what happens next. Three pure functions and no base class.

A command that is already true yields no events; one that may not be raises ``Refused``. ``evolve`` is total, and never
reads a personal field: a person's history must fold after their key is gone as it did before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, dataclass_transform
from uuid import UUID

from events.catalogue.vocabulary import Event

S = TypeVar("S")
C = TypeVar("C")
T = TypeVar("T")


class Refused(Exception):
    """The command is refused. ``slug`` is stable and names the rule; ``message`` says what to do, without personal data."""

    def __init__(self, slug: str, message: str) -> None:
        super().__init__(message)
        self.slug = slug
        self.message = message


@dataclass_transform(frozen_default=True, kw_only_default=True)
def command(cls: type[T]) -> type[T]:
    """Make a class a command: frozen, keyword-only. It carries every time and identifier that its decision needs."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def state(cls: type[T]) -> type[T]:
    """Make a class the state of a decider: frozen, keyword-only, every field with a default."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, S]):
    """One aggregate's rules.

    ``stream`` and ``subject`` tell from a command which history it belongs to, and whose it is (``None``: nobody's).
    """

    name: str
    initial: S
    decide: Callable[[S, C], Iterable[Event]]
    evolve: Callable[[S, Event], S]
    stream: Callable[[C], str]
    subject: Callable[[C], UUID | None]

    def fold(self, history: Iterable[Event], start: S | None = None) -> S:
        """Give the state after a history, from ``start`` or from nothing."""
        now = self.initial if start is None else start
        for event in history:
            now = self.evolve(now, event)
        return now


AnyDecider = Decider[Any, Any]
