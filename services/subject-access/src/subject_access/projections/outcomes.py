"""What became of each choice: the consent service's own event that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from events.catalogue.consents import ChoiceDeclined, ConsentGiven, ConsentRefused, ConsentWithdrawn
from events.catalogue.vocabulary import Event
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """The answer. ``since`` is when it took effect, ``recorded`` when the consent service knew."""

    choice_id: UUID
    subject: UUID
    state: Literal["given", "withdrawn", "declined"]
    since: datetime
    recorded: datetime
    answered_by: UUID
    reason: str | None = None


@projection(
    table="outcomes",
    of=(ConsentGiven, ConsentWithdrawn, ConsentRefused, ChoiceDeclined),
    key=lambda e: e.data.answers or e.id,
)
def outcomes(row: OutcomeRow | None, e: Recorded[Event]) -> OutcomeRow | None:
    """Keep the first answer to a choice; what answers none is no outcome."""
    choice: UUID | None = getattr(e.data, "answers", None)
    if row or choice is None or e.subject is None:
        return row
    match e.data:
        case ConsentGiven():
            return OutcomeRow(choice, e.subject, "given", e.occurred, e.recorded, e.id)
        case ConsentWithdrawn() | ConsentRefused():
            return OutcomeRow(choice, e.subject, "withdrawn", e.occurred, e.recorded, e.id)
        case ChoiceDeclined(reason=reason):
            return OutcomeRow(choice, e.subject, "declined", e.occurred, e.recorded, e.id, reason)
        case _:
            return row
