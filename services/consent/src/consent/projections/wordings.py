"""Every text that people were ever asked to agree to. None is ever changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.catalogue.consents import WordingPublished
from events.catalogue.vocabulary import Event, Texts
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class WordingRow:
    """One version of a kind's wording, in all its languages."""

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
