"""`gdpr audit`: one person's whole history as the log has it, and the log itself, replayed. Each look is recorded first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from stack.answering import AsJson, answer, err, explained, out, print_as_it_is, table
from stack.client import Client
from stack.persons import subject_of
from stack.trouble import Exit, StackError

app = typer.Typer(help="The log, for those who must show what happened. Each look is recorded.", no_args_is_help=True)

UNSAID = frozenset(("at", "by", "wording", "token_hash", "for_mail", "message_id"))
NOT_ALL = "Not all of it could be read: see the lines that say so."
Decrypt = Annotated[bool, typer.Option("--decrypt", help="Open the personal fields. Needs --reason.")]
Reason = Annotated[
    str, typer.Option(help="Why they are opened. Stands in the log for ever: a case number, never a person.")
]


def _with_offset(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("say it with its offset")
    return moment


At = typer.Option(parser=_with_offset, metavar="2026-11-24T14:05+01:00")


@app.command()
@explained
def history(
    ref: Annotated[str, typer.Argument(help="The CRM's reference, or the person's id.", metavar="REF")],
    decrypt: Decrypt = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Tell everything that the log holds about a person, in the order in which it was recorded."""
    _must_say_why(decrypt, reason)
    with Client.here() as client:
        subject = _subject(client, ref)
        told = list(client.lines("audit", f"/v1/history/{subject}", decrypt=decrypt, reason=reason))
    answer(told, as_json, lambda: _show_history(told, ref, decrypt))
    if any("unreadable" in line for line in told):
        err.print(NOT_ALL)


def _show_history(told: Sequence[Mapping[str, Any]], ref: str, decrypt: bool) -> None:
    if not told:
        out.print("The log holds nothing about this person.")
        return
    table(
        ("Happened", "Recorded", "What", "By", "Wording", "Details", "Topic, partition, offset"),
        [_row(line) for line in told],
    )
    for (kind, version, language), text in _texts(told).items():
        out.print(f"\n{kind}, version {version}, {language}:", style="bold", markup=False)
        out.print(text, markup=False)
    if not decrypt and any(line.get("personal") == "sealed" for line in told):
        out.print(f"\nWith what is sealed: gdpr audit history {ref} --decrypt --reason CASE", markup=False)
    out.print(f"Every field, ids and hashes too: gdpr audit history {ref} --json", markup=False)


def _row(line: Mapping[str, Any]) -> tuple[object, ...]:
    place = line["place"]
    where = f"{place['topic']}, {place['partition']}, {_offsets(line)}"
    if "unreadable" in line:
        return "", _written(line["written"]), "unreadable", "", "", f"{line['unreadable']}, {line['size']} bytes", where
    return (
        _written(line["occurred"]),
        _written(line["recorded"]),
        line["type"],
        _by(line),
        _wording(line),
        _details(line),
        where,
    )


def _texts(told: Sequence[Mapping[str, Any]]) -> dict[tuple[str, int, str], str]:
    """The words that were agreed to, each once."""
    said = [line["wording"] for line in told if line.get("wording")]
    return {(w["kind"], w["version"], w["language"]): w["text"] for w in said if w["text"]}


@app.command()
@explained
def replay(
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be said several times.")] = None,
    partition: Annotated[int | None, typer.Option(help="Only this partition.", min=0)] = None,
    from_offset: Annotated[
        int | None, typer.Option(help="Begin here; needs one topic, and a partition or person.", min=0)
    ] = None,
    to_offset: Annotated[int | None, typer.Option(help="The last offset to read.", min=0)] = None,
    from_time: Annotated[datetime | None, At] = None,
    to_time: Annotated[datetime | None, At] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only events of this type, such as ConsentGiven.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Only about this person: the CRM's reference, or their id.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="So many lines at most.", min=1)] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is recorded from now on.")] = False,
    decrypt: Decrypt = False,
    reason: Reason = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document for each line.")] = False,
) -> None:
    """Read the log as it was written, each partition in its order. Times are those of recording."""
    _must_say_why(decrypt, reason)
    with Client.here() as client, suppress(KeyboardInterrupt):
        lines = client.lines(
            "audit",
            "/v1/replay",
            topic=topic,
            partition=partition,
            from_offset=from_offset,
            to_offset=to_offset,
            from_time=from_time and from_time.isoformat(),
            to_time=to_time and to_time.isoformat(),
            type=type_,
            subject_id=_subject(client, subject) if subject else None,
            limit=limit,
            follow=follow,
            decrypt=decrypt,
            reason=reason,
        )
        _show_as_it_comes(lines, as_json)


def _show_as_it_comes(lines: Iterator[Mapping[str, Any]], as_json: bool) -> None:
    """Print each line when it is there. What is wrong with the rest is said beside them, so that lines stay lines."""
    shown = unreadable = 0
    try:
        for line in lines:
            shown += 1
            unreadable += "unreadable" in line
            print_as_it_is((json.dumps(line, ensure_ascii=False) if as_json else _one_line(line)) + "\n")
    except StackError as error:
        if not shown:
            raise
        err.print(error.message, markup=False)
        raise typer.Exit(int(error.code)) from None
    if unreadable:
        err.print(NOT_ALL)
    if not shown and not as_json:
        err.print("Nothing fits. Leave out a filter, or begin earlier.")


def _one_line(line: Mapping[str, Any]) -> str:
    """What a person reads as it runs by: the same places as in the table, in one line."""
    place = line["place"]
    where = f"{place['topic']}/{place['partition']} {_offsets(line)}"
    if "unreadable" in line:
        return f"{_written(line['written'])}  {where:<24}  UNREADABLE: {line['unreadable']}, {line['size']} bytes"
    parts = (
        _written(line["recorded"]),
        f"{where:<24}",
        f"{line['type']:<20}",
        f"happened {_written(line['occurred'])}",
        f"by {_by(line)}",
        line["subject"] or line["stream"],
        _wording(line),
        _details(line),
    )
    return "  ".join(part for part in parts if part).replace("\n", " ")


def _subject(client: Client, ref: str) -> str:
    """The person's id. An id is taken as it is where the CRM's door knows nobody by it, or does not answer: the log outlives both."""
    try:
        return subject_of(client, ref)
    except StackError as error:
        with suppress(ValueError):
            subject = str(UUID(ref))
            if error.slug == "unknown-person" or error.code is Exit.UNREACHABLE:
                return subject
        raise


def _must_say_why(decrypt: bool, reason: str) -> None:
    if decrypt and not reason.strip():
        raise StackError("reason-missing", "Say why by --reason: a case number, say.", code=Exit.WRONG_USE)


def _offsets(line: Mapping[str, Any]) -> str:
    """Where it stands; where a relay that was killed wrote it again, every place."""
    return ", ".join(str(place["offset"]) for place in (line["place"], *line.get("repeated_at", ())))


def _by(line: Mapping[str, Any]) -> str:
    by = line["by"]
    return f"{by['kind']} {by['id']}" if by.get("id") else str(by["kind"])


def _wording(line: Mapping[str, Any]) -> str:
    wording = line["wording"]
    if not wording:
        return ""
    return f"{wording['version']}, {wording['language']}" if wording["language"] else str(wording["version"])


def _details(line: Mapping[str, Any]) -> str:
    """The fields that say something to a reader. `--json` has the others: ids, hashes, fingerprints."""
    said = {name: value for name, value in line["data"].items() if name not in UNSAID and value not in (None, [], {})}
    if isinstance(said.get("fields"), dict):
        said["fields"] = ", ".join(said["fields"])
    return "; ".join(f"{name}: {_text(value)}" for name, value in said.items() if not _is_id(value))


def _is_id(value: Any) -> bool:
    with suppress(ValueError):
        return isinstance(value, str) and bool(UUID(value))
    return False


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _written(moment: str | None) -> str:
    """In the reader's zone, with its offset: unmistakable, and in order when sorted."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S%z") if moment else ""
