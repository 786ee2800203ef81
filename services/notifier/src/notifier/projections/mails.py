"""Every mail and how far it is: the queue that is sent from, and what staff see. Written with the append.

What fills the template is kept only while it is needed; to whom the mail went is kept, for as long as the person's key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from events.catalogue.notifications import MailAccepted, MailDelayed, MailFailed, MailQueued
from events.catalogue.vocabulary import Event, Personal
from events.envelope import Recorded
from events.projecting import projection

State = Literal["queued", "sent", "failed"]


@dataclass(frozen=True, slots=True)
class MailRow:
    """One mail."""

    mail: UUID
    subject: UUID
    template: str
    language: str
    state: State
    queued: datetime
    changed: datetime
    attempts: int
    code: int | None
    reason: str | None
    next_try: datetime
    not_after: datetime | None
    message_id: str
    about: UUID
    to: Personal[str]
    parameters: Personal[dict[str, str]]


@projection(table="mails", of=(MailQueued, MailDelayed, MailAccepted, MailFailed), key=lambda e: e.data.mail)
def mails(row: MailRow | None, e: Recorded[Event]) -> MailRow | None:
    """Fold."""
    match e.data:
        case MailQueued() as queued:
            assert e.subject is not None
            return MailRow(
                mail=queued.mail,
                subject=e.subject,
                template=queued.template,
                language=queued.language,
                state="queued",
                queued=e.occurred,
                changed=e.occurred,
                attempts=0,
                code=None,
                reason=None,
                next_try=e.occurred,
                not_after=queued.not_after,
                message_id=queued.message_id,
                about=queued.about,
                to=queued.to,
                parameters=queued.parameters,
            )
        case MailDelayed(attempt=attempt, code=code, next_try=next_try) if row:
            return replace(row, changed=e.occurred, attempts=attempt, code=code, next_try=next_try)
        case MailAccepted(attempt=attempt) if row:
            return replace(
                row, state="sent", changed=e.occurred, attempts=attempt, code=None, reason=None, parameters={}
            )
        case MailFailed(attempt=attempt, code=code, reason=reason) if row:
            return replace(
                row, state="failed", changed=e.occurred, attempts=attempt, code=code, reason=reason, parameters={}
            )
        case _:
            return row
