"""`gdpr link`: send a customer the link to the portal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from stack.answering import AsJson, answer, explained, out
from stack.client import Client
from stack.persons import person_of
from stack.services import MAILBOX
from stack.trouble import StackError

app = typer.Typer()


@app.command()
@explained
def link(
    ref: Annotated[str, typer.Argument(help="The CRM's reference, or the person's id.", metavar="REF")],
    to: Annotated[
        str | None,
        typer.Option(help="Which of the customer's mail addresses, where there are several.", metavar="MAIL"),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Of the mail and the first page: de, en; left out: the customer's.", metavar="CODE"),
    ] = None,
    hours: Annotated[int | None, typer.Option(help="How long it stays open.", min=1)] = None,
    reason: Annotated[
        str, typer.Option(help="Why it is sent, in one word. It stands in the log in the clear.")
    ] = "asked",
    as_json: AsJson = False,
) -> None:
    """Send a customer the link to their data, by mail to an address of their own."""
    with Client.here() as client:
        person = person_of(client, ref)
        said: dict[str, Any] = {"to": to or _only_address(person, ref), "reason": reason}
        said |= {name: value for name, value in (("language", language), ("hours", hours)) if value is not None}
        told = client.post("subject-access", f"/v1/persons/{person['subject_id']}/links", said)
        local = client.installation.url(MAILBOX) if client.installation.home.is_held() else ""
    answer(told, as_json, lambda: _show(told, ref, local))


def _show(told: dict[str, Any], ref: str, local: str) -> None:
    until = datetime.fromisoformat(told["expires"]).astimezone()
    out.print(f"The link goes to {told['to']}. It is open until {until.day} {until:%B %Y, %H:%M %Z}.", markup=False)
    if local:
        out.print(f"On this machine the mail is in the mailbox: {local}", markup=False)
    out.print(f"What becomes of it: gdpr audit history {ref}", markup=False)


def _only_address(person: dict[str, Any], ref: str) -> str:
    if person["state"] == "erased":
        raise StackError("erased", "This person has been erased. Nothing is held of them any more.")
    addresses: list[str] = person["emails"]
    if not addresses:
        raise StackError("no-address", "The CRM has no mail address of this customer. Have one entered there first.")
    if len(addresses) > 1:
        choices = "\n".join(f"  gdpr link {ref} --to {address}" for address in addresses)
        raise StackError("several-addresses", f"This customer has several mail addresses. Choose one:\n{choices}")
    return addresses[0]
