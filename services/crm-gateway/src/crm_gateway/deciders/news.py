"""Which of two sayings about a field is the newer one: the later, and of two at the same instant always the same one.

So the order in which messages arrive decides nothing, and older news never overwrites newer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

Seen = Mapping[str, tuple[datetime, str]]
"""For each field: when the CRM last said something about it, and the fingerprint of what it said."""

NOTHING_SEEN: Seen = MappingProxyType({})
EMPTY = ""
"""The fingerprint of a field that holds nothing. It is below every other one."""


def sift(seen: Seen, emptied: datetime | None, at: datetime, prints: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Part the fields of one message into those with a new value and those that are said again, later; drop what is older.

    ``emptied``: when a full message last said that every field it did not name held nothing.
    """
    changed, confirmed = [], []
    for field, print_ in prints.items():
        last = seen.get(field)
        if last is None and emptied is not None:
            last = (emptied, EMPTY)
        if last is None:
            changed.append(field)
        elif last[1] == print_:
            if at > last[0]:
                confirmed.append(field)
        elif (at, print_) > last:
            changed.append(field)
    return changed, confirmed


def left_out(seen: Seen, at: datetime, prints: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Give the fields that a full message leaves out: those that are empty from then on, and those that stay empty."""
    older = [field for field, last in seen.items() if field not in prints and at > last[0]]
    return [f for f in older if seen[f][1] != EMPTY], [f for f in older if seen[f][1] == EMPTY]


def with_values(seen: Seen, at: datetime, prints: Mapping[str, str]) -> Seen:
    """Remember what was said."""
    return {**seen, **{field: (at, print_) for field, print_ in prints.items()}}


def with_confirmed(seen: Seen, at: datetime, fields: Iterable[str]) -> Seen:
    """Remember that it was said again."""
    return {**seen, **{field: (at, seen[field][1] if field in seen else EMPTY) for field in fields}}


def later(one: datetime | None, other: datetime) -> datetime:
    """Give the later of two times."""
    return other if one is None else max(one, other)
