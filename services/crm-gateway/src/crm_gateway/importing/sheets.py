"""Sheets of a workbook that hold records of the contacts: which of their columns points at the contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crm_gateway.importing.columns import find
from crm_gateway.importing.conventions import CONTACT_REFERENCES, IDENTIFIERS
from crm_gateway.importing.headers import IGNORE, Target, custom, normalise
from crm_gateway.importing.layout import Column, Question
from crm_gateway.importing.mapping import Options, SheetChoice
from crm_gateway.importing.surveying import Survey


@dataclass(frozen=True, slots=True)
class Linked:
    """How a sheet belongs to the contacts. Without ``columns`` it does not, or somebody has to say."""

    columns: tuple[Column, ...] | None
    why: str
    question: Question | None = None


def link(
    sheet: str,
    headers: Sequence[tuple[str, str]],
    said: SheetChoice | None,
    survey: Survey,
    persons: str,
    titles: Sequence[str],
    options: Options,
) -> Linked:
    """Find the column that points at the contact: by what was said, by a header that names a contact, else by asking.

    A number in a column that is only called ``ID`` may be the contact's or the record's own, and one called ``Företag`` is a company's:
    both may look the same as the numbers of contacts. What one person wrote must not turn up at another, so that is asked.
    """
    columns = [
        Column(i, shown, custom(shown), filled=survey.filled[i], written=written)
        for i, (shown, written) in enumerate(headers)
    ]
    if said and said.contact:
        return Linked(_with_roles(columns, find(columns, said.contact).index, said, survey), "The mapping says so.")
    naming = CONTACT_REFERENCES | ({normalise(persons)} if persons else frozenset())
    for column in columns:
        if normalise(column.written) in naming and column.filled and (survey.inside[column.index] or survey.too_many):
            return Linked(
                _with_roles(columns, column.index, said, survey),
                f"Its column “{column.header}” points at the contacts.",
            )
    possible = [c for c in columns if c.filled and survey.inside[c.index]]
    if not possible:
        return Linked(None, "No column of it points at a contact.")
    others = [c.header for c in possible if normalise(c.written) in titles]
    hint = (
        f" (“{others[0]}” is also the name of another sheet, so that its numbers may be meant for that.)"
        if others
        else ""
    )
    question = Question(
        "sheet-link",
        f"In the sheet “{sheet}”, which column holds the number of the contact?{hint}",
        (*((c.header, f"the column “{c.header}”") for c in possible), ("ignore", "none: leave the sheet out")),
        sheet,
        otherwise="The sheet is left out.",
        suggestion=next((c.header for c in possible if c.header not in others), "ignore"),
    )
    answer = options.answers.get(question.key)
    chosen = next((c for c in possible if c.header == answer), None)
    if chosen:
        return Linked(
            _with_roles(columns, chosen.index, said, survey),
            f"You said that its column “{chosen.header}” points at the contacts.",
        )
    return Linked(
        None, "It is not said which of its columns points at the contacts.", question if answer is None else None
    )


def _with_roles(columns: list[Column], contact: int, said: SheetChoice | None, survey: Survey) -> tuple[Column, ...]:
    own = find(columns, said.id).index if said and said.id else _own_id(columns, contact, survey)
    settled = []
    used: dict[str, int] = {}
    ignored = (
        {find(columns, name).index for name, choice in said.columns.items() if getattr(choice, "field", "") == "ignore"}
        if said
        else set()
    )
    for column in columns:
        goes_to = column.target
        if column.index == contact:
            goes_to = Target("contact")
        elif column.index == own:
            goes_to = Target("record_ref")
        elif column.index in ignored:
            goes_to = IGNORE
        else:
            used[goes_to.field] = used.get(goes_to.field, 0) + 1
            if used[goes_to.field] > 1:
                goes_to = Target(f"{goes_to.field[:58]}_{used[goes_to.field]}")
        settled.append(replace(column, target=goes_to))
    return tuple(settled)


def _own_id(columns: Sequence[Column], contact: int, survey: Survey) -> int | None:
    """A column by the name of an identifier, with a value of its own in each row, is the record's."""
    for column in columns:
        if column.index != contact and normalise(column.written) in IDENTIFIERS and survey.each_once(column.index):
            return column.index
    return None
