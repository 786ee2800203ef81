"""What is wrong with a message is told with a pointer to it; what is only unusual is taken as it is."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_gateway.messages import Incoming, Refusal, read

NOW = datetime(2026, 5, 4, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "type": "crm.person.changed",
    "id": "m-1",
    "occurred": "2026-05-03T10:00:00Z",
    "crm_ref": "K-1",
    "fields": {"last_name": "Zeichen"},
}
TEXT = json.dumps(GOOD)
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "7",
    "source": "/lime",
    "type": "crm.person.changed",
    "time": "2026-05-03T10:00:00Z",
    "subject": "K-1",
    "data": {"fields": {"last_name": "Zeichen"}},
}


def fields(**said: Any) -> dict[str, Any]:
    return {**GOOD, "fields": said}


def nested(depth: int, inner: Any = 1) -> dict[str, Any]:
    for _ in range(depth):
        inner = {"a": inner}
    return fields(note=inner)


REFUSED: dict[str, tuple[Any, str, str]] = {
    "nothing": (b"", "invalid-json", ""),
    "cut off": (TEXT[:40].encode(), "invalid-json", ""),
    "no UTF-8": (b"\xff\xfe\x00", "invalid-json", ""),
    "a NUL byte": (TEXT.replace("Zeichen", "a\0").encode(), "invalid-json", ""),
    "a text": (b'"text"', "invalid-input", ""),
    "a list": (b"[]", "invalid-input", ""),
    "deeper than any reader goes": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "invalid-json", ""),
    "deep": (nested(300), "too-deep", "/fields/note"),
    "deep, with a NUL": (nested(900, "a\0"), "nul", "/fields/note" + "/a" * 900),
    "nested": (nested(50), "not-a-value", "/fields/note"),
    "NUL as an escape": (fields(last_name="a\0"), "nul", "/fields/last_name"),
    "NUL in a name": (fields(**{"a\0": 1}), "nul", "/fields"),
    "NUL in the reference": ({**GOOD, "crm_ref": "K\0"}, "nul", "/crm_ref"),
    "half a character": (TEXT.replace("Zeichen", "\\ud800").encode(), "half-a-character", "/fields/last_name"),
    "half a character in a name": (TEXT.replace("last_name", "\\udfff").encode(), "half-a-character", "/fields"),
    "not a number": (TEXT.replace('"Zeichen"', "NaN").encode(), "not-a-number", "/fields/last_name"),
    "infinite": (TEXT.replace('"Zeichen"', "1e999").encode(), "not-a-number", "/fields/last_name"),
    "400 digits": (TEXT.replace('"Zeichen"', "1" * 400).encode(), "too-large-a-number", "/fields/last_name"),
    "a name twice": (TEXT.replace('"last_name"', '"last_name":"x","last_name"').encode(), "duplicate-key", "/fields/last_name"),
    "a name twice on top": (TEXT.replace('"id"', '"id":"x","id"').encode(), "duplicate-key", "/id"),
    "one field by two names": (fields(Vorname="a", vorname="b"), "field-twice", "/fields/vorname"),
    "an unknown event": ({**GOOD, "type": "crm.person.exploded"}, "unknown-type", "/type"),
    "no type": ({k: v for k, v in GOOD.items() if k != "type"}, "unknown-type", "/type"),
    "no reference": ({k: v for k, v in GOOD.items() if k != "crm_ref"}, "missing", "/crm_ref"),
    "a wrong type": ({**GOOD, "crm_ref": 7}, "invalid-input", "/crm_ref"),
    "fields as a list": ({**GOOD, "fields": [1]}, "invalid-input", "/fields"),
    "something more": ({**GOOD, "extra": 1}, "unknown-attribute", "/extra"),
    "the year 9999": ({**GOOD, "occurred": "9999-12-31T23:59:59Z"}, "unlikely-time", "/occurred"),
    "the year 1": ({**GOOD, "occurred": "0001-01-01T00:00:00Z"}, "unlikely-time", "/occurred"),
    "a time without its zone": ({**GOOD, "occurred": "2026-05-03T10:00:00"}, "invalid-input", "/occurred"),
    "born in 9999": (fields(birth_date="9999-12-31"), "unlikely-date", "/fields/birth_date"),
    "10,000 fields": (fields(**{f"c{n}": n for n in range(10_000)}), "invalid-input", "/fields"),
    "5 MB": (fields(first_name="a", note="x" * 5_000_000), "too-large", "/fields/note"),
    "a name that is too long": (fields(last_name="x" * 1001), "too-long", "/fields/last_name"),
    "no mail": (fields(emails=["a@b.example", "Stern"]), "not-an-email", "/fields/emails/1"),
    "no number": (fields(phones=[{"number": "x"}]), "not-a-phone", "/fields/phones/0"),
    "a part of an address": (fields(addresses=[{"street": ["x"]}]), "not-text", "/fields/addresses/0/street"),
    "a slash in a name": (fields(**{"a/b~c": {}}), "not-a-value", "/fields/a~1b~0c"),
    "an envelope with a wrong time": ({**EVENT, "time": "yesterday"}, "invalid-input", "/time"),
    "an envelope around nothing": ({**EVENT, "data": None}, "no-data", "/data"),
    "an envelope around no base64": ({**EVENT, "data": None, "data_base64": "!"}, "invalid-base64", "/data_base64"),
    "an envelope around nonsense": ({**EVENT, "data": {"fields": {"birth_date": "x"}}}, "not-a-date", "/data/fields/birth_date"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "slug", "place"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_told_with_its_place(sent: Any, slug: str, place: str) -> None:
    raw = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    with pytest.raises(Refusal) as refused:
        read(Incoming(raw), NOW)
    assert (refused.value.slug, refused.value.place) == (slug, place)
    assert "Zeichen" not in refused.value.message


@pytest.mark.parametrize(
    "name",
    [
        "=cmd|' /C calc'!A0",
        "שלום עולם",
        "\u202eevil\u202c",
        "👩‍👩‍👧‍👦 🌻",
        "Ångström",
        "O'Brien; DROP TABLE persons",
        '"quoted"',
        "-",
    ],
)
def test_what_is_only_unusual_is_taken_as_it_is(name: str) -> None:
    assert read(Incoming(json.dumps(fields(last_name=name)).encode()), NOW).values == {"last_name": name}
    assert read(Incoming(json.dumps(fields(note=name), ensure_ascii=False).encode()), NOW).values == {
        "custom.note": name
    }


def test_cloudevents_say_the_same_in_both_forms() -> None:
    headers = {f"ce_{name}": EVENT[name] for name in ("specversion", "id", "source", "type", "time", "subject")}
    structured = read(Incoming(json.dumps(EVENT).encode()), NOW)
    binary = read(Incoming(json.dumps(EVENT["data"]).encode(), headers), NOW)
    packed = {**EVENT, "data": None, "data_base64": base64.b64encode(json.dumps(EVENT["data"]).encode()).decode()}
    assert structured == binary == read(Incoming(json.dumps(packed).encode()), NOW)
    assert (structured.message.id, structured.message.crm_ref) == ("/lime#7", "K-1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(["type", "id", "occurred", "by", "crm_ref", "full", "fields"]), json_values)
def test_whatever_is_sent_is_read_or_refused(name: str, value: Any) -> None:
    raw = json.dumps({**GOOD, name: value}).encode()
    try:
        read(Incoming(raw), NOW)
    except Refusal as refusal:
        refusal.place.encode()
        assert refusal.message


@given(st.binary(max_size=60), st.integers(0, len(TEXT)), st.integers(0, 10))
def test_whatever_is_broken_is_refused(noise: bytes, at: int, gone: int) -> None:
    raw = TEXT.encode()
    with_noise = raw[:at] + noise + raw[at + gone :]
    try:
        read(Incoming(with_noise, {"ce_specversion": "1.0"} if gone % 2 else {}), NOW)
    except Refusal as refusal:
        refusal.place.encode()
