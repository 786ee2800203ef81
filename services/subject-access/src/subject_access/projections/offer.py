"""What can be consented to: kinds, the wordings that people agree to, and what the data is then used for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from events.catalogue.consents import Channel, KindDefined, KindRetired, PurposeDefined, WordingPublished
from events.catalogue.vocabulary import Event, Texts
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class KindRow:
    """A kind of consent. Retired, it can only be withdrawn."""

    kind: str
    purpose: str
    titles: Texts
    channels: tuple[Channel, ...]
    retired: datetime | None = None


@projection(table="kinds", of=(KindDefined, KindRetired), key=lambda e: e.data.kind)
def kinds(row: KindRow | None, e: Recorded[Event]) -> KindRow | None:
    """Take the newest definition."""
    match e.data:
        case KindDefined() as defined:
            return KindRow(defined.kind, defined.purpose, defined.titles, defined.channels)
        case KindRetired() if row:
            return replace(row, retired=e.occurred)
        case _:
            return row


@dataclass(frozen=True, slots=True)
class WordingRow:
    """One version of a kind's text, in all its languages. None is ever changed."""

    kind: str
    version: int
    texts: Texts
    published: datetime


@projection(table="wordings", of=(WordingPublished,), key=lambda e: (e.data.kind, e.data.version), key_columns=2)
def wordings(row: WordingRow | None, e: Recorded[Event]) -> WordingRow | None:
    """Keep the text."""
    match e.data:
        case WordingPublished(kind=kind, version=version, texts=texts):
            return WordingRow(kind, version, texts, e.occurred)
        case _:
            return row


@dataclass(frozen=True, slots=True)
class PurposeRow:
    """What data is used for."""

    purpose: str
    titles: Texts
    descriptions: Texts
    direct_marketing: bool


@projection(table="purposes", of=(PurposeDefined,), key=lambda e: e.data.purpose)
def purposes(row: PurposeRow | None, e: Recorded[Event]) -> PurposeRow | None:
    """Take the newest definition."""
    match e.data:
        case PurposeDefined() as defined:
            return PurposeRow(defined.purpose, defined.titles, defined.descriptions, defined.direct_marketing)
        case _:
            return row
