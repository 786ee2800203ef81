"""Values as people read them: fields with their labels, records, and the story of a person's consents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from babel import UnknownLocaleError

from console.answers import Field, Fields, Happened, Kind, Person
from console.words import BY, EVENTS, METHODS, RECORDS
from web.catalogues import N_
from web.languages import Language


def said(texts: Mapping[str, str], language: Language, otherwise: str = "") -> str:
    """Give a text in the reader's language, or in any that there is."""
    return texts.get(language.code) or next(iter(texts.values()), otherwise)


def shown_fields(person: Person, fields: Fields | None, language: Language) -> list[tuple[str, list[dict[str, Any]]]]:
    """Give what is held of a person, group by group; without the catalogue the fields have their own names."""
    known = {one.field: one for one in fields.fields} if fields else {}
    titles = fields.groups if fields else {}
    groups: dict[str, list[dict[str, Any]]] = {}
    for name in [*(name for name in known if name in person.values), *(n for n in person.values if n not in known)]:
        field = known.get(name)
        lines = shown(person.values[name], field, language)
        row = {
            "name": said(field.labels, language, name) if field else _own_name(name),
            "lines": lines,
            "undescribed": field is not None and field.state == "discovered",
        }
        groups.setdefault(field.group if field else "further", []).append(row)
    order = [*titles, *(group for group in groups if group not in titles)]
    return [
        (said(titles.get(group, {}), language, group.capitalize()), groups[group]) for group in order if group in groups
    ]


def _own_name(field: str) -> str:
    """Give a field that nobody has described the name that the CRM has for it."""
    return field.removeprefix("custom.").replace("_", " ").replace(".", " ").capitalize()


def shown(value: Any, field: Field | None, language: Language) -> list[str]:
    """Give a value line by line; nothing for what is empty."""
    match value:
        case None | "":
            return []
        case bool():
            return [language.say(N_("Yes")) if value else language.say(N_("No"))]
        case int() | float():
            return [language.number(value)]
        case str():
            return [_text(value, field, language)]
        case list():
            return [line for one in value if (line := _part(one))]
        case _:
            return [str(value)]


def _text(value: str, field: Field | None, language: Language) -> str:
    kind = field.type if field else "text"
    if kind == "date":
        try:
            return language.date(date.fromisoformat(value))
        except ValueError:
            return value
    if kind == "language":
        try:
            return (language.locale.languages.get(value) or value).capitalize()
        except (UnknownLocaleError, ValueError):
            return value
    if field and field.choices and value in field.choices:
        return said(field.choices[value], language, value)
    return value


def _part(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)
    label = f" ({one['label']})" if one.get("label") else ""
    main = one.get("address") or one.get("number")
    if main:
        return f"{main}{label}"
    city = " ".join(str(one[key]) for key in ("postcode", "city") if one.get(key))
    parts = [one.get("street"), city, one.get("region"), one.get("country")]
    return ", ".join(str(part) for part in parts if part) + label


def shown_records(person: Person, fields: Fields | None, language: Language) -> list[dict[str, Any]]:
    """Give the records of a person, each with its fields in a line."""
    known = {one.field: one for one in fields.fields} if fields else {}
    found = []
    for one in person.records:
        told = []
        for name, value in one.values.items():
            field = known.get(f"{one.kind}.{name}")
            if lines := shown(value, field, language):
                described = field is not None and field.state == "described"
                label = said(field.labels, language, name) if field and described else _own_name(name)
                told.append(f"{label}: {', '.join(lines)}")
        found.append(
            {
                "kind": language.say(RECORDS[one.kind]) if one.kind in RECORDS else _own_name(one.kind),
                "ref": one.record_ref,
                "removed": one.state != "present",
                "values": told,
                "changed": one.last_change,
            }
        )
    return found


@dataclass(frozen=True, slots=True)
class Story:
    """One thing that happened, for the timeline; ``at`` is when it happened, ``recorded`` when it was known here."""

    at: datetime
    recorded: datetime
    title: str
    by: str
    text: str


def stories(history: Sequence[Happened], kinds: Sequence[Kind] | None, language: Language) -> list[Story]:
    """Tell the history of a person's consents, the newest first."""
    titles = {one.kind: said(one.titles, language, one.kind) for one in kinds or ()}
    told = []
    for one in reversed(history):
        kind = one.data.get("kind")
        what = titles.get(str(kind), str(kind)) if kind else ""
        event = language.say(EVENTS[one.type]) if one.type in EVENTS else one.type
        told.append(
            Story(
                at=one.occurred,
                recorded=one.recorded,
                title=f"{what}: {event}" if what else event,
                by=who(one.by, language),
                text=_more(one, language),
            )
        )
    return told


def who(by: str, language: Language) -> str:
    """Say who did it: ``staff:anna`` is "staff (anna)"."""
    kind, _, account = by.partition(":")
    name = language.say(BY[kind]) if kind in BY else kind
    return f"{name} ({account})" if account and kind == "staff" else name


def _more(one: Happened, language: Language) -> str:
    if one.erased:
        return language.say(N_("What was noted with it has been erased."))
    method, wording = one.data.get("method"), one.data.get("wording")
    parts = [language.say(METHODS[method])] if isinstance(method, str) and method in METHODS else []
    if isinstance(wording, dict):
        parts.append(language.say(N_("wording %(version)s"), version=wording.get("version")))
    noted = one.data.get("evidence") or one.data.get("reason")
    if isinstance(noted, str):
        parts.append(f"“{noted}”" if language.code == "en" else f"„{noted}“")
    return " · ".join(parts)
