"""The envelope of an event: CloudEvents 1.0 in structured mode, one JSON value that any Kafka tool can show.

Everything in the clear is an attribute or stands in ``data.open``. The personal fields of one event are one ciphertext,
``data.sealed``, under the person's key of version ``data.key``; what it is bound to is in ``associated_data``.
Attributes hold nothing personal (CloudEvents 1.0, "Privacy and Security"): ``subject`` is a random UUID.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID
from zlib import crc32

import msgspec
from pydantic import ValidationError

from events.catalogue import EVENTS, PARTITIONS
from events.catalogue.vocabulary import ERASED, Event, personal_fields
from events.errors import Unreadable
from events.sealing import Key, open_sealed, seal
from events.upcasting import upcast

E_co = TypeVar("E_co", bound=Event, covariant=True)

CONTENT_TYPE = b"application/cloudevents+json"
HEADERS = [("content-type", CONTENT_TYPE)]


class Payload(msgspec.Struct, frozen=True, omit_defaults=True):
    """``data`` of the envelope. ``sealed`` is base64 in JSON."""

    open: msgspec.Raw
    sealed: bytes | None = None
    key: int | None = None


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The record's value, as it stands in Kafka and in the event store, byte by byte."""

    specversion: str
    id: UUID
    source: str
    type: str
    subject: UUID | None = None
    time: datetime
    datacontenttype: str
    dataschema: str
    stream: str
    sequence: str
    recordedtime: datetime
    correlationid: UUID | None = None
    causationid: UUID | None = None
    data: Payload


class Place(msgspec.Struct, frozen=True):
    """Where a record stands in the log."""

    topic: str
    partition: int
    offset: int


class Recorded(msgspec.Struct, Generic[E_co], frozen=True, kw_only=True):
    """An event that has been recorded.

    ``version`` counts from 1 within the stream. ``occurred`` and ``recorded`` are UTC. ``place`` is known when it was read from Kafka.
    """

    id: UUID
    type: str
    stream: str
    version: int
    subject: UUID | None
    occurred: datetime
    recorded: datetime
    source: str
    correlation: UUID | None
    causation: UUID | None
    data: E_co
    place: Place | None = None


_decoder = msgspec.json.Decoder(Envelope)
_encoder = msgspec.json.Encoder()


def partition_of(key: str) -> int:
    """Give the partition of a key: CRC-32, as librdkafka's ``consistent`` partitioner has it."""
    return crc32(key.encode()) % PARTITIONS


def key_of(stream: str, subject: UUID | None) -> str:
    """Give the Kafka key: the person, or for nobody's events their stream."""
    return str(subject) if subject else stream


def associated_data(event_id: UUID, type_: str, schema_version: int, subject: UUID | None, key_version: int) -> bytes:
    """Give what a ciphertext is bound to, so that it cannot be moved to another event, person or key."""
    return f"{event_id}|{type_}|{schema_version}|{subject}|{key_version}".encode()


def schema_urn(type_: str, version: int) -> str:
    """Give the name of a schema, as ``dataschema`` has it."""
    return f"urn:gdpr:event:{type_}:{version}"


def encode(recorded: Recorded[Event], key: Key | None) -> bytes:
    """Give the final bytes of an event, its personal fields sealed under ``key``.

    Raises ``ValueError`` when it has personal fields and there is no key.
    """
    event = recorded.data
    kind = type(event)
    open_, personal = _split(event)
    if personal is None:
        payload = Payload(open=msgspec.Raw(open_))
    elif key is None:
        raise ValueError(f"{kind.__name__} has personal fields and no key to seal them under")
    else:
        bound = associated_data(recorded.id, recorded.type, kind.schema_version, recorded.subject, key.version)
        payload = Payload(open=msgspec.Raw(open_), sealed=seal(key.secret, personal, bound), key=key.version)
    return _encoder.encode(
        Envelope(
            specversion="1.0",
            id=recorded.id,
            source=recorded.source,
            type=recorded.type,
            subject=recorded.subject,
            time=recorded.occurred,
            datacontenttype="application/json",
            dataschema=schema_urn(recorded.type, kind.schema_version),
            stream=recorded.stream,
            sequence=str(recorded.version),
            recordedtime=recorded.recorded,
            correlationid=recorded.correlation,
            causationid=recorded.causation,
            data=payload,
        )
    )


def decode_envelope(value: bytes) -> Envelope:
    """Read the envelope and leave ``data`` closed. Raises ``Unreadable``."""
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unreadable("not an envelope of ours") from error


def open_envelope(envelope: Envelope, secret: bytes | None, place: Place | None = None) -> Recorded[Event]:
    """Read an event. Without the key of its ``data.key`` its personal fields read as ``ERASED``. Raises ``Unreadable``."""
    kind = EVENTS.get(envelope.type)
    if kind is None:
        raise Unreadable(f"unknown event type {envelope.type!r}")
    payload = envelope.data
    body = bytes(payload.open)
    written = int(envelope.dataschema.rpartition(":")[2])
    if payload.sealed is not None:
        if secret is None or payload.key is None:
            body = _join(body, _erased_json(kind))
        else:
            bound = associated_data(envelope.id, envelope.type, written, envelope.subject, payload.key)
            body = _join(body, open_sealed(secret, payload.sealed, bound))
    try:
        data = kind.model_validate_json(upcast(envelope.type, written, kind.schema_version, body))
    except ValidationError as error:
        raise Unreadable(f"{envelope.type} does not fit its schema in {error.error_count()} places") from None
    return recorded_of(envelope, data, place)


def recorded_of(envelope: Envelope, data: Event, place: Place | None) -> Recorded[Event]:
    """Give an event with what its envelope says; ``data`` is what was made of the envelope's."""
    return Recorded(
        id=envelope.id,
        type=envelope.type,
        stream=envelope.stream,
        version=int(envelope.sequence),
        subject=envelope.subject,
        occurred=envelope.time,
        recorded=envelope.recordedtime,
        source=envelope.source,
        correlation=envelope.correlationid,
        causation=envelope.causationid,
        data=data,
        place=place,
    )


def decode(value: bytes, secrets: Mapping[int, bytes], place: Place | None = None) -> Recorded[Event]:
    """Read one record; ``secrets`` are the person's keys by version. Raises ``Unreadable``."""
    envelope = decode_envelope(value)
    secret = secrets.get(envelope.data.key) if envelope.data.key is not None else None
    return open_envelope(envelope, secret, place)


@cache
def personal_of(kind: type[Event]) -> frozenset[str]:
    """Give the names of an event's personal fields."""
    return frozenset(personal_fields(kind))


def has_personal(event: Event) -> bool:
    """Tell whether anything in the event needs the person's key; where nothing was said there is nothing to seal."""
    return any(getattr(event, name) is not None for name in personal_of(type(event)))


def _split(event: Event) -> tuple[bytes, bytes | None]:
    """Give the JSON of the open fields, and of the personal ones where the event has any."""
    personal = personal_of(type(event))
    if not has_personal(event):
        return (
            event.model_dump_json().encode(),
            None,
        )  # with the personal ones, of which each says that nothing was said
    return event.model_dump_json(exclude=set(personal)).encode(), event.model_dump_json(include=set(personal)).encode()


@cache
def _erased_json(kind: type[Event]) -> bytes:
    return _encoder.encode(dict.fromkeys(sorted(personal_of(kind)), ERASED.value))


def _join(first: bytes, second: bytes) -> bytes:
    """Make one JSON object of two that are not empty."""
    return first[:-1] + b"," + second[1:]


AnyRecorded = Recorded[Any]
