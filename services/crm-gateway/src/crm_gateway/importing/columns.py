"""Which column of a sheet goes to which field: by what was said, by its header, by the columns beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from crm_gateway.importing.headers import (
    IGNORE,
    Target,
    custom,
    identifier_rank,
    looks_like_consent,
    normalise,
    recognise,
    target,
)
from crm_gateway.importing.layout import REJECT_COLUMNS, Column, Question, named
from crm_gateway.importing.mapping import ColumnChoice, Consent, FieldChoice, Options, consent_option
from crm_gateway.importing.refusals import ImportRefused

_NAME = frozenset({"name", "namn"})
_TITLE = frozenset({"title", "titel"})
_LISTS = frozenset({"emails", "phones"})


@dataclass(slots=True)
class Assignment:
    """Columns with their targets, which of them identifies the person, and what was left open."""

    columns: tuple[Column, ...]
    ref: str
    questions: list[Question]
    notices: list[str]


def headers_of(cells: Sequence[object]) -> list[tuple[str, str]]:
    """Give each header as shown and as written: one without a name gets its place, one that stands twice gets a number."""
    found: list[tuple[str, str]] = []
    used: dict[str, int] = {}
    cells = list(cells)
    while cells and (cells[-1] is None or not str(cells[-1]).strip()):
        cells.pop()
    for index, cell in enumerate(cells):
        written = " ".join(str(cell).split()) if cell is not None else ""
        shown = written or f"Column {Column(index, '', IGNORE).letter}"
        used[shown] = used.get(shown, 0) + 1
        found.append((f"{shown} ({used[shown]})" if used[shown] > 1 else shown, written))
    return found


def assign(
    headers: Sequence[tuple[str, str]],
    options: Options,
    said: Mapping[str, ColumnChoice],
    convention: str | None,
    language: str | None,
    sheet: str,
) -> Assignment:
    """Decide for each column of a sheet of persons."""
    columns = [_first_guess(i, shown, written, convention, language) for i, (shown, written) in enumerate(headers)]
    fixed = _as_said(columns, options, said)
    _names(columns, fixed)
    questions: list[Question] = []
    _titles(columns, fixed, options, sheet, questions)
    ref, ref_column = _reference(columns, options)
    _one_each(columns, fixed, ref_column, options, sheet, questions)
    questions += _consents(columns, fixed, options, sheet)
    _distinct_custom(columns)
    notices = []
    if named(columns, "full_name"):
        notices.append("Whole names are split: the last word, with von, de and the like before it, is the last name.")
    if ref == "crm_ref" and named(columns, "crm_ref") is None:
        questions.append(_no_identifier(columns, sheet))
    return Assignment(tuple(columns), ref, questions, notices)


def _first_guess(index: int, shown: str, written: str, convention: str | None, language: str | None) -> Column:
    if written in REJECT_COLUMNS:
        return Column(index, shown, IGNORE, written=written)
    found = recognise(written, convention, language)
    return Column(
        index,
        shown,
        found or custom(shown),
        recognised=found is not None and not found.field.startswith("custom."),
        written=written,
    )


def find(columns: Sequence[Column], name: str) -> Column:
    """Find the column that somebody named: by its header, by its header as we read it, or by its letter."""
    tests: tuple[Callable[[Column], bool], ...] = (
        lambda c: name in (c.header, c.written),
        lambda c: normalise(c.header) == normalise(name) != "",
        lambda c: name.casefold() == f"column {c.letter}".casefold(),
    )
    for test in tests:
        if found := next((c for c in columns if test(c)), None):
            return found
    raise ImportRefused(
        "unknown-column",
        f"The file has no column “{name}”. Its columns are: {', '.join(c.header for c in columns)[:1500]}.",
    )


def _as_said(columns: list[Column], options: Options, said: Mapping[str, ColumnChoice]) -> set[int]:
    """Set what a mapping file or an option says; give the columns that are settled by it."""
    fixed: set[int] = set()
    for name, choice in [*said.items(), *options.consents.items()]:
        column = find(columns, name)
        if isinstance(choice, FieldChoice):
            columns[column.index] = replace(
                column, target=target(choice.field) or IGNORE, recognised=True, order=choice.date_order
            )
        else:
            columns[column.index] = _consent(column, choice)
        fixed.add(column.index)
    return fixed


def _consent(column: Column, choice: Consent) -> Column:
    return replace(column, target=Target("consent"), recognised=True, consent=choice)


def _names(columns: list[Column], fixed: set[int]) -> None:
    """A ``Name`` beside a ``Vorname`` is a last name; alone it is a whole name; beside both it is said already."""
    present = {c.target.field for c in columns}
    for column in columns:
        if column.index in fixed:
            continue
        is_name = normalise(column.written) in _NAME and column.target.field.startswith(("custom.", "full_name"))
        if is_name and "first_name" in present and "last_name" not in present:
            columns[column.index] = replace(column, target=Target("last_name"), recognised=True)
        elif is_name and not present & {"first_name", "last_name"}:
            columns[column.index] = replace(column, target=Target("full_name"), recognised=True)
        elif column.target.field == "full_name" and present & {"first_name", "last_name"}:
            columns[column.index] = replace(column, target=custom(column.header), recognised=False)


def _titles(columns: list[Column], fixed: set[int], options: Options, sheet: str, questions: list[Question]) -> None:
    """A ``Title`` may be a doctorate or a job: beside a job it is a doctorate, otherwise it is asked for."""
    present = {c.target.field for c in columns}
    for column in columns:
        if (
            column.index in fixed
            or normalise(column.written) not in _TITLE
            or not column.target.field.startswith("custom.")
        ):
            continue
        question = Question(
            "title",
            f"Does the column “{column.header}” hold academic titles (Dr.) or jobs (Head of Sales)?",
            (("title", "academic titles"), ("job_title", "jobs"), ("custom", "something else")),
            sheet,
            column.header,
            otherwise="It stays a field of its own.",
        )
        answer = "title" if "job_title" in present and "title" not in present else options.answers.get(question.key)
        if answer in ("title", "job_title"):
            columns[column.index] = replace(column, target=Target(answer), recognised=True)
        elif answer is None:
            questions.append(question)


def _reference(columns: list[Column], options: Options) -> tuple[str, int | None]:
    """Decide which column identifies a person."""
    asked = options.crm_ref or options.mapping.crm_ref or options.answers.get("no-id")
    if asked in ("customer_number", "email", "emails"):
        field = "emails" if asked.startswith("email") else asked
        if named(columns, field) is None:
            raise ImportRefused(
                "unknown-column", f"The file has no column that goes to {field}. Say which one it is by a mapping file."
            )
        return field, None
    if asked and asked != "none":
        column = find(columns, asked)
        if column.target.field in ("customer_number", "emails"):
            return column.target.field, column.index
        columns[column.index] = replace(column, target=Target("crm_ref"), recognised=True)
        return "crm_ref", column.index
    candidates = sorted(
        (c for c in columns if c.target.field == "crm_ref"), key=lambda c: (identifier_rank(c.written), c.index)
    )
    return "crm_ref", candidates[0].index if candidates else None


def _one_each(
    columns: list[Column], fixed: set[int], ref: int | None, options: Options, sheet: str, questions: list[Question]
) -> None:
    """Where two columns would fill one field, take the one that somebody chose, else the first; the other stays a field of its own."""
    rivals: dict[Target, list[Column]] = {}
    for column in columns:
        wanted = column.target
        if (
            wanted.field not in ("ignore", "consent")
            and not wanted.field.startswith("custom.")
            and not (wanted.field in _LISTS and not wanted.part)
        ):
            rivals.setdefault(wanted, []).append(column)
    for wanted, several in rivals.items():
        if len(several) < 2:
            continue
        question = Question(
            "two-columns",
            f"Several columns fit the field {wanted}: {', '.join('“' + c.header + '”' for c in several)}. Which one is it?",
            tuple((c.header, c.header) for c in several),
            sheet,
            str(wanted),
            otherwise="The first is taken; the others stay fields of their own.",
        )
        answer = options.answers.get(question.key)
        chosen = next((c for c in several if c.header == answer), None) or next(
            (c for c in several if c.index == ref), None
        )
        chosen = chosen or next((c for c in several if c.index in fixed), several[0])
        for column in several:
            if column is not chosen:
                columns[column.index] = replace(column, target=custom(column.header), recognised=False)
        if answer is None and wanted.field != "crm_ref" and not any(c.index in fixed for c in several):
            questions.append(question)


def _consents(columns: list[Column], fixed: set[int], options: Options, sheet: str) -> Iterator[Question]:
    """Offer columns that look like consents. None of them becomes one by itself."""
    for column in list(columns):
        likely = looks_like_consent(column.written)
        if (
            column.index in fixed
            or column.consent
            or likely is None
            or column.target.core
            or column.target.field == "crm_ref"
        ):
            continue
        opposite = "" if likely else " Its name says the opposite of a consent: answer with ! before the kind."
        question = Question(
            "consent",
            f"The column “{column.header}” looks like a consent. Of which kind?{opposite} A yes becomes a consent without evidence.",
            (),
            sheet,
            column.header,
            otherwise="It stays a field of its own, and no consent is recorded.",
        )
        answer = options.answers.get(question.key)
        if answer and answer != "none":
            columns[column.index] = _consent(column, consent_option(f"{column.header}={answer}")[1])
        elif answer is None:
            yield question


def _distinct_custom(columns: list[Column]) -> None:
    used: dict[str, int] = {}
    for column in list(columns):
        name = column.target.field
        if name.startswith("custom."):
            used[name] = used.get(name, 0) + 1
            if used[name] > 1:
                columns[column.index] = replace(column, target=Target(f"{name[:58]}_{used[name]}"))


def _no_identifier(columns: Sequence[Column], sheet: str) -> Question:
    choices = [("none", "reject all rows")]
    if named(columns, "emails"):
        choices.insert(0, ("email", "the e-mail address, where a row has exactly one"))
    if named(columns, "customer_number"):
        choices.insert(0, ("customer_number", "the customer number"))
    choices += [(c.header, f"the column “{c.header}”") for c in columns if c.target.field.startswith("custom.")][:50]
    return Question(
        "no-id",
        "No column identifies the record in the CRM. By what is a person known?",
        tuple(choices),
        "",
        "",
        otherwise="All rows are rejected.",
    )
