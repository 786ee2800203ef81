"""Sessions of browsers: a random cookie whose hash is kept, an end when idle and an end in any case.

The cookie's value is known to the browser alone; whoever reads the database cannot take a session over.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Final, Literal, Protocol

from aiohttp import web as http
from aiohttp.typedefs import Handler, Middleware

from events.runtime.database import Pool

SCHEMA: Final = files("web") / "sessions.sql"
"""The table that ``PostgresSessions`` needs, for ``Service(schema=...)``."""

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser's session. ``data`` holds ids, never a name or an address; ``secret`` is the cookie's value."""

    owner: str
    data: Mapping[str, Any]
    begun: datetime
    seen: datetime
    ends: datetime
    secret: str = ""


class SessionStore(Protocol):
    """Where sessions are kept, by the hash of their cookie."""

    async def put(self, key: bytes, session: Session) -> None:
        """Keep a session that begins."""

    async def change(self, key: bytes, session: Session) -> None:
        """Keep what has become of a session. One that was ended meanwhile stays ended."""

    async def get(self, key: bytes) -> Session | None:
        """Give a session."""

    async def remove(self, key: bytes) -> None:
        """Forget a session."""

    async def remove_of(self, owner: str) -> None:
        """Forget all sessions of an owner."""

    async def sweep(self, now: datetime) -> None:
        """Forget the sessions that have ended."""


class SessionsInMemory:
    """Sessions that end with the process: for tests and for one process."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Session] = {}

    async def put(self, key: bytes, session: Session) -> None:
        """Keep a session that begins."""
        self._kept[key] = replace(session, secret="")

    async def change(self, key: bytes, session: Session) -> None:
        """Keep what has become of a session, if it is there."""
        if key in self._kept:
            await self.put(key, session)

    async def get(self, key: bytes) -> Session | None:
        """Give a session."""
        return self._kept.get(key)

    async def remove(self, key: bytes) -> None:
        """Forget a session."""
        self._kept.pop(key, None)

    async def remove_of(self, owner: str) -> None:
        """Forget all sessions of an owner."""
        self._kept = {key: session for key, session in self._kept.items() if session.owner != owner}

    async def sweep(self, now: datetime) -> None:
        """Forget the sessions that have ended."""
        self._kept = {key: session for key, session in self._kept.items() if session.ends > now}


class PostgresSessions:
    """Sessions in the service's database (``SCHEMA``). ``pool`` is asked each time: it may not be there yet."""

    def __init__(self, pool: Callable[[], Pool]) -> None:
        self._pool = pool

    async def put(self, key: bytes, session: Session) -> None:
        """Keep a session that begins."""
        await self._pool().execute(
            "INSERT INTO web_sessions (hash, owner, data, begun, seen, ends) VALUES ($1, $2, $3, $4, $5, $6)",
            key,
            session.owner,
            json.dumps(dict(session.data)),
            session.begun,
            session.seen,
            session.ends,
        )

    async def change(self, key: bytes, session: Session) -> None:
        """Keep what has become of a session, if it is there."""
        await self._pool().execute(
            "UPDATE web_sessions SET data = $2, seen = $3 WHERE hash = $1",
            key,
            json.dumps(dict(session.data)),
            session.seen,
        )

    async def get(self, key: bytes) -> Session | None:
        """Give a session."""
        row = await self._pool().fetchrow(
            "SELECT owner, data::text, begun, seen, ends FROM web_sessions WHERE hash = $1", key
        )
        if row is None:
            return None
        data = json.loads(row["data"])
        return Session(owner=row["owner"], data=data, begun=row["begun"], seen=row["seen"], ends=row["ends"])

    async def remove(self, key: bytes) -> None:
        """Forget a session."""
        await self._pool().execute("DELETE FROM web_sessions WHERE hash = $1", key)

    async def remove_of(self, owner: str) -> None:
        """Forget all sessions of an owner."""
        await self._pool().execute("DELETE FROM web_sessions WHERE owner = $1", owner)

    async def sweep(self, now: datetime) -> None:
        """Forget the sessions that have ended."""
        await self._pool().execute("DELETE FROM web_sessions WHERE ends <= $1", now)


SESSION: Final = http.RequestKey("web-session", Session)


def session_of(request: http.Request) -> Session | None:
    """Give the session of the request, where it has a living one."""
    return request.get(SESSION)


def key_of(secret: str) -> bytes:
    """Give what is kept of a cookie's value."""
    return hashlib.sha256(secret.encode()).digest()


class Sessions:
    """Begins, finds and ends the sessions of one kind of visitor.

    ``same_site="None"`` with ``partitioned`` is for pages in another site's frame (the Actionpad), and needs https.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        name: str = "session",
        https: bool = False,
        idle: timedelta = timedelta(minutes=30),
        absolute: timedelta = timedelta(hours=12),
        same_site: Literal["Lax", "Strict", "None"] = "Lax",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if same_site == "None" and not https:
            raise ValueError("a cookie for other sites' frames needs https")
        self._store = store
        self.cookie = f"__Host-{name}" if https else name
        self._https = https
        self._idle = idle
        self._absolute = absolute
        self._same_site = same_site
        self._clock = clock

    async def begin(
        self,
        response: http.StreamResponse,
        *,
        owner: str,
        data: Mapping[str, Any] | None = None,
        ends: datetime | None = None,
    ) -> Session:
        """Begin a session, always with a new cookie; it ends at ``ends`` at the latest, if that is given."""
        now = self._clock()
        latest = now + self._absolute
        secret = secrets.token_urlsafe(32)
        session = Session(
            owner=owner, data=dict(data or {}), begun=now, seen=now, ends=min(ends or latest, latest), secret=secret
        )
        await self._store.sweep(now)
        await self._store.put(key_of(secret), session)
        # By hand: Python 3.11 does not know `Partitioned`, without which browsers keep no cookie in another site's frame.
        kept = f"{self.cookie}={secret}; Path=/; HttpOnly; SameSite={self._same_site}"
        secure = "; Secure" if self._https else ""
        partitioned = "; Partitioned" if self._same_site == "None" else ""
        response.headers.add("Set-Cookie", kept + secure + partitioned)
        return session

    async def find(self, request: http.Request) -> Session | None:
        """Give the session that the cookie stands for, unless it was idle too long or has ended."""
        secret = request.cookies.get(self.cookie, "")
        if not 20 <= len(secret) <= 100:
            return None
        key = key_of(secret)
        session = await self._store.get(key)
        if session is None:
            return None
        now = self._clock()
        if now >= session.ends or now - session.seen >= self._idle:
            await self._store.remove(key)
            return None
        if now - session.seen >= min(SEEN_EVERY, self._idle / 4):
            session = replace(session, seen=now)
            await self._store.change(key, session)
        return replace(session, secret=secret)

    async def change(self, session: Session, data: Mapping[str, Any]) -> Session:
        """Keep other data in a session."""
        changed = replace(session, data=dict(data))
        await self._store.change(key_of(session.secret), changed)
        return changed

    async def end(self, request: http.Request, response: http.StreamResponse) -> None:
        """End the session of a request, and take its cookie away."""
        if secret := request.cookies.get(self.cookie):
            await self._store.remove(key_of(secret))
        response.del_cookie(self.cookie, path="/", httponly=True, secure=self._https, samesite=self._same_site)

    async def end_all(self, owner: str) -> None:
        """End every session of an owner, as when a link is revoked or an account is closed."""
        await self._store.remove_of(owner)

    @property
    def middleware(self) -> Middleware:
        """Find the session of each request; ``session_of`` then gives it."""

        @http.middleware
        async def find(request: http.Request, handler: Handler) -> http.StreamResponse:
            if self.cookie in request.cookies and (session := await self.find(request)):
                request[SESSION] = session
            return await handler(request)

        return find
