"""Workbooks (.xlsx), read row by row.

A workbook keeps each different text once, in a table of its own that grows with the file. Up to a few megabytes it is held in
memory; beyond, in an unnamed temporary file that is gone when the workbook is closed, so that memory stays flat.
"""

from __future__ import annotations

import tempfile
import warnings
import zipfile
import zlib
from array import array
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import ParseError, iterparse

from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from crm_gateway.importing.refusals import ImportRefused

Cell = str | int | float | bool | date | datetime | time | None

_ITEM, _TEXT, _PHONETIC = (f"{{{SHEET_MAIN_NS}}}{tag}" for tag in ("si", "t", "rPh"))
_IN_MEMORY = 4 * 1024 * 1024
_DAMAGED = "damaged-workbook"
_ADVICE = "The workbook is damaged or was cut off. Open it in Excel, save it again as .xlsx or CSV and import that."
_DAMAGE = (
    KeyError,
    ValueError,
    RuntimeError,
    TypeError,
    AttributeError,
    IndexError,
    EOFError,
    OSError,
    ParseError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a workbook that is not whole ends in."""


class SharedStrings(Sequence[str]):
    """The texts of a workbook by their number, on disk once they are many."""

    def __init__(self, source: IO[bytes]) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+b")  # noqa: SIM115 - closed with the workbook
        self._ends = array("Q", [0])
        position = 0
        root = None
        for event, element in iterparse(source, events=("start", "end")):  # noqa: S314 - expat refuses entity bombs itself
            if root is None:
                root = element
            if event == "end" and element.tag == _ITEM:
                phonetic = {id(t) for p in element.iter(_PHONETIC) for t in p.iter(_TEXT)}
                text = "".join(t.text or "" for t in element.iter(_TEXT) if id(t) not in phonetic)
                position += self._file.write(text.encode("utf-8", "surrogatepass"))
                self._ends.append(position)
                root.clear()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: Any) -> Any:
        if index < 0 or index >= len(self):
            raise IndexError(index)
        start = self._ends[index]
        self._file.seek(start)
        return self._file.read(self._ends[index + 1] - start).decode("utf-8", "surrogatepass")

    def close(self) -> None:
        self._file.close()


class _Reader(ExcelReader):
    """openpyxl's reader, with the table of texts kept out of memory."""

    def read_strings(self) -> None:
        part: Any = next(iter(self.package.findall(SHARED_STRINGS)), None)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as source:
                self.shared_strings = SharedStrings(source)  # type: ignore[assignment]  # it only ever asks for an item


class Workbook:
    """One open workbook."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")  # by its bytes, whatever its name ends in
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._reader = _Reader(self._file, read_only=True, data_only=True, keep_links=False)
                self._reader.read()
        except _DAMAGE as broken:
            self._file.close()
            raise ImportRefused(_DAMAGED, _ADVICE) from broken
        self._book = self._reader.wb

    def sheets(self) -> tuple[str, ...]:
        return tuple(sheet.title for sheet in self._book.worksheets)

    def rows(self, name: str) -> Iterator[tuple[int, Sequence[Cell]]]:
        sheet: Any = self._book[name]
        sheet.reset_dimensions()
        number = width = 0
        try:
            for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
                cells = [_cell(value) for value in row]
                while cells and cells[-1] is None:
                    cells.pop()
                width = max(width, len(cells))
                if cells:
                    cells += [None] * (width - len(cells))  # a workbook leaves empty cells out at the end of a row
                yield number, cells
        except _DAMAGE as broken:
            raise ImportRefused(_DAMAGED, f"The sheet breaks off after row {number}. {_ADVICE}") from broken

    def close(self) -> None:
        self._book.close()
        self._file.close()
        if isinstance(self._reader.shared_strings, SharedStrings):
            self._reader.shared_strings.close()


_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"})


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return None if value in _ERRORS else value.replace("_x000D_", "")
    if isinstance(value, timedelta):
        return str(value)
    return value if isinstance(value, int | float | bool | date | datetime | time) else None
