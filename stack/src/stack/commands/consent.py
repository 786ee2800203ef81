"""`gdpr consent`: what a customer agreed to, whether it may be done, and recording what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from stack.answering import AsJson, answer, explained, out, table
from stack.client import Client
from stack.persons import look_at, subject_of
from stack.trouble import Exit, StackError

app = typer.Typer(
    help="Consents: what may be done, on which wording, and what a customer says of it.", no_args_is_help=True
)


class GivenBy(StrEnum):
    """How the customer said yes to somebody of the staff."""

    TELEPHONE = "telephone"
    PAPER = "paper"
    STAFF = "staff"


class WithdrawnBy(StrEnum):
    """How the customer said no."""

    TELEPHONE = "telephone"
    PAPER = "paper"
    STAFF = "staff"
    UNSUBSCRIBE = "unsubscribe"


Ref = Annotated[str, typer.Argument(help="The CRM's reference, or the person's id.", metavar="REF")]
Kind = Annotated[str, typer.Argument(help="The kind, as `gdpr consent kinds` names it.", metavar="KIND")]
At = Annotated[
    datetime | None,
    typer.Option(
        help="When the customer said so, with its offset from UTC; left out: now.",
        parser=datetime.fromisoformat,
        metavar="2026-11-24T14:05+01:00",
    ),
]
REASONS: Mapping[str, str] = {
    "given": "the customer agreed",
    "withdrawn": "the customer withdrew",
    "refused": "the customer refused",
    "expired": "the consent has run out",
    "objection": "the customer objected to direct marketing",
    "no-consent": "the customer never said anything about it",
    "unknown-person": "nothing is known of this person",
    "unknown-kind": "there is no such kind of consent",
}
EVIDENCE: Mapping[str, str] = {
    "strong": "in the customer's own hand",
    "documented": "documented",
    "weak": "a mere tick, no evidence",
}
DID: Mapping[str, str] = {
    "ConsentGiven": "given",
    "ConsentWithdrawn": "withdrawn",
    "ConsentRefused": "refused",
    "ConsentExpired": "expired",
    "ChoiceDeclined": "choice declined",
    "ObjectionRaised": "objection to direct marketing",
    "ObjectionLifted": "objection taken back",
}


@app.command()
@explained
def kinds(
    texts: Annotated[bool, typer.Option("--texts", help="Show the wordings themselves, all versions.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what customers can consent to."""
    with Client.here() as client:
        told = client.get("consent", "/v1/kinds")
    answer(told, as_json, lambda: _show_kinds(told, texts))


def _show_kinds(told: Sequence[Mapping[str, Any]], texts: bool) -> None:
    table(
        ("Kind", "What it is", "For", "By", "Runs out after", "Wording", ""),
        [
            (
                kind["kind"],
                _in_english(kind["titles"]),
                _in_english(kind["purpose"]["titles"]) if kind["purpose"] else "",
                ", ".join(kind["channels"]),
                f"{kind['validity_days']} days" if kind["validity_days"] else "never",
                _newest(kind["wordings"]),
                "retired" if kind["retired"] else "",
            )
            for kind in told
        ],
    )
    if not texts:
        out.print("Their wordings: gdpr consent kinds --texts")
        return
    for kind in told:
        for wording in kind["wordings"]:
            for language, text in wording["texts"].items():
                out.print(f"\n{kind['kind']}, version {wording['version']}, {language}:", style="bold", markup=False)
                out.print(text, markup=False)


@app.command()
@explained
def give(
    ref: Ref,
    kind: Kind,
    method: Annotated[GivenBy, typer.Option(help="How the customer said so.")],
    evidence: Annotated[
        str | None, typer.Option(help="How it can be shown: where the form lies, say. Without it the consent is weak.")
    ] = None,
    wording: Annotated[
        int | None, typer.Option(help="The version of the wording that the customer saw or heard.", min=1)
    ] = None,
    language: Annotated[str | None, typer.Option(help="The language of that wording: de, en.", metavar="CODE")] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Record that a customer agreed."""
    if (wording is None) != (language is None):
        raise StackError(
            "wording-half-said", "Give --wording and --language together, or neither.", code=Exit.WRONG_USE
        )
    said = {
        "kind": kind,
        "method": method.value,
        "evidence": evidence,
        "wording": {"version": wording, "language": language} if wording else None,
        "at": _moment(at),
    }
    with Client.here() as client:
        receipt = client.post("consent", f"/v1/persons/{subject_of(client, ref)}/consents", said)
    answer(receipt, as_json, lambda: _show_receipt(receipt, ref, "It is recorded: the customer agrees"))


@app.command()
@explained
def withdraw(
    ref: Ref,
    kind: Kind,
    method: Annotated[WithdrawnBy, typer.Option(help="How the customer said so.")],
    reason: Annotated[str | None, typer.Option(help="Why, in the customer's words; none is needed.")] = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Record that a customer withdrew. It is in effect when this command returns."""
    said = {"kind": kind, "method": method.value, "reason": reason, "at": _moment(at)}
    with Client.here() as client:
        receipt = client.post("consent", f"/v1/persons/{subject_of(client, ref)}/withdrawals", said)
    answer(receipt, as_json, lambda: _show_receipt(receipt, ref, "Withdrawn, and in effect"))


def _show_receipt(receipt: Mapping[str, Any], ref: str, done: str) -> None:
    if receipt["event"]:
        out.print(f"{done}: {receipt['kind']}, since {_written(receipt['since'])}.", markup=False)
        if receipt["valid_until"]:
            out.print(f"It runs out on {_written(receipt['valid_until'])}.", markup=False)
        out.print(f"Reference: event {receipt['event']}", markup=False)
    else:
        out.print("Nothing changed: it was recorded already, or something newer holds.")
    out.print(f"What holds now: gdpr consent check {ref} {receipt['kind']}", markup=False)


@app.command()
@explained
def check(ref: Ref, kind: Kind, as_json: AsJson = False) -> None:
    """Say whether a consent allows it now: exit code 0 for yes, 1 for no."""
    with Client.here() as client:
        subject = subject_of(client, ref)
        verdict = client.post("consent", "/v1/consents/check", {"subject_id": subject, "kind": kind})
        if verdict["reason"] == "unknown-kind":
            known = ", ".join(one["kind"] for one in client.get("consent", "/v1/kinds"))
            raise StackError("unknown-kind", f"There is no kind of consent {kind!r}. There are: {known}.")
    answer(verdict, as_json, lambda: _show_verdict(verdict, ref))
    if not verdict["allowed"]:
        raise typer.Exit(int(Exit.REFUSED))


def _show_verdict(verdict: Mapping[str, Any], ref: str) -> None:
    said = "yes" if verdict["allowed"] else "no"
    out.print(f"{said}: {REASONS.get(verdict['reason'], verdict['reason'])}", style="bold", markup=False)
    if verdict["event"]:
        by = f" by {verdict['method']}" if verdict["method"] else ""
        out.print(f"  since     {_written(verdict['since'])}{by}", markup=False)
        out.print(f"  recorded  {_written(verdict['recorded'])}", markup=False)
        if verdict["valid_until"]:
            out.print(f"  until     {_written(verdict['valid_until'])}", markup=False)
        if verdict["wording"]:
            out.print(f"  wording   {_wording(verdict['wording'])}", markup=False)
        if verdict["strength"]:
            out.print(f"  evidence  {EVIDENCE.get(verdict['strength'], verdict['strength'])}", markup=False)
        out.print(f"  event     {verdict['event']}", markup=False)
    out.print(f"How it came to be: gdpr consent history {ref}", markup=False)


@app.command()
@explained
def history(ref: Ref, as_json: AsJson = False) -> None:
    """Tell everything that a customer ever said of their consents, oldest first."""
    with Client.here() as client:
        subject = subject_of(client, ref)
        look_at(client, subject)
        told = client.get("consent", f"/v1/persons/{subject}/consents/history")
    answer(told, as_json, lambda: _show_history(told))


def _show_history(told: Sequence[Mapping[str, Any]]) -> None:
    if not told:
        out.print("The customer never said anything about a consent.")
        return
    table(
        ("", "Said", "Recorded", "Kind", "What", "By", "Details", "Event"),
        [
            (
                entry["version"],
                _written(entry["occurred"]),
                _written(entry["recorded"]),
                entry["data"].get("kind", ""),
                DID.get(entry["type"], entry["type"]),
                entry["by"],
                _details(entry),
                entry["event"],
            )
            for entry in told
        ],
    )


def _details(entry: Mapping[str, Any]) -> str:
    data = entry["data"]
    said = [str(data["method"])] if data.get("method") else []
    if data.get("wording"):
        said.append(f"wording {_wording(data['wording'])}")
    elif data.get("wording_claimed"):
        said.append(f"wording {data['wording_claimed']}, as the source claims")
    said += [str(data[name]) for name in ("strength", "evidence", "reason") if data.get(name)]
    if entry["erased"]:
        said.append("personal details erased")
    return "; ".join(said)


def _wording(wording: Mapping[str, Any]) -> str:
    language = f", {wording['language']}" if wording.get("language") else ""
    return f"version {wording['version']}{language}"


def _newest(wordings: Sequence[Mapping[str, Any]]) -> str:
    if not wordings:
        return "none yet"
    newest = wordings[-1]
    return f"version {newest['version']} ({', '.join(newest['texts'])})"


def _in_english(texts: Mapping[str, str]) -> str:
    return texts.get("en") or next(iter(texts.values()), "")


def _moment(at: datetime | None) -> str | None:
    """What goes to the service; a moment without its offset could be any of two dozen."""
    if at is not None and at.tzinfo is None:
        raise StackError("no-offset", "Say --at with its offset, such as 2026-11-24T14:05+01:00.", code=Exit.WRONG_USE)
    return at.isoformat() if at else None


def _written(moment: str) -> str:
    """In the reader's zone, with the zone named."""
    at = datetime.fromisoformat(moment).astimezone()
    return f"{at.day} {at:%B %Y, %H:%M:%S %Z}"
