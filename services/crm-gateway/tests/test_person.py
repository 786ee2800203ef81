"""A person: what may happen, and what then has happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crm_gateway.deciders.person import (
    MOST_FIELDS,
    PERSON,
    AdmitPerson,
    ChangePerson,
    RecordConsent,
    RecordWithdrawal,
    RemovePerson,
)
from events.catalogue.persons import (
    ConsentRecordedInCrm,
    FieldsConfirmed,
    PersonAdmitted,
    PersonChanged,
    PersonRemoved,
    WithdrawalRecordedInCrm,
)
from events.catalogue.vocabulary import Actor
from events.testing import Specs

SUBJECT = UUID("1b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a01")
BY = Actor(kind="crm", id="mia")
given = Specs(PERSON).given


def day(number: int) -> datetime:
    return datetime(2026, 5, number, tzinfo=UTC)


def whose(at: int) -> dict[str, Any]:
    return {"subject": SUBJECT, "crm_ref": "K-1", "at": day(at), "by": BY}


def change(at: int, full: bool = False, **values: str | None) -> ChangePerson:
    prints = {field: f"print of {value}" if value else "" for field, value in values.items()}
    return ChangePerson(values=values, prints=prints, full=full, **whose(at))


def admitted(at: int = 1) -> PersonAdmitted:
    return PersonAdmitted(at=day(at), by=BY, crm_ref="K-1")


def changed(at: int, full: bool = False, **values: str | None) -> PersonChanged:
    command = change(at, full, **values)
    return PersonChanged(at=day(at), by=BY, fields=dict(command.prints), values=values, full=full)  # type: ignore[arg-type]


def confirmed(at: int, *fields: str, full: bool = False) -> FieldsConfirmed:
    return FieldsConfirmed(at=day(at), by=BY, fields=fields, full=full)


def test_the_first_news_admits_the_person() -> None:
    given().when(change(1, city="Bonn")).then(admitted(), changed(1, city="Bonn"))
    given().when(AdmitPerson(**whose(1))).then(admitted())


def test_only_what_is_different_changes() -> None:
    given(admitted(), changed(1, city="Bonn", name="Zoë")).when(change(1, city="Bonn", name="Zoë")).then()
    given(admitted(), changed(1, city="Bonn", name="Zoë")).when(change(2, city="Köln", name="Zoë")).then(
        changed(2, city="Köln"), confirmed(2, "name")
    )


def test_older_news_never_overwrites_newer() -> None:
    given(admitted(), changed(3, city="Bonn")).when(change(2, city="Köln")).then()


def test_what_was_said_again_later_is_not_overwritten_by_what_lies_between() -> None:
    given(admitted(), changed(1, city="Bonn"), confirmed(3, "city")).when(change(2, city="Köln")).then()


def test_our_own_echo_changes_no_value() -> None:
    given(admitted(), changed(1, city="Bonn")).when(change(2, city="Bonn")).then(confirmed(2, "city"))


def test_a_full_record_empties_what_it_leaves_out() -> None:
    given(admitted(), changed(1, city="Bonn", name="Zoë")).when(change(2, full=True, name="Zoë")).then(
        changed(2, full=True, city=None), confirmed(2, "name", full=True)
    )


def test_after_a_full_record_older_news_of_a_field_it_left_out_comes_too_late() -> None:
    given(admitted(), changed(5, full=True, name="Zoë")).when(change(3, city="Bonn")).then()
    given(admitted(), changed(5, full=True, name="Zoë")).when(change(6, city="Bonn")).then(changed(6, city="Bonn"))


def test_a_full_record_that_says_nothing_new_is_remembered_as_full() -> None:
    given(admitted(), changed(1, name="Zoë")).when(change(2, full=True, name="Zoë")).then(
        confirmed(2, "name", full=True)
    )
    given(admitted()).when(change(2, full=True)).then(confirmed(2, full=True))


def test_more_fields_than_an_event_can_hold_are_refused() -> None:
    given(admitted()).when(change(1, **{f"custom.f{n}": "x" for n in range(MOST_FIELDS + 1)})).refused(
        "too-many-fields"
    )


def test_a_person_is_removed_once_and_by_newer_news_only() -> None:
    given(admitted(), changed(1, city="Bonn")).when(RemovePerson(**whose(2))).then(PersonRemoved(at=day(2), by=BY))
    given(admitted(), changed(3, city="Bonn")).when(RemovePerson(**whose(2))).then()
    given(admitted(), PersonRemoved(at=day(2), by=BY)).when(RemovePerson(**whose(2))).then()


def test_a_consent_of_the_crm_is_recorded_with_what_it_can_show() -> None:
    consent = RecordConsent(kind="newsletter", strength="weak", wording=None, evidence=None, **whose(2))
    said = ConsentRecordedInCrm(at=day(2), by=BY, kind="newsletter", strength="weak")
    given().when(consent).then(admitted(2), said)
    given(admitted(), said).when(consent).then()


def test_a_withdrawal_is_always_believed() -> None:
    said = WithdrawalRecordedInCrm(at=day(2), by=BY, kind="newsletter")
    given(admitted()).when(RecordWithdrawal(kind="newsletter", **whose(2))).then(said)
    later = WithdrawalRecordedInCrm(at=day(1), by=BY, kind="newsletter")
    given(admitted(), said).when(RecordWithdrawal(kind="newsletter", **whose(1))).then(later)
