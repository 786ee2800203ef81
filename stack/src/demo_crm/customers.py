"""The customers that the CRM begins with, read from ``customers.toml``, and the small notations that it is written in."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Literal

CUSTOMERS = files("demo_crm") / "customers.toml"
SELLER = "vogt"

Kind = Literal["order", "note", "ticket"]
KINDS: tuple[Kind, ...] = ("order", "note", "ticket")
CONSENT_KINDS = ("newsletter", "product-news-phone", "satisfaction-survey", "personal-offers")
"""The consents that this CRM has a tick for."""

TEXT_FIELDS = (
    "salutation", "title", "first_name", "last_name", "company", "job_title", "customer_number", "birth_date", "language",
)  # fmt: skip
OWN_FIELDS = ("loyalty_level", "customer_since", "discount_percent", "dealer", "warranty_until", "newsletter_topics")
"""Fields that only this CRM has: a choice, dates, a number, a yes or no, and a list."""
LEVELS = ("bronze", "silver", "gold")


@dataclass(frozen=True, slots=True)
class Record:
    """An order, a note or a ticket. ``at``: the day on which it was made."""

    kind: Kind
    ref: str
    at: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tick:
    """What the CRM knows of a consent: since when, and how it can be shown (if it can)."""

    kind: str
    state: str
    since: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer with everything that the CRM begins with."""

    ref: str
    changed: str
    fields: Mapping[str, Any]
    records: tuple[Record, ...] = ()
    ticks: tuple[Tick, ...] = field(default=())


def read() -> list[Customer]:
    """Read the file."""
    return [_customer(said) for said in tomllib.loads(CUSTOMERS.read_text(encoding="utf-8"))["customer"]]


def labelled(line: str, name: str) -> dict[str, str]:
    """``erika@example.org, work`` as an address with its label."""
    value, _, label = (part.strip() for part in line.partition(","))
    return {name: value, "label": label} if label else {name: value}


def line_of(value: Mapping[str, Any], name: str) -> str:
    """The other way round, for forms."""
    return f"{value[name]}, {value['label']}" if value.get("label") else str(value[name])


def name_of(fields: Mapping[str, Any]) -> str:
    """How people say it: title and names, else the company."""
    parts = [fields.get(part) for part in ("title", "first_name", "last_name")]
    return " ".join(str(part) for part in parts if part) or str(fields.get("company") or "")


def _customer(said: Mapping[str, Any]) -> Customer:
    fields = dict(said["fields"])
    for name, parts in (("emails", "address"), ("phones", "number")):
        if said[name]:
            fields[name] = [labelled(line, parts) for line in said[name]]
    if said["addresses"]:
        fields["addresses"] = [dict(one) for one in said["addresses"]]
    ref = said["ref"]
    ticks = (_parts(line) for line in said["consents"])
    return Customer(
        ref,
        _utc(said["changed"]),
        fields,
        tuple(_records(ref, said)),
        tuple(Tick(kind, state, since, evidence or None) for kind, state, since, evidence in ticks),
    )


def _records(ref: str, said: Mapping[str, Any]) -> Iterator[Record]:
    for line in said["orders"]:
        placed, number, total, items = _parts(line)
        yield order(number, placed, float(total), [item.strip() for item in items.split(";")])
    for n, line in enumerate(said["notes"], 1):
        written, author, text = _parts(line)
        yield Record("note", f"N-{ref}-{n}", written, {"written": written, "author": author, "text": text})
    for line in said["tickets"]:
        opened, number, state, subject = _parts(line)
        yield Record("ticket", number, opened, {"opened": opened, "state": state, "subject": subject})


def order(number: str, placed: str, total: float, items: list[str]) -> Record:
    """An order in this CRM's shape."""
    return Record("order", number, placed, {"placed": placed, "total": total, "currency": "EUR", "items": items})


def _parts(line: str) -> list[str]:
    return [part.strip() for part in line.split("|")]


def _utc(moment: Any) -> str:
    return str(moment.isoformat())
