"""Every text that anybody could agree to, so that a history can show the words and not only their number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from events.catalogue.consents import WordingPublished
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class PublishedWording:
    """One version of a kind's wording."""

    kind: str
    version: int
    texts: dict[str, str]
    published: datetime


@projection(table="wordings", of=(WordingPublished,), key=lambda e: (e.data.kind, e.data.version), key_columns=2)
def wordings(row: PublishedWording | None, e: Recorded[WordingPublished]) -> PublishedWording | None:
    """A wording never changes once it is published."""
    return row or PublishedWording(e.data.kind, e.data.version, dict(e.data.texts), e.occurred)
