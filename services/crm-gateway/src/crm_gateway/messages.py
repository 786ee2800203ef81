"""What arrives at a door, read: bare messages, CloudEvents in structured and in binary form (CloudEvents 1.0, Kafka binding 3).

Everything that is wrong with a message is told with a JSON pointer (RFC 6901) into what was sent, and without quoting it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter, ValidationError

from crm_gateway import shapes
from crm_gateway.parsing import Place, Unreadable, parse
from events.catalogue.crm import CrmMessage, Inbound, PersonChangedInCrm, RecordChangedInCrm
from events.catalogue.persons import FieldValue
from web.problems import located, pointer

MOST_BYTES: Final = 500_000
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
MOST_DEPTH: Final = 100
AHEAD: Final = timedelta(days=1)
"""How far the clock of a CRM may be ahead."""

_inbound: TypeAdapter[CrmMessage] = TypeAdapter(Inbound)
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
    sent = parsed(raw)
    if len(raw) > MOST_BYTES:
        at_most = f"A message has {MOST_BYTES // 1000} kB at the most. Send less in it."
        raise Refusal("too-large", at_most, pointer(_largest(sent)), about=_id_of(sent))
    if "ce_specversion" in incoming.headers:
        envelope = {name.removeprefix("ce_"): value for name, value in incoming.headers.items()}
        return _of_event(_object(sent), envelope, now, "")
    if isinstance(sent, dict) and "specversion" in sent:
        return _of_event(_data(sent), sent, now, "/data")
    return _news(raw, now)


def _of_event(data: dict[str, Any], envelope: Mapping[str, Any], now: datetime, before: str) -> News:
    """Read the data of a CloudEvent: what it does not say is said by the envelope, and what is wrong is told where it stands."""
    said = {f"/{name}": f"/{attribute}" for name, attribute in _FROM_ENVELOPE if name not in data}
    try:
        return _news(_completed(data, envelope), now)
    except Refusal as refusal:
        refusal.place = said.get(refusal.place) or before + refusal.place
        raise


def _news(raw: bytes, now: datetime) -> News:
    try:
        message = _inbound.validate_json(raw, strict=True)
    except ValidationError as error:
        raise _refusal(error, _decoder.decode(raw)) from None
    try:
        if _NUL in raw:
            _refuse_nul(_decoder.decode(raw))
        return News(message, _values(message, now))
    except Refusal as refusal:
        refusal.about = message.id
        raise


def parsed(raw: bytes) -> Any:
    """Read JSON. Raises ``Refusal``, with the place where it can be told."""
    try:
        return parse(raw)
    except Unreadable as wrong:
        raise Refusal(wrong.slug, wrong.message, pointer(wrong.place)) from None


def _largest(sent: Any) -> Place:
    """Give the place of what takes up most of a message."""
    place: list[str | int] = []
    while isinstance(sent, dict | list) and sent:
        inside = list(sent.items()) if isinstance(sent, dict) else list(enumerate(sent))
        sizes = [len(msgspec.json.encode(value)) for _, value in inside]
        largest = max(range(len(sizes)), key=sizes.__getitem__)
        if sizes[largest] * 2 < sum(sizes):
            break
        name, sent = inside[largest]
        place.append(name)
    return tuple(place)


def _id_of(sent: Any) -> str | None:
    about = sent.get("id") if isinstance(sent, dict) else None
    return about if isinstance(about, str) and len(about) <= 200 and "\0" not in about else None


def _refuse_nul(sent: Any) -> None:
    for place, value in _places(sent):
        if (isinstance(value, str) and "\0" in value) or (
            isinstance(value, dict) and any("\0" in name for name in value)
        ):
            raise Refusal("nul", "Leave out the NUL character.", pointer(place))


def _refusal(error: ValidationError, sent: Any) -> Refusal:
    about = _id_of(sent)
    try:
        _refuse_nul(sent)
    except Refusal as nul:
        nul.about = about
        return nul
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    match first["type"]:
        case "union_tag_not_found" | "union_tag_invalid":
            known = ", ".join(TYPES)
            return Refusal("unknown-type", f"Say in `type` what it is: {known}.", "/type", about=about)
        case "json_invalid":  # it was read before: what pydantic does not follow is the depth
            deep = next((place[:2] for place, _ in _places(sent) if len(place) > MOST_DEPTH), ())
            return Refusal("too-deep", "Too much is nested here. Send it flat.", pointer(deep), about=about)
        case "missing":
            slug, message = "missing", "This is missing."
        case "extra_forbidden":
            slug, message = "unknown-attribute", "A message of this type has no such attribute."
        case _:
            slug, message = "invalid-input", f"{first['msg']}."
    places = located(error, sent)
    return Refusal(slug, message, places[0].pointer if places else "", about=about)


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


def _object(sent: Any) -> dict[str, Any]:
    if not isinstance(sent, dict):
        raise Refusal("not-an-object", "A message is a JSON object.")
    return sent


def _data(envelope: Mapping[str, Any]) -> dict[str, Any]:
    data = envelope.get("data")
    if data is None and isinstance(encoded := envelope.get("data_base64"), str):
        try:
            return _object(parsed(base64.b64decode(encoded, validate=True)))
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


def _places(sent: Any) -> Iterator[tuple[Place, Any]]:
    """Give everything in a message with its place, from the front; however deep it is."""
    ahead: list[tuple[Place, Any]] = [((), sent)]
    while ahead:
        place, value = ahead.pop()
        yield place, value
        inside = (
            list(value.items())
            if isinstance(value, dict)
            else list(enumerate(value))
            if isinstance(value, list)
            else []
        )
        ahead += [((*place, name), inner) for name, inner in reversed(inside)]


TYPES: Final = tuple(
    sorted(c.model_fields["type"].default for c in CrmMessage.__subclasses__() if "type" in c.model_fields)
)
"""Everything that a CRM can say."""
