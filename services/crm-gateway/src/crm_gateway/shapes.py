"""What a CRM may say in a field, brought into one shape for each: core fields by their type, custom ones as they are.

A value that cannot be read is refused with a pointer to it; nothing is guessed and nothing is cut off. Formulas, emoji and text
from right to left are text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from crm_gateway.importing import reachable, words
from crm_gateway.importing.headers import slug
from events.catalogue.persons import CORE_FIELDS, Address, Email, FieldType, FieldValue, Phone

MOST_TEXT: Final = 1000
MOST_VALUES: Final = 100
LARGEST: Final = 2**53
"""Beyond it not every program reads a JSON number as it was written (RFC 8259, section 6)."""
EARLIEST: Final = date(1900, 1, 1)
_EMAIL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,190}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_LANGUAGE = re.compile(r"([a-z]{2})(?:[-_][a-z0-9]+)*", re.IGNORECASE)
_PARTS: Final = tuple(Address.model_fields)


class Misshapen(Exception):
    """A value that cannot be taken over. ``place`` leads to it from the fields; ``message`` says how to mend it."""

    def __init__(self, slug: str, message: str, *place: str | int) -> None:
        super().__init__(slug)
        self.slug = slug
        self.message = message
        self.place = place


def person_fields(said: Mapping[str, Any], today: date) -> dict[str, FieldValue]:
    """Give the fields of a person by their ids. Raises ``Misshapen``."""
    values: dict[str, FieldValue] = {}
    for name, value in said.items():
        field = _person_field(name)
        if field in values:
            raise Misshapen("field-twice", "Another name in this message means the same field. Send it once.", name)
        try:
            values[field] = _CORE[field](value, today) if field in _CORE else free(value)
        except Misshapen as wrong:
            wrong.place = (name, *wrong.place)
            raise
    return values


def record_fields(said: Mapping[str, Any]) -> dict[str, FieldValue]:
    """Give the fields of a related record by their ids: all of them are the CRM's own. Raises ``Misshapen``."""
    values: dict[str, FieldValue] = {}
    for name, value in said.items():
        field = _slug(name, 64)
        if field in values:
            raise Misshapen("field-twice", "Another name in this message means the same field. Send it once.", name)
        try:
            values[field] = free(value)
        except Misshapen as wrong:
            wrong.place = (name, *wrong.place)
            raise
    return values


def catalogued(kind: str, field: str) -> str:
    """Give the name under which the field catalogue knows the field of a kind of record: ``order.total``."""
    return _slug_of(kind, field)


@lru_cache(maxsize=4096)
def _slug_of(kind: str, field: str) -> str:
    full = f"{kind}.{field}"
    return full if len(full) <= 64 else f"{kind[:20]}.{slug(field, 43)}"


@lru_cache(maxsize=4096)
def _slug(name: str, limit: int) -> str:
    return slug(name, limit)


@lru_cache(maxsize=4096)
def _person_field(name: str) -> str:
    if name in CORE_FIELDS:
        return name
    return "custom." + slug(name.removeprefix("custom."), 57)


def guess(value: FieldValue) -> FieldType:
    """Give the type that a custom value looks like."""
    match value:
        case bool():
            return "yes_no"
        case int() | float():
            return "number"
        case str() if _DATE.fullmatch(value):
            return "date"
        case _:
            return "text"


def text(value: Any, _today: date | None = None) -> str | None:
    """Give a line of text; a number is taken as it is written."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | None):
        raise Misshapen("not-text", "Send text.")
    if value is None:
        return None
    said = str(_number(value) if not isinstance(value, str) else value).strip()
    if len(said) > MOST_TEXT:
        raise Misshapen("too-long", f"Send {MOST_TEXT} characters at the most.")
    return said or None


def emails(value: Any, _today: date | None = None) -> tuple[Email, ...] | None:
    """Give addresses: a text with one or several, or a list of texts or of ``{"address", "label"}``."""
    if isinstance(value, str):
        found, all_of_it = reachable.emails(value)
        if not all_of_it:
            raise Misshapen("not-an-email", "This is not an e-mail address. Correct it, or leave it empty.")
        value = found
    given = [_email(item, place) for place, item in _items(value, "address")]
    return _unique(given, lambda e: e.address.casefold())


def _email(item: Any, place: tuple[int, ...]) -> Email:
    address, label = _labelled(item, "address", place)
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise Misshapen("not-an-email", "This is not an e-mail address. Correct it, or leave it empty.", *place)
    return Email(address=address, label=label)


def phones(value: Any, _today: date | None = None) -> tuple[Phone, ...] | None:
    """Give telephone numbers, in E.164 where they can be read for sure: a text, or a list of texts or of ``{"number", "label"}``."""
    if isinstance(value, str):
        value = reachable.phones(value)
    given = [_phone(item, place) for place, item in _items(value, "number")]
    return _unique(given, lambda p: p.number)


def _phone(item: Any, place: tuple[int, ...]) -> Phone:
    number, label = _labelled(item, "number", place)
    if len(number) > 64 or sum(c.isdigit() for c in number) < 3:
        raise Misshapen("not-a-phone", "This is not a telephone number. Correct it, or leave it empty.", *place)
    return Phone(number=reachable.e164(number, None) or number, label=label)


def addresses(value: Any, _today: date | None = None) -> tuple[Address, ...] | None:
    """Give postal addresses: an object with the parts, a list of them, or a text as the street."""
    given = []
    for place, item in _items(value, ""):
        parts_said = {"street": item} if isinstance(item, str) else item
        if not isinstance(parts_said, dict):
            raise Misshapen("not-an-address", f"Send an object with some of: {', '.join(_PARTS)}.", *place)
        if unknown := [part for part in parts_said if part not in _PARTS]:
            raise Misshapen("unknown-part", f"An address has the parts {', '.join(_PARTS)}.", *place, unknown[0])
        parts: dict[str, str | None] = {}
        for part, said in parts_said.items():
            try:
                parts[part] = text(said)
            except Misshapen as wrong:
                wrong.place = (*place, part)
                raise
        if any(v for k, v in parts.items() if k != "label"):
            given.append(Address(**parts))
    return tuple(dict.fromkeys(given)) or None


def birth_date(value: Any, today: date) -> str | None:
    """Give a day between 1900 and today, written ``1980-02-03``."""
    if value in (None, ""):
        return None
    try:
        day = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value).date()
    except (TypeError, ValueError):
        raise Misshapen("not-a-date", "Send the date as 1980-02-03.") from None
    if not EARLIEST <= day <= today:
        raise Misshapen("unlikely-date", "A date of birth lies between 1900 and today. Correct it, or leave it empty.")
    return day.isoformat()


def language(value: Any, _today: date | None = None) -> str | None:
    """Give a language by its code of two letters (ISO 639-1)."""
    said = text(value)
    if said is None:
        return None
    if found := _LANGUAGE.fullmatch(said):
        return found[1].lower()
    if known := words.language(said):
        return known
    raise Misshapen("unknown-language", "Send the language by its code of two letters, such as de or en.")


def free(value: Any, _today: date | None = None) -> FieldValue:
    """Give the value of a custom field as it is: text, number, yes or no, or a list of texts."""
    match value:
        case None | "" | []:
            return None
        case bool() | str():
            return value
        case int() | float():
            return _number(value)
        case list():
            if len(value) > MOST_VALUES:
                raise Misshapen("too-many-values", f"Send {MOST_VALUES} values at the most.")
            return tuple(_listed(item, place) for place, item in enumerate(value))
        case _:
            raise Misshapen("not-a-value", "Send text, a number, true or false, a date as text, or a list of texts.")


def _listed(item: Any, place: int) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        raise Misshapen("not-text", "A list holds texts.", place)
    try:
        return item if isinstance(item, str) else str(_number(item))
    except Misshapen as wrong:
        wrong.place = (place,)
        raise


def _number(value: float) -> int | float:
    if not -LARGEST <= value <= LARGEST:
        raise Misshapen("too-large-a-number", "This number is too large to be kept exactly: send it as text.")
    return int(value) if value == int(value) else value


def _items(value: Any, key: str) -> list[tuple[tuple[int, ...], Any]]:
    """Give each of several values with its place; one alone stands for a list of one."""
    if value is None or value == "":
        return []
    if not isinstance(value, list):
        return [((), value)]
    if len(value) > MOST_VALUES:
        raise Misshapen("too-many-values", f"Send {MOST_VALUES} values at the most.")
    return [((n,), item) for n, item in enumerate(value)]


def _labelled(item: Any, key: str, place: tuple[int, ...]) -> tuple[str, str | None]:
    label: Any = None
    if isinstance(item, dict):
        if unknown := [part for part in item if part not in (key, "label")]:
            raise Misshapen("unknown-part", f"Send {key} and label only.", *place, unknown[0])
        item, label = item.get(key), item.get("label")
    if not isinstance(item, str) or not isinstance(label, str | None):
        raise Misshapen("not-text", f'Send a text, or an object such as {{"{key}": "...", "label": "work"}}.', *place)
    if label is not None and len(label) > 100:
        raise Misshapen("too-long", "Send a label of 100 characters at the most.", *place)
    return item.strip(), (label or "").strip() or None


def _unique(given: list[Any], key: Callable[[Any], str]) -> tuple[Any, ...] | None:
    return tuple({key(one): one for one in reversed(given)}.values())[::-1] or None


_Reader = Callable[[Any, date], FieldValue]
_BY_TYPE: Final[Mapping[FieldType, _Reader]] = {
    "text": text,
    "emails": emails,
    "phones": phones,
    "addresses": addresses,
    "date": birth_date,
    "language": language,
}
_CORE: Final[Mapping[str, _Reader]] = {name: _BY_TYPE[kind] for name, kind in CORE_FIELDS.items()}
