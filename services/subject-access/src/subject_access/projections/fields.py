"""The field catalogue: the words for what the CRM sends, as far as an administrator has given them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from events.catalogue.persons import FieldDescribed, FieldDiscovered, FieldType
from events.catalogue.vocabulary import Event, Texts
from events.envelope import Recorded
from events.projecting import projection

FURTHER = "further"
"""The group of fields that nobody has described."""


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field. Not ``described``: it is shown under its own name, among the further details."""

    field: str
    type: FieldType
    described: bool
    section: str
    labels: Texts
    choices: dict[str, Texts] | None


@projection(table="fields", of=(FieldDiscovered, FieldDescribed), key=lambda e: e.data.field)
def fields(row: FieldRow | None, e: Recorded[Event]) -> FieldRow | None:
    """Take the newest description."""
    match e.data:
        case FieldDiscovered(field=field, guessed=guessed):
            if row is None:
                return FieldRow(field, guessed, False, FURTHER, {}, None)
            return row if row.described else replace(row, type=guessed)
        case FieldDescribed() as said:
            return FieldRow(said.field, said.type, True, said.group, said.labels, said.choices)
        case _:
            return row
