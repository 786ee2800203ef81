"""Mails to people: wanted, accepted, failed. Owner: notifier, topics ``gdpr.notifications`` and ``gdpr.breaches``."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from events.catalogue.vocabulary import Event, Language, Personal, Slug, Texts

TOPIC = "gdpr.notifications"
BREACHES = "gdpr.breaches"


class NotificationEvent(Event):
    """About one mail to one person."""

    topic: ClassVar[str] = TOPIC


class MailQueued(NotificationEvent):
    """A mail is to go out. ``about`` is the event that asks for it; the Message-ID is fixed here, once for all tries.

    ``parameters`` fill the template.
    """

    mail: UUID
    template: Slug
    language: Language
    to: Personal[str]
    message_id: str
    about: UUID
    parameters: Personal[dict[str, str]]
    not_after: AwareDatetime | None = None


class MailAccepted(NotificationEvent):
    """The receiving server took the mail over: as much as SMTP can tell."""

    mail: UUID
    attempt: int


class MailDelayed(NotificationEvent):
    """A try failed for now; there will be another one at ``next_try``."""

    mail: UUID
    attempt: int
    code: int | None
    next_try: AwareDatetime


class MailFailed(NotificationEvent):
    """The mail will not arrive: refused for good, its time has passed, its person was erased, or what it says was revoked."""

    mail: UUID
    attempt: int
    code: int | None
    reason: Literal["refused", "expired", "erased", "revoked"]


class BreachEvent(Event):
    """About one personal data breach (Art. 4(12), 33, 34)."""

    topic: ClassVar[str] = BREACHES
    about_a_person: ClassVar[bool] = False


class BreachDeclared(BreachEvent):
    """A breach became known: from ``aware`` on the 72 hours run (Art. 33(1))."""

    breach: UUID
    aware: AwareDatetime
    nature: Texts
    high_risk: bool


class BreachNoticeSent(NotificationEvent):
    """One affected person was told (Art. 34)."""

    breach: UUID
    mail: UUID
