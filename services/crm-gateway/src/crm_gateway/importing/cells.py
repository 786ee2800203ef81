"""A cell as a value: cleaned, or refused with its reason."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time

from crm_gateway.importing.refusals import CellRefused
from crm_gateway.importing.sniffing import MAX_CELL
from crm_gateway.importing.tables import MISSING, Cell, Missing, NumberedRow, Unreadable

_CONTROLS = re.compile(r"[\x01-\x08\x0e-\x1f\x7f\ufeff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")

Plain = str | int | float | bool | None


def empty(cell: Cell) -> bool:
    return cell is None or cell is MISSING or (isinstance(cell, str) and not cell.strip())


def text(cell: Cell) -> str:
    """Give a cell as text; numbers as they are written, without a ``.0`` that a spreadsheet adds."""
    match cell:
        case None | Missing():
            return ""
        case str():
            return _clean(cell)
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case datetime() | date() | time():
            return str(_iso(cell))
        case _:
            return str(cell)


def plain(cell: Cell) -> Plain:
    """Give a cell as a value of a custom field: text, number, yes/no, or a date as ISO text."""
    match cell:
        case str():
            return _clean(cell) or None
        case bool() | None:
            return cell
        case Missing():
            return None
        case float() if not math.isfinite(cell):
            return str(cell)
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return int(cell)
        case int() | float():
            return cell
        case _:
            return _iso(cell)


def _iso(moment: date | datetime | time) -> str:
    if isinstance(moment, datetime):
        return moment.date().isoformat() if moment.time() == time() else moment.isoformat(timespec="seconds")
    return moment.isoformat(timespec="minutes") if isinstance(moment, time) else moment.isoformat()


def _clean(value: str) -> str:
    if len(value) > MAX_CELL:
        raise CellRefused(
            "cell-too-long",
            f"The cell holds more than {MAX_CELL} characters. Shorten it, or leave the column out by a mapping file.",
        )
    if value.isascii() and value.isprintable():
        return value.strip()
    if "\x00" in value:
        raise CellRefused("nul-byte", "The cell holds a NUL byte. Remove it from the record in the CRM.")
    if _SURROGATES.search(value):
        raise CellRefused("broken-letter", "The cell holds half a letter, which no text can hold. Write the cell anew.")
    return (
        _CONTROLS.sub("", value.replace("\x0b", "\n").replace("\x0c", "\n"))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .strip()
    )


def there(row: Sequence[Cell], index: int) -> bool:
    """Tell whether a row has this cell at all, be it empty."""
    return index < len(row) and row[index] is not MISSING


def data_rows(rows: Iterator[NumberedRow], header_row: int, header: Sequence[str]) -> Iterator[NumberedRow]:
    """Give the rows below the header that hold something, without repetitions of the header."""
    repeated = [h.strip() for h in header]
    if not repeated:
        return
    for number, cells in rows:
        if number <= header_row or (all(empty(c) for c in cells) and not any(isinstance(c, Unreadable) for c in cells)):
            continue
        if (
            isinstance(cells[0], str)
            and cells[0].strip() == repeated[0]
            and [_short(c) for c in cells] == repeated[: len(cells)]
        ):
            continue
        yield number, cells


def _short(cell: Cell) -> str:
    return cell.strip() if isinstance(cell, str) else "" if cell is None or cell is MISSING else str(cell)
