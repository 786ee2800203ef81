"""Reading the log itself: partitions assigned by hand, from any offset or time, up to where the log ended when it was asked.

No consumer group is joined and no position kept. Little is read ahead, so that a replay of everything needs no more
memory than one of a day.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from audit.lines import Broken, read
from audit.settings import AuditSettings
from events.catalogue import PARTITIONS
from events.envelope import Envelope, Place
from events.errors import Unreadable
from events.runtime.kafka import BROKER_TROUBLE, consumer, last_records, stopped
from web.problems import Problem

DISORDER_MS = 120_000
"""How far the order of a partition may differ from the order of recording: two processes' clocks, and a slow transaction."""
FOLLOW_MS = 5_000
AT_ONCE = 2_000


class Raw(Protocol):
    """A record as the client gives it."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is to be read. Offsets count only within one partition; ``to_offset`` is the last one read."""

    topics: tuple[str, ...]
    partitions: tuple[int, ...] = tuple(range(PARTITIONS))
    from_offset: int | None = None
    to_offset: int | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None
    follow: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was read, or could not be."""

    place: Place
    envelope: Envelope | None
    broken: Broken | None = None


class Log:
    """The log, to be read."""

    def __init__(self, settings: AuditSettings) -> None:
        self._settings = settings
        self._prefix = settings.topic_prefix

    async def read(self, span: Span, wanted: Callable[[Raw], bool] = lambda _: True) -> AsyncIterator[list[Found]]:
        """Give what stands in the span, in portions, each partition in its order; with ``follow`` for as long as the settings allow.

        ``wanted`` looks at a record before it is decoded. An empty portion says only that a while has passed.
        Raises ``Problem`` 503 where the broker cannot be reached.
        """
        async with self._client() as client:
            left = await self._assign(client, span)
            until = time.monotonic() + self._settings.follow_seconds
            while time.monotonic() < until if span.follow else left:
                fetched = await client.getmany(timeout_ms=self._patience(span), max_records=AT_ONCE)
                if span.follow and not fetched:
                    yield []
                for place, records in fetched.items():
                    if span.to_time and (late := _too_late(records, span.to_time)) is not None and place in left:
                        left[place] = min(left[place], late)
                    end = None if span.follow else left.get(place, 0)
                    found = self._decoded(place, records, end, wanted)
                    if found:
                        yield found
                if not span.follow:
                    await self._leave(client, left)

    def _patience(self, span: Span) -> int:
        return min(FOLLOW_MS, int(self._settings.follow_seconds * 1000)) if span.follow else 1000

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AIOKafkaConsumer]:
        client = consumer(self._settings, client="audit", fetch_max_bytes=self._settings.fetch_bytes)
        try:
            await client.start()
            yield client
        except BROKER_TROUBLE as error:
            raise Problem(
                "broker-unreachable",
                "The log cannot be read now, because the broker does not answer. Try again in a moment.",
                status=503,
                headers={"Retry-After": "2"},
            ) from error
        finally:
            await stopped(client)

    async def _assign(self, client: AIOKafkaConsumer, span: Span) -> dict[TopicPartition, int]:
        """Go to where the span begins; give where each partition ends. Empty ones are left out, unless they are followed."""
        there = await client.topics()
        places = [
            TopicPartition(self._prefix + topic, number)
            for topic in span.topics
            if self._prefix + topic in there
            for number in span.partitions
        ]
        if not places:
            return {}
        starts = await client.beginning_offsets(places)
        last = await last_records(client, places)
        ends = {place: record.offset + 1 if record else starts[place] for place, record in last.items()}
        if span.from_time:
            starts |= await self._at(client, places, span.from_time, starts, ends)
        for place in places:
            starts[place] = max(starts[place], span.from_offset or 0)
            if span.to_offset is not None:
                ends[place] = min(ends[place], span.to_offset + 1)
        left = {place: ends[place] for place in places if starts[place] < ends[place]}
        # Assigned only now, and sought at once: a partition without a position would be an error to the client.
        client.assign(places if span.follow else list(left))
        for place in client.assignment():
            client.seek(place, starts[place])
        return left

    async def _at(
        self,
        client: AIOKafkaConsumer,
        places: Sequence[TopicPartition],
        moment: datetime,
        starts: dict[TopicPartition, int],
        ends: dict[TopicPartition, int],
    ) -> dict[TopicPartition, int]:
        stamp = max(0, _stamp(moment) - DISORDER_MS)
        found = await client.offsets_for_times(dict.fromkeys(places, stamp))
        return {place: max(at.offset, starts[place]) if (at := found.get(place)) else ends[place] for place in places}

    async def _leave(self, client: AIOKafkaConsumer, left: dict[TopicPartition, int]) -> None:
        """Stop reading the partitions that have been read to their end."""
        done = [place for place, end in left.items() if await client.position(place) >= end]
        for place in done:
            client.pause(place)
            del left[place]

    def _decoded(
        self, place: TopicPartition, records: Sequence[Raw], end: int | None, wanted: Callable[[Raw], bool]
    ) -> list[Found]:
        topic = place.topic.removeprefix(self._prefix)
        found: list[Found] = []
        for record in records:
            if end is not None and record.offset >= end:
                break
            if not wanted(record):
                continue
            at = Place(topic, place.partition, record.offset)
            try:
                found.append(Found(at, read(record.value)))
            except Unreadable as error:
                found.append(Found(at, None, broken(record, at, str(error))))
        return found


def _too_late(records: Sequence[Raw], moment: datetime) -> int | None:
    """Give the offset of the first record that is too late. Read off the records: in a broker that was filled again, the
    index by time knows only that they all came late."""
    stamp = _stamp(moment) + DISORDER_MS
    return next((record.offset for record in records if record.timestamp >= stamp), None)


def _stamp(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def broken(record: Any, place: Place, why: str) -> Broken:
    """Give the line of a record that cannot be read."""
    stamp = record.timestamp
    return Broken(
        unreadable=why,
        size=len(record.value or b""),
        written=datetime.fromtimestamp(stamp / 1000, UTC) if stamp and stamp > 0 else None,
        place=place,
    )
