"""The rows of a file, one after the other, whatever its format: never more of it in memory than the row at hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from enum import Enum
from pathlib import Path
from typing import Any

from crm_gateway.importing.refusals import ImportRefused
from crm_gateway.importing.sniffing import Form, records
from crm_gateway.importing.workbook import Workbook


class Missing(Enum):
    """Stands for a cell that a row does not have, which is not the same as an empty one: nothing is said about its field."""

    MISSING = "missing"


MISSING = Missing.MISSING
Cell = str | int | float | bool | date | datetime | time | Missing | None
NumberedRow = tuple[int, Sequence[Cell]]
MAX_COLUMNS = 20_000

_END = "\x1e\x1dthe end\x1d\x1e"


class Tables:
    """The sheets of a file; a text file is one sheet without a name."""

    def __init__(self, path: Path, form: Form, keys: tuple[str, ...] = ()) -> None:
        self._path = path
        self._form = form
        self._keys = keys
        self._workbook = Workbook(path) if form.format == "XLSX" else None

    def sheets(self) -> tuple[str, ...]:
        return self._workbook.sheets() if self._workbook else ("",)

    def rows(self, sheet: str) -> Iterator[NumberedRow]:
        """Give the rows with their number as a spreadsheet shows it, the first is 1."""
        if self._workbook:
            return self._workbook.rows(sheet)
        if self._form.format == "JSONL":
            return self._objects()
        return self._records()

    @property
    def header_row(self) -> int | None:
        """Where the names of columns stand, if the format says so: objects bring theirs along."""
        return 0 if self._form.format == "JSONL" else None

    def close(self) -> None:
        if self._workbook:
            self._workbook.close()

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _records(self) -> Iterator[NumberedRow]:
        form, number, began = self._form, 0, 1
        with self._path.open(encoding=form.codec, newline="") as file:
            reader = records(_with_end(file), form.delimiter, form.quote, form.escape)
            try:
                for number, row in enumerate(reader, start=1):
                    if row == [_END]:
                        return
                    if row and row[-1].endswith(_END):
                        raise ImportRefused(
                            "open-quote",
                            f"A quote that opens in row {number} is never closed. Correct that row, or export the file again.",
                        )
                    if number == 1 and form.first_line_names_delimiter:
                        continue
                    if len(row) > MAX_COLUMNS:
                        raise ImportRefused(
                            "too-many-columns",
                            f"Row {number} has more than {MAX_COLUMNS} columns. Check the delimiter.",
                        )
                    began = number + 1
                    yield number, row
            except csv.Error as broken:
                raise ImportRefused(
                    "unreadable-row", f"Row {began} cannot be read: a quote is not closed, or a cell is far too long."
                ) from broken
            except UnicodeDecodeError as broken:
                raise _not_in(form, number) from broken

    def _objects(self) -> Iterator[NumberedRow]:
        yield 0, self._keys
        for number, found in json_lines(self._path, self._form):
            if isinstance(found, dict):
                yield number, [_flat(found[key]) if key in found else MISSING for key in self._keys]
            else:
                yield number, [Unreadable()]


class Unreadable(str):
    """Stands for a line that is not a JSON object."""

    __slots__ = ()


def _with_end(file: Iterable[str]) -> Iterator[str]:
    """Add a line of our own at the end: what swallows it has a quote that was never closed."""
    yield from file
    yield _END


def json_lines(path: Path, form: Form) -> Iterator[tuple[int, Any]]:
    """Give each line of a JSON lines file, ``None`` where it is not JSON."""
    number = 0
    with path.open(encoding=form.codec, newline="\n") as file:
        try:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _parsed(line)
        except UnicodeDecodeError as broken:
            raise _not_in(form, number) from broken


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _not_in(form: Form, number: int) -> ImportRefused:
    return ImportRefused(
        "wrong-encoding",
        f"After row {number} the file is not {form.encoding}. Say its encoding, for example --encoding windows-1252.",
    )


def keys_of(path: Path, form: Form) -> tuple[str, ...]:
    """Give all names that the objects of a JSON lines file use, in the order of their first use."""
    keys: dict[str, None] = {}
    for _, found in json_lines(path, form):
        if isinstance(found, dict):
            keys |= dict.fromkeys(found)
        if len(keys) > MAX_COLUMNS:
            raise ImportRefused("too-many-columns", f"The objects use more than {MAX_COLUMNS} names.")
    return tuple(keys)


def _flat(value: Any) -> Cell:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return "\n".join(value)
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value if isinstance(value, str | int | float | bool) else None
