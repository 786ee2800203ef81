"""Projections and reactions: what is made of events that others recorded. Pure; the runtime does the rest.

A projection is a fold for each key, and can be thrown away and built again. A reaction answers an event with a command,
once, and is never replayed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_type_hints

from events.catalogue.vocabulary import Event, personal_fields
from events.deciding import AnyDecider
from events.envelope import AnyRecorded

R = TypeVar("R")


class Terms(frozenset[str]):
    """What a row is found by: normalised words, written as keyed hashes only, so that they read back as nothing."""


@dataclass(frozen=True)
class Projection(Generic[R]):
    """One read model: its table, the events it is made of, the key of a row, and the fold.

    ``key`` gives a tuple (or one value) in the order of the row's first fields. ``row`` is a frozen dataclass whose
    fields are the table's columns; its ``Personal`` fields are kept in the columns ``sealed`` and ``key_version``, under
    the key of the person in the column ``subject``.
    """

    table: str
    of: frozenset[type[Event]]
    key: Callable[[AnyRecorded], Any]
    fold: Callable[[R | None, AnyRecorded], R | None]
    row: type[R]
    key_columns: tuple[str, ...]

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics it reads, in a fixed order."""
        return tuple(sorted({e.topic for e in self.of}))

    @property
    def types(self) -> frozenset[str]:
        """The types it is made of."""
        return frozenset(e.__name__ for e in self.of)

    @property
    def personal(self) -> tuple[str, ...]:
        """The fields of a row that are kept sealed."""
        return personal_fields(self.row)

    def __call__(self, row: R | None, event: AnyRecorded) -> R | None:
        return self.fold(row, event)


def projection(
    *, table: str, of: tuple[type[Event], ...], key: Callable[[AnyRecorded], Any], key_columns: int = 1
) -> Callable[[Callable[[R | None, AnyRecorded], R | None]], Projection[R]]:
    """Make a fold ``(row | None, event) -> row | None`` a projection; the row's type is read from its annotations."""

    def made(fold: Callable[[R | None, AnyRecorded], R | None]) -> Projection[R]:
        hint = get_type_hints(fold)["return"]
        row: type[R] = next(t for t in hint.__args__ if t is not type(None))
        names = tuple(f.name for f in dataclasses.fields(row))  # type: ignore[arg-type]
        return Projection(table=table, of=frozenset(of), key=key, fold=fold, row=row, key_columns=names[:key_columns])

    return made


@dataclass(frozen=True)
class Reaction:
    """An answer to events of others: a command to a decider of our own, or nothing."""

    name: str
    to: frozenset[type[Event]]
    decider: AnyDecider
    command: Callable[[AnyRecorded], Any | None]

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics it listens to, in a fixed order."""
        return tuple(sorted({e.topic for e in self.to}))

    @property
    def types(self) -> frozenset[str]:
        """The types it listens to."""
        return frozenset(e.__name__ for e in self.to)


def reaction(
    *, name: str, to: tuple[type[Event], ...], decider: AnyDecider
) -> Callable[[Callable[[AnyRecorded], Any | None]], Reaction]:
    """Make a function from a recorded event to a command (or ``None``) a reaction."""
    return lambda command: Reaction(name=name, to=frozenset(to), decider=decider, command=command)


__all__ = ["Projection", "Reaction", "Terms", "projection", "reaction"]
