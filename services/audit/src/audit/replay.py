"""Replay: the log as it was written, from any offset or time, filtered, as a stream that its reader sets the pace of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from audit.lines import CLOSED, Broken, Line, Secrets, line_of, written
from audit.log import Found, Raw, Span
from events.errors import Unreadable
from events.runtime.keys import Keys

PORTION = 400
"""Lines that are handed over at once: some 300 kB at the most of usual events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which of the events in a span are wanted."""

    types: frozenset[str] = frozenset()
    subject: UUID | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None

    @property
    def by_key(self) -> Callable[[Raw], bool]:
        """Recognise what can be wanted before it is decoded."""
        if self.subject is None:
            return lambda _: True
        key = str(self.subject).encode()
        return lambda record: record.key == key

    def wants(self, found: Found) -> bool:
        """Whether a record is wanted. Times are those of recording: ``to_time`` itself is not. Of what cannot be read
        only the broker's time is known; it is wanted whatever type it may have been."""
        if found.envelope is None:
            assert found.broken is not None
            return found.broken.written is None or self._in_time(found.broken.written)
        return (not self.types or found.envelope.type in self.types) and self._in_time(found.envelope.recordedtime)

    def _in_time(self, time: datetime) -> bool:
        return (self.from_time is None or time >= self.from_time) and (self.to_time is None or time < self.to_time)


async def portions(
    reading: AsyncIterator[list[Found]], wanted: Filter, keys: Keys, *, opening: bool, limit: int | None
) -> AsyncIterator[bytes]:
    """Give the wanted lines, many at a time; an empty line now and then where nothing comes."""
    left = limit
    async for found in reading:
        if not found:
            yield b"\n"
        for begin in range(0, len(found), PORTION):
            some = [f for f in found[begin : begin + PORTION] if wanted.wants(f)]
            if left is not None:
                some = some[:left]
                left -= len(some)
            if some:
                yield b"".join(map(written, await opened(some, keys, opening=opening)))
            if left == 0:
                return


async def opened(found: Sequence[Found], keys: Keys, *, opening: bool) -> list[Line | Broken]:
    """Give the lines of what was found; the keys of all its persons are asked for at once."""
    secrets: Secrets = CLOSED
    if opening:
        secrets = await keys.secrets(
            f.envelope.subject for f in found if f.envelope and f.envelope.subject and f.envelope.data.sealed
        )
    return [_line(f, secrets, opening=opening) for f in found]


def _line(found: Found, secrets: Secrets, *, opening: bool) -> Line | Broken:
    if found.envelope is None:
        assert found.broken is not None
        return found.broken
    try:
        return line_of(found.envelope, found.place, secrets, opening=opening)
    except Unreadable as error:
        return Broken(unreadable=str(error), size=0, written=found.envelope.recordedtime, place=found.place)


__all__ = ["Filter", "Span", "portions"]
