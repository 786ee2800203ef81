"""What was found in a file before anything of it is taken over: to be shown, and with the questions that only a person can answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from crm_gateway.importing.dates import Order
from crm_gateway.importing.headers import Target
from crm_gateway.importing.mapping import Consent, Options
from crm_gateway.importing.refusals import ImportRefused
from crm_gateway.importing.sniffing import Form

REJECT_COLUMNS = ("gdpr:row", "gdpr:column", "gdpr:reason")
"""Columns that the file of rejected rows has beyond those of its source."""

Role = Literal["persons", "records", "ignore", "messages"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet. ``filled`` counts its cells with something in them; ``order`` is how its dates are written.

    ``header`` is its name to show, unlike any other's in the sheet; ``written`` is what stands in the file.
    """

    index: int
    header: str
    target: Target
    recognised: bool = False
    filled: int = 0
    consent: Consent | None = None
    order: Order | None = None
    written: str = ""

    @property
    def letter(self) -> str:
        name, number = "", self.index + 1
        while number:
            number, rest = divmod(number - 1, 26)
            name = chr(65 + rest) + name
        return name


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """One sheet: what it is, where its headers stand, where its columns go.

    ``ref`` is the field that identifies a person: an identifier of its own, the customer number, or the e-mail address.
    ``why`` says how its role was found.
    """

    name: str
    role: Role
    header_row: int = 1
    columns: tuple[Column, ...] = ()
    rows: int = 0
    kind: str | None = None
    ref: str = "crm_ref"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that the file leaves open. ``otherwise`` says what happens without an answer; a ``required`` one must have it."""

    slug: str
    text: str
    choices: tuple[tuple[str, str], ...]
    sheet: str = ""
    column: str = ""
    otherwise: str = ""
    required: bool = False
    suggestion: str | None = None

    @property
    def key(self) -> str:
        """What an answer is given under."""
        return ":".join((self.slug, self.sheet, self.column)).rstrip(":")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A file as it will be read."""

    form: Form
    options: Options
    sheets: tuple[SheetLayout, ...]
    convention: str | None = None
    language: str | None = None
    questions: tuple[Question, ...] = ()
    notices: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(default=(), repr=False)

    @property
    def rows(self) -> int:
        """How many rows will be read: for a progress bar."""
        return sum(s.rows for s in self.sheets if s.role != "ignore")

    @property
    def rejects_file(self) -> bool:
        """Whether the file is one of our own files of rejected rows, corrected and given again."""
        return any(c.header == REJECT_COLUMNS[0] for s in self.sheets for c in s.columns)

    @property
    def persons(self) -> SheetLayout | None:
        return next((s for s in self.sheets if s.role == "persons"), None)

    def labels(self) -> dict[str, str]:
        """Give the header that each custom field comes from: a first label for the field catalogue."""
        return {
            c.target.field: c.header
            for s in self.sheets
            if s.role == "persons"
            for c in s.columns
            if c.target.field.startswith("custom.")
        }

    def require_answers(self) -> None:
        """Refuse to go on while a question is open that has to be answered."""
        open_ones = [q for q in self.questions if q.required]
        if open_ones:
            raise ImportRefused("open-questions", "Answer first: " + " ".join(q.text for q in open_ones))

    def as_mapping(self) -> dict[str, object]:
        """Give the mapping file that says all of this: a starting point for one of one's own."""
        many = len(self.sheets) > 1
        said: dict[str, object] = {}
        if self.persons and self.persons.ref != "crm_ref":
            said["crm_ref"] = "email" if self.persons.ref == "emails" else self.persons.ref
        if self.options.region:
            said["phone_region"] = self.options.region
        if self.options.order:
            said["date_order"] = self.options.order
        sheets = {s.name: _sheet_mapping(s) for s in self.sheets if s.role != "messages"}
        if many:
            said["sheets"] = sheets
        elif sheets and (columns := next(iter(sheets.values())).get("columns")):
            said["columns"] = columns
        return said


def _sheet_mapping(sheet: SheetLayout) -> dict[str, object]:
    if sheet.role == "ignore":
        return {"role": "ignore"}
    said: dict[str, object] = {"role": sheet.role}
    if sheet.kind:
        said["kind"] = sheet.kind
    special = {"contact": "contact", "record_ref": "id"}
    for column in sheet.columns:
        if name := special.get(column.target.field):
            said[name] = column.header
    if sheet.role == "persons":
        said["columns"] = {c.header: _column_mapping(c) for c in sheet.columns}
    return said


def _column_mapping(column: Column) -> object:
    if column.consent:
        return column.consent.model_dump()
    if column.order and column.target.field == "birth_date":
        return {"field": "birth_date", "date_order": column.order}
    return str(column.target)


def named(columns: Iterable[Column], field_name: str) -> Column | None:
    """Give the first column that goes to a field."""
    return next((c for c in columns if c.target.field == field_name), None)
