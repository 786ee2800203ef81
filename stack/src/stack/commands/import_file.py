"""`gdpr import`: take the customers over from a file that a CRM exported. First it says what it recognised, then it sends.

The only part of the stack that knows the reader of export files, which the CRM's door owns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from crm_gateway.importing import (
    Accepted,
    FileMapping,
    ImportRefused,
    Layout,
    Options,
    PassedOver,
    Rejected,
    RejectsFile,
    consent_option,
    inspect,
    load_mapping,
    read,
)
from stack import recognised
from stack.answering import AsJson, answer, err, explained
from stack.client import Client
from stack.sending import Outcome, Sender
from stack.tally import Tally, number_of_rows
from stack.trouble import Exit, StackError

app = typer.Typer()


@app.command("import")
@explained
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, TSV, XLSX or JSONL, as the CRM exported it.", metavar="FILE")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken over.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take over what was recognised.")] = False,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="A file that says where columns go (YAML).", metavar="FILE")
    ] = None,
    consent: Annotated[
        list[str] | None,
        typer.Option(
            "--consent",
            metavar="COLUMN=KIND",
            help="A column of consents. Yes becomes a consent with weak evidence; COLUMN=KIND:withdrawal takes no for a "
            "withdrawal, COLUMN=!KIND says that the column means the opposite.",
        ),
    ] = None,
    crm_ref: Annotated[
        str | None,
        typer.Option(
            "--crm-ref", metavar="COLUMN", help="The column that identifies a record; or email, or customer_number."
        ),
    ] = None,
    date_order: Annotated[
        str | None, typer.Option("--date-order", help="How ambiguous dates are written: dmy, mdy or ymd.")
    ] = None,
    phone_region: Annotated[
        str | None, typer.Option("--phone-region", help="The country of numbers that name none, such as DE.")
    ] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", help="The encoding, if it was not recognised.")] = None,
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="The delimiter, if it was not recognised.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--answer", metavar="KEY=ANSWER", help="The answer to a question of the dry run."),
    ] = None,
    exported: Annotated[
        datetime | None,
        typer.Option(
            "--exported", help="When the export was made (UTC).", show_default="when the file was changed last"
        ),
    ] = None,
    source: Annotated[str, typer.Option("--source", help="A name for the system that it comes from.")] = "import",
    rejects: Annotated[
        Path | None,
        typer.Option(
            "--rejects", help="Where rejected rows go, with reasons.", show_default="beside FILE", metavar="FILE"
        ),
    ] = None,
    write_mapping: Annotated[
        Path | None,
        typer.Option("--write-mapping", help="Write what was recognised as a mapping file to edit.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take customers over from an export file. The same file twice changes nothing, and an interrupted import goes on.

    First it shows what it recognised and what would be taken over. Rows that cannot be taken over are written beside the file,
    with the reason; corrected, that file can be imported itself.
    """
    try:
        options = Options(
            occurred=_occurred(file, exported),
            source=source,
            crm_ref=crm_ref,
            date_order=date_order,  # type: ignore[arg-type]  # checked by Options
            phone_region=phone_region,
            encoding=encoding,
            delimiter=delimiter,
            consents=dict(consent_option(text) for text in consent or ()),
            mapping=load_mapping(mapping) if mapping else FileMapping(),
            answers=dict(_answer(text) for text in given or ()),
        )
        with Client.here() as client:
            asks = not (yes or dry_run or as_json) and recognised.can_ask()
            if not (dry_run or yes or asks):
                raise StackError(
                    "not-confirmed",
                    "Say --dry-run to see what would be taken over, or --yes to take it over.",
                    code=Exit.WRONG_USE,
                )
            kinds = _kinds(client, dry_run=dry_run)
            layout = _inspected(file, options, kinds, asks=asks, as_json=as_json)
            if not dry_run:
                _check_kinds(client, layout)
        _import(file, layout, dry_run=dry_run, asks=asks, rejects=rejects, write_mapping=write_mapping, as_json=as_json)
    except ImportRefused as refused:
        code = Exit.WRONG_USE if refused.slug.startswith("bad-") else Exit.REFUSED
        raise StackError(refused.slug, refused.message, code=code) from None
    except OSError as error:
        raise StackError("file", f"{error.filename or file} cannot be used: {error.strerror}.") from None


def _import(
    file: Path,
    layout: Layout,
    *,
    dry_run: bool,
    asks: bool,
    rejects: Path | None,
    write_mapping: Path | None,
    as_json: bool,
) -> None:
    content: dict[str, Any] = {"file": str(file), **recognised.as_json(layout), "dry_run": dry_run}
    if write_mapping:
        text = yaml.safe_dump(layout.as_mapping(), allow_unicode=True, sort_keys=False)
        write_mapping.write_text(text, encoding="utf-8")
        content["mapping"] = str(write_mapping)
    if not as_json:
        recognised.show(layout, file.name)
        recognised.show_questions(layout.questions if not asks else ())
    blocked = any(question.required for question in layout.questions)
    if dry_run or asks:
        tally = Tally() if blocked else _tried(file, layout, as_json=as_json)
        if dry_run or blocked:
            content |= tally.as_json()
            next_step = tally.next_step(layout)
            answer({**content, "next": next_step}, as_json, lambda: tally.show_tried(next_step))
            if blocked or not tally.rows["accepted"]:
                raise typer.Exit(int(Exit.REFUSED))
            return
        tally.show_tried()
        if not tally.rows["accepted"]:
            raise StackError("no-rows", "There is no row that can be taken over.")
        if not typer.confirm(f"Take over {number_of_rows(tally.rows['accepted'])}?"):
            raise StackError("not-confirmed", "Nothing was taken over.")
    layout.require_answers()
    tally, files = _sent(file, layout, rejects or _free_name(file.with_name(f"{file.stem}.rejected.csv")), as_json)
    content |= tally.as_json() | {"outcomes": dict(tally.outcomes), "rejects_files": [str(f) for f in files]}
    answer(content, as_json, lambda: tally.show_sent(files))
    if tally.rows["rejected"] and not tally.rows["accepted"]:
        raise typer.Exit(int(Exit.REFUSED))


def _occurred(file: Path, exported: datetime | None) -> datetime:
    """The file's own time, which stays the same when it is imported again; unless somebody knows better."""
    now = datetime.now(UTC)
    if exported is not None:
        said = exported.replace(tzinfo=UTC) if exported.tzinfo is None else exported
    else:
        said = datetime.fromtimestamp(file.stat().st_mtime, UTC) if file.exists() else now
    if said > now:
        raise ImportRefused(
            "from-the-future", "The export would be from the future. Say when it was made: --exported 2026-05-03"
        )
    return said


def _answer(text: str) -> tuple[str, str]:
    key, _, said = text.rpartition("=")
    if not key or not said:
        raise ImportRefused("bad-answer", 'Write --answer "KEY=ANSWER", with a key that the dry run shows.')
    return key, said


def _kinds(client: Client, *, dry_run: bool) -> tuple[str, ...]:
    """The kinds of consents that there are, as far as somebody tells. The door must be there, unless nothing is sent."""
    if not dry_run:
        client.get("crm-gateway", "/v1/fields")
    try:
        return tuple(str(one["kind"]) for one in client.get("consent", "/v1/kinds"))
    except StackError:
        return ()


def _inspected(file: Path, options: Options, kinds: Sequence[str], *, asks: bool, as_json: bool) -> Layout:
    """Look the file through; where somebody sits there, ask what it leaves open until nothing is."""
    asked: set[str] = set()
    while True:
        with _status(f"Looking {file.name} through ...", as_json):
            layout = inspect(file, options)
        open_ones = [question for question in layout.questions if question.key not in asked]
        if not asks or not open_ones:
            return layout
        answers = dict(options.answers)
        for question in open_ones:
            asked.add(question.key)
            if (said := recognised.ask(question, kinds)) is not None:
                answers[question.key] = said
        options = replace(options, answers=answers)


def _check_kinds(client: Client, layout: Layout) -> None:
    used = {c.consent.consent for sheet in layout.sheets for c in sheet.columns if c.consent}
    if not used:
        return
    kinds = [str(one["kind"]) for one in client.get("consent", "/v1/kinds")]
    if unknown := sorted(used - set(kinds)):
        raise StackError("unknown-kind", f"There is no kind of consent {unknown[0]!r}. There are: {', '.join(kinds)}.")


def _status(text: str, as_json: bool) -> Any:
    return nullcontext() if as_json or not err.is_terminal else err.status(text)


def _progress(as_json: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=as_json or not err.is_terminal,
    )


def _tried(file: Path, layout: Layout, *, as_json: bool) -> Tally:
    """Read the whole file and send nothing."""
    tally = Tally()
    with _progress(as_json) as bar:
        task = bar.add_task("Trying", total=layout.rows)
        for row in read(file, layout):
            bar.advance(task)
            match row:
                case Accepted():
                    tally.rows["accepted"] += 1
                    tally.count(row)
                case Rejected():
                    tally.reject(row)
                case PassedOver():
                    tally.rows["passed_over"] += 1
    return tally


def _sent(file: Path, layout: Layout, rejects: Path, as_json: bool) -> tuple[Tally, list[Path]]:
    """Read the file and send it; what is rejected here or refused there goes into the file of rejected rows."""
    tally = Tally()
    with RejectsFile(rejects, layout) as rejected, _progress(as_json) as bar:
        task = bar.add_task("Sending", total=layout.rows)

        def put_aside(row: Rejected) -> None:
            tally.reject(row)
            rejected.write(row)
            bar.advance(task)

        def going() -> Iterator[tuple[Accepted, list[bytes]]]:
            for row in read(file, layout):
                match row:
                    case Accepted(messages=messages):
                        tally.count(row)
                        yield row, [m.model_dump_json().encode() for m in messages]
                    case Rejected():
                        put_aside(row)
                    case PassedOver():
                        tally.rows["passed_over"] += 1
                        bar.advance(task)

        try:
            for row, outcomes in Sender(Client.here).send(going()):
                tally.outcomes.update(str(o["status"]) for o in outcomes)
                refused = next((o for o in outcomes if o["status"] == "refused"), None)
                if refused:
                    put_aside(_refused(row, refused, layout))
                else:
                    tally.rows["accepted"] += 1
                    bar.advance(task)
        except KeyboardInterrupt:
            raise StackError(
                "stopped",
                f"Stopped after {tally.rows['accepted']} of {layout.rows} rows. The same command goes on from there.",
            ) from None
        except StackError as error:
            done = (
                f"{tally.rows['accepted']} of {layout.rows} rows are taken over. The same command goes on from there."
            )
            raise StackError(error.slug, f"{error.message}\n{done}", code=error.code) from None
    return tally, rejected.paths


def _refused(row: Accepted, refused: Outcome, layout: Layout) -> Rejected:
    """The row with the door's reason, and the column that it is about where that shows."""
    name = str(refused.get("pointer") or "").removeprefix("/fields/").partition("/")[0]
    columns = next((s.columns for s in layout.sheets if s.name == row.sheet), ())
    column = next((c.header for c in columns if name and c.target.field == name), None)
    return row.rejected(str(refused.get("slug")), str(refused.get("detail")), column)


def _free_name(path: Path) -> Path:
    """A name beside the file that nothing has yet: somebody may be correcting the rejected rows of last time."""
    number, found = 2, path
    while found.exists():
        found, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return found
