"""A session is known by the hash of its cookie, and ends when idle, when its time is over, and when told to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from aiohttp import web as http
from aiohttp.test_utils import make_mocked_request

from web.serving import application
from web.sessions import SCHEMA, PostgresSessions, Sessions, SessionsInMemory, SessionStore, key_of, session_of
from web.testing import client_of


@dataclass
class Calendar:
    now: datetime = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


def asking(sessions: Sessions, secret: str) -> http.Request:
    return make_mocked_request("GET", "/", headers={"Cookie": f"{sessions.cookie}={secret}"})


async def test_a_session_is_found_by_its_cookie_and_only_its_hash_is_kept(calendar: Calendar) -> None:
    store = SessionsInMemory()
    sessions = Sessions(store, clock=calendar)
    response = http.Response()
    begun = await sessions.begin(response, owner="link-1", data={"subject_id": "s"})
    found = await sessions.find(asking(sessions, begun.secret))
    assert found is not None
    assert (found.owner, found.data["subject_id"], found.secret) == ("link-1", "s", begun.secret)
    assert begun.secret not in repr(store._kept)
    assert list(store._kept) == [key_of(begun.secret)]
    assert response.headers["Set-Cookie"] == f"session={begun.secret}; Path=/; HttpOnly; SameSite=Lax"


async def test_over_https_the_cookie_is_bound_to_the_host(calendar: Calendar) -> None:
    sessions = Sessions(SessionsInMemory(), name="desk", https=True, clock=calendar)
    response = http.Response()
    await sessions.begin(response, owner="lena")
    assert response.headers["Set-Cookie"].startswith("__Host-desk=")
    assert response.headers["Set-Cookie"].endswith("; SameSite=Lax; Secure")
    response = http.Response()
    await Sessions(SessionsInMemory(), https=True, same_site="None").begin(response, owner="lena")
    assert response.headers["Set-Cookie"].endswith("; SameSite=None; Secure; Partitioned")
    with pytest.raises(ValueError, match="https"):
        Sessions(SessionsInMemory(), same_site="None")


async def test_it_ends_when_idle(calendar: Calendar) -> None:
    sessions = Sessions(SessionsInMemory(), idle=timedelta(minutes=30), clock=calendar)
    secret = (await sessions.begin(http.Response(), owner="a")).secret
    for _ in range(3):
        calendar.now += timedelta(minutes=29)
        assert await sessions.find(asking(sessions, secret))
    calendar.now += timedelta(minutes=30)
    assert await sessions.find(asking(sessions, secret)) is None


async def test_it_ends_when_its_time_is_over_however_busy(calendar: Calendar) -> None:
    sessions = Sessions(SessionsInMemory(), absolute=timedelta(hours=1), clock=calendar)
    late = (await sessions.begin(http.Response(), owner="a")).secret
    early = (await sessions.begin(http.Response(), owner="b", ends=calendar.now + timedelta(minutes=20))).secret
    calendar.now += timedelta(minutes=20)
    assert await sessions.find(asking(sessions, late))
    assert await sessions.find(asking(sessions, early)) is None
    calendar.now += timedelta(minutes=20)
    assert await sessions.find(asking(sessions, late))
    calendar.now += timedelta(minutes=20)
    assert await sessions.find(asking(sessions, late)) is None


@pytest.mark.parametrize("secret", ["", "short", "x" * 43, "x" * 5000])
async def test_what_is_no_cookie_of_ours_finds_nothing(secret: str) -> None:
    sessions = Sessions(SessionsInMemory())
    assert await sessions.find(asking(sessions, secret)) is None


async def test_a_browser_signs_in_and_out() -> None:
    sessions = Sessions(SessionsInMemory())
    app = application("tried", middlewares=[sessions.middleware])

    async def sign_in(_request: http.Request) -> http.Response:
        response = http.Response()
        await sessions.begin(response, owner="lena")
        return response

    async def sign_out(request: http.Request) -> http.Response:
        response = http.Response()
        await sessions.end(request, response)
        return response

    async def who(request: http.Request) -> http.Response:
        session = session_of(request)
        return http.Response(text=session.owner if session else "nobody")

    app.router.add_post("/in", sign_in)
    app.router.add_post("/out", sign_out)
    app.router.add_get("/", who)
    async with client_of(app) as client:
        assert await (await client.get("/")).text() == "nobody"
        await client.post("/in")
        assert await (await client.get("/")).text() == "lena"
        stolen = {cookie.key: cookie.value for cookie in client.cookie_jar}
        await client.post("/out")
        assert await (await client.get("/")).text() == "nobody"
        assert await (await client.get("/", cookies=stolen)).text() == "nobody"


async def _keeps(store: SessionStore, calendar: Calendar) -> None:
    sessions = Sessions(store, clock=calendar)
    one = await sessions.begin(http.Response(), owner="link-1", data={"n": 1})
    two = await sessions.begin(http.Response(), owner="link-2")
    changed = await sessions.change(one, {"n": 2})
    assert changed.data == {"n": 2}
    found = await sessions.find(asking(sessions, one.secret))
    assert found is not None
    assert found == changed
    calendar.now += timedelta(minutes=2)
    one_more = await sessions.find(asking(sessions, one.secret))  # seen later, which is kept
    assert one_more is not None
    await sessions.end_all("link-1")
    await sessions.change(one_more, {"n": 3})  # by a request that was under way: what was ended stays ended
    assert await sessions.find(asking(sessions, one.secret)) is None
    assert await sessions.find(asking(sessions, two.secret))
    calendar.now += timedelta(days=2)
    await store.sweep(calendar.now)
    assert await store.get(key_of(two.secret)) is None


async def test_memory_keeps_sessions(calendar: Calendar) -> None:
    await _keeps(SessionsInMemory(), calendar)


async def test_postgres_keeps_sessions(calendar: Calendar, database: Callable[[], str]) -> None:
    pool = await asyncpg.create_pool(database(), min_size=1, max_size=2)
    try:
        await pool.execute(SCHEMA.read_text())
        await pool.execute(SCHEMA.read_text())
        await _keeps(PostgresSessions(lambda: pool), calendar)
    finally:
        await pool.close()
