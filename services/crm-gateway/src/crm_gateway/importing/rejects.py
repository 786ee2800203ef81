"""The file of rejected rows: the same columns, and for each row its number and why. Corrected, it can be imported as it is."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from crm_gateway.importing.headers import slug
from crm_gateway.importing.layout import REJECT_COLUMNS, Layout
from crm_gateway.importing.reading import Rejected
from crm_gateway.importing.tables import MISSING, Cell

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(cell: Cell) -> str:
    """Give a cell so that a spreadsheet takes it for text: what begins like a formula gets an apostrophe before it."""
    written = "" if cell is None or cell is MISSING else str(cell)
    return "'" + written if written.startswith(_FORMULA) else written


class RejectsFile:
    """Writes rejected rows as CSV (UTF-8 with BOM, the delimiter of the source), one file for each sheet that has some.

    The files are readable by their owner only: they hold what the rows hold. Nothing is written if nothing was rejected.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = path
        self._layout = layout
        self._files: dict[str, IO[str]] = {}
        self._writers: dict[str, Any] = {}
        self.paths: list[Path] = []

    def write(self, rejected: Rejected) -> None:
        writer = self._writers.get(rejected.sheet) or self._begin(rejected.sheet)
        width = len(self._header(rejected.sheet))
        raw = [safe(c) for c in rejected.raw][:width]
        raw += [""] * (width - len(raw))
        writer.writerow([*raw, rejected.row, safe(rejected.column), safe(rejected.reason)])

    def close(self) -> None:
        for file in self._files.values():
            file.close()

    def __enter__(self) -> RejectsFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _header(self, sheet: str) -> Sequence[str]:
        columns = next((s.columns for s in self._layout.sheets if s.name == sheet), ())
        return [c.header for c in columns if c.header not in REJECT_COLUMNS] or ["line"]

    def _begin(self, sheet: str) -> Any:
        path = (
            self._path
            if not self._files and len(self._layout.sheets) == 1
            else self._path.with_stem(f"{self._path.stem}-{slug(sheet)}")
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        file = os.fdopen(descriptor, "w", encoding="utf-8-sig", newline="", errors="replace")
        form = self._layout.form
        writer = csv.writer(file, delimiter=form.delimiter if form.format in ("CSV", "TSV") else ";")
        writer.writerow([*self._header(sheet), *REJECT_COLUMNS])
        self._files[sheet], self._writers[sheet] = file, writer
        self.paths.append(path)
        return writer
