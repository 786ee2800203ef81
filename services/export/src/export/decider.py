"""One copy of one person's data: asked for, prepared, fetched as often as they like, gone on its day (Art. 15(3), 20 GDPR).

A file with everything about a person is itself a risk: it lies ready for a limited time and never longer (Art. 5(1)(e), (f)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from events.catalogue.exports import ExportExpired, ExportFetched, ExportPrepared, ExportRequested
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state

Format: TypeAlias = Literal["xlsx", "json"]


@command
class RequestExport:
    """A copy is wanted: as a table to read, or as data for another program (Art. 20(1): machine-readable)."""

    subject: UUID
    export: UUID
    format: Format
    at: datetime
    by: Actor


@command
class PrepareExport:
    """The file is written. ``digest`` is its SHA-256; it lies ready until ``expires``."""

    subject: UUID
    export: UUID
    digest: str
    size: int
    expires: datetime
    at: datetime
    by: Actor


@command
class FetchExport:
    """The person fetches the file."""

    subject: UUID
    export: UUID
    at: datetime
    by: Actor


@command
class ExpireExport:
    """Its day has come, and the file was deleted."""

    subject: UUID
    export: UUID
    at: datetime
    by: Actor


Command: TypeAlias = RequestExport | PrepareExport | FetchExport | ExpireExport


@state
class Copy:
    """How far the copy is. ``fetched`` is when it was fetched last."""

    stage: Literal["none", "requested", "ready", "expired"] = "none"
    format: Format | None = None
    digest: str | None = None
    expires: datetime | None = None
    fetched: datetime | None = None


def decide(copy: Copy, wanted: Command) -> Iterator[Event]:
    """Say what happens to the copy."""
    at, by, export = wanted.at, wanted.by, wanted.export
    match wanted:
        case RequestExport(format=form):
            yield from _request(copy, wanted, form)
        case _ if copy.stage == "none":
            raise Refused("unknown-export", "No copy was asked for under this id. Ask for one first.")
        case PrepareExport():
            yield from _prepare(copy, wanted)
        case FetchExport() if copy.stage == "requested":
            raise Refused("not-ready", "The copy is still being prepared. Try again in a moment.")
        case FetchExport() if _is_over(copy, at):
            raise Refused("export-expired", "This copy is no longer kept. Ask for a new one.")
        case FetchExport():
            if copy.fetched is None or at > copy.fetched:
                yield ExportFetched(at=at, by=by, export=export)
        case ExpireExport() if copy.stage == "requested":
            raise Refused("not-ready", "There is no file yet that could be deleted.")
        case ExpireExport() if not _is_over(copy, at):
            raise Refused("not-due", "The person may still fetch this copy. Delete it when its time is over.")
        case ExpireExport():
            if copy.stage == "ready":
                yield ExportExpired(at=at, by=by, export=export)


def _request(copy: Copy, wanted: RequestExport, form: Format) -> Iterator[Event]:
    if copy.stage == "none":
        yield ExportRequested(at=wanted.at, by=wanted.by, export=wanted.export, format=form)
    elif copy.format != form:
        raise Refused("export-exists", "Under this id a copy in another format was asked for. Use a new id.")


def _prepare(copy: Copy, wanted: PrepareExport) -> Iterator[Event]:
    if copy.stage != "requested":
        if copy.digest != wanted.digest:
            raise Refused("already-prepared", "This copy has been prepared with other content. Ask for a new one.")
        return
    if wanted.expires <= wanted.at:
        raise Refused("expires-at-once", "A copy lies ready for a while. Give an end that is still to come.")
    yield ExportPrepared(
        at=wanted.at,
        by=wanted.by,
        export=wanted.export,
        digest=wanted.digest,
        size=wanted.size,
        expires=wanted.expires,
    )


def _is_over(copy: Copy, at: datetime) -> bool:
    return copy.stage == "expired" or (copy.expires is not None and at >= copy.expires)


def evolve(copy: Copy, event: Event) -> Copy:
    """Fold."""
    match event:
        case ExportRequested(format=form):
            return replace(copy, stage="requested", format=form)
        case ExportPrepared(digest=digest, expires=expires):
            return replace(copy, stage="ready", digest=digest, expires=expires)
        case ExportFetched(at=at):
            return replace(copy, fetched=at)
        case ExportExpired():
            return replace(copy, stage="expired")
        case _:
            return copy


EXPORTS: Decider[Command, Copy] = Decider(
    name="exports",
    initial=Copy(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"export-{c.export}",
    subject=lambda c: c.subject,
)
