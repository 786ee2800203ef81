"""The life of one copy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from events.catalogue.exports import ExportExpired, ExportFetched, ExportPrepared, ExportRequested
from events.catalogue.vocabulary import THE_PERSON, THE_SYSTEM
from events.testing import Specs
from export.decider import EXPORTS, ExpireExport, FetchExport, PrepareExport, RequestExport

given = Specs(EXPORTS).given
WHO = UUID("1b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a01")
COPY = UUID("6a0e1f52-11d1-4a0e-a4dd-5d2ad1a5b003")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
END = NOON + timedelta(days=7)

REQUESTED = ExportRequested(at=NOON, by=THE_PERSON, export=COPY, format="json")
PREPARED = ExportPrepared(at=NOON, by=THE_SYSTEM, export=COPY, digest="ab" * 32, size=4711, expires=END)
FETCHED = ExportFetched(at=LATER, by=THE_PERSON, export=COPY)
EXPIRED = ExportExpired(at=END, by=THE_SYSTEM, export=COPY)

REQUEST = RequestExport(subject=WHO, export=COPY, format="json", at=NOON, by=THE_PERSON)
PREPARE = PrepareExport(subject=WHO, export=COPY, digest="ab" * 32, size=4711, expires=END, at=NOON, by=THE_SYSTEM)
FETCH = FetchExport(subject=WHO, export=COPY, at=LATER, by=THE_PERSON)
EXPIRE = ExpireExport(subject=WHO, export=COPY, at=END, by=THE_SYSTEM)


def test_a_person_asks_for_a_copy() -> None:
    given().when(REQUEST).then(REQUESTED)


def test_asking_again_under_the_same_id_is_one_copy() -> None:
    given(REQUESTED).when(REQUEST).then()


def test_one_id_is_one_format() -> None:
    given(REQUESTED).when(RequestExport(subject=WHO, export=COPY, format="xlsx", at=NOON, by=THE_PERSON)).refused(
        "export-exists"
    )


def test_nothing_happens_to_a_copy_that_nobody_asked_for() -> None:
    for command in (PREPARE, FETCH, EXPIRE):
        given().when(command).refused("unknown-export")


def test_the_file_is_prepared_and_lies_ready() -> None:
    given(REQUESTED).when(PREPARE).then(PREPARED)


def test_a_file_is_prepared_once() -> None:
    given(REQUESTED, PREPARED).when(PREPARE).then()
    other = PrepareExport(subject=WHO, export=COPY, digest="cd" * 32, size=1, expires=END, at=NOON, by=THE_SYSTEM)
    given(REQUESTED, PREPARED).when(other).refused("already-prepared")


def test_a_file_lies_ready_for_a_while() -> None:
    at_once = PrepareExport(subject=WHO, export=COPY, digest="ab" * 32, size=1, expires=NOON, at=NOON, by=THE_SYSTEM)
    given(REQUESTED).when(at_once).refused("expires-at-once")


def test_the_person_fetches_the_file_as_often_as_they_like() -> None:
    given(REQUESTED, PREPARED).when(FETCH).then(FETCHED)
    again = LATER + timedelta(minutes=5)
    given(REQUESTED, PREPARED, FETCHED).when(FetchExport(subject=WHO, export=COPY, at=again, by=THE_PERSON)).then(
        ExportFetched(at=again, by=THE_PERSON, export=COPY)
    )


def test_a_file_that_is_not_there_yet_cannot_be_fetched() -> None:
    given(REQUESTED).when(FETCH).refused("not-ready")
    given(REQUESTED).when(EXPIRE).refused("not-ready")


def test_on_its_day_the_file_goes() -> None:
    given(REQUESTED, PREPARED, FETCHED).when(EXPIRE).then(EXPIRED)


def test_a_file_does_not_go_before_its_day() -> None:
    early = ExpireExport(subject=WHO, export=COPY, at=END - timedelta(seconds=1), by=THE_SYSTEM)
    given(REQUESTED, PREPARED).when(early).refused("not-due")


def test_after_its_day_nothing_is_fetched_even_where_the_file_still_lies_there() -> None:
    late = FetchExport(subject=WHO, export=COPY, at=END, by=THE_PERSON)
    given(REQUESTED, PREPARED).when(late).refused("export-expired")
    given(REQUESTED, PREPARED, EXPIRED).when(FETCH).refused("export-expired")
