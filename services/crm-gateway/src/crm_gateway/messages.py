"""What arrives at a door, read: bare messages, CloudEvents in structured and in binary form (CloudEvents 1.0, Kafka binding 3).

Everything that is wrong with a message is told with a JSON pointer (RFC 6901) into what was sent, and without quoting it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter, ValidationError

from crm_gateway import shapes
from events.catalogue.crm import CrmMessage, Inbound, PersonChangedInCrm, RecordChangedInCrm
from events.catalogue.persons import FieldValue
from web.problems import located, pointer

MOST_BYTES: Final = 500_000
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
AHEAD: Final = timedelta(days=1)
"""How far the clock of a CRM may be ahead."""

_inbound: TypeAdapter[CrmMessage] = TypeAdapter(Inbound)
_checked = msgspec.json.Decoder(msgspec.Raw)
_decoder = msgspec.json.Decoder()
_NUL = b"\\u0000"
_FROM_ENVELOPE: Final = (("type", "type"), ("occurred", "time"), ("crm_ref", "subject"))


class Refusal(Exception):
    """A message that is not taken over: why, where, and what to do."""

    def __init__(self, slug: str, message: str, place: str = "", *, about: str | None = None) -> None:
        super().__init__(slug)
        self.slug = slug
        self.message = message
        self.place = place
        self.about = about
        """The id of the message, where it could be read."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What was sent. ``headers`` are those of a Kafka record, decoded."""

    raw: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """A message that was read: what it says, and its fields in their shapes."""

    message: CrmMessage
    values: Mapping[str, FieldValue]


def read(incoming: Incoming, now: datetime) -> News:
    """Read one message. Raises ``Refusal``."""
    raw = incoming.raw
    if len(raw) > MOST_BYTES:
        raise Refusal("too-large", f"A message has {MOST_BYTES // 1000} kB at the most. Send less in it.")
    before = ""
    if "ce_specversion" in incoming.headers:
        raw = _completed(_object(raw), {k.removeprefix("ce_"): v for k, v in incoming.headers.items()})
    elif b'"specversion"' in raw and "specversion" in (envelope := _object(raw)):
        raw = _completed(_data(envelope), envelope)
        before = "/data"
    message = _validated(raw, before)
    try:
        return News(message, _values(message, now))
    except Refusal as refusal:
        refusal.place = before + refusal.place
        refusal.about = message.id
        raise


def _validated(raw: bytes, before: str) -> CrmMessage:
    try:
        _checked.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Refusal("invalid-json", "This is not valid JSON in UTF-8.") from None
    try:
        message = _inbound.validate_json(raw, strict=True)
    except ValidationError as error:
        raise _refusal(error, raw, before) from None
    if _NUL in raw:
        _refuse_nul(raw, before, message.id)
    return message


def _refuse_nul(raw: bytes, before: str, about: str | None) -> None:
    for place in _nul_places(_decoder.decode(raw)):
        raise Refusal("nul", "Leave out the NUL character.", before + pointer(place), about=about)


def _refusal(error: ValidationError, raw: bytes, before: str) -> Refusal:
    try:
        sent = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return Refusal("invalid-json", "This is not valid JSON in UTF-8.")
    about = sent.get("id") if isinstance(sent, dict) else None
    about = about if isinstance(about, str) and len(about) <= 200 and "\0" not in about else None
    if _NUL in raw:
        try:
            _refuse_nul(raw, before, about)
        except Refusal as nul:
            return nul
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    match first["type"]:
        case "union_tag_not_found" | "union_tag_invalid":
            known = ", ".join(TYPES)
            return Refusal("unknown-type", f"Say in `type` what it is: {known}.", before + "/type", about=about)
        case "json_invalid":
            return Refusal("invalid-json", "This is not valid JSON in UTF-8.", about=about)
        case "missing":
            slug, message = "missing", "This is missing."
        case "extra_forbidden":
            slug, message = "unknown-attribute", "A message of this type has no such attribute."
        case _:
            slug, message = "invalid-input", f"{first['msg']}."
    places = located(error, sent)
    return Refusal(slug, message, before + (places[0].pointer if places else ""), about=about)


def _values(message: CrmMessage, now: datetime) -> Mapping[str, FieldValue]:
    if not EARLIEST <= message.occurred <= now + AHEAD:
        raise Refusal(
            "unlikely-time", "`occurred` lies between 1900 and now. Send the time at which it happened.", "/occurred"
        )
    try:
        match message:
            case PersonChangedInCrm(fields=said):
                return shapes.person_fields(said, (now + AHEAD).date())
            case RecordChangedInCrm(fields=said):
                return shapes.record_fields(said)
            case _:
                return {}
    except shapes.Misshapen as wrong:
        raise Refusal(wrong.slug, wrong.message, pointer(("fields", *wrong.place))) from None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        sent = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise Refusal("invalid-json", "This is not valid JSON in UTF-8.") from None
    if not isinstance(sent, dict):
        raise Refusal("not-an-object", "A message is a JSON object.")
    return sent


def _data(envelope: Mapping[str, Any]) -> dict[str, Any]:
    data = envelope.get("data")
    if data is None and isinstance(encoded := envelope.get("data_base64"), str):
        try:
            return _object(base64.b64decode(encoded, validate=True))
        except (binascii.Error, ValueError):
            raise Refusal("invalid-base64", "This is not base64.", "/data_base64") from None
    if not isinstance(data, dict):
        raise Refusal("no-data", "The CloudEvent carries no JSON object as its data.", "/data")
    return data


def _completed(data: dict[str, Any], envelope: Mapping[str, Any]) -> bytes:
    """Give the message of a CloudEvent: what its data does not say is said by the envelope."""
    for name, attribute in _FROM_ENVELOPE:
        if name not in data and attribute in envelope:
            data[name] = envelope[attribute]
    if "id" not in data and "id" in envelope:
        data["id"] = f"{envelope.get('source', '')}#{envelope['id']}"
    return msgspec.json.encode(data)


def _nul_places(value: Any, place: tuple[str | int, ...] = ()) -> Iterable[tuple[str | int, ...]]:
    match value:
        case str() if "\0" in value:
            yield place
        case list():
            for index, item in enumerate(value):
                yield from _nul_places(item, (*place, index))
        case dict():
            for key, item in value.items():
                if "\0" in key:
                    yield place
                else:
                    yield from _nul_places(item, (*place, key))


TYPES: Final = tuple(
    sorted(c.model_fields["type"].default for c in CrmMessage.__subclasses__() if "type" in c.model_fields)
)
"""Everything that a CRM can say."""
