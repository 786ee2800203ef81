"""The copy of a person's data (Art. 15(3), 20). Owner: export, topic ``gdpr.exports``."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from events.catalogue.vocabulary import Event

TOPIC = "gdpr.exports"


class ExportEvent(Event):
    """About one copy of one person's data."""

    topic: ClassVar[str] = TOPIC


class ExportRequested(ExportEvent):
    """A copy is wanted in this format."""

    export: UUID
    format: Literal["xlsx", "json"]


class ExportPrepared(ExportEvent):
    """The file lies ready until ``expires``; ``digest`` is its SHA-256."""

    export: UUID
    digest: str
    size: int
    expires: AwareDatetime


class ExportFetched(ExportEvent):
    """The file was fetched."""

    export: UUID


class ExportExpired(ExportEvent):
    """The file was deleted on its day."""

    export: UUID
