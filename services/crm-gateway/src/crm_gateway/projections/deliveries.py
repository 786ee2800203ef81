"""What the CRM is told, and what it said to it. Written with the append: the outbox is never behind an acknowledged command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import JsonValue

from events.catalogue.persons import CrmConfirmed, CrmInformed, CrmRefused
from events.catalogue.vocabulary import Event, Personal
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One message to the CRM."""

    message: UUID
    subject: UUID
    about: UUID
    what: str
    state: Literal["informed", "confirmed", "refused"]
    informed: datetime
    answered: datetime | None
    content: Personal[dict[str, JsonValue]]
    reason: Personal[str | None] = None


@projection(table="deliveries", of=(CrmInformed, CrmConfirmed, CrmRefused), key=lambda e: e.data.message)
def deliveries(row: DeliveryRow | None, e: Recorded[Event]) -> DeliveryRow | None:
    """Fold."""
    match e.data:
        case CrmInformed(message=message, about=about, what=what, content=content):
            assert e.subject is not None
            return DeliveryRow(message, e.subject, about, what, "informed", e.recorded, None, content)
        case CrmConfirmed() if row:
            return replace(row, state="confirmed", answered=e.recorded)
        case CrmRefused(reason=reason) if row:
            return replace(row, state="refused", answered=e.recorded, reason=reason)
        case _:
            return row
