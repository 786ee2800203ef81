"""The CRM's forms, read: what was typed becomes fields, or a sentence that says how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from demo_crm.customers import OWN_FIELDS, TEXT_FIELDS, Record, labelled, line_of, order

MOST_CHARACTERS = 2000
DATES = frozenset(("birth_date", "customer_since", "warranty_until"))
ADDRESS_PARTS = ("street", "postcode", "city", "country")
PARTS = {"emails": "address", "phones": "number"}


class Unfit(Exception):
    """What was typed cannot be taken over: a sentence for each place."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__()
        self.faults = faults


Typed = Mapping[str, str]


def typed_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """Fill a form with what is known."""
    typed = {name: _written(fields.get(name)) for name in (*TEXT_FIELDS, *OWN_FIELDS)}
    for name, part in PARTS.items():
        typed[name] = "\n".join(line_of(one, part) for one in fields.get(name) or ())
    first = (fields.get("addresses") or [{}])[0]
    return typed | {part: first.get(part, "") for part in ADDRESS_PARTS}


def fields_of(typed: Typed, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read a customer's form; an empty field is nothing. ``before``: the further addresses stay. Raises ``Unfit``."""
    faults: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for name in (*TEXT_FIELDS, *OWN_FIELDS):
        said = typed.get(name, "").strip()
        try:
            fields[name] = _read(name, said)
        except ValueError as error:
            faults[name] = str(error)
    for name, part in PARTS.items():
        lines = [line.strip() for line in typed.get(name, "").splitlines()]
        fields[name] = [labelled(line, part) for line in lines if line] or None
        if len(typed.get(name, "")) > MOST_CHARACTERS:
            faults[name] = "This is too long."
    fields["addresses"] = _addresses(typed, before or {})
    if not fields["last_name"] and not fields["company"]:
        faults["last_name"] = "Give a last name or a company."
    if faults:
        raise Unfit(faults)
    return fields


def order_of(typed: Typed, number: str, today: date) -> Record:
    """Read the form of an order. Raises ``Unfit``."""
    items = [line.strip() for line in typed.get("items", "").splitlines() if line.strip()]
    faults = {} if items else {"items": "Give at least one item."}
    if len(items) > 50 or any(len(item) > 200 for item in items):
        faults["items"] = "This is too long."
    total = typed.get("total", "").strip().replace(",", ".")
    if not total.replace(".", "", 1).isdecimal() or not total.isascii() or len(total) > 12:
        faults["total"] = "Give an amount such as 49.90."
    if faults:
        raise Unfit(faults)
    return order(number, today.isoformat(), float(total), items)


def note_of(typed: Typed, number: str, author: str, today: date) -> Record:
    """Read the form of a note. Raises ``Unfit``."""
    text = typed.get("text", "").strip()
    if not text or len(text) > MOST_CHARACTERS:
        raise Unfit({"text": "This is too long." if text else "Write something."})
    written = today.isoformat()
    return Record("note", number, written, {"written": written, "author": author, "text": text})


def _read(name: str, said: str) -> Any:
    if len(said) > 200:
        raise ValueError("This is too long.")
    if not said:
        return None
    if name in DATES:
        try:
            return date.fromisoformat(said).isoformat()
        except ValueError:
            raise ValueError("Give a date as 1980-02-03.") from None
    match name:
        case "discount_percent":
            try:
                number = float(said.replace(",", "."))
            except ValueError:
                raise ValueError("Give a number.") from None
            if not 0 <= number <= 100:
                raise ValueError("Give a number.")
            return int(number) if number == int(number) else number
        case "dealer":
            return said == "yes"
        case "newsletter_topics":
            return [part.strip() for part in said.split(",") if part.strip()]
        case _:
            return said


def _addresses(typed: Typed, before: Mapping[str, Any]) -> list[dict[str, str]] | None:
    known = before.get("addresses") or []
    first = {**(known[0] if known else {}), **{part: typed.get(part, "").strip()[:200] for part in ADDRESS_PARTS}}
    first = {part: value for part, value in first.items() if value}
    rest = list(known[1:])
    return ([first, *rest] if first.keys() - {"label"} else rest) or None


def _written(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(value)
        case _:
            return str(value)
