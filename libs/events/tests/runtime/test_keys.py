"""Keys are made when needed, cached, rewrapped and destroyed; what was destroyed stays destroyed."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from events.errors import Fenced
from events.runtime.keys import Keys, read_key_encryption_keys

from ..conftest import eventually

OLD, NEW = os.urandom(32), os.urandom(32)


@pytest.fixture
async def pool(database: Callable[[], str]) -> AsyncIterator[asyncpg.Pool]:
    made = await asyncpg.create_pool(database(), min_size=1, max_size=5)
    yield made
    await made.close()


async def test_a_key_is_made_once_by_whoever_comes_first(pool: asyncpg.Pool) -> None:
    anna = uuid4()
    processes = [Keys(pool, {1: OLD}) for _ in range(5)]
    await processes[0].prepare()
    made = await asyncio.gather(*(keys.for_writing([anna]) for keys in processes))
    assert len({m[anna].secret for m in made}) == 1
    assert await processes[0].secrets([uuid4()]) == {}


async def test_a_destroyed_key_is_served_by_no_process_and_never_made_again(pool: asyncpg.Pool) -> None:
    anna, ben = uuid4(), uuid4()
    first, second = Keys(pool, {1: OLD}), Keys(pool, {1: OLD})
    await first.prepare()
    listening = asyncio.create_task(second.listen())
    await first.for_writing([anna, ben])
    await eventually(lambda: second._listening)
    assert set(await second.secrets([anna, ben])) == {anna, ben}
    assert await first.destroy({anna: uuid4()}) == 1
    await eventually(lambda: anna not in second._cache)
    assert set(await second.secrets([anna, ben])) == {ben}
    for keys in (first, second, Keys(pool, {1: OLD})):
        with pytest.raises(Fenced):
            await keys.for_writing([anna])
    listening.cancel()


async def test_a_process_that_hears_nothing_serves_nothing_from_memory(pool: asyncpg.Pool) -> None:
    anna = uuid4()
    deaf, other = Keys(pool, {1: OLD}), Keys(pool, {1: OLD})
    await deaf.prepare()
    await deaf.for_writing([anna])
    await other.destroy({anna: uuid4()})
    assert await deaf.secrets([anna]) == {}


async def test_a_key_that_is_destroyed_while_it_is_being_read_is_not_kept(pool: asyncpg.Pool) -> None:
    anna = uuid4()
    other = Keys(pool, {1: OLD})
    await other.prepare()
    await other.for_writing([anna])

    class Slow:
        """A pool whose answers take as long as the news of a destruction."""

        def __getattr__(self, name: str) -> object:
            return getattr(pool, name)

        async def fetch(self, query: str, *about: object) -> list[asyncpg.Record]:
            rows = await pool.fetch(query, *about)
            await other.destroy({anna: uuid4()})
            await asyncio.sleep(0.2)
            return list(rows)

    keys = Keys(Slow(), {1: OLD})  # type: ignore[arg-type]
    listening = asyncio.create_task(keys.listen())
    await eventually(lambda: keys._listening)
    await keys.secrets([anna])
    assert await keys.secrets([anna]) == {}
    listening.cancel()


async def test_a_restored_backup_stays_erased_once_the_fences_are_replayed(pool: asyncpg.Pool) -> None:
    anna, fence = uuid4(), uuid4()
    keys = Keys(pool, {1: OLD})
    await keys.prepare()
    await keys.for_writing([anna])
    backup = await pool.fetch("SELECT * FROM subject_keys WHERE subject = $1", anna)
    await keys.destroy({anna: fence})
    await pool.execute("DELETE FROM fences")
    await pool.executemany("INSERT INTO subject_keys VALUES ($1, $2, $3, $4, $5)", [tuple(r) for r in backup])
    assert await Keys(pool, {1: OLD}).secrets([anna]) != {}
    await Keys(pool, {1: OLD}).destroy({anna: fence})
    assert await Keys(pool, {1: OLD}).secrets([anna]) == {}
    with pytest.raises(Fenced):
        await Keys(pool, {1: OLD}).for_writing([anna])


async def test_a_row_that_slips_behind_the_fence_is_not_served(pool: asyncpg.Pool) -> None:
    anna = uuid4()
    keys = Keys(pool, {1: OLD})
    await keys.prepare()
    await keys.for_writing([anna])
    row = await pool.fetchrow("SELECT * FROM subject_keys WHERE subject = $1", anna)
    await keys.destroy({anna: uuid4()})
    await pool.execute("INSERT INTO subject_keys VALUES ($1, $2, $3, $4, $5)", *row)
    assert await keys.secrets([anna]) == {}


async def test_after_rewrapping_the_old_key_encryption_key_can_go(pool: asyncpg.Pool) -> None:
    people = [uuid4() for _ in range(25)]
    old = Keys(pool, {1: OLD})
    await old.prepare()
    before = await old.for_writing(people)
    name = await old.named("lookup")
    both = Keys(pool, {1: OLD, 2: NEW})
    assert await both.rewrap(batch=7) >= 26
    new = Keys(pool, {2: NEW})
    after = await new.secrets(people)
    assert {p: after[p][1] for p in people} == {p: before[p].secret for p in people}
    assert await new.named("lookup") == name
    with pytest.raises(LookupError, match="epoch 2"):
        await Keys(pool, {1: OLD}).secrets(people)


def test_a_key_file_with_a_short_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kek"
    file.write_text(f"1:{base64.b64encode(b'short').decode()}\n")
    with pytest.raises(ValueError, match="32 bytes"):
        read_key_encryption_keys(file)
