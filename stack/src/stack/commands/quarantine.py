"""`gdpr quarantine`: messages of the CRM that could not be taken over, and what becomes of them."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from stack.answering import AsJson, answer, explained, out, print_as_it_is, table
from stack.client import Client
from stack.trouble import Exit, StackError

app = typer.Typer(help="Messages of the CRM that could not be taken over.", no_args_is_help=True)

MOST = 1000


class State(StrEnum):
    """Where a message of the quarantine can stand."""

    OPEN = "open"
    TAKEN = "taken"
    DISCARDED = "discarded"


Id = Annotated[str, typer.Argument(help="The message's id, or the beginning of it.", metavar="ID")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the message.")]


@app.command("list")
@explained
def list_messages(
    state: Annotated[State, typer.Option(help="Those that wait, were taken over, or were discarded.")] = State.OPEN,
    limit: Annotated[int, typer.Option(help="Show so many at most.", min=1, max=MOST)] = 100,
    as_json: AsJson = False,
) -> None:
    """List the messages that wait for a decision, oldest first."""
    with Client.here() as client:
        found = client.get("crm-gateway", "/v1/quarantine", state=state.value, limit=limit)
    answer(found, as_json, lambda: _show_list(found, state))


def _show_list(found: list[dict[str, Any]], state: State) -> None:
    if not found:
        out.print("Nothing waits." if state is State.OPEN else f"Nothing is {state.value}.")
        return
    table(
        ("Id", "Received", "From", "What is wrong", "Where", "Tries"),
        [
            (one["id"], _moment(one["received"]), one["place"], one["detail"], one["pointer"], one["tries"])
            for one in found
        ],
    )
    if state is State.OPEN:
        out.print(
            "Try one again: gdpr quarantine retry ID --reason ...   Give it up: gdpr quarantine discard ID --reason ..."
        )


@app.command()
@explained
def show(
    message: Id,
    content: Annotated[
        bool, typer.Option("--content", help="Open it, and show what was sent. Needs --reason.")
    ] = False,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why you open it; it is kept with the message.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one message: what is wrong with it, what was decided, and on demand what it says."""
    if content and not reason:
        raise StackError("reason-missing", "Say why you open it: --reason ...", code=Exit.WRONG_USE)
    with Client.here() as client:
        found = _found(client, message)
        opened = None
        if content:
            opened = client.post("crm-gateway", f"/v1/quarantine/{found['id']}/openings", {"reason": reason})
            found = client.get("crm-gateway", f"/v1/quarantine/{found['id']}")
    answer({**found, "content": opened} if content else found, as_json, lambda: _show(found, opened))


def _show(found: dict[str, Any], opened: dict[str, Any] | None) -> None:
    said = [
        ("Id", found["id"]),
        ("Received", f"{_moment(found['received'])} by {found['door']}, {found['place']}"),
        ("What is wrong", found["detail"]),
        ("Where", found["pointer"] or "the message as a whole"),
        ("Size", f"{found['size']} bytes"),
        ("Tries", found["tries"]),
        ("State", found["state"]),
    ]
    if found["decided"]:
        said.append(("Decided", f"{_moment(found['decided'])} by {found['decided_by']}: {found['reason']}"))
    said += [("Opened", f"{_moment(one['at'])} by {one['by']}: {one['reason']}") for one in found["openings"]]
    table(("", ""), said)
    if opened is not None:
        for name, value in opened["headers"].items():
            print_as_it_is(f"{name}: {value}\n")
        print_as_it_is(opened["text"] + "\n")


@app.command()
@explained
def retry(message: Id, reason: Reason = "tried again by the operator", as_json: AsJson = False) -> None:
    """Try a message again, after what was in its way has been mended."""
    with Client.here() as client:
        found = _found(client, message)
        told = client.post("crm-gateway", f"/v1/quarantine/{found['id']}/retries", {"reason": reason})
    refused = told["status"] == "refused"
    where = f" ({told['pointer']})" if told.get("pointer") else ""
    said = f"It is refused again: {told['detail']}{where}" if refused else f"It is taken over ({told['status']})."
    answer(told, as_json, lambda: out.print(said, markup=False))
    if refused:
        raise typer.Exit(int(Exit.REFUSED))


@app.command()
@explained
def discard(message: Id, reason: Reason, as_json: AsJson = False) -> None:
    """Give a message up for good: what it says is destroyed at once."""
    with Client.here() as client:
        found = _found(client, message)
        client.post("crm-gateway", f"/v1/quarantine/{found['id']}/discards", {"reason": reason})
    answer({"id": found["id"], "state": "discarded"}, as_json, lambda: out.print("It is discarded."))


def _found(client: Client, message: str) -> dict[str, Any]:
    """The message with this id, or the only one whose id begins so."""
    beginning = message.strip().lower()
    with suppress(ValueError):
        whole: dict[str, Any] = client.get("crm-gateway", f"/v1/quarantine/{UUID(beginning)}")
        return whole
    listed = [
        one
        for state in State
        for one in client.get("crm-gateway", "/v1/quarantine", state=state.value, limit=MOST)
        if one["id"].startswith(beginning)
    ]
    if len(listed) > 1 and beginning:
        raise StackError("ambiguous-entry", f"{len(listed)} messages begin with {message!r}. Say more of the id.")
    if len(listed) != 1:
        raise StackError(
            "unknown-entry", f"There is no message {message!r} in quarantine. `gdpr quarantine list` shows them."
        )
    found: dict[str, Any] = client.get("crm-gateway", f"/v1/quarantine/{listed[0]['id']}")
    return found


def _moment(text: str) -> str:
    return text.replace("T", " ")[:19] + "Z"
