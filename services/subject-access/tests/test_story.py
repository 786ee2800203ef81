"""What happened so far, in plain words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from subject_access.projections.happenings import OF, HappeningRow
from subject_access.story import story
from web.catalogues import check_complete
from web.languages import Languages

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LANGUAGES = Languages("subject_access")


def row(what: str, at: datetime = MONDAY, **more: object) -> HappeningRow:
    told = {"event": uuid4(), "subject": UUID(int=1), "at": at, "what": what, "by": "crm"}
    return HappeningRow(**{**told, **more})  # type: ignore[arg-type]


def titles(*rows: HappeningRow, language: str = "en") -> list[str]:
    return [told.title for told in story(rows, str.title, LANGUAGES[language])]


def test_every_happening_has_its_words() -> None:
    for language in LANGUAGES:
        for event in OF:
            assert story([row(event.__name__, kind="newsletter")], str.title, language)[0].title


def test_the_newest_comes_first_and_the_record_began_before_what_stands_in_it() -> None:
    told = titles(row("PersonChanged", many=3), row("PersonAdmitted"), row("ObjectionRaised", MONDAY + timedelta(1)))
    assert told == [
        "You objected to advertising",
        "3 details about you were recorded or changed",
        "We began to hold a record about you",
    ]


def test_what_came_in_bulk_on_one_day_is_told_once() -> None:
    orders = [row("RecordChanged", MONDAY + timedelta(hours=n), kind="order") for n in range(5)]
    next_day = row("RecordChanged", MONDAY + timedelta(days=1), kind="order")
    assert titles(*orders, next_day) == ["Recorded or changed: Order", "Recorded or changed: Order (5 times)"]


def test_what_carries_out_a_choice_is_not_told_twice() -> None:
    choice = row("ConsentChosen", kind="newsletter", how="withdraw", by="person")
    effect = row("ConsentWithdrawn", kind="newsletter", how="portal", by="person", cause=choice.event)
    assert titles(choice, effect) == ["You withdrew: Newsletter"]
    declined = row("ChoiceDeclined", kind="newsletter", how="overtaken", by="system", cause=choice.event)
    assert len(titles(choice, declined)) == 2


def test_who_opened_the_page_is_not_claimed_to_be_known() -> None:
    assert story([row("PortalOpened", by="person")], str.title, LANGUAGES["de"])[0].by == ""


def test_the_catalogues_are_complete() -> None:
    check_complete("subject_access")
