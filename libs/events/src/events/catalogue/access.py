"""Access, rectification and what happened in the portal (Art. 12, 15, 16). Owner: subject-access, topic ``gdpr.access``."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from events.catalogue.consents import WordingRef
from events.catalogue.persons import FieldId, FieldValue
from events.catalogue.vocabulary import Event, Language, Personal, Slug

TOPIC = "gdpr.access"

Right = Literal["access", "rectification", "erasure", "restriction", "portability", "objection"]
Channel = Literal["portal", "form", "letter", "telephone", "in_person", "email"]


class AccessEvent(Event):
    """About one person's access to their data."""

    topic: ClassVar[str] = TOPIC


class AccessRequested(AccessEvent):
    """The person, or staff for them, asked for one of their rights. ``received`` starts the time limit (Art. 12(3))."""

    request: UUID
    right: Right
    channel: Channel
    received: AwareDatetime
    note: Personal[str | None] = None


class RequestExtended(AccessEvent):
    """The time limit was extended, with the reason that the person is told (Art. 12(3), second sentence)."""

    request: UUID
    until: date
    reason: Personal[str]


class RequestPaused(AccessEvent):
    """The clock stands still while the identity is in doubt (Art. 12(6))."""

    request: UUID
    reason: Personal[str]


class RequestResumed(AccessEvent):
    """The identity is clear: the clock runs again."""

    request: UUID


class RequestAnswered(AccessEvent):
    """The person has what they asked for."""

    request: UUID


class RequestRefused(AccessEvent):
    """The request was refused, with the reason and the way to complain (Art. 12(4))."""

    request: UUID
    reason: Personal[str]


class IdentityConfirmed(AccessEvent):
    """How far it is established who asks: ``mailbox`` proves the mailbox and no more."""

    request: UUID | None
    level: Literal["mailbox", "mailbox_and_code", "staff", "document_seen"]


class AccessLinkIssued(AccessEvent):
    """A link to the portal was made. Only its SHA-256 stands here; it opens until ``expires`` or until it is revoked.

    ``for_mail`` is the link's secret under the transport key that the notifier alone shares, so that nobody who may
    read the log can open the page with it.
    """

    link: UUID
    token_hash: str
    expires: AwareDatetime
    language: Language
    reason: Slug
    to: Personal[str | None]
    for_mail: str | None


class AccessLinkRevoked(AccessEvent):
    """The link opens nothing any more."""

    link: UUID


class PortalOpened(AccessEvent):
    """The page behind the link was opened. Opening uses nothing up; ``session`` is one visit, told once."""

    link: UUID
    session: UUID | None = None


class ConsentChosen(AccessEvent):
    """The person pressed give or withdraw in the portal. This moment counts; the consent service answers with its own event.

    ``act`` is the form that was pressed: pressed twice, it is one choice.
    """

    link: UUID | None
    kind: Slug
    choice: Literal["give", "withdraw"]
    wording: WordingRef | None
    act: UUID | None = None


class PersonLookedAt(AccessEvent):
    """A member of staff looked at what is held about the person, and the person can see that."""

    where: Slug
    look: UUID | None = None


class CorrectionProposed(AccessEvent):
    """The person says that a field is wrong, and what would be right; staff decide."""

    correction: UUID
    field: FieldId
    was: Personal[FieldValue]
    becomes: Personal[FieldValue]


class CorrectionDeclined(AccessEvent):
    """Staff did not take the correction over, and say why."""

    correction: UUID
    reason: Personal[str]


class DataCorrected(AccessEvent):
    """A field was put right, by the person or for them (Art. 16): both values, who, and why."""

    correction: UUID
    field: FieldId
    was: Personal[FieldValue]
    becomes: Personal[FieldValue]
    reason: Personal[str | None] = None


class RestrictionImposed(AccessEvent):
    """A contested datum is kept but not used until it is decided (Art. 18(1)(a))."""

    field: FieldId
    correction: UUID


class RestrictionLifted(AccessEvent):
    """The datum may be used again."""

    field: FieldId
    correction: UUID


class FieldPolicySet(Event):
    """What the portal shows of a field, and what may be changed there, from now on."""

    topic: ClassVar[str] = TOPIC
    about_a_person: ClassVar[bool] = False

    field: FieldId
    visible: bool
    change: Literal["no", "with_approval", "yes"]
