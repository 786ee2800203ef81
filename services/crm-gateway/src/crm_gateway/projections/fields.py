"""The field catalogue, as far as it was discovered or described."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from events.catalogue.persons import FieldDescribed, FieldDiscovered, FieldType
from events.catalogue.vocabulary import Event
from events.envelope import Recorded
from events.projecting import projection


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field. Not ``described``: it is shown under its own name, and waits for an administrator."""

    field: str
    guessed: FieldType | None
    described: bool
    type: FieldType
    section: str
    labels: dict[str, str]
    choices: dict[str, dict[str, str]] | None
    discovered: datetime | None
    changed: datetime


@projection(table="fields", of=(FieldDiscovered, FieldDescribed), key=lambda e: e.data.field)
def fields(row: FieldRow | None, e: Recorded[Event]) -> FieldRow | None:
    """Fold."""
    match e.data:
        case FieldDiscovered(field=field, guessed=guessed):
            if row is not None:
                return replace(row, guessed=guessed, discovered=e.occurred)
            return FieldRow(field, guessed, False, guessed, "further", {}, None, e.occurred, e.occurred)
        case FieldDescribed(field=field):
            return FieldRow(
                field,
                row.guessed if row else None,
                True,
                e.data.type,
                e.data.group,
                dict(e.data.labels),
                dict(e.data.choices) if e.data.choices else None,
                row.discovered if row else None,
                e.occurred,
            )
        case _:
            return row
