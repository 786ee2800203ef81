"""The purposes as they are defined today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.catalogue.consents import LegalBasis, PurposeDefined
from events.catalogue.vocabulary import Event, Texts
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class PurposeRow:
    """What data is used for."""

    purpose: str
    titles: Texts
    descriptions: Texts
    legal_basis: LegalBasis
    direct_marketing: bool
    since: datetime


@projection(table="purposes", of=(PurposeDefined,), key=lambda e: e.data.purpose)
def purposes(row: PurposeRow | None, e: Recorded[Event]) -> PurposeRow | None:
    """Take the newest definition."""
    match e.data:
        case PurposeDefined() as defined:
            return PurposeRow(
                defined.purpose,
                defined.titles,
                defined.descriptions,
                defined.legal_basis,
                defined.direct_marketing,
                row.since if row else e.occurred,
            )
        case _:
            return row
