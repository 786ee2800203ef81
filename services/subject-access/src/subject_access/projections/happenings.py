"""What happened to a person's data, told by what sort of thing it was; never what was in it, so it outlives an erasure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.catalogue.access import AccessLinkIssued, AccessLinkRevoked, ConsentChosen, PortalOpened
from events.catalogue.consents import (
    ChoiceDeclined,
    ConsentGiven,
    ConsentRefused,
    ConsentWithdrawn,
    ObjectionLifted,
    ObjectionRaised,
)
from events.catalogue.persons import (
    ConsentRecordedInCrm,
    PersonAdmitted,
    PersonChanged,
    PersonRemoved,
    RecordChanged,
    RecordRemoved,
    WithdrawalRecordedInCrm,
)
from events.catalogue.vocabulary import Event
from events.envelope import Recorded
from events.projecting import projection

OF = (
    AccessLinkIssued,
    AccessLinkRevoked,
    ConsentChosen,
    PortalOpened,
    ChoiceDeclined,
    ConsentGiven,
    ConsentRefused,
    ConsentWithdrawn,
    ObjectionLifted,
    ObjectionRaised,
    ConsentRecordedInCrm,
    PersonAdmitted,
    PersonChanged,
    PersonRemoved,
    RecordChanged,
    RecordRemoved,
    WithdrawalRecordedInCrm,
)


@dataclass(frozen=True, slots=True)
class HappeningRow:
    """One event: its type, by whom (a sort of actor), the kind of consent or record, and how it was said or chosen.

    ``many`` is the number of fields that it names, ``cause`` the event that it carries out.
    """

    event: UUID
    subject: UUID
    at: datetime
    what: str
    by: str
    kind: str | None = None
    how: str | None = None
    many: int = 1
    cause: UUID | None = None


@projection(table="happenings", of=OF, key=lambda e: e.id)
def happenings(row: HappeningRow | None, e: Recorded[Event]) -> HappeningRow | None:
    """Note the event."""
    if e.subject is None:
        return row
    how = getattr(e.data, "method", None) or getattr(e.data, "choice", None) or getattr(e.data, "reason", None)
    fields = getattr(e.data, "fields", None)
    return HappeningRow(
        e.id,
        e.subject,
        e.occurred,
        e.type,
        e.data.by.kind,
        getattr(e.data, "kind", None),
        how if isinstance(how, str) else None,
        len(fields) if e.type == "PersonChanged" and fields else 1,
        e.causation,
    )
