"""Dates: read in every notation, guessed in none."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_gateway.importing import ImportRefused
from crm_gateway.importing.dates import DateColumn, readings

TODAY = date(2026, 5, 3)


@pytest.mark.parametrize(
    "written",
    [
        "1980-02-03",
        "3.2.1980",
        "03.02.80",
        "3. Februar 1980",
        "Feb 3, 1980",
        "3 februari 1980",
        "03-Feb-1980",
        "19800203",
        "1980-02-03T00:00:00Z",
        "03.02.1980 00:00",
        "Sunday, 3 February 1980",
        "29254",
        29254,
        29254.0,
        "1980/2/3",
        "1980.02.03",
    ],
)
def test_a_date_is_read_in_many_notations(written: object) -> None:
    assert set((readings(written, TODAY) or {}).values()) == {date(1980, 2, 3)}


@pytest.mark.parametrize(
    "written", ["", "0.0.00", "0000-00-00", "00/00/0000", "-", None, 0, "keine Angabe", "0000-00-00 00:00:00"]
)
def test_an_empty_date_is_no_date(written: object) -> None:
    assert readings(written, TODAY) is None


@pytest.mark.parametrize("written", ["31.02.1980", "gestern", "1980", 1980, "13.13.1980", "1980-13-01", True, "3.2."])
def test_what_is_no_date_is_not_read_as_one(written: object) -> None:
    assert readings(written, TODAY) == {}


def test_a_two_digit_year_is_the_last_one_that_is_not_in_the_future() -> None:
    assert {set((readings(w, TODAY) or {}).values()).pop().year for w in ("1.1.26", "1.1.80")} == {2026, 1980}
    assert set((readings("1.1.27", TODAY) or {}).values()) == {date(1927, 1, 1)}


SMALL = st.integers(1, 12)


@given(st.lists(st.tuples(SMALL, SMALL, st.integers(1930, 2020)), min_size=1, max_size=20), st.sampled_from("/-"))
def test_a_column_that_can_be_read_in_two_ways_is_never_decided(
    dates: list[tuple[int, int, int]], separator: str
) -> None:
    column = DateColumn()
    for a, b, year in dates:
        column.see(f"{a:02}{separator}{b:02}{separator}{year}", TODAY)
    assert (column.order is None) == any(a != b for a, b, _ in dates)


@given(
    st.lists(st.dates(date(1930, 1, 1), date(2020, 1, 1)), min_size=1),
    st.dates(date(1930, 1, 1), date(2020, 1, 1)).filter(lambda d: d.day > 12),
    st.sampled_from(["%d/%m/%Y", "%m/%d/%Y"]),
)
def test_one_day_past_the_twelfth_decides_the_column(days: list[date], telling: date, notation: str) -> None:
    column = DateColumn()
    for day in [*days, telling]:
        column.see(day.strftime(notation), TODAY)
    order = column.order
    assert order == ("dmy" if notation.startswith("%d") else "mdy")
    assert [(readings(d.strftime(notation), TODAY) or {})[order] for d in days] == days


def test_an_undecided_column_is_asked_for_and_stops_the_import(imported, looked_at) -> None:
    file = "ID,Vorname,Geburtstag\n1,Anna,02/03/1980\n2,Bo,04/05/1990\n"
    question = looked_at(file).questions[0]
    assert (question.key, question.required, [c for c, _ in question.choices]) == (
        "date-order::Geburtstag",
        True,
        ["dmy", "mdy"],
    )
    with pytest.raises(ImportRefused) as refused:
        imported(file)
    assert refused.value.slug == "open-questions"


@pytest.mark.parametrize(("said", "expected"), [("dmy", "1980-03-02"), ("mdy", "1980-02-03")])
def test_the_order_that_is_said_is_taken(imported, said: str, expected: str) -> None:
    file = "ID,Vorname,Geburtstag\n1,Anna,02/03/1980\n"
    for how in ({"date_order": said}, {"answers": {"date-order::Geburtstag": said}}):
        assert imported(file, **how).persons[0]["birth_date"] == expected


def test_a_column_that_proves_its_order_is_not_overruled_by_an_option(imported) -> None:
    result = imported("ID,Vorname,Geburtstag\n1,Anna,02/03/1980\n2,Bo,25/12/1990\n", date_order="mdy")
    assert [p["birth_date"] for p in result.persons] == ["1980-03-02", "1990-12-25"]
    assert "cannot be mdy" in result.layout.notices[0]


def test_a_column_in_two_orders_is_asked_for_and_the_other_order_is_rejected(imported) -> None:
    file = "ID,Vorname,Geburtstag\n1,Anna,13/02/1980\n2,Bo,02/13/1990\n"
    result = imported(file, answers={"date-order::Geburtstag": "dmy"})
    assert ([m.crm_ref for m in result.messages], [(r.row, r.column, r.slug) for r in result.rejected]) == (
        ["1"],
        [(3, "Geburtstag", "unreadable-date")],
    )


def test_impossible_and_future_births_are_rejected_by_row_and_column(imported) -> None:
    result = imported("ID,Vorname,Geburtstag\n1,Anna,31.02.1980\n2,Bo,31.12.9999\n3,Cy,--02-03\n")
    assert [(r.row, r.column, r.slug) for r in result.rejected] == [
        (2, "Geburtstag", "unreadable-date"),
        (3, "Geburtstag", "unlikely-date"),
    ]
    assert result.persons[0] == {"first_name": "Cy", "birth_date": None, "custom.geburtstag": "--02-03"}
