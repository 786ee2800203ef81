"""`gdpr person`: find customers by what one knows of them, and see everything that is held of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from stack.answering import AsJson, answer, explained, out, table
from stack.client import Client
from stack.persons import look_at, person_of
from stack.trouble import Exit, StackError

app = typer.Typer(help="Customers: find them, and see what is held of them.", no_args_is_help=True)

Ref = Annotated[str, typer.Argument(help="The CRM's reference, or the person's id.", metavar="REF")]


@app.command()
@explained
def find(
    words: Annotated[
        list[str], typer.Argument(help="Part of a name, mail, telephone or customer number.", metavar="WORDS...")
    ],
    limit: Annotated[int, typer.Option(help="Show so many at most.", min=1, max=100)] = 20,
    as_json: AsJson = False,
) -> None:
    """Find customers. All words must fit; umlauts may be left out or spelled out."""
    with Client.here() as client:
        told = client.post("crm-gateway", "/v1/persons/search", {"q": " ".join(words), "limit": limit})
    answer(told, as_json, lambda: _show_found(told))
    if not told["persons"]:
        raise typer.Exit(int(Exit.REFUSED))


def _show_found(told: dict[str, Any]) -> None:
    if not told["persons"]:
        out.print("Nobody fits. Try fewer words, or the beginning of one.")
        return
    table(
        ("Reference", "Name", "Company", "Mail", "Telephone", "Number", ""),
        [
            (
                one["crm_ref"],
                one["display_name"],
                one["company"],
                ", ".join(one["emails"]),
                ", ".join(one["phones"]),
                one["customer_number"],
                _remark(one),
            )
            for one in told["persons"]
        ],
    )
    if told["more"]:
        out.print("There are more: say more words, or --limit.")
    else:
        out.print("See everything that is held of one: gdpr person show REFERENCE")


def _remark(one: dict[str, Any]) -> str:
    twins = len(one["possible_duplicates"])
    said = [] if one["state"] == "present" else [{"removed": "removed in the CRM"}.get(one["state"], one["state"])]
    if twins:
        said.append(f"{twins} other record{'s' if twins > 1 else ''} with this mail address")
    return ", ".join(said)


@app.command()
@explained
def show(ref: Ref, as_json: AsJson = False) -> None:
    """Show everything that the CRM's door holds of one customer. The customer sees in the portal that you looked."""
    with Client.here() as client:
        found = person_of(client, ref)
        if found["state"] == "erased":
            raise StackError("erased", "This person has been erased. Nothing is held of them any more.")
        look_at(client, found["subject_id"])
        person = client.get("crm-gateway", f"/v1/persons/{found['subject_id']}")
        catalogue = client.get("crm-gateway", "/v1/fields")
    answer(person, as_json, lambda: _show(person, catalogue))


def _show(person: dict[str, Any], catalogue: dict[str, Any]) -> None:
    out.print(f"{person['display_name'] or '(no name)'}, reference {person['crm_ref']}", markup=False)
    out.print(f"id {person['subject_id']}", markup=False)
    if remark := _remark(person):
        out.print(remark, markup=False)
    held = {name: value for name, value in person["values"].items() if value is not None}
    rows = []
    for field in catalogue["fields"]:
        if field["field"] in held:
            undescribed = "not described yet" if field["state"] == "discovered" else ""
            rows.append((field["labels"]["en"], _text(held.pop(field["field"])), undescribed))
    rows += [(name, _text(value), "") for name, value in held.items()]
    out.print()
    table(("Field", "Value", ""), rows)
    if person["records"]:
        out.print()
        table(("Record", "Reference", "State", "Says"), list(_records(person["records"])))


def _records(records: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    for record in records:
        said = ", ".join(f"{name}: {_text(value)}" for name, value in record["values"].items() if value is not None)
        yield record["kind"], record["record_ref"] or "", record["state"], said


def _text(value: Any) -> str:
    """A value of a field on a few lines: one for each mail, telephone or address."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return "\n".join(_text(one) for one in value)
        case dict():
            label = value.get("label")
            said = ", ".join(str(part) for name, part in value.items() if part is not None and name != "label")
            return f"{said} ({label})" if label else said
        case _:
            return str(value)
