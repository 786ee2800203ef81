"""The kinds of consent that there are, on today's terms; retired ones stay, since people gave them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from events.catalogue.consents import Channel, KindDefined, KindRetired
from events.catalogue.vocabulary import Event, Texts
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class KindRow:
    """What can be asked for."""

    kind: str
    purpose: str
    titles: Texts
    channels: tuple[Channel, ...]
    double_opt_in: bool
    validity_days: int | None
    since: datetime
    retired: datetime | None = None


@projection(table="kinds", of=(KindDefined, KindRetired), key=lambda e: e.data.kind)
def kinds(row: KindRow | None, e: Recorded[Event]) -> KindRow | None:
    """Take the newest definition."""
    match e.data:
        case KindDefined() as defined:
            return KindRow(
                defined.kind,
                defined.purpose,
                defined.titles,
                defined.channels,
                defined.double_opt_in,
                defined.validity_days,
                row.since if row else e.occurred,
            )
        case KindRetired() if row:
            return replace(row, retired=e.occurred)
        case _:
            return row
