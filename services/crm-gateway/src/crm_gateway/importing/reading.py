"""From the rows of a file to the messages of the CRM's door, one row at a time.

The id of a message is made from what it says (source, record, content, time of the export), so that the same file read twice
gives the same messages. A consent's id leaves the time out: a flag that is still set in a later export is not a new act of the person,
and must not come back as one after they withdrew. A withdrawal's id keeps it: a withdrawal is always believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import TypeAdapter, ValidationError

from crm_gateway.importing.cells import data_rows
from crm_gateway.importing.composing import Person, PersonRows, Record, RecordRows
from crm_gateway.importing.layout import Layout, SheetLayout
from crm_gateway.importing.refusals import CellRefused
from crm_gateway.importing.tables import Cell, Tables, Unreadable, json_lines
from events.catalogue.crm import (
    ConsentRecordedInCrmMessage,
    CrmMessage,
    Inbound,
    PersonChangedInCrm,
    RecordChangedInCrm,
    WithdrawalRecordedInCrmMessage,
)

_NAMESPACE: Final = UUID("6f2f6d3e-0c5b-5a0e-9d55-5d6f0c1f7a51")
_FIELDS_AT_ONCE: Final = 500
_INBOUND: TypeAdapter[CrmMessage] = TypeAdapter(Inbound)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row, and what the CRM says by it. ``raw`` is for the file of rejected rows, should the CRM's door refuse it."""

    sheet: str
    row: int
    messages: tuple[CrmMessage, ...]
    raw: Sequence[Cell] = field(default=(), repr=False)

    def rejected(self, slug: str, reason: str, column: str | None = None) -> Rejected:
        """Give the row as one that was not taken over after all."""
        return Rejected(self.sheet, self.row, column, slug, reason, self.raw)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be taken over. ``raw`` is for the file of rejected rows, never for a log."""

    sheet: str
    row: int
    column: str | None
    slug: str
    reason: str
    raw: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A row that is about no person: there is nothing to take over, and nothing to correct."""

    sheet: str
    row: int
    reason: str


Row = Accepted | Rejected | PassedOver


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """Read a file as its layout says: persons first, then the records that belong to them. Refuses while a question is open."""
    layout.require_answers()
    if layout.form.messages:
        yield from _messages(path, layout)
        return
    with Tables(path, layout.form, layout.keys) as tables:
        for sheet in sorted(layout.sheets, key=lambda s: s.role):
            if sheet.role == "persons":
                yield from _persons(tables, sheet, layout)
        for sheet in layout.sheets:
            if sheet.role == "records":
                yield from _records(tables, sheet, layout)


def _persons(tables: Tables, sheet: SheetLayout, layout: Layout) -> Iterator[Row]:
    options = layout.options
    rows = PersonRows(sheet, region=options.region, latest=options.occurred.date(), unescape=layout.rejects_file)
    seen = _Seen() if sheet.ref == "emails" else None
    for number, cells in data_rows(tables.rows(sheet.name), sheet.header_row, [c.written for c in sheet.columns]):
        try:
            _refuse_unreadable(cells)
            person = rows.compose(cells)
            if seen and not seen.new(person.ref):
                raise CellRefused(
                    "email-not-unique", "Rows are identified by their e-mail address, and an earlier row has the same."
                )
            yield Accepted(sheet.name, number, tuple(_about_person(person, layout)), cells)
        except CellRefused as refused:
            yield Rejected(sheet.name, number, refused.column, refused.slug, refused.message, cells)
        except ValidationError as wrong:
            yield Rejected(sheet.name, number, None, "not-acceptable", _pointed(wrong), cells)


def _records(tables: Tables, sheet: SheetLayout, layout: Layout) -> Iterator[Row]:
    rows = RecordRows(sheet)
    for number, cells in data_rows(tables.rows(sheet.name), sheet.header_row, [c.written for c in sheet.columns]):
        try:
            record = rows.compose(cells)
            if record is None:
                yield PassedOver(sheet.name, number, "The row points at no person.")
            else:
                yield Accepted(sheet.name, number, tuple(_about_record(record, sheet, layout)), cells)
        except CellRefused as refused:
            yield Rejected(sheet.name, number, refused.column, refused.slug, refused.message, cells)
        except ValidationError as wrong:
            yield Rejected(sheet.name, number, None, "not-acceptable", _pointed(wrong), cells)


def _messages(path: Path, layout: Layout) -> Iterator[Row]:
    """Read a file whose lines are messages already."""
    for number, line in json_lines(path, layout.form):
        raw = [json.dumps(line, ensure_ascii=False)]
        if not isinstance(line, dict):
            yield Rejected("", number, None, "not-json", "The line is not a JSON object.", raw)
            continue
        try:
            yield Accepted("", number, (_INBOUND.validate_python(line),), raw)
        except ValidationError as wrong:
            yield Rejected("", number, None, "not-a-message", _pointed(wrong), raw)


def _about_person(person: Person, layout: Layout) -> Iterator[CrmMessage]:
    options = layout.options
    about: dict[str, Any] = {"occurred": options.occurred, "by": options.source, "crm_ref": person.ref}
    names = list(person.fields)
    for start in range(0, len(names), _FIELDS_AT_ONCE):
        fields = {name: person.fields[name] for name in names[start : start + _FIELDS_AT_ONCE]}
        yield PersonChangedInCrm(
            id=_identity(options.source, "person", person.ref, fields, options.occurred.isoformat()),
            fields=fields,
            **about,
        )
    for consent, given in person.consents:
        if given:
            yield ConsentRecordedInCrmMessage(
                id=_identity(options.source, "consent", person.ref, consent.consent), kind=consent.consent, **about
            )
        elif consent.no == "withdrawal":
            identity = _identity(
                options.source, "withdrawal", person.ref, consent.consent, options.occurred.isoformat()
            )
            yield WithdrawalRecordedInCrmMessage(id=identity, kind=consent.consent, **about)


def _about_record(record: Record, sheet: SheetLayout, layout: Layout) -> Iterator[CrmMessage]:
    """A record without an identifier of its own is known by what it says: the same text again is the same record."""
    options, kind = layout.options, sheet.kind or "record"
    ref = record.ref or _identity(options.source, kind, record.contact, record.fields)
    names = list(record.fields)
    for start in range(0, max(1, len(names)), _FIELDS_AT_ONCE):
        fields = {name: record.fields[name] for name in names[start : start + _FIELDS_AT_ONCE]}
        yield RecordChangedInCrm(
            id=_identity(options.source, kind, record.contact, ref, fields, options.occurred.isoformat()),
            occurred=options.occurred,
            by=options.source,
            crm_ref=record.contact,
            kind=kind,
            record_ref=ref,
            fields=fields,
        )


def _identity(*parts: Any) -> str:
    return str(uuid5(_NAMESPACE, json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))))


def _refuse_unreadable(cells: Sequence[Cell]) -> None:
    if cells and isinstance(cells[0], Unreadable):
        raise CellRefused("not-json", "The line is not a JSON object.")


def _pointed(wrong: ValidationError) -> str:
    """Say where a message is wrong, without what stands there."""
    first = wrong.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(p) for p in first['loc']) or 'The row'}: {first['type'].replace('_', ' ')}."


class _Seen:
    """Remembers identifiers by eight bytes each."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def new(self, ref: str) -> bool:
        digest = hashlib.blake2b(ref.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if digest in self._known:
            return False
        self._known.add(digest)
        return True
