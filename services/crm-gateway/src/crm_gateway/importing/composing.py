"""One row as the fields of a person, or of a record that belongs to one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from crm_gateway.importing import cells as cell
from crm_gateway.importing import reachable, words
from crm_gateway.importing.conventions import LABEL_WORDS, LABELS
from crm_gateway.importing.dates import EARLIEST, readings, without_year
from crm_gateway.importing.headers import ADDRESS_PARTS, custom, normalise, slug
from crm_gateway.importing.layout import Column, SheetLayout
from crm_gateway.importing.mapping import Consent
from crm_gateway.importing.refusals import CellRefused
from crm_gateway.importing.tables import Cell

Fields = dict[str, Any]
_SEVERAL = ":::"
_REF = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class Person:
    """What a row says of a person. An absent field was not in the row; ``None`` says that the CRM holds nothing there."""

    ref: str
    fields: Fields
    consents: list[tuple[Consent, bool]] = field(default_factory=list)


@dataclass(slots=True)
class Record:
    """What a row says of a related record. ``ref`` is its own identifier, where it has one; ``contact`` points at the person."""

    contact: str
    ref: str | None
    fields: Fields


def reference(value: Cell) -> str:
    """Give an identifier as text: ``12``, whether the file holds a number or text."""
    found = cell.text(value)
    if len(found) > 200 or _REF.search(found):
        raise CellRefused("bad-id", "This is no identifier: it is longer than 200 characters or holds a line break.")
    return found


class PersonRows:
    """Composes the rows of one sheet of persons."""

    def __init__(self, sheet: SheetLayout, *, region: str | None, latest: date, unescape: bool = False) -> None:
        self._ref = sheet.ref
        self._region = region
        self._latest = latest
        self._unescape = unescape
        active = [c for c in sheet.columns if c.target.field != "ignore"]
        self._lists = {
            name: [c for c in active if c.target.field == name] for name in ("emails", "phones", "addresses")
        }
        self._consents = [c for c in active if c.target.field == "consent" and c.consent]
        self._custom = [c for c in active if c.target.field.startswith("custom.") and c.filled]
        self._scalars = [
            c for c in active if (c.target.core and c.target.field not in self._lists) or c.target.field == "full_name"
        ]
        self._id = (
            next((c for c in active if c.target.field == self._ref), None) if self._ref not in self._lists else None
        )

    def compose(self, row: Sequence[Cell]) -> Person:
        """Compose a row, or refuse it because of one cell."""
        if self._unescape:
            row = [c[1:] if isinstance(c, str) and re.match(r"'[=+\-@\t\r]", c) else c for c in row]
        fields: Fields = {}
        rest: Fields = {}
        for column in self._scalars:
            if cell.there(row, column.index):
                with_column(column, self._scalar, column, row[column.index], fields, rest)
        country = self._addresses(row, fields)
        self._emails(row, fields, rest)
        self._phones(row, fields, country)
        for column in self._custom:
            if cell.there(row, column.index):
                fields[column.target.field] = with_column(column, cell.plain, row[column.index])
        consents = list(self._decisions(row, rest))
        for name, value in rest.items():
            if fields.get(name) is None:
                fields[name] = value
        return Person(self._reference(row, fields), fields, consents)

    def _reference(self, row: Sequence[Cell], fields: Fields) -> str:
        if self._ref == "emails":
            found = fields.get("emails") or []
            if len(found) != 1:
                raise CellRefused(
                    "no-single-email",
                    "Rows are identified by their e-mail address, and this one does not have exactly one.",
                )
            return reference(found[0]["address"].casefold())
        if self._id is None:
            raise CellRefused(
                "no-id",
                "The row has no identifier of the CRM. Say which column is one, for example by crm_ref in a mapping file.",
            )
        found_ref: str = with_column(
            self._id, reference, row[self._id.index] if cell.there(row, self._id.index) else None
        )
        if not found_ref:
            raise CellRefused("no-id", "The cell with the identifier of the CRM is empty.", self._id.header)
        return found_ref

    def _scalar(self, column: Column, value: Cell, fields: Fields, rest: Fields) -> None:
        name = column.target.field
        if name == "birth_date":
            fields[name] = self._date(column, value, rest)
        elif name == "full_name":
            found = words.split_name(cell.text(value)) if not cell.empty(value) else {}
            fields |= {"first_name": found.get("first_name"), "last_name": found.get("last_name")}
            fields |= {k: v for k, v in found.items() if k in ("title", "salutation") and not fields.get(k)}
        elif name == "language":
            said = cell.text(value)
            fields[name] = words.language(said) if said else None
            if said and not fields[name]:
                rest[custom(column.header).field] = said
        else:
            fields[name] = cell.text(value) or fields.get(name)

    def _date(self, column: Column, value: Cell, rest: Fields) -> str | None:
        found = readings(cell.text(value) if isinstance(value, str) else value, self._latest)
        if found is None:
            return None
        if not found and without_year(value):
            rest[custom(column.header).field] = cell.text(value)
            return None
        days = set(found.values())
        if len(days) > 1 and column.order is None:
            raise CellRefused(
                "ambiguous-date", "This date can be read in two ways. Say the order, for example --date-order dmy."
            )
        day = (
            next(iter(days))
            if len(days) == 1 and (column.order is None or column.order in found)
            else found.get(column.order or "dmy")
        )
        if day is None:
            raise CellRefused(
                "unreadable-date", "This is not a date that exists. Write it as 1980-02-03, or leave it empty."
            )
        if not EARLIEST <= day <= self._latest:
            raise CellRefused(
                "unlikely-date",
                f"A date of birth lies between {EARLIEST.year} and today. Correct it, or leave it empty.",
            )
        return day.isoformat()

    def _addresses(self, row: Sequence[Cell], fields: Fields) -> dict[str, str | None]:
        """Put the parts together; give each group's country for its telephone numbers."""
        columns = self._lists["addresses"]
        groups: dict[str, dict[str, str]] = {}
        present, numeric = False, list[str]()
        for column in columns:
            if cell.there(row, column.index):
                present = True
                value = with_column(column, cell.text, row[column.index])
                if value:
                    groups.setdefault(column.target.group, {})[column.target.part] = value
                    if column.target.part == "postcode" and isinstance(row[column.index], int):
                        numeric.append(column.target.group)
        for group in numeric:  # a spreadsheet that held 01067 as a number lost its zero
            if words.country(groups[group].get("country", "")) == "DE":
                groups[group]["postcode"] = groups[group]["postcode"].zfill(5)
        if present:
            fields["addresses"] = [a for group, parts in groups.items() for a in _address(group, parts)] or None
        return {group: words.country(parts["country"]) for group, parts in groups.items() if "country" in parts}

    def _emails(self, row: Sequence[Cell], fields: Fields, rest: Fields) -> None:
        found: dict[str, dict[str, str]] = {}
        labels = self._labels("emails", row)
        for column, said in self._values("emails", row):
            addresses, all_of_it = reachable.emails(said)
            for number, address in enumerate(addresses):
                found.setdefault(
                    address.casefold(), _labelled({"address": address}, column.target.group, labels, number)
                )
            if not all_of_it:
                rest[custom(column.header).field] = said
        if any(cell.there(row, c.index) for c in self._lists["emails"]):
            fields["emails"] = list(found.values()) or None

    def _phones(self, row: Sequence[Cell], fields: Fields, country: dict[str, str | None]) -> None:
        found: dict[str, dict[str, str]] = {}
        labels = self._labels("phones", row)
        for column, said in self._values("phones", row):
            region = region_of(column.target.group, country) or self._region
            for number, written in enumerate(reachable.phones(said)):
                read = reachable.e164(written, region) or written
                found.setdefault(read, _labelled({"number": read}, column.target.group, labels, number))
        if any(cell.there(row, c.index) for c in self._lists["phones"]):
            fields["phones"] = list(found.values()) or None

    def _values(self, name: str, row: Sequence[Cell]) -> Iterator[tuple[Column, str]]:
        for column in self._lists[name]:
            if (
                column.target.part != "label"
                and cell.there(row, column.index)
                and (said := with_column(column, cell.text, row[column.index]))
            ):
                yield column, said

    def _labels(self, name: str, row: Sequence[Cell]) -> dict[str, list[str]]:
        return {
            c.target.group: with_column(c, cell.text, row[c.index]).split(_SEVERAL)
            for c in self._lists[name]
            if c.target.part == "label" and cell.there(row, c.index)
        }

    def _decisions(self, row: Sequence[Cell], rest: Fields) -> Iterator[tuple[Consent, bool]]:
        for column in self._consents:
            if cell.there(row, column.index) and column.consent and not cell.empty(row[column.index]):
                said = words.yes_or_no(row[column.index])
                if said is None:
                    rest[custom(column.header).field] = with_column(column, cell.plain, row[column.index])
                else:
                    yield column.consent, said != column.consent.inverted


class RecordRows:
    """Composes the rows of one sheet of related records."""

    def __init__(self, sheet: SheetLayout) -> None:
        self._contact = next(c for c in sheet.columns if c.target.field == "contact")
        self._ref = next((c for c in sheet.columns if c.target.field == "record_ref"), None)
        self._fields = [
            (c, slug(c.target.field.removeprefix("custom.")))
            for c in sheet.columns
            if c.target.field not in ("contact", "record_ref", "ignore")
        ]

    def compose(self, row: Sequence[Cell]) -> Record | None:
        """Compose a row; ``None`` where it points at no person."""
        contact = with_column(
            self._contact, reference, row[self._contact.index] if cell.there(row, self._contact.index) else None
        )
        if not contact:
            return None
        ref = (
            with_column(self._ref, reference, row[self._ref.index])
            if self._ref and cell.there(row, self._ref.index)
            else ""
        )
        values = {
            name: with_column(c, cell.plain, row[c.index])
            for c, name in self._fields
            if cell.there(row, c.index) and c.filled
        }
        return Record(contact, ref or None, values)


def with_column(column: Column, do: Callable[..., Any], *args: Any) -> Any:
    """Do something with a cell; if the cell is refused, say in which column it stands."""
    try:
        return do(*args)
    except CellRefused as refused:
        refused.column = refused.column or column.header
        raise


def region_of(group: str, country: dict[str, str | None]) -> str | None:
    """Give the country that a telephone number belongs to by the addresses of its row, where they agree on one."""
    if group in country:
        return country[group]
    known = {c for c in country.values() if c}
    return known.pop() if len(known) == 1 else country.get("")


def _address(group: str, parts: dict[str, str]) -> Iterator[dict[str, str]]:
    """Give the addresses of one group; some exporters write several into the same cells, parted by ``:::``."""
    pieces = {part: value.split(_SEVERAL) for part, value in parts.items()}
    for number in range(max(len(p) for p in pieces.values())):
        one = {part: p[number].strip() for part, p in pieces.items() if number < len(p) and p[number].strip()}
        street = " ".join(one[p] for p in ("street", "house_number") if p in one)
        lines = [line for line in (street, one.get("street2"), one.get("street3")) if line]
        label = _label(one["label"]) if "label" in one else group if group in LABELS else None
        made = {"street": "\n".join(lines)} | {p: one[p] for p in ADDRESS_PARTS[4:8] if p in one}
        made = {p: v for p, v in made.items() if v}
        if made:
            yield made | ({"label": label} if label else {})


def _labelled(value: dict[str, str], group: str, labels: dict[str, list[str]], number: int) -> dict[str, str]:
    written = labels.get(group, [])
    label = _label(written[min(number, len(written) - 1)]) if written else group if group in LABELS else None
    return value | ({"label": label} if label else {})


def _label(written: str) -> str | None:
    said = written.strip().lstrip("* ").strip()
    return LABEL_WORDS.get(normalise(said), said) or None
