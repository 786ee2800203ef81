"""What people chose in the portal, each choice under the id of its event. Written with the append."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from events.catalogue.access import ConsentChosen
from events.catalogue.vocabulary import Event
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class ChoiceRow:
    """One choice. ``at`` is the moment that counts."""

    choice_id: UUID
    subject: UUID
    link: UUID | None
    kind: str
    choice: Literal["give", "withdraw"]
    at: datetime
    wording_version: int | None
    wording_language: str | None


@projection(table="choices", of=(ConsentChosen,), key=lambda e: e.id)
def choices(row: ChoiceRow | None, e: Recorded[Event]) -> ChoiceRow | None:
    """Keep the choice."""
    match e.data:
        case ConsentChosen(kind=kind, choice=choice, wording=wording, link=link):
            assert e.subject is not None
            return ChoiceRow(
                e.id,
                e.subject,
                link,
                kind,
                choice,
                e.occurred,
                wording.version if wording else None,
                wording.language if wording else None,
            )
        case _:
            return row
