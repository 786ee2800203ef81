"""Duties to retain: what must not be erased yet, by which rule, and until when (Art. 17(3)(b) GDPR).

A German period begins with the end of the calendar year in which the document came about (§147(4) AO, §257(5) HGB), so that it
always ends with a 31 December.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """A standard period for one kind of document. ``source`` is what the person is told."""

    slug: str
    years: int
    source: str

    def until(self, came_about: date) -> date:
        """Give the last day on which a document of that day must be kept."""
        return date(came_about.year + self.years, 12, 31)


BOOKS: Final = Rule("books", 10, "§147(1) no. 1, (3) AO; §257(1) no. 1, (4) HGB")
"""Books, inventories, annual accounts."""
VOUCHERS: Final = Rule("vouchers", 8, "§147(1) no. 4, (3) AO; §257(1) no. 4, (4) HGB, as of 2025")
"""Vouchers, invoices among them; eight years since the fourth Bureaucracy Relief Act (BEG IV)."""
LETTERS: Final = Rule("letters", 6, "§147(1) no. 2, 3, (3) AO; §257(1) no. 2, 3, (4) HGB")
"""Commercial letters, received and sent."""

RULES: Final = {rule.slug: rule for rule in (BOOKS, VOUCHERS, LETTERS)}
"""The rules that German law brings, by slug."""
