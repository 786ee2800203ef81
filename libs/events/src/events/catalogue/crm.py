"""What a CRM says at the door ``crm.inbound``, and what it is told on ``crm.outbound``.

These are the messages of the boundary: plain, short-lived, and not domain events. The same shapes come by topic, by HTTP and by file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue, StringConstraints

from events.catalogue.persons import CORE_FIELDS
from events.catalogue.vocabulary import Slug, Value

INBOUND = "crm.inbound"
OUTBOUND = "crm.outbound"

CrmRef = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$")
]
"""The CRM's own identifier of a record."""

FieldName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class CrmMessage(Value):
    """One thing that the CRM says happened.

    ``id`` makes a repeat harmless; ``occurred`` is when it happened in the CRM (UTC or with offset); ``by`` is who did it there.
    """

    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    occurred: AwareDatetime
    by: str | None = Field(default=None, max_length=128)
    crm_ref: CrmRef


class PersonChangedInCrm(CrmMessage):
    """Fields of a person's record. ``full``: these are all there are, whatever is missing is empty now."""

    type: Literal["crm.person.changed"] = "crm.person.changed"
    full: bool = False
    fields: dict[FieldName, JsonValue] = Field(max_length=500)


class PersonRemovedInCrm(CrmMessage):
    """The record was removed in the CRM."""

    type: Literal["crm.person.removed"] = "crm.person.removed"


class RecordChangedInCrm(CrmMessage):
    """An order, a note, a ticket or the like that belongs to the person."""

    type: Literal["crm.record.changed"] = "crm.record.changed"
    kind: Slug
    record_ref: CrmRef
    fields: dict[FieldName, JsonValue] = Field(max_length=500)


class RecordRemovedInCrm(CrmMessage):
    """Such a record was removed."""

    type: Literal["crm.record.removed"] = "crm.record.removed"
    kind: Slug
    record_ref: CrmRef


class ConsentRecordedInCrmMessage(CrmMessage):
    """Somebody ticked a consent in the CRM. Without ``evidence`` it is weak."""

    type: Literal["crm.consent.recorded"] = "crm.consent.recorded"
    kind: Slug
    wording: int | None = None
    evidence: str | None = Field(default=None, max_length=4000)


class WithdrawalRecordedInCrmMessage(CrmMessage):
    """Somebody recorded a withdrawal in the CRM."""

    type: Literal["crm.consent.withdrawn"] = "crm.consent.withdrawn"
    kind: Slug


class DeliveryConfirmed(CrmMessage):
    """The CRM took over a message from ``crm.outbound``."""

    type: Literal["crm.delivery.confirmed"] = "crm.delivery.confirmed"
    message: UUID


class DeliveryRefused(CrmMessage):
    """The CRM did not take it over, and says why."""

    type: Literal["crm.delivery.refused"] = "crm.delivery.refused"
    message: UUID
    reason: str = Field(max_length=1000)


Inbound = Annotated[
    PersonChangedInCrm
    | PersonRemovedInCrm
    | RecordChangedInCrm
    | RecordRemovedInCrm
    | ConsentRecordedInCrmMessage
    | WithdrawalRecordedInCrmMessage
    | DeliveryConfirmed
    | DeliveryRefused,
    Field(discriminator="type"),
]
"""Everything that a CRM can say."""


class ConsentState(Value):
    """On ``crm.outbound``: what holds for one kind of consent of one record from now on. ``sequence`` orders the feed."""

    type: Literal["gdpr.consent.changed"] = "gdpr.consent.changed"
    message: UUID
    sequence: int
    crm_ref: str
    kind: Slug
    state: Literal["given", "withdrawn", "refused", "expired", "invalidated"]
    since: AwareDatetime
    recorded: AwareDatetime
    method: str
    wording: dict[str, Any] | None = None
    event: UUID


__all__ = ["CORE_FIELDS", "INBOUND", "OUTBOUND", "ConsentState", "CrmMessage", "Inbound"]
