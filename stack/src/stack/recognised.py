"""What was recognised in an export file, for a person to read and as JSON; and the questions that it leaves open."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from stack.answering import err, out, table

if TYPE_CHECKING:
    from crm_gateway.importing import Column, Layout, Question, SheetLayout

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LANGUAGES = {"de": "German", "en": "English", "sv": "Swedish"}
ROLES = {"persons": "contacts", "records": "records of contacts", "messages": "messages"}
MOST_CHOICES = 8


def as_json(layout: Layout) -> dict[str, Any]:
    """Everything that was recognised."""
    form = layout.form
    text = form.format in ("CSV", "TSV")
    return {
        "format": form.format,
        "encoding": form.encoding,
        "encoding_guessed": form.guessed,
        "delimiter": form.delimiter if text else None,
        "quote": form.quote if text else None,
        "convention": layout.convention,
        "headers_in": layout.language,
        "source": layout.options.source,
        "occurred": layout.options.occurred.isoformat(),
        "rows_found": layout.rows,
        "sheets": [_sheet_as_json(sheet) for sheet in layout.sheets],
        "questions": [_question_as_json(question) for question in layout.questions],
        "notices": list(layout.notices),
    }


def _sheet_as_json(sheet: SheetLayout) -> dict[str, Any]:
    return {
        "name": sheet.name,
        "role": sheet.role,
        "why": sheet.why,
        "kind": sheet.kind,
        "rows": sheet.rows,
        "header_row": sheet.header_row,
        "identified_by": sheet.ref if sheet.role == "persons" else None,
        "columns": [
            {
                "header": column.header,
                "letter": column.letter,
                "field": goes_to(column),
                "recognised": column.recognised,
                "filled": column.filled,
                "date_order": column.order,
            }
            for column in sheet.columns
        ],
    }


def _question_as_json(question: Question) -> dict[str, Any]:
    return {
        "key": question.key,
        "text": question.text,
        "choices": [{"answer": given, "means": means} for given, means in question.choices],
        "otherwise": question.otherwise,
        "required": question.required,
        "suggestion": question.suggestion,
        "option": option_for(question),
    }


def goes_to(column: Column) -> str:
    """Where a column goes, with the kind of a consent."""
    if column.consent is None:
        return str(column.target)
    opposite = "not " if column.consent.inverted else ""
    withdrawal = ", no withdraws it" if column.consent.no == "withdrawal" else ""
    return f"{opposite}consent {column.consent.consent} (weak evidence{withdrawal})"


def show(layout: Layout, name: str) -> None:
    """The layout, as a person checks it before anything is taken over."""
    form = layout.form
    said: list[str] = [form.format]
    if form.format != "XLSX":
        said.append(form.encoding + (" (a guess)" if form.guessed else ""))
    if form.format in ("CSV", "TSV"):
        said.append(f"parted by {DELIMITERS.get(form.delimiter, form.delimiter)}")
    if layout.convention:
        said.append(f"an export of {layout.convention}")
    if layout.language:
        said.append(f"headers in {LANGUAGES.get(layout.language, layout.language)}")
    out.print(f"{name}: {', '.join(said)}", markup=False)
    out.print(f"Everything in it counts as of {layout.options.occurred:%Y-%m-%d %H:%M %Z}.", markup=False)
    for sheet in layout.sheets:
        _show_sheet(sheet)
    for notice in layout.notices:
        out.print(f"Note: {notice}", markup=False)


def _show_sheet(sheet: SheetLayout) -> None:
    title = f"Sheet “{sheet.name}”" if sheet.name else "Rows"
    kind = f" of kind {sheet.kind}" if sheet.kind else ""
    what = f"left out ({sheet.rows} rows)" if sheet.role == "ignore" else f"{sheet.rows} {ROLES[sheet.role]}{kind}"
    out.print()
    out.print(f"{title}: {what}. {sheet.why}", markup=False)
    if sheet.role in ("ignore", "messages"):
        return
    table(
        ("", "Column", "Goes to", "Filled", ""),
        [
            (
                column.letter,
                column.header,
                "left out" if column.target.field == "ignore" else goes_to(column),
                column.filled,
                f"dates as {column.order}" if column.order else "",
            )
            for column in sheet.columns
        ],
    )


def option_for(question: Question) -> str:
    """The option that answers a question without being asked."""
    match question.slug:
        case "date-order":
            return "--date-order " + "|".join(given for given, _ in question.choices)
        case "phone-region":
            return f"--phone-region {question.suggestion or 'DE'}"
        case "no-id":
            return "--crm-ref COLUMN (or email, or customer_number)"
        case "consent":
            return f'--consent "{question.column}=KIND" (or --answer "{question.key}=none")'
        case _:
            return f'--answer "{question.key}={question.suggestion or "..."}"'


def show_questions(questions: Iterable[Question]) -> None:
    """What is open, what happens without an answer, and how to answer."""
    for question in questions:
        out.print()
        out.print(f"{'Must be answered' if question.required else 'Open'}: {question.text}", markup=False)
        for given, means in question.choices[:MOST_CHOICES]:
            out.print(f"    {given}" + (f": {means}" if means != given else ""), markup=False)
        if len(question.choices) > MOST_CHOICES:
            out.print(f"    and {len(question.choices) - MOST_CHOICES} more columns", markup=False)
        if question.otherwise:
            out.print(f"  Without an answer: {question.otherwise}", markup=False)
        out.print(f"  Answer by {option_for(question)}", markup=False)


def can_ask() -> bool:
    """Whether somebody sits there."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(question: Question, kinds: Sequence[str]) -> str | None:
    """Ask somebody; nothing where they leave it open."""
    choices = list(question.choices)
    if question.slug == "consent":
        choices = [*((kind, kind) for kind in kinds), ("none", "no consent: a field of its own")]
    out.print()
    out.print(question.text, markup=False)
    for number, (given, means) in enumerate(choices, 1):
        out.print(f"  {number}  {means}" + (f" ({given})" if means != given else ""), markup=False)
    if question.otherwise:
        out.print(f"  Leave it empty: {question.otherwise}", markup=False)
    known = {given for given, _ in choices}
    while True:
        said = str(typer.prompt("  Your answer", default="", show_default=False)).strip()
        if said.isdigit() and 1 <= int(said) <= len(choices) and said not in known:
            return choices[int(said) - 1][0]
        if not said and not question.required:
            return None
        country = question.slug == "phone-region" and len(said) == 2 and said.isalpha()
        opposite = question.slug == "consent" and said.removeprefix("!") in kinds
        if said in known or country or opposite:
            return said
        err.print("  That is none of the answers: type one of them, or its number.")
