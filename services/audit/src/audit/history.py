"""One person's whole history: what every topic holds about them, in the order in which it was recorded.

Only the person's own partition is read. An event that stands in the log more than once (a relay that was killed between
sending and knowing) is shown once, with every place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from uuid import UUID

import msgspec

from audit.lines import Broken, Line, Secrets, Wording, line_of
from audit.log import Found, Raw, Span
from events.catalogue import TOPICS
from events.envelope import Envelope, Place, partition_of
from events.errors import Unreadable

Texts = dict[tuple[str, int], dict[str, str]]


def span_of(subject: UUID) -> Span:
    """Give where a person's events can stand."""
    return Span(topics=TOPICS, partitions=(partition_of(str(subject)),))


def about(subject: UUID) -> Callable[[Raw], bool]:
    """Give what recognises a person's records by their key, before anything is decoded."""
    key = str(subject).encode()

    def wanted(record: Raw) -> bool:
        return record.key == key

    return wanted


def in_order(found: Iterable[Found]) -> Iterator[tuple[Envelope, Place, tuple[Place, ...]]]:
    """Give the events in order of recording, each stream in the order of its versions, repeats folded together."""
    first: dict[UUID, tuple[Envelope, Place]] = {}
    repeats: dict[UUID, list[Place]] = {}
    for one in found:
        if one.envelope is None:
            continue
        if one.envelope.id in first:
            repeats.setdefault(one.envelope.id, []).append(one.place)
        else:
            first[one.envelope.id] = (one.envelope, one.place)
    latest: dict[str, datetime] = {}
    keyed: list[tuple[datetime, str, int, int]] = []
    events = list(first.values())
    for number, (envelope, place) in enumerate(events):
        # A clock that was set back must not turn a stream's versions round.
        at = max(envelope.recordedtime, latest.get(envelope.stream, envelope.recordedtime))
        latest[envelope.stream] = at
        keyed.append((at, place.topic, place.offset, number))
    for *_, number in sorted(keyed):
        envelope, place = events[number]
        yield envelope, place, tuple(repeats.get(envelope.id, ()))


def lines(
    found: Iterable[Found], subject: UUID, secrets: Secrets, texts: Texts, *, opening: bool
) -> Iterator[Line | Broken]:
    """Give the person's history as lines; what cannot be read comes first, so that nobody overlooks it."""
    found = list(found)
    yield from (one.broken for one in found if one.broken is not None)
    for envelope, place, repeated_at in in_order(found):
        try:
            if envelope.subject != subject:
                raise Unreadable("it has this person's key and is another's event")
            line = line_of(envelope, place, secrets, opening=opening)
        except Unreadable as error:
            yield Broken(unreadable=str(error), size=0, written=envelope.recordedtime, place=place)
            continue
        yield msgspec.structs.replace(line, repeated_at=repeated_at, wording=_with_text(line.wording, texts))


def _with_text(wording: Wording | None, texts: Texts) -> Wording | None:
    if wording is None or wording.kind is None:
        return wording
    published = texts.get((wording.kind, wording.version), {})
    text = published.get(wording.language) if wording.language else next(iter(published.values()), None)
    return msgspec.structs.replace(wording, text=text)
