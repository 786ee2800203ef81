"""The links that were issued, found by the hash of their secret. Written with the append: a link works at once, and a revocation
counts at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from events.catalogue.access import AccessLinkIssued, AccessLinkRevoked, PortalOpened
from events.catalogue.vocabulary import Event, Personal
from events.envelope import Recorded
from events.projecting import projection

LinkState = Literal["open", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One link. ``opened`` and ``last_opened`` are the first and the last visit behind it."""

    link: UUID
    subject: UUID
    token_hash: str
    issued: datetime
    issued_by: str
    expires: datetime
    language: str
    reason: str
    revoked: datetime | None = None
    opened: datetime | None = None
    last_opened: datetime | None = None
    visits: int = 0
    to: Personal[str | None] = None

    def state(self, now: datetime) -> LinkState:
        """Say whether the link opens anything."""
        if self.revoked:
            return "revoked"
        return "open" if now < self.expires else "expired"


@projection(
    table="links", of=(AccessLinkIssued, AccessLinkRevoked, PortalOpened), key=lambda e: e.data.link, key_columns=1
)
def links(row: LinkRow | None, e: Recorded[Event]) -> LinkRow | None:
    """Follow the link."""
    match e.data:
        case AccessLinkIssued() as issued:
            assert e.subject is not None
            return LinkRow(
                issued.link,
                e.subject,
                issued.token_hash,
                e.occurred,
                str(issued.by),
                issued.expires,
                issued.language,
                issued.reason,
                to=issued.to,
            )
        case AccessLinkRevoked() if row:
            return replace(row, revoked=e.occurred)
        case PortalOpened() if row:
            return replace(row, opened=row.opened or e.occurred, last_opened=e.occurred, visits=row.visits + 1)
        case _:
            return row
