"""Who agreed to what, on which wording (Art. 7 GDPR, §7 and §7a UWG). Owner: consent, topic ``gdpr.consents``."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from events.catalogue.vocabulary import Event, Language, Personal, Slug, Texts, Value

TOPIC = "gdpr.consents"

Channel = Literal["email", "telephone", "sms", "post", "any"]
LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]
Method = Literal["portal", "web_form", "crm", "import", "telephone", "paper", "staff", "unsubscribe"]
Strength = Literal["strong", "documented", "weak"]


class WordingRef(Value):
    """The exact text that was shown: its version within the kind, and the language it was shown in."""

    version: int
    language: Language


class ConfigurationEvent(Event):
    """About what can be consented to, decided by an administrator."""

    topic: ClassVar[str] = TOPIC
    about_a_person: ClassVar[bool] = False


class PurposeDefined(ConfigurationEvent):
    """What data is used for, and on which legal basis (Art. 5(1)(b), 6(1), 13(1)(c)). A later one replaces it.

    ``direct_marketing``: an objection under Art. 21(2) ends it, whatever was consented to before.
    """

    purpose: Slug
    titles: Texts
    descriptions: Texts
    legal_basis: LegalBasis
    direct_marketing: bool = False


class KindDefined(ConfigurationEvent):
    """A kind of consent can be asked for. A later one replaces its terms; consents given before stay as they were."""

    kind: Slug
    purpose: Slug
    titles: Texts
    channels: tuple[Channel, ...]
    double_opt_in: bool = False
    validity_days: int | None = None


class WordingPublished(ConfigurationEvent):
    """The text that people agree to from now on, in every language, under a number of its own within the kind."""

    kind: Slug
    version: int
    texts: Texts


class KindRetired(ConfigurationEvent):
    """Nobody can give this consent any more; what was given stays, and can be withdrawn."""

    kind: Slug


class ConsentEvent(Event):
    """About one person's consents."""

    topic: ClassVar[str] = TOPIC


class SignUpReceived(ConsentEvent):
    """Somebody entered an address on a form: a request, and nothing more until its owner confirms."""

    kind: Slug
    sign_up: UUID
    wording: WordingRef
    address: Personal[str]
    origin: Personal[str | None] = None


class ConfirmationMailSent(ConsentEvent):
    """The mail that asks for the confirmation of a sign-up was taken by the receiving server."""

    sign_up: UUID
    mail: UUID


class ConfirmationPageViewed(ConsentEvent):
    """The page behind the confirmation link was fetched: maybe by a person, maybe by a link scanner."""

    sign_up: UUID


class SignUpLapsed(ConsentEvent):
    """A sign-up was never confirmed and was forgotten."""

    sign_up: UUID


class ConsentGiven(ConsentEvent):
    """The person agreed to this wording. ``answers`` is the event of another service that this one answers.

    ``wording_claimed`` is the version that a source names which does not say in which language it was shown.
    """

    kind: Slug
    wording: WordingRef | None
    wording_claimed: int | None = None
    method: Method
    strength: Strength
    evidence: Personal[str | None] = None
    valid_until: AwareDatetime | None = None
    answers: UUID | None = None


class ConsentRefused(ConsentEvent):
    """The person was asked and said no."""

    kind: Slug
    wording: WordingRef | None
    method: Method
    answers: UUID | None = None


class ConsentWithdrawn(ConsentEvent):
    """The person took the consent back: nothing that rests on it may happen from here on (Art. 7(3))."""

    kind: Slug
    method: Method
    reason: Personal[str | None] = None
    answers: UUID | None = None


class ChoiceDeclined(ConsentEvent):
    """A choice made in the portal could not be taken over, and why: the kind was retired meanwhile, say."""

    kind: Slug
    answers: UUID
    reason: Slug


class ConsentRenewed(ConsentEvent):
    """The person agreed again, on the wording of the day, before the consent ran out."""

    kind: Slug
    wording: WordingRef
    method: Method
    valid_until: AwareDatetime | None = None


class ConsentExpired(ConsentEvent):
    """The consent ran out on its day."""

    kind: Slug


class ConsentInvalidated(ConsentEvent):
    """The controller says that the consent does not count, and why."""

    kind: Slug
    reason: str


class ConsentUsed(ConsentEvent):
    """A telephone consent was used: its evidence is kept five years from here (§7a UWG)."""

    kind: Slug
    channel: Channel


class ObjectionRaised(ConsentEvent):
    """The person objects to direct marketing, whatever the kind (Art. 21(2))."""

    method: Method


class ObjectionLifted(ConsentEvent):
    """The person, by an act of their own, takes the objection back."""

    method: Method
