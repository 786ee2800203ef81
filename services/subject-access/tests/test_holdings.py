"""What we hold, in groups: nothing missing, and what is empty is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from events.catalogue.persons import CORE_FIELDS, Address, Email, Phone
from subject_access import words
from subject_access.holdings import sections, written
from subject_access.projections.fields import FieldRow
from subject_access.projections.persons import PersonRow
from subject_access.projections.records import RecordRow
from web.languages import Languages

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LANGUAGES = Languages("subject_access")
DE, EN = LANGUAGES["de"], LANGUAGES["en"]


def person(**values: Any) -> PersonRow:
    return PersonRow(UUID(int=1), MONDAY, MONDAY, None, dict.fromkeys(values, MONDAY), "7", values)


def record(kind: str, **values: Any) -> RecordRow:
    return RecordRow(uuid4(), UUID(int=1), kind, MONDAY, MONDAY, None, "A-1", values)


names = st.sampled_from([*CORE_FIELDS, "custom.a", "custom.b", "custom.c"])
values = st.one_of(
    st.none(), st.just(""), st.just(()), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(min_size=1)
)
kinds = st.sampled_from(["order", "note", "ticket", "loyalty-card"])


@given(st.dictionaries(names, values), st.lists(st.tuples(kinds, st.dictionaries(names, values)), max_size=8))
def test_every_field_and_every_record_stands_in_one_group(held: dict[str, Any], own: list[Any]) -> None:
    rows = [record(kind, **fields) for kind, fields in own]
    made = sections(person(**held), rows, {}, EN)
    shown = [detail.field for section in made for detail in section.details]
    full = {name for name, value in held.items() if value is not None and value not in ("", ())}
    assert sorted(shown) == sorted(full)
    assert sum(len(section.empty) for section in made) == len({*CORE_FIELDS, *held} - full)
    assert sorted(entry.record for section in made for entry in section.entries) == sorted(str(r.record) for r in rows)


@given(st.integers(0, 90), st.integers(0, 12))
def test_a_group_in_pages_shows_the_same_as_the_whole(details: int, entries: int) -> None:
    held = {f"custom.f{n}": n for n in range(details)}
    for section in sections(person(**held), [record("loyalty", a=1) for _ in range(entries)], {}, EN):
        pages = section.pages(20, 5)
        assert [d for page in pages for d in page.details] == section.details
        assert [e for page in pages for e in page.entries] == section.entries
        assert all(len(page.details) <= 20 and len(page.entries) <= 5 for page in pages)
        assert [name for page in pages for name in page.empty] == section.empty


def test_groups_come_as_people_think_of_them_and_the_undescribed_last() -> None:
    described = FieldRow("custom.pet", "text", True, "at-home", {"de": "Haustier", "en": "Pet"}, None)
    made = sections(
        person(first_name="Anna", **{"custom.pet": "Hund", "custom.x_y": "z"}),
        [record("order"), record("note")],
        {"custom.pet": described},
        DE,
    )
    assert [section.title for section in made] == [
        "Wer Sie sind", "Wie wir Sie erreichen", "Ihr Beruf", "Was Sie gekauft haben", "Was wir notiert haben", "At home",
        "Weitere Angaben",
    ]  # fmt: skip
    assert made[-2].details[0].name == "Haustier"
    assert made[-1].details[0].name == "X y"


def test_values_are_written_as_the_reader_writes_them() -> None:
    choice = FieldRow("custom.c", "choice", True, "further", {}, {"a": {"de": "Ja, gern", "en": "Gladly"}})
    assert written("1964-08-12", None, DE) == ["12. August 1964"]
    assert written("1964-13-12", None, DE) == ["1964-13-12"]
    assert written(1234.5, None, DE) == ["1.234,5"]
    assert written(0.12345, None, EN) == ["0.12345"]
    assert written(10**40, None, EN) == [str(10**40)]
    assert written(True, None, EN) == ["Yes"]
    assert written(0, None, EN) == ["0"]
    assert written("a", choice, EN) == ["Gladly"]
    assert written("fr", None, DE, "language") == ["Französisch"]
    assert written("klingon", None, DE, "language") == ["klingon"]
    assert written((Email(address="a@b.example", label="privat"),), None, DE) == ["a@b.example (privat)"]
    assert written((Phone(number="+49 30 1"), Phone(number="+49 30 2")), None, DE) == ["+49 30 1", "+49 30 2"]
    address = Address(street="Weg 1", postcode="01067", city="Dresden", country="DE")
    assert written((address,), None, DE) == ["Weg 1, 01067 Dresden, Deutschland"]
    assert written((address,), None, EN) == ["Weg 1, 01067 Dresden, Germany"]


def test_since_when_is_said_once_where_it_is_one_day() -> None:
    row = person(first_name="Anna", last_name="Neu")
    assert sections(row, [], {}, EN)[0].since == MONDAY
    row = replace(row, since={"first_name": MONDAY, "last_name": datetime(2026, 12, 1, tzinfo=UTC)})
    assert sections(row, [], {}, EN)[0].since is None


def test_every_core_field_has_a_group_of_ours() -> None:
    assert words.CORE.keys() == CORE_FIELDS.keys()
    assert {group for group, _ in words.CORE.values()} <= words.GROUPS.keys()
