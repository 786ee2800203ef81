"""One record of the log as one line for an auditor: the event as it was written, with its place and what could be opened.

Open fields stand in every line. Personal ones stand there only when they were asked for and the key is still there;
otherwise a word in brackets says which of the two was lacking. ``personal`` says it for the whole event, so that nothing
that a person once typed can be taken for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from events.catalogue import EVENTS
from events.envelope import Envelope, Place, associated_data, decode_envelope, personal_of
from events.errors import Unreadable
from events.sealing import open_sealed

SEALED, GONE = "(sealed)", "(erased)"
Personal = Literal["none", "sealed", "opened", "erased"]
Secrets = Mapping[UUID, Mapping[int, bytes]]

CLOSED: Secrets = {}


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed to: the kind, the version of its text, the language shown, and the text where it is known."""

    kind: str | None
    version: int
    language: str | None = None
    text: str | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it stands in the log."""

    id: UUID
    type: str
    schema_version: int
    occurred: datetime
    recorded: datetime
    by: msgspec.Raw
    source: str
    stream: str
    version: int
    subject: UUID | None
    correlation: UUID | None
    causation: UUID | None
    wording: Wording | None
    personal: Personal
    place: Place
    repeated_at: tuple[Place, ...] = ()
    data: msgspec.Raw


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A record that cannot be read: it is named, and the reading goes on behind it."""

    unreadable: str
    size: int
    written: datetime | None
    place: Place


class _Said(msgspec.Struct, frozen=True):
    """What of an event's open fields stands in every line. All else is passed through unread."""

    by: msgspec.Raw
    kind: str | None = None
    wording: dict[str, Any] | int | None = None


_said = msgspec.json.Decoder(_Said)
_encoder = msgspec.json.Encoder()


def written(line: Line | Broken) -> bytes:
    """Give the line as NDJSON."""
    return _encoder.encode(line) + b"\n"


def line_of(envelope: Envelope, place: Place, secrets: Secrets, *, opening: bool) -> Line:
    """Give the line of an event; ``opening``: with its personal fields where their key is in ``secrets``.

    Raises ``Unreadable``.
    """
    personal, data = _data(envelope, secrets, opening=opening)
    try:
        said = _said.decode(envelope.data.open)
        schema_version, version = int(envelope.dataschema.rpartition(":")[2]), int(envelope.sequence)
    except (msgspec.MsgspecError, ValueError):
        raise Unreadable(f"{envelope.type} lacks what every event says") from None
    return Line(
        id=envelope.id,
        type=envelope.type,
        schema_version=schema_version,
        occurred=envelope.time,
        recorded=envelope.recordedtime,
        by=said.by,
        source=envelope.source,
        stream=envelope.stream,
        version=version,
        subject=envelope.subject,
        correlation=envelope.correlationid,
        causation=envelope.causationid,
        wording=_wording(said),
        personal=personal,
        place=place,
        data=msgspec.Raw(data),
    )


def read(value: bytes | None) -> Envelope:
    """Read a record's envelope. Raises ``Unreadable``."""
    envelope = decode_envelope(value or b"")
    if not bytes(envelope.data.open).startswith(b"{"):
        raise Unreadable("its data is not an object")
    return envelope


def _data(envelope: Envelope, secrets: Secrets, *, opening: bool) -> tuple[Personal, bytes]:
    payload = envelope.data
    body = bytes(payload.open)
    if payload.sealed is None:
        return "none", body
    if not opening:
        return "sealed", joined(body, _marks(envelope.type, SEALED))
    mine = secrets.get(envelope.subject) if envelope.subject else None
    secret = mine.get(payload.key) if mine and payload.key is not None else None
    if secret is None or payload.key is None:
        return "erased", joined(body, _marks(envelope.type, GONE))
    schema_version = int(envelope.dataschema.rpartition(":")[2])
    bound = associated_data(envelope.id, envelope.type, schema_version, envelope.subject, payload.key)
    return "opened", joined(body, open_sealed(secret, payload.sealed, bound))


def joined(first: bytes, second: bytes) -> bytes:
    """Make one JSON object of two."""
    if len(second) == 2:
        return first
    return second if len(first) == 2 else first[:-1] + b"," + second[1:]


@cache
def _marks(type_: str, mark: str) -> bytes:
    """Give the personal fields of a type, each with what is to be said in its place; of an unknown type none is known."""
    kind = EVENTS.get(type_)
    return _encoder.encode(dict.fromkeys(sorted(personal_of(kind)), mark)) if kind else b"{}"


def _wording(said: _Said) -> Wording | None:
    match said.wording:
        case int(version):
            return Wording(kind=said.kind, version=version)
        case {"version": int(version), "language": str(language)}:
            return Wording(kind=said.kind, version=version, language=language)
        case _:
            return None


class PlaceShape(BaseModel):
    """Where a record stands."""

    model_config = ConfigDict(extra="forbid")

    topic: str
    partition: int
    offset: int


class WordingShape(BaseModel):
    """What was agreed to."""

    model_config = ConfigDict(extra="forbid")

    kind: str | None
    version: int
    language: str | None
    text: str | None = Field(description="The text itself; in a history, where its publication is known.")


class ActorShape(BaseModel):
    """Who did it."""

    kind: str
    id: str | None = None


class LineShape(BaseModel):
    """An event as it stands in the log. For the OpenAPI document; a test holds it against what is written."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    type: str
    schema_version: int
    occurred: datetime = Field(description="When it happened, by the source.")
    recorded: datetime = Field(description="When it was recorded here.")
    by: ActorShape
    source: str
    stream: str
    version: int
    subject: UUID | None
    correlation: UUID | None
    causation: UUID | None
    wording: WordingShape | None
    personal: Personal = Field(description="What became of the personal fields.")
    place: PlaceShape
    repeated_at: list[PlaceShape] = Field(description="Where the same event stands again.")
    data: dict[str, JsonValue] = Field(
        description=f"The fields. A personal one reads `{SEALED}` when it was not opened, `{GONE}` when its key is gone."
    )


class BrokenShape(BaseModel):
    """A record that cannot be read."""

    model_config = ConfigDict(extra="forbid")

    unreadable: str = Field(description="Why.")
    size: int = Field(description="Bytes.")
    written: datetime | None = Field(description="What the broker says of its time.")
    place: PlaceShape
