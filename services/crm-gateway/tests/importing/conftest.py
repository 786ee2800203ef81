"""Small export files with the traits of the real ones, and a short way to read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from crm_gateway.importing import Accepted, Layout, Options, PassedOver, Rejected, inspect, read

OCCURRED = datetime(2026, 5, 3, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Imported:
    layout: Layout
    accepted: list[Accepted]
    rejected: list[Rejected]
    passed_over: list[PassedOver]

    @property
    def messages(self) -> list[Any]:
        return [m for row in self.accepted for m in row.messages]

    @property
    def persons(self) -> list[dict[str, Any]]:
        return [m.fields for m in self.messages if m.type == "crm.person.changed"]

    @property
    def questions(self) -> dict[str, Any]:
        return {q.key: q for q in self.layout.questions}


@pytest.fixture
def options() -> Callable[..., Options]:
    def make(**said: Any) -> Options:
        return Options(**{"occurred": OCCURRED} | said)

    return make


@pytest.fixture
def imported(tmp_path: Path, options: Callable[..., Options]) -> Callable[..., Imported]:
    """Write a file and read it: text is written in the encoding given, a mapping of sheets as a workbook."""

    def run(
        content: str | bytes | dict[str, Sequence[Sequence[Any]]],
        *,
        encoding: str = "utf-8",
        name: str = "export",
        **said: Any,
    ) -> Imported:
        path = tmp_path / name
        if isinstance(content, dict):
            book = openpyxl.Workbook()
            book.remove(book.active)
            for title, rows in content.items():
                sheet = book.create_sheet(title)
                for row in rows:
                    sheet.append(list(row))
                    for cell in sheet[sheet.max_row]:
                        cell.data_type = "s" if isinstance(cell.value, str) else cell.data_type
            book.save(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        layout = inspect(path, options(**said))
        rows = list(read(path, layout))
        return Imported(
            layout,
            [r for r in rows if isinstance(r, Accepted)],
            [r for r in rows if isinstance(r, Rejected)],
            [r for r in rows if isinstance(r, PassedOver)],
        )

    return run


@pytest.fixture
def looked_at(tmp_path: Path, options: Callable[..., Options]) -> Callable[..., Layout]:
    """Write a text file and only look it through."""

    def run(content: str, **said: Any) -> Layout:
        path = tmp_path / "export.csv"
        path.write_text(content, encoding="utf-8", newline="")
        return inspect(path, options(**said))

    return run
