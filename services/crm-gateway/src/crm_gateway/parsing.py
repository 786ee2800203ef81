"""JSON that can be understood in one way only: no name twice, no half a character, no number that is none (I-JSON, RFC 7493)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

MOST_BYTES: Final = 2_000_000
"""What is larger is not searched for the place of its fault."""
_decoder = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode
_SURROGATE = re.compile(r"[\ud800-\udfff]")

Place = tuple[str | int, ...]


class Unreadable(Exception):
    """What was sent cannot be read, and where, as far as that can be told."""

    def __init__(self, slug: str, message: str, place: Place = ()) -> None:
        super().__init__(slug)
        self.slug = slug
        self.message = message
        self.place = place


class _Doubled(dict[str, Any]):
    """An object in which a name stands twice."""

    name = ""


def parse(raw: bytes) -> Any:
    """Read JSON. Raises ``Unreadable``."""
    try:
        sent = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise _fault(raw) from None
    # Of two that have one name the first was dropped: its quotes are missing now. (So is a quote that was sent as an escape.)
    if raw.count(b'"') != _encode(sent).count(b'"') and (fault := _doubled(raw)):
        raise fault
    return sent


def _fault(raw: bytes) -> Unreadable:
    """Say what is wrong: a reader that takes more finds the place, unless this is no JSON at all."""
    nothing = Unreadable("invalid-json", "This is not valid JSON in UTF-8.")
    for place, value in _walked(raw):
        if isinstance(value, float) and not math.isfinite(value):
            return Unreadable("not-a-number", "JSON has no such number. Send another, or text, or leave it out.", place)
        if isinstance(value, str) and _SURROGATE.search(value):
            return Unreadable("half-a-character", "Half a character stands here, which no text can hold.", place)
    return nothing


def _doubled(raw: bytes) -> Unreadable | None:
    for place, value in _walked(raw):
        if isinstance(value, _Doubled):
            return Unreadable("duplicate-key", "A name stands twice in one object. Send it once.", (*place, value.name))
    return None


def _walked(raw: bytes) -> Iterator[tuple[Place, Any]]:
    """Give everything that a lenient reader finds, with its place; nothing where it finds no JSON either."""
    if len(raw) > MOST_BYTES:
        return
    try:
        yield from _inside(json.loads(raw.decode(), object_pairs_hook=_object), ())
    except (ValueError, RecursionError):
        return


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled = _Doubled(found)
    names = [name for name, _ in pairs]
    doubled.name = next(name for name in names if names.count(name) > 1)
    return doubled


def _inside(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    yield place, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield place, name
            yield from _inside(inner, (*place, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _inside(inner, (*place, number))
