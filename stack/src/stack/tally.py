"""What became of an import: counted while it goes, then told to a person and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stack.answering import out, table

if TYPE_CHECKING:
    from crm_gateway.importing import Accepted, Layout, Rejected

MOST_REASONS = 20
STATUSES = ("accepted", "unchanged", "repeated")
Reason = tuple[str, str, str]


@dataclass
class Tally:
    """Rows by what became of them, messages by type and by the door's answer, and why rows were rejected."""

    rows: Counter[str] = field(default_factory=Counter)
    messages: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    first: dict[Reason, int] = field(default_factory=dict)

    def count(self, row: Accepted) -> None:
        """Count the messages of a row."""
        self.messages.update(str(getattr(message, "type", "")) for message in row.messages)

    def reject(self, row: Rejected) -> None:
        """Count a row that is not taken over, with its reason."""
        self.rows["rejected"] += 1
        reason = (row.slug, row.column or "", row.reason)
        self.reasons[reason] += 1
        self.first.setdefault(reason, row.row)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": {name: self.rows[name] for name in ("accepted", "rejected", "passed_over")},
            "messages": dict(self.messages),
            "reasons": [
                {"slug": slug, "column": column, "reason": reason, "rows": count, "first_row": self.first[key]}
                for key, count in self.reasons.most_common()
                for slug, column, reason in [key]
            ],
        }

    def next_step(self, layout: Layout) -> str:
        """What to do after a dry run."""
        if any(question.required for question in layout.questions):
            return "Answer what must be answered, and look again."
        if not self.rows["accepted"]:
            return "No row can be taken over. Mend what the reasons name, or answer what is open."
        return "Take it over by the same command with --yes instead of --dry-run."

    def show_tried(self, next_step: str = "") -> None:
        out.print()
        if self.rows:
            counted = ", ".join(f"{count} {kind}" for kind, count in sorted(self.messages.items()))
            out.print(
                f"{number_of_rows(self.rows['accepted'])} can be taken over" + (f": {counted}." if counted else "."),
                markup=False,
            )
        self._show_rest()
        if next_step:
            out.print(next_step, markup=False)

    def show_sent(self, files: Sequence[Path]) -> None:
        said = ", ".join(f"{self.outcomes[status]} {status}" for status in STATUSES if self.outcomes[status])
        out.print()
        out.print(f"{number_of_rows(self.rows['accepted'])} taken over (messages: {said or 'none'}).", markup=False)
        self._show_rest()
        for path in files:
            out.print(
                f"Rejected rows with their reasons: {path}. Correct them there, and import that file.", markup=False
            )
        out.print("Look at somebody: gdpr person find NAME", markup=False)

    def _show_rest(self) -> None:
        if self.rows["passed_over"]:
            out.print(f"{number_of_rows(self.rows['passed_over'])} about no person, passed over.", markup=False)
        if self.rows["rejected"]:
            out.print(f"{number_of_rows(self.rows['rejected'])} rejected:", markup=False)
            table(
                ("Rows", "First", "Column", "Reason"),
                [(count, self.first[key], key[1], key[2]) for key, count in self.reasons.most_common(MOST_REASONS)],
            )


def number_of_rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
