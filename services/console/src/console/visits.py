"""What the desk remembers of a session beside it, in memory: whom the member opened, and what they searched for last.

It holds personal data, so it is kept neither in the browser nor anywhere on disk, and goes when the session goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from web.sessions import Session, key_of

ONE_LOOK = timedelta(minutes=10)
"""Whoever opens the same person again within this time still has the same look."""


@dataclass(slots=True)
class Visit:
    """One session's memory."""

    ends: datetime
    searched: str = ""
    looked: dict[tuple[UUID, str], datetime] = field(default_factory=dict)

    def has_looked(self, subject: UUID, where: str, now: datetime) -> bool:
        """Whether the look is on record already."""
        at = self.looked.get((subject, where))
        return at is not None and now - at < ONE_LOOK


class Visits:
    """The memory of all sessions."""

    def __init__(self) -> None:
        self._kept: dict[bytes, Visit] = {}

    def of(self, session: Session, now: datetime) -> Visit:
        """Give the memory of a session."""
        key = key_of(session.secret)
        visit = self._kept.get(key)
        if visit is None:
            self._kept = {key: one for key, one in self._kept.items() if one.ends > now}
            visit = self._kept[key] = Visit(session.ends)
        return visit

    def forget(self, session: Session) -> None:
        """Forget a session that has ended."""
        self._kept.pop(key_of(session.secret), None)
