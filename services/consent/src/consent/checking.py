"""Checks, answered from the read model as it stands at the moment of asking: many at once are one question to the database.

Nothing is cached: an answer is never older than a withdrawal that was acknowledged before it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from consent.offer import Offer
from consent.projections.known_refs import known_refs
from consent.verdict import Objection, Standing, Verdict, judge
from events.runtime.database import UNREACHABLE
from events.runtime.logging import logger
from events.runtime.service import NotReady, Service

log = logger(__name__)

# For each of the persons and kinds asked for: the deciding act, the objection that stands, and whether the CRM knows the person.
# `OFFSET 0` keeps each look-up one of its own, by its key; joined freely, a plan made while the table was small reads all objections.
LOOK_UP = """
SELECT c.state, c.since, c.recorded, c.decided_by, c.method, c.strength, c.wording_version, c.wording_language, c.valid_until,
       o.since AS objected, o.recorded AS objection_recorded, o.decided_by AS objection_event, o.method AS objection_method,
       k.subject IS NOT NULL AS known
  FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS asked (subject, kind, n)
  LEFT JOIN LATERAL (SELECT * FROM current_consents c
                      WHERE c.subject = asked.subject AND c.kind = asked.kind OFFSET 0) c ON true
  LEFT JOIN LATERAL (SELECT * FROM current_consents o
                      WHERE o.subject = asked.subject AND o.kind = '*' AND o.state = 'objection' OFFSET 0) o ON true
  LEFT JOIN LATERAL (SELECT subject FROM known_refs k WHERE k.subject = asked.subject OFFSET 0) k ON true
 ORDER BY asked.n
"""
# Few keys against tables of any size: by index, also while statistics are missing.
BY_INDEX = "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off"
CONNECTIONS = 1
MOST_AT_ONCE = 64
"""Of one question. A second connection makes the questions smaller and takes the processor from who answers them."""
MOST_TURNS = 5
TIMEOUT_SECONDS = 5.0
PAUSE_SECONDS = 0.2

Row = asyncpg.Record
Asked = tuple[UUID, str, "asyncio.Future[Row]"]


@dataclass(slots=True)
class Checking:
    """Answers checks. ``run`` must be running."""

    service: Service
    offer: Offer
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _asked: list[Asked] = field(default_factory=list)
    _something: asyncio.Event = field(default_factory=asyncio.Event)
    _collecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _connections: int = 0

    async def check(self, subject: UUID, kind: str) -> Verdict:
        """Say whether it may be done now. Raises ``NotReady``."""
        offered = self.offer.kinds.get(kind)
        row = await self._look_up(subject, kind)
        return judge(
            subject,
            kind,
            self.clock(),
            standing=_standing(row),
            objection=_objection(row),
            kind_known=offered is not None,
            person_known=row[13],
            direct_marketing=offered is not None and offered.terms.direct_marketing,
        )

    async def person(self, crm_ref: str) -> UUID | None:
        """Give the person behind a record of the CRM, where exactly one is known. Raises ``NotReady``."""
        persons = self.service.reader(known_refs)
        found = await persons.select("WHERE t.refs @> ARRAY[$1::bigint] LIMIT 2", persons.hashed(crm_ref))
        return found[0].subject if len(found) == 1 else None

    async def run(self) -> None:
        """Ask the database for as long as the service runs, over connections of its own; some are left for the others."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(CONNECTIONS, self.service.settings.pool_size - 1)):
                tasks.create_task(self._keep_asking())

    async def _keep_asking(self) -> None:
        """Ask over one connection; over a new one where it is lost."""
        while True:
            try:
                await self._ask()
            except (*UNREACHABLE, asyncpg.PostgresError) as error:
                log.warning("checks interrupted, connecting anew", error_type=type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _ask(self) -> None:
        async with self.service.pool.acquire() as connection:
            await connection.execute(BY_INDEX)
            statement = await connection.prepare(LOOK_UP)
            self._connections += 1
            try:
                while True:
                    await _answer(statement, await self._next())
            finally:
                self._connections -= 1
                if not self._connections:
                    self._refuse_the_waiting()

    async def _next(self) -> list[Asked]:
        """Wait for the next few checks; on each connection in turn."""
        async with self._collecting:
            await self._something.wait()
            await self._until_all_are_in()
            asked, self._asked = self._asked[:MOST_AT_ONCE], self._asked[MOST_AT_ONCE:]
            if not self._asked:
                self._something.clear()
            return asked

    async def _until_all_are_in(self) -> None:
        """Let the loop turn for as long as each turn brings more: whoever asks meanwhile comes along, and nobody waits idly.

        A question to the database costs as much for one as for sixteen; without this, they come by twos and threes.
        """
        for _ in range(MOST_TURNS):
            before = len(self._asked)
            await asyncio.sleep(0)
            if len(self._asked) == before or before >= MOST_AT_ONCE:
                return

    async def _look_up(self, subject: UUID, kind: str) -> Row:
        if not self._connections:
            raise NotReady("the database is not connected yet")
        answer: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._asked.append((subject, kind, answer))
        self._something.set()
        return await answer

    def _refuse_the_waiting(self) -> None:
        asked, self._asked = self._asked, []
        self._something.clear()
        for _, _, answer in asked:
            if not answer.done():
                answer.set_exception(NotReady("the database was lost"))


async def _answer(statement: asyncpg.prepared_stmt.PreparedStatement[Row], asked: list[Asked]) -> None:
    try:
        rows = await statement.fetch([a[0] for a in asked], [a[1] for a in asked], timeout=TIMEOUT_SECONDS)
    except BaseException:
        for _, _, answer in asked:
            if not answer.done():
                answer.set_exception(NotReady("the database was lost"))
        raise
    for (_, _, answer), row in zip(asked, rows, strict=True):
        if not answer.done():
            answer.set_result(row)


def _standing(row: Row) -> Standing | None:
    return Standing._make(row[:9]) if row[0] is not None else None


def _objection(row: Row) -> Objection | None:
    return Objection._make(row[9:13]) if row[9] is not None else None
