"""What the CRM holds about a person, and what it was told back. Owner: crm-gateway, topic ``gdpr.persons``."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, JsonValue

from events.catalogue.vocabulary import Event, Personal, Slug, Texts, Value

TOPIC = "gdpr.persons"

FieldId = Slug
"""A core field (``first_name``) or a custom one (``custom.shoe_size``)."""

FieldType = Literal["text", "number", "date", "yes_no", "choice", "emails", "phones", "addresses", "language"]


class Email(Value):
    """An address to write to, as the CRM has it; ``label`` says whose or which (work, private)."""

    address: str
    label: str | None = None


class Phone(Value):
    """A number in E.164 where it could be read as one, otherwise as the CRM has it."""

    number: str
    label: str | None = None


class Address(Value):
    """A postal address; every part may be missing."""

    street: str | None = None
    postcode: str | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    label: str | None = None


FieldValue = (
    bool | int | float | str | tuple[Email, ...] | tuple[Phone, ...] | tuple[Address, ...] | tuple[str, ...] | None
)
"""What a field can hold. A date is its ISO 8601 text. ``None``: the CRM says it holds nothing."""

CORE_FIELDS: dict[str, FieldType] = {
    "salutation": "text",
    "title": "text",
    "first_name": "text",
    "last_name": "text",
    "emails": "emails",
    "phones": "phones",
    "addresses": "addresses",
    "birth_date": "date",
    "language": "language",
    "company": "text",
    "job_title": "text",
    "customer_number": "text",
}
"""The fields that every CRM has, with the type of each. All else is custom, ``custom.*``."""


class PersonEvent(Event):
    """About one person, as the CRM knows them."""

    topic: ClassVar[str] = TOPIC


class PersonAdmitted(PersonEvent):
    """A record of the CRM became known: from here on it is one ``subject_id``."""

    crm_ref: Personal[str]


class PersonChanged(PersonEvent):
    """Fields of the CRM's record have new values.

    ``fields`` names them and carries for each a fingerprint of its value under the person's own key, so that the same
    news twice is noticed without reading it; with the key gone it says nothing but that an empty one meant an empty field.
    ``full``: the CRM sent the whole record; a field that had never been named held nothing then.
    """

    fields: dict[FieldId, str]
    values: Personal[dict[FieldId, FieldValue]]
    full: bool = False


class FieldsConfirmed(PersonEvent):
    """The CRM said again, later, what was known of these fields (of the person, or of one of their records).

    No value changes, but from here on older news about them comes too late.
    """

    fields: tuple[FieldId, ...]
    record: UUID | None = None
    full: bool = False


class PersonRemoved(PersonEvent):
    """The record was removed in the CRM. What the log holds stays until it is erased."""


class RecordChanged(PersonEvent):
    """A record that belongs to the person (an order, a note, a ticket) was made or changed in the CRM."""

    kind: Slug
    record: UUID
    record_ref: Personal[str]
    fields: dict[FieldId, str]
    values: Personal[dict[FieldId, FieldValue]]


class RecordRemoved(PersonEvent):
    """A record that belonged to the person was removed in the CRM."""

    kind: Slug
    record: UUID


class ConsentRecordedInCrm(PersonEvent):
    """The CRM says that the person agreed. How well it can show that is ``strength``: a mere flag is weak evidence."""

    kind: Slug
    strength: Literal["weak", "documented"]
    wording: int | None = None
    evidence: Personal[str | None] = None


class WithdrawalRecordedInCrm(PersonEvent):
    """The CRM says that the person withdrew. A withdrawal is always believed (Art. 7(3))."""

    kind: Slug


class CrmInformed(PersonEvent):
    """A change of ours was put on its way to the CRM: ``about`` is the event that made it, ``content`` what it is told."""

    message: UUID
    about: UUID
    what: Slug
    content: Personal[dict[str, JsonValue]]


class CrmConfirmed(PersonEvent):
    """The CRM took over what it was told."""

    message: UUID


class CrmRefused(PersonEvent):
    """The CRM did not take over what it was told, and says why."""

    message: UUID
    reason: Personal[str]


class FieldEvent(Event):
    """About one field of the field catalogue."""

    topic: ClassVar[str] = TOPIC
    about_a_person: ClassVar[bool] = False


class FieldDiscovered(FieldEvent):
    """The CRM sent a field that nobody has described: it is kept and shown, and waits for an administrator."""

    field: FieldId
    guessed: FieldType


class FieldDescribed(FieldEvent):
    """An administrator said what a field is: its type, its labels, its group, and its choices where it has some."""

    field: FieldId
    type: FieldType
    group: Slug
    labels: Texts
    choices: dict[str, Texts] | None = None


class LastSeen(Value):
    """When the CRM last said something about a field."""

    at: AwareDatetime
    fingerprint: str
