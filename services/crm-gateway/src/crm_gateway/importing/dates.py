"""Dates as files write them. A date that can be read in two ways is never guessed: all readings are given, and the column decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Final, Literal, get_args

Order = Literal["dmy", "mdy", "ymd"]
ORDERS: Final[tuple[Order, ...]] = get_args(Order)
ORDER_WORDS: Final[dict[Order, str]] = {"dmy": "day, month, year", "mdy": "month, day, year", "ymd": "year, month, day"}
Readings = Mapping[Order, date]

EARLIEST = date(1850, 1, 1)
_SERIAL_ZERO = date(1899, 12, 30)
_EMPTY_WORDS = frozenset(
    {
        "",
        "-",
        "--",
        "n/a",
        "na",
        "null",
        "none",
        "keine angabe",
        "k.a.",
        "k. a.",
        "unbekannt",
        "unknown",
        "okänt",
        "(null)",
        "nil",
    }
)
_MONTHS: dict[str, int] = {}
for _number, _names in enumerate(
    (
        "januar january januari jan jänner jaenner",
        "februar february februari feb feber",
        "märz march mars mar mrz maerz mär",
        "april apr",
        "mai may maj",
        "juni june jun",
        "juli july jul",
        "august augusti aug",
        "september sep sept",
        "oktober october okt oct",
        "november nov",
        "dezember december dez dec",
    ),
    start=1,
):
    _MONTHS |= dict.fromkeys(_names.split(), _number)

_TIME = re.compile(
    r"(?:[T ]|,\s*)\s*\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?$"
)
_NUMERIC = re.compile(r"^(\d{1,4})\s*([./\-\s])\s*(\d{1,2})\s*\2\s*(\d{1,4})\.?$")
_DAY_MONTH = re.compile(
    r"^(?:[^\W\d]+,\s*)?(\d{1,2})(?:\.|st|nd|rd|th|:e)?[\s.\-/]*([^\W\d]+)\.?[\s,.\-/]*(\d{2}|\d{4})$"
)
_MONTH_DAY = re.compile(r"^(?:[^\W\d]+,\s*)?([^\W\d]+)\.?\s*(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{2}|\d{4})$")
_YEAR_MONTH = re.compile(r"^(\d{4})[\s\-/.]*([^\W\d]+)[\s\-/.]*(\d{1,2})$")
_WITHOUT_YEAR = re.compile(r"^--?\d{1,2}-?\d{1,2}$|^\d{1,2}\.\s*\d{1,2}\.?$|^\d{1,2}\.\s*[^\W\d]+$")


def readings(value: object, latest: date) -> Readings | None:
    """Read a date in every way that it can be read: by order of day, month and year.

    ``None``: the cell says that there is no date. Empty: it cannot be read. A two-digit year is the last one that is not past ``latest``.
    """
    match value:
        case None:
            return None
        case datetime():
            return _all(value.date())
        case date():
            return _all(value)
        case bool():
            return {}
        case int() | float():
            return None if value == 0 else _serial(value)
    text = str(value).strip()
    if text.casefold() in _EMPTY_WORDS or re.fullmatch(r"[0\s./:T-]*", text):
        return None
    text = _TIME.sub("", text).strip()
    if found := _NUMERIC.match(text):
        return _numeric(found[1], found[2], found[3], found[4], latest)
    if re.fullmatch(r"\d{8}", text):
        return _all(_date(int(text[:4]), int(text[4:6]), int(text[6:])))
    if re.fullmatch(r"\d{5}", text):
        return _serial(int(text))
    return _named(text, latest)


def without_year(value: object) -> bool:
    """Tell whether the cell holds a birthday whose year is not known (``--02-03``, ``3.2.``)."""
    return isinstance(value, str) and bool(_WITHOUT_YEAR.match(value.strip()))


def _all(day: date | None) -> Readings:
    return dict.fromkeys(ORDERS, day) if day else {}


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _serial(number: float) -> Readings:
    """Excel's count of days since 1899-12-30. Smaller numbers than 1927's are more likely years, and stay unread."""
    return _all(_SERIAL_ZERO + timedelta(days=int(number))) if 10_000 <= number < 110_000 else {}


def _year(text: str, month: int, day: int, latest: date) -> int:
    if len(text) > 2:
        return int(text)
    year = latest.year - latest.year % 100 + int(text)
    candidate = _date(year, month, day)
    return year if candidate and candidate <= latest else year - 100


def _numeric(first: str, separator: str, second: str, third: str, latest: date) -> Readings:
    if len(first) == 4:
        return _all(_date(int(first), int(second), int(third))) if len(third) <= 2 else {}
    if len(first) == 3 or len(third) not in (2, 4):
        return {}
    found: dict[Order, date] = {}
    a, b = int(first), int(second)
    if day := _date(_year(third, b, a, latest), b, a):
        found["dmy"] = day
    if separator == "." and found:
        return _all(found["dmy"])  # dots are written between day, month and year only; 80.12.24 is the exception below
    if separator != "." and (day := _date(_year(third, a, b, latest), a, b)):
        found["mdy"] = day
    if len(third) == 2 and len(first) == 2 and (day := _date(_year(first, b, int(third), latest), b, int(third))):
        found["ymd"] = day
    return found


def _named(text: str, latest: date) -> Readings:
    for pattern, (d, m, y) in ((_DAY_MONTH, (1, 2, 3)), (_MONTH_DAY, (2, 1, 3)), (_YEAR_MONTH, (3, 2, 1))):
        found = pattern.match(text)
        if found and (month := _MONTHS.get(found[m].casefold())):
            day = int(found[d])
            return _all(_date(_year(found[y], month, day, latest), month, day))
    return {}


class DateColumn:
    """What a whole column of dates says about the order in which it is written."""

    def __init__(self) -> None:
        self.possible: set[Order] = set(ORDERS)
        self._differing: set[frozenset[Order]] = set()
        self.dates = 0

    def see(self, value: object, latest: date) -> None:
        found = readings(value, latest)
        if not found:
            return
        self.dates += 1
        self.possible &= found.keys()
        if len(found) > 1 and len(set(found.values())) > 1:
            self._differing |= {frozenset(p) for p in combinations(found, 2) if found[p[0]] != found[p[1]]}

    @property
    def contradictory(self) -> bool:
        return not self.possible

    @property
    def order(self) -> Order | None:
        """The order that the column itself decides on; ``None`` where somebody has to say it."""
        if not self.possible or any(pair <= self.possible for pair in self._differing):
            return None
        return next(order for order in ORDERS if order in self.possible)

    def choices(self) -> tuple[Order, ...]:
        return tuple(o for o in ORDERS if o in self.possible) or ("dmy", "mdy")
