"""What auditors did, and what the notary vouches for. Owner: audit, topic ``gdpr.audit``."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from events.catalogue.vocabulary import Event, Slug

TOPIC = "gdpr.audit"


class AuditEvent(Event):
    """About a look at the log or a checkpoint over it."""

    topic: ClassVar[str] = TOPIC
    about_a_person: ClassVar[bool] = False


class LogRead(AuditEvent):
    """Somebody read the log. ``decrypted`` says whether personal data was shown, ``of`` whose where it was one person's."""

    look: UUID
    what: Slug
    of: UUID | None
    decrypted: bool
    reason: str


class CheckpointSigned(AuditEvent):
    """The notary signed the root over one partition up to ``size`` (RFC 6962)."""

    partition_of: Slug
    partition: int
    size: int
    root: str
