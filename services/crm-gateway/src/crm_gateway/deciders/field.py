"""One field of the field catalogue: discovered when the CRM first sends it, then described by an administrator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from events.catalogue.persons import CORE_FIELDS, FieldDescribed, FieldDiscovered, FieldType
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state


@command
class DiscoverField:
    """The CRM sent a field; ``guessed`` is the type that its value looks like."""

    field: str
    guessed: FieldType
    at: datetime
    by: Actor


@command
class DescribeField:
    """An administrator says what the field is."""

    field: str
    type: FieldType
    group: str
    labels: Mapping[str, str]
    choices: Mapping[str, Mapping[str, str]] | None
    at: datetime
    by: Actor


Command: TypeAlias = DiscoverField | DescribeField


@state
class Field:
    """Whether the field is known, and how it was last described."""

    known: bool = False
    described: FieldDescribed | None = None


def decide(field: Field, wanted: Command) -> Iterator[Event]:
    """A field is discovered once; a description that says nothing new is no news."""
    match wanted:
        case DiscoverField():
            if not field.known:
                yield FieldDiscovered(at=wanted.at, by=wanted.by, field=wanted.field, guessed=wanted.guessed)
        case DescribeField():
            yield from _described(field, wanted)


def _described(field: Field, wanted: DescribeField) -> Iterator[Event]:
    core = CORE_FIELDS.get(wanted.field)
    if core is not None and core != wanted.type:
        raise Refused("core-field-type", f"This field is of type {core} in every CRM. Describe it as that.")
    if core is None and not field.known and field.described is None and "." not in wanted.field:
        raise Refused(
            "unknown-field", "There is no such field. `GET /v1/fields` lists them; custom ones begin with custom."
        )
    if not {"de", "en"} <= wanted.labels.keys() or not all(text.strip() for text in wanted.labels.values()):
        raise Refused("labels-missing", "Give a label in German (de) and in English (en).")
    if (wanted.type == "choice") != bool(wanted.choices):
        raise Refused("choices", "A field of type choice needs its choices, and no other has any.")
    event = FieldDescribed(
        at=wanted.at,
        by=wanted.by,
        field=wanted.field,
        type=wanted.type,
        group=wanted.group,
        labels=dict(wanted.labels),
        choices={k: dict(texts) for k, texts in wanted.choices.items()} if wanted.choices else None,
    )
    if field.described is None or _said(field.described) != _said(event):
        yield event


def _said(event: FieldDescribed) -> object:
    return event.model_dump(exclude={"at", "by"})


def evolve(field: Field, event: Event) -> Field:
    """Fold."""
    match event:
        case FieldDiscovered():
            return replace(field, known=True)
        case FieldDescribed():
            return replace(field, known=True, described=event)
        case _:
            return field


FIELD: Decider[Command, Field] = Decider(
    name="field",
    initial=Field(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"field-{c.field}",
    subject=lambda _c: None,
)
