"""Records, the field catalogue, and what the CRM is told back: what may happen, and what then has happened."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crm_gateway.deciders.delivery import DELIVERY, ConfirmDelivery, InformCrm, RefuseDelivery
from crm_gateway.deciders.field import FIELD, DescribeField, DiscoverField
from crm_gateway.deciders.record import RECORD, ChangeRecord, RemoveRecord
from events.catalogue.persons import (
    CrmConfirmed,
    CrmInformed,
    CrmRefused,
    FieldDescribed,
    FieldDiscovered,
    FieldsConfirmed,
    RecordChanged,
    RecordRemoved,
)
from events.catalogue.vocabulary import THE_SYSTEM, Actor
from events.testing import Specs

SUBJECT = UUID("1b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a01")
RECORD_ID = UUID("2b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a02")
MESSAGE = UUID("3b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a03")
BY = Actor(kind="crm")
ADMIN = Actor(kind="staff", id="adam")


def day(number: int) -> datetime:
    return datetime(2026, 5, number, tzinfo=UTC)


class TestRecord:
    given = staticmethod(Specs(RECORD).given)

    def change(self, at: int, **values: str) -> ChangeRecord:
        return ChangeRecord(
            subject=SUBJECT,
            record=RECORD_ID,
            kind="order",
            record_ref="O-1",
            values=values,
            prints={f: f"print of {v}" for f, v in values.items()},
            at=day(at),
            by=BY,
        )

    def changed(self, at: int, **values: str) -> RecordChanged:
        command = self.change(at, **values)
        return RecordChanged(
            at=day(at),
            by=BY,
            kind="order",
            record=RECORD_ID,
            record_ref="O-1",
            fields=dict(command.prints),
            values=values,  # type: ignore[arg-type]
        )

    def remove(self, at: int) -> RemoveRecord:
        return RemoveRecord(subject=SUBJECT, record=RECORD_ID, kind="order", at=day(at), by=BY)

    def removed(self, at: int) -> RecordRemoved:
        return RecordRemoved(at=day(at), by=BY, kind="order", record=RECORD_ID)

    def test_a_record_without_fields_is_a_record(self) -> None:
        self.given().when(self.change(1)).then(self.changed(1))

    def test_newer_and_different_fields_change_it(self) -> None:
        first = self.changed(1, total="10", state="open")
        self.given(first).when(self.change(2, total="12", state="open")).then(
            self.changed(2, total="12"), FieldsConfirmed(at=day(2), by=BY, fields=("state",), record=RECORD_ID)
        )
        self.given(self.changed(3, total="10")).when(self.change(2, total="12")).then()

    def test_a_record_is_removed_by_newer_news_only(self) -> None:
        self.given(self.changed(1)).when(self.remove(2)).then(self.removed(2))
        self.given(self.changed(3)).when(self.remove(2)).then()
        self.given(self.removed(2)).when(self.remove(2)).then()

    def test_more_fields_than_an_event_can_hold_are_refused(self) -> None:
        self.given().when(self.change(1, **{f"f{n}": "x" for n in range(1001)})).refused("too-many-fields")


class TestField:
    given = staticmethod(Specs(FIELD).given)

    def describe(self, field: str = "custom.shoe_size", **more: Any) -> DescribeField:
        said: dict[str, Any] = {
            "type": "number",
            "group": "further",
            "labels": {"de": "Schuhgröße", "en": "Shoe size"},
            "choices": None,
            **more,
        }
        return DescribeField(field=field, at=day(2), by=ADMIN, **said)

    def described(self, **more: Any) -> FieldDescribed:
        said: dict[str, Any] = {
            "field": "custom.shoe_size",
            "type": "number",
            "group": "further",
            "labels": {"de": "Schuhgröße", "en": "Shoe size"},
            **more,
        }
        return FieldDescribed(at=day(2), by=ADMIN, **said)

    def test_a_field_is_discovered_once(self) -> None:
        found = FieldDiscovered(at=day(1), by=BY, field="custom.shoe_size", guessed="number")
        discover = DiscoverField(field="custom.shoe_size", guessed="number", at=day(1), by=BY)
        self.given().when(discover).then(found)
        self.given(self.described()).when(discover).then()

    def test_an_administrator_describes_it(self) -> None:
        self.given().when(self.describe()).then(self.described())
        self.given(self.described()).when(self.describe()).then()

    def test_a_core_field_keeps_its_type(self) -> None:
        self.given().when(self.describe("emails")).refused("core-field-type")

    def test_a_field_that_nobody_knows_is_refused(self) -> None:
        self.given().when(self.describe("shoe_size")).refused("unknown-field")

    def test_labels_are_needed_in_both_languages(self) -> None:
        self.given().when(self.describe(labels={"de": "Schuhgröße"})).refused("labels-missing")

    def test_a_choice_needs_choices_and_nothing_else_has_any(self) -> None:
        self.given().when(self.describe(type="choice")).refused("choices")
        self.given().when(self.describe(choices={"a": {"de": "A", "en": "A"}})).refused("choices")


class TestDelivery:
    given = staticmethod(Specs(DELIVERY).given)
    inform = InformCrm(
        subject=SUBJECT,
        message=MESSAGE,
        about=RECORD_ID,
        what="consent",
        content={"kind": "newsletter"},
        at=day(1),
        by=THE_SYSTEM,
    )
    informed = CrmInformed(
        at=day(1), by=THE_SYSTEM, message=MESSAGE, about=RECORD_ID, what="consent", content={"kind": "newsletter"}
    )
    confirm = ConfirmDelivery(subject=SUBJECT, message=MESSAGE, at=day(2), by=BY)
    confirmed = CrmConfirmed(at=day(2), by=BY, message=MESSAGE)
    refuse = RefuseDelivery(subject=SUBJECT, message=MESSAGE, reason="no such record", at=day(2), by=BY)
    refused = CrmRefused(at=day(2), by=BY, message=MESSAGE, reason="no such record")

    def test_the_crm_is_told_once(self) -> None:
        self.given().when(self.inform).then(self.informed)

    def test_it_confirms_or_refuses(self) -> None:
        self.given(self.informed).when(self.confirm).then(self.confirmed)
        self.given(self.informed).when(self.refuse).then(self.refused)

    def test_what_it_refused_it_may_still_take_over(self) -> None:
        self.given(self.informed, self.refused).when(self.confirm).then(self.confirmed)

    def test_what_it_took_over_it_cannot_refuse(self) -> None:
        self.given(self.informed, self.confirmed).when(self.refuse).refused("already-confirmed")

    def test_it_cannot_answer_what_it_was_not_told(self) -> None:
        self.given().when(self.confirm).refused("unknown-message")
