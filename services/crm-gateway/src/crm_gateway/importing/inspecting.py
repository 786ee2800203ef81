"""Looking a file through before anything is taken over: its form, its sheets, its columns, and what it leaves open.

The whole file is read once, row by row: whether a column of dates can be read in one way only, or whether telephone numbers
lack their country, shows at its last row at the earliest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crm_gateway.importing.cells import data_rows
from crm_gateway.importing.columns import Assignment, assign, headers_of
from crm_gateway.importing.conventions import OTHER_SHEETS, PERSON_SHEETS, SHEET_KINDS
from crm_gateway.importing.dates import ORDER_WORDS, DateColumn, Order
from crm_gateway.importing.headers import convention_of, language_of, looks_like_consent, normalise, recognise, slug
from crm_gateway.importing.layout import Column, Layout, Question, SheetLayout
from crm_gateway.importing.mapping import Options, SheetChoice
from crm_gateway.importing.refusals import ImportRefused
from crm_gateway.importing.sheets import link
from crm_gateway.importing.sniffing import Form, sniff
from crm_gateway.importing.surveying import PersonSurvey, Survey
from crm_gateway.importing.tables import Cell, Tables, json_lines, keys_of

_TELLING = frozenset(
    {"emails", "phones", "addresses", "first_name", "last_name", "birth_date", "full_name", "salutation"}
)
_LOOK_AT = 25


class Draft:
    """A sheet as its first rows show it."""

    def __init__(self, tables: Tables, name: str, options: Options) -> None:
        self.name = name
        self.title = normalise(name)
        self.said: SheetChoice | None = _said(options, name)
        wanted = (self.said.header_row if self.said else None) or options.mapping.header_row
        self.header_row, cells = _header(tables, name, wanted if tables.header_row is None else tables.header_row)
        self.headers = headers_of(cells)
        words = [normalise(written) for _, written in self.headers]
        self.convention, self.language = convention_of(words), language_of(words)
        found = {t.field for _, h in self.headers if (t := recognise(h, self.convention, self.language))}
        self.telling = len(found & _TELLING) + bool({"name", "namn"} & set(words))

    @property
    def looks_like_persons(self) -> bool:
        return self.telling >= 2 and self.title not in OTHER_SHEETS


def inspect(path: Path, options: Options) -> Layout:
    """Look a file through. Everything that was found by itself is in the layout, and can be overruled by ``options``."""
    mapping = options.mapping
    form = sniff(path, encoding=options.encoding or mapping.encoding, delimiter=options.delimiter or mapping.delimiter)
    if form.messages:
        count = sum(1 for _ in json_lines(path, form))
        return Layout(
            form=form,
            options=options,
            sheets=(SheetLayout("", "messages", rows=count, why="Each line is a message already."),),
        )
    keys = keys_of(path, form) if form.format == "JSONL" else ()
    with Tables(path, form, keys) as tables:
        unknown = set(mapping.sheets) - set(tables.sheets())
        if unknown:
            raise ImportRefused(
                "unknown-sheet",
                f"The workbook has no sheet “{min(unknown)}”. Its sheets are: {', '.join(tables.sheets())}.",
            )
        drafts = [Draft(tables, name, options) for name in tables.sheets()]
        return _laid_out(tables, drafts, form, options, keys)


def _laid_out(tables: Tables, drafts: list[Draft], form: Form, options: Options, keys: tuple[str, ...]) -> Layout:
    questions: list[Question] = []
    notices: list[str] = []
    if form.guessed:
        notices.append(
            f"The encoding is a guess ({form.encoding}). Look at names with special letters; --encoding says it for sure."
        )
    persons = _persons_sheet(drafts, options, questions)
    sheets: dict[str, SheetLayout] = {}
    ids: frozenset[str] | None = frozenset()
    if persons:
        sheets[persons.name], ids = _survey_persons(tables, persons, options, questions, notices)
    for draft in drafts:
        if draft is not persons:
            sheets[draft.name] = _other_sheet(tables, draft, persons, ids, drafts, options, questions)
    if len(drafts) == 1 and persons and not sheets[persons.name].rows:
        raise ImportRefused(
            "no-rows", "The file has names of columns, but no rows below them. Export it from the CRM again."
        )
    return Layout(
        form=form,
        options=options,
        sheets=tuple(sheets[d.name] for d in drafts),
        convention=persons.convention if persons else None,
        language=persons.language if persons else None,
        questions=tuple(questions),
        notices=tuple(notices),
        keys=keys,
    )


def _said(options: Options, name: str) -> SheetChoice | None:
    return options.mapping.sheets.get(name)


def _header(tables: Tables, name: str, wanted: int | None) -> tuple[int, Sequence[Cell]]:
    """Find the row with the names of the columns: the one whose cells we know best, else the first that is more than a title."""
    best: tuple[int, int, Sequence[Cell]] | None = None
    looked = 0
    for number, cells in tables.rows(name):
        if wanted is not None:
            if number == wanted:
                return number, cells
            continue
        filled = [str(c) for c in cells if c is not None and str(c).strip()]
        if not filled:
            if number > 1000:
                break
            continue
        known = sum(
            1
            for c in filled
            if len(c) < 100 and (recognise(c) or looks_like_consent(c) is not None or normalise(c) in ("name", "namn"))
        )
        score = known * 10 + (5 if len(filled) > 1 else 0)
        if best is None or score > best[0]:
            best = (score, number, cells)
        looked += 1
        if looked >= _LOOK_AT:
            break
    if best is None:
        return 0, ()
    if best[0] < 10 and any(_is_data(c) for c in best[2]):
        if name:
            return 0, ()
        raise ImportRefused(
            "no-header",
            "The first row holds data, not the names of columns. Put a row with names above it and import the file again.",
        )
    return best[1], best[2]


def _is_data(cell: Cell) -> bool:
    return isinstance(cell, int | float) or (
        isinstance(cell, str) and ("@" in cell or cell.strip().replace(" ", "").isdigit())
    )


def _persons_sheet(drafts: list[Draft], options: Options, questions: list[Question]) -> Draft | None:
    if said := next((d for d in drafts if d.said and d.said.role == "persons"), None):
        return said
    if len(drafts) == 1:
        return drafts[0]
    likely = [d for d in drafts if d.looks_like_persons and d.said is None]
    if len(likely) > 1 and (titled := [d for d in likely if d.title in PERSON_SHEETS]):
        likely = titled
    if len(likely) == 1:
        return likely[0]
    question = Question(
        "which-sheet",
        "Which sheet holds the contacts?",
        tuple((d.name, d.name) for d in likely or drafts if d.headers),
        required=True,
    )
    answer = options.answers.get(question.key)
    if answer is None:
        questions.append(question)
    return next((d for d in drafts if d.name == answer), None)


def _survey_persons(
    tables: Tables, draft: Draft, options: Options, questions: list[Question], notices: list[str]
) -> tuple[SheetLayout, frozenset[str] | None]:
    said = {**options.mapping.columns, **(draft.said.columns if draft.said else {})}
    assignment = assign(draft.headers, options, said, draft.convention, draft.language, draft.name)
    questions += assignment.questions
    notices += assignment.notices
    survey = PersonSurvey(assignment.columns, assignment.ref, options.occurred.date(), options.region)
    for _, cells in data_rows(tables.rows(draft.name), draft.header_row, [w for _, w in draft.headers]):
        survey.see(cells)
    columns = _settled(assignment, survey, options, draft, questions, notices)
    if survey.regionless and "phone-region" not in options.answers:
        questions.append(_phone_region(survey.regionless, draft))
    why = "It is the only sheet." if draft.name == "" else "Its columns are those of contacts."
    return SheetLayout(
        draft.name, "persons", draft.header_row, columns, survey.rows, ref=assignment.ref, why=why
    ), survey.ids


def _settled(
    assignment: Assignment,
    survey: PersonSurvey,
    options: Options,
    draft: Draft,
    questions: list[Question],
    notices: list[str],
) -> tuple[Column, ...]:
    """Write into the columns what the rows told: how many are filled, and in which order dates are written."""
    columns = []
    for column in assignment.columns:
        order = column.order
        if dates := survey.dates.get(column.index):
            order = _order(column, dates, options, draft, questions, notices)
        columns.append(replace(column, filled=survey.filled[column.index], order=order))
    return tuple(columns)


def _order(
    column: Column, dates: DateColumn, options: Options, draft: Draft, questions: list[Question], notices: list[str]
) -> Order | None:
    """Decide on the order of a column's dates: by the dates themselves, else by what was said, else by asking."""
    ambiguous = f"The dates in the column “{column.header}” can be read in more than one way (02/03/1980). In which order are they written?"
    mixed = f"The dates in the column “{column.header}” are in several orders. Which is right? Rows in another are rejected."
    question = Question(
        "date-order",
        mixed if dates.contradictory else ambiguous,
        tuple((order, ORDER_WORDS[order]) for order in dates.choices()),
        draft.name,
        column.header,
        required=True,
    )
    wanted = column.order or options.answers.get(question.key) or options.order
    chosen = next((o for o in dates.choices() if o == wanted), None)
    if dates.order is None and chosen is None:
        questions.append(question)
    elif dates.order is not None and wanted not in (None, *dates.possible):
        notices.append(
            f"The column “{column.header}” cannot be {wanted}: its own dates say {dates.order}, and that is taken."
        )
    return (chosen or dates.order) if dates.dates else None


def _phone_region(count: int, draft: Draft) -> Question:
    return Question(
        "phone-region",
        f"{count} telephone numbers are written without their country. Which country are they of? Give its code, for example DE.",
        (),
        otherwise="They stay as they are written.",
        suggestion={"de": "DE", "sv": "SE"}.get(draft.language or ""),
    )


def _other_sheet(
    tables: Tables,
    draft: Draft,
    persons: Draft | None,
    ids: frozenset[str] | None,
    drafts: list[Draft],
    options: Options,
    questions: list[Question],
) -> SheetLayout:
    if draft.said and draft.said.role == "ignore":
        return SheetLayout(draft.name, "ignore", why="The mapping leaves it out.")
    if not draft.headers:
        return SheetLayout(draft.name, "ignore", why="It is empty.")
    if not draft.said and draft.title in OTHER_SHEETS:
        return SheetLayout(draft.name, "ignore", why="It holds companies or colleagues, not contacts.")
    survey = Survey(len(draft.headers), ids)
    for _, cells in data_rows(tables.rows(draft.name), draft.header_row, [w for _, w in draft.headers]):
        survey.see(cells)
    linked = link(
        draft.name,
        draft.headers,
        draft.said,
        survey,
        persons.name if persons else "",
        [d.title for d in drafts],
        options,
    )
    if linked.question:
        questions.append(linked.question)
    if linked.columns is None:
        return SheetLayout(draft.name, "ignore", draft.header_row, rows=survey.rows, why=linked.why)
    kind = (draft.said.kind if draft.said else None) or SHEET_KINDS.get(draft.title) or slug(draft.name)
    return SheetLayout(draft.name, "records", draft.header_row, linked.columns, survey.rows, kind=kind, why=linked.why)
