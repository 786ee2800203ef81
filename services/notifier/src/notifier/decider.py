"""One mail to one person: wanted, tried, and taken over by the receiving server or not.

Mails with a link are at-least-once: what the server took over while we were killed is sent again, under the same Message-ID,
which was fixed when the mail was queued; the reader's mail program shows it once. To lose the mail would be worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from events.catalogue.notifications import MailAccepted, MailDelayed, MailFailed, MailQueued
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state

Reason = Literal["refused", "expired", "erased", "revoked"]


@command
class QueueMail:
    """A mail is to go out, until ``not_after``. ``about`` is the event that asks for it."""

    subject: UUID
    mail: UUID
    template: str
    language: str
    to: str
    message_id: str
    about: UUID
    parameters: Mapping[str, str]
    not_after: datetime | None
    at: datetime
    by: Actor


@command
class AcceptMail:
    """The server took the mail over."""

    subject: UUID
    mail: UUID
    attempt: int
    at: datetime
    by: Actor


@command
class DelayMail:
    """A try failed for now. ``code`` is the server's answer, where it gave one."""

    subject: UUID
    mail: UUID
    attempt: int
    code: int | None
    next_try: datetime
    at: datetime
    by: Actor


@command
class GiveUpMail:
    """The mail is not sent any more."""

    subject: UUID
    mail: UUID
    attempt: int | None
    code: int | None
    reason: Reason
    at: datetime
    by: Actor


Command: TypeAlias = QueueMail | AcceptMail | DelayMail | GiveUpMail


@state
class Mail:
    """How far the mail is."""

    stage: Literal["none", "waiting", "accepted", "failed"] = "none"
    attempt: int = 0
    """The last try that is known of."""


def decide(mail: Mail, wanted: Command) -> Iterator[Event]:
    """What was taken over was, whatever was recorded meanwhile; of a mail that never was there is nothing to give up."""
    at, by = wanted.at, wanted.by
    match wanted:
        case QueueMail():
            if mail.stage == "none":
                yield MailQueued(
                    at=at,
                    by=by,
                    mail=wanted.mail,
                    template=wanted.template,
                    language=wanted.language,
                    to=wanted.to,
                    message_id=wanted.message_id,
                    about=wanted.about,
                    parameters=dict(wanted.parameters),
                    not_after=wanted.not_after,
                )
        case GiveUpMail(attempt=attempt):
            if mail.stage == "waiting":
                last = mail.attempt if attempt is None else attempt
                yield MailFailed(at=at, by=by, mail=wanted.mail, attempt=last, code=wanted.code, reason=wanted.reason)
        case _ if mail.stage == "none":
            raise Refused("unknown-mail", "No such mail was queued. Queue it first.")
        case AcceptMail(attempt=attempt):
            if mail.stage != "accepted":
                yield MailAccepted(at=at, by=by, mail=wanted.mail, attempt=attempt)
        case DelayMail(attempt=attempt):
            if mail.stage == "waiting" and attempt > mail.attempt:
                yield MailDelayed(
                    at=at, by=by, mail=wanted.mail, attempt=attempt, code=wanted.code, next_try=wanted.next_try
                )


def evolve(mail: Mail, event: Event) -> Mail:
    """Fold."""
    match event:
        case MailQueued():
            return replace(mail, stage="waiting")
        case MailDelayed(attempt=attempt):
            return replace(mail, attempt=attempt)
        case MailAccepted(attempt=attempt):
            return replace(mail, stage="accepted", attempt=attempt)
        case MailFailed(attempt=attempt):
            return replace(mail, stage="failed", attempt=attempt)
        case _:
            return mail


MAILS: Decider[Command, Mail] = Decider(
    name="mails",
    initial=Mail(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"mail-{c.mail}",
    subject=lambda c: c.subject,
)
