"""What we hold about a person, in groups as people think: every field and every record, and what is empty is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from babel import Locale, UnknownLocaleError

from events.catalogue.persons import CORE_FIELDS, Address, Email, FieldType, FieldValue, Phone
from subject_access import words
from subject_access.projections.fields import FURTHER, FieldRow
from subject_access.projections.persons import PersonRow, held
from subject_access.projections.records import RecordRow
from web.catalogues import N_
from web.languages import Language

FURTHER_TITLE = N_("Further details")
Fields = Mapping[str, FieldRow]
"""From here on digits are not grouped: such a number is a key of somebody's, and no amount."""


@dataclass(frozen=True, slots=True)
class Detail:
    """One field that holds something, written in the reader's language; a line for each part."""

    field: str
    name: str
    lines: Sequence[str]
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One record, with everything that stands in it."""

    record: str
    title: str
    ref: str
    since: datetime
    removed: datetime | None
    details: Sequence[Detail]


@dataclass(slots=True)
class Section:
    """One group. ``empty`` names the fields of it that hold nothing."""

    id: str
    title: str
    details: list[Detail] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many things stand in it."""
        return len(self.details) + len(self.entries)

    @property
    def since(self) -> datetime | None:
        """Since when all of its details are held, where that is one day."""
        days = {detail.since.date() if detail.since else None for detail in self.details}
        return self.details[0].since if len(days) == 1 else None

    def first(self, details: int, entries: int) -> Section:
        """Give the beginning of it."""
        return Section(self.id, self.title, self.details[:details], self.empty, self.entries[:entries])

    def pages(self, details: int, entries: int) -> list[Section]:
        """Part it into pages."""
        starts = range(0, max(len(self.details), 1), details)
        pages = [
            Section(self.id, self.title, self.details[s : s + details], self.empty if s == 0 else []) for s in starts
        ]
        for start in range(0, len(self.entries), entries):
            part = self.entries[start : start + entries]
            if start == 0 and not self.details:
                pages[0].entries = part
            else:
                pages.append(Section(self.id, self.title, entries=part))
        return pages


def sections(
    person: PersonRow | None, records: Iterable[RecordRow], catalogue: Fields, language: Language
) -> list[Section]:
    """Put everything into its group. Groups that cannot hold anything here are left out."""
    made: dict[str, Section] = {name: Section(name, language.say(title)) for name, title in words.GROUPS.items()}
    for title, section_id in ((title, name) for name, title in words.RECORD_SECTIONS.items()):
        made[section_id] = Section(section_id, language.say(title))
    _add_details(made, person, catalogue, language)
    for row in records:
        section, name = words.RECORDS.get(row.kind, (words.OTHER, words.by_its_own_name(row.kind)))
        made[section].entries.append(_entry(row, language.say(name), catalogue, language))
    further = made.pop(FURTHER, None)
    always = {"who-you-are", "how-we-reach-you", words.BOUGHT, words.NOTED}
    return [s for s in [*made.values(), *([further] if further else [])] if s.total or s.empty or s.id in always]


def _add_details(made: dict[str, Section], person: PersonRow | None, catalogue: Fields, language: Language) -> None:
    values = person.held if person else {}
    since = person.since if person else {}
    for name in dict.fromkeys([*words.CORE, *values]):
        row = catalogue.get(name)
        group, label = _place(name, row, language)
        section = made.setdefault(group, Section(group, _title(group, language)))
        lines = written(values.get(name), row, language, CORE_FIELDS.get(name))
        if lines:
            section.details.append(Detail(name, label, lines, since.get(name)))
        else:
            section.empty.append(label)


def _place(name: str, row: FieldRow | None, language: Language) -> tuple[str, str]:
    """Give the group and the label of a field: an administrator's, else ours, else its own name."""
    ours = words.CORE.get(name)
    if row is not None and row.described:
        return row.section, words.in_words_of(language, row.labels)[0] or words.by_its_own_name(name)
    if ours:
        return ours[0], language.say(ours[1])
    return FURTHER, words.by_its_own_name(name)


def _title(group: str, language: Language) -> str:
    return language.say(FURTHER_TITLE) if group == FURTHER else words.by_its_own_name(group)


def _entry(row: RecordRow, title: str, catalogue: Fields, language: Language) -> Entry:
    details = []
    for name, value in held(row.values).items():
        known = catalogue.get(f"{row.kind}.{name}")
        if lines := written(value, known, language):
            details.append(Detail(name, _label_in_record(name, known, language), lines))
    ref = row.record_ref if isinstance(row.record_ref, str) else ""
    return Entry(str(row.record), title, ref, row.known, row.removed if row.gone else None, details)


def _label_in_record(name: str, known: FieldRow | None, language: Language) -> str:
    if known is not None and known.described and known.labels:
        return words.in_words_of(language, known.labels)[0]
    return language.say(words.RECORD_FIELDS[name]) if name in words.RECORD_FIELDS else words.by_its_own_name(name)


def written(value: FieldValue, row: FieldRow | None, language: Language, type_: FieldType | None = None) -> list[str]:
    """Write a value in the reader's language, a line for each part; nothing for an empty one."""
    if isinstance(value, list | tuple):
        return [line for part in value for line in _part(part, language)]
    if value is None or value == "":
        return []
    if isinstance(value, bool):
        return [language.say(N_("Yes")) if value else language.say(N_("No"))]
    if row is not None and row.choices and str(value) in row.choices:
        return [words.in_words_of(language, row.choices[str(value)])[0] or str(value)]
    if isinstance(value, str) and (type_ or (row.type if row else None)) == "language":
        return [language_name(value, language)]
    if isinstance(value, int | float):
        return [language.number(value)]
    return [_text(value, language)]


def _text(value: str, language: Language) -> str:
    if len(value) == 10 and value[4] == value[7] == "-":
        try:
            return language.date(date.fromisoformat(value))
        except ValueError:
            return value
    return value


def language_name(code: str, language: Language) -> str:
    """Give the name of a language in the reader's."""
    try:
        return Locale.parse(code).get_display_name(language.code) or code
    except (UnknownLocaleError, ValueError):
        return code


def _part(part: object, language: Language) -> Iterator[str]:
    match part:
        case Email(address=said, label=label) | Phone(number=said, label=label):
            yield f"{said} ({label})" if label else said
        case Address():
            town = " ".join(word for word in (part.postcode, part.city) if word)
            country = language.locale.territories.get(part.country or "", part.country)
            line = ", ".join(word for word in (part.street, town, part.region, country) if word)
            yield f"{line} ({part.label})" if part.label else line
        case _:
            yield str(part)
