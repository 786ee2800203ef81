"""What the rows of a sheet tell once all of them were seen; in bounded memory, however many they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from crm_gateway.importing import cells as cell
from crm_gateway.importing import reachable, words
from crm_gateway.importing.composing import region_of
from crm_gateway.importing.dates import DateColumn
from crm_gateway.importing.layout import Column
from crm_gateway.importing.refusals import CellRefused
from crm_gateway.importing.tables import Cell

_AT_MOST = 20_000


class Survey:
    """Of a sheet whose rows may point at contacts: for each column, whether all its values are contacts' identifiers, each once or not."""

    def __init__(self, width: int, ids: frozenset[str] | None) -> None:
        self.rows = 0
        self.filled = [0] * width
        self.inside = [ids is not None] * width
        self.distinct: list[set[int] | None] = [set() for _ in range(width)]
        self.too_many = ids is None
        self._ids = ids

    def see(self, row: Sequence[Cell]) -> None:
        self.rows += 1
        for index, value in enumerate(row[: len(self.filled)]):
            if cell.empty(value):
                continue
            self.filled[index] += 1
            said = _said(value)
            if self._ids is not None and self.inside[index] and said not in self._ids:
                self.inside[index] = False
            seen = self.distinct[index]
            if seen is not None and len(seen) < _AT_MOST:
                if hash(said) in seen:
                    self.distinct[index] = None
                seen.add(hash(said))

    def each_once(self, index: int) -> bool:
        return self.distinct[index] is not None and self.filled[index] == self.rows


class PersonSurvey:
    """Of a sheet of persons: how its dates are written, which telephone numbers lack their country, and who is in it."""

    def __init__(self, columns: Sequence[Column], ref: str, latest: date, region: str | None) -> None:
        self.rows = 0
        self.filled = [0] * len(columns)
        self.dates = {c.index: DateColumn() for c in columns if c.target.field == "birth_date"}
        self.regionless = 0
        self._latest = latest
        self._region = region
        self._phones = [c for c in columns if c.target.field == "phones" and not c.target.part]
        self._countries = [c for c in columns if c.target.field == "addresses" and c.target.part == "country"]
        self._ref = next((c.index for c in columns if c.target.field == ref), None)
        self._ids: set[str] | None = set()

    @property
    def ids(self) -> frozenset[str] | None:
        """The identifiers of the sheet, ``None`` where they are too many to hold."""
        return None if self._ids is None else frozenset(self._ids)

    def see(self, row: Sequence[Cell]) -> None:
        self.rows += 1
        width = min(len(row), len(self.filled))
        for index in range(width):
            if not cell.empty(row[index]):
                self.filled[index] += 1
        for index, dates in self.dates.items():
            if index < width and not cell.empty(row[index]):
                dates.see(row[index], self._latest)
        if self._region is None and self._phones:
            self._look_at_phones(row, width)
        if self._ids is not None and self._ref is not None and self._ref < width:
            self._ids.add(_said(row[self._ref]))
            if len(self._ids) > _AT_MOST:
                self._ids = None

    def _look_at_phones(self, row: Sequence[Cell], width: int) -> None:
        country: dict[str, str | None] | None = None
        for column in self._phones:
            if column.index < width and not cell.empty(row[column.index]):
                for number in reachable.phones(_said(row[column.index])):
                    if not reachable.national(number):
                        continue
                    if country is None:
                        country = {
                            c.target.group: words.country(_said(row[c.index]))
                            for c in self._countries
                            if c.index < width and not cell.empty(row[c.index])
                        }
                    if region_of(column.target.group, country) is None:
                        self.regionless += 1


def _said(value: Cell) -> str:
    try:
        return cell.text(value)
    except CellRefused:
        return ""
