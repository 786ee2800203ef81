"""What others ask the notifier: which mails a person got, and what became of them."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from events.catalogue.vocabulary import Erased
from events.runtime.service import Service
from notifier.projections.mails import MailRow, mails
from web.api import Call, Routes

READERS = ("staff", "dpo", "auditor")


class OfPerson(BaseModel):
    """``/persons/{subject_id}``"""

    subject_id: UUID


class MailShown(BaseModel):
    """One mail, and what became of it."""

    mail: UUID
    kind: str = Field(examples=["access-link"])
    language: str
    state: Literal["queued", "sent", "failed"] = Field(description="`sent`: the receiving server took it over.")
    at: AwareDatetime = Field(description="Since when it is in this state, or when it was tried the last time.")
    queued: AwareDatetime
    attempts: int
    next_try: AwareDatetime | None = Field(description="Only while it is queued.")
    not_after: AwareDatetime | None = Field(description="After this it would be pointless, and is not sent.")
    reason: Literal["refused", "expired", "erased", "revoked"] | None = Field(description="Why it failed.")
    code: int | None = Field(description="What the mail server answered the last time, where that was no acceptance.")
    to: str | None = Field(description="Where it goes or went; missing where the person has been erased.")
    about: UUID = Field(description="The event that asked for it.")


def routes(service: Service) -> Routes:
    """Declare the routes."""
    made = Routes()

    @made.get("/v1/persons/{subject_id}/mails", params=OfPerson, answer=list[MailShown], roles=READERS)
    async def mails_of_person(call: Call[None, None, OfPerson]) -> list[MailShown]:
        """List the mails to a person, newest first."""
        rows = await service.reader(mails).select(
            "WHERE t.subject = $1 ORDER BY t.queued DESC, t.mail", call.path.subject_id
        )
        return [_shown(row) for row in rows]

    return made


def _shown(row: MailRow) -> MailShown:
    return MailShown.model_validate(
        {
            "mail": row.mail,
            "kind": row.template,
            "language": row.language,
            "state": row.state,
            "at": row.changed,
            "queued": row.queued,
            "attempts": row.attempts,
            "next_try": row.next_try if row.state == "queued" else None,
            "not_after": row.not_after,
            "reason": row.reason,
            "code": row.code,
            "to": None if isinstance(row.to, Erased) else row.to,
            "about": row.about,
        }
    )
