"""The read models of the portal: what the consent service recorded is what the page says, in whatever order news arrives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from events.catalogue.consents import (
    ChoiceDeclined,
    ConsentGiven,
    ConsentWithdrawn,
    ObjectionLifted,
    ObjectionRaised,
    WordingRef,
)
from events.catalogue.persons import FieldsConfirmed, PersonAdmitted, PersonChanged, RecordChanged, RecordRemoved
from events.catalogue.vocabulary import ERASED, Actor, Event
from events.envelope import Recorded
from events.projecting import Projection
from subject_access.projections.outcomes import outcomes
from subject_access.projections.persons import persons
from subject_access.projections.records import records
from subject_access.projections.standings import standings

CRM = Actor(kind="crm", id="lime")
MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
ANNA = UUID(int=1)


def folded(projection: Projection[Any], events: Iterable[Event], ids: Iterable[UUID] = ()) -> Any:
    given, row = iter(ids), None
    for version, event in enumerate(events, 1):
        row = projection.fold(
            row,
            Recorded(
                id=next(given, None) or uuid4(),
                type=type(event).__name__,
                stream="s",
                version=version,
                subject=ANNA,
                occurred=event.at,
                recorded=event.at,
                source="/x",
                correlation=None,
                causation=None,
                data=event,
            ),
        )
    return row


def given(at: datetime, **more: Any) -> ConsentGiven:
    told = {"at": at, "by": CRM, "kind": "newsletter", "method": "paper", "strength": "documented", "wording": None}
    return ConsentGiven.model_validate(told | more)


def withdrawn(at: datetime, **more: Any) -> ConsentWithdrawn:
    return ConsentWithdrawn.model_validate({"at": at, "by": CRM, "kind": "newsletter", "method": "telephone"} | more)


def test_the_newest_act_stands() -> None:
    assert folded(standings, [given(MONDAY), withdrawn(TUESDAY)]).state == "withdrawn"
    assert folded(standings, [given(MONDAY), withdrawn(TUESDAY), given(WEDNESDAY)]).state == "given"


def test_a_withdrawal_that_arrives_late_does_not_end_what_was_given_since() -> None:
    assert folded(standings, [given(TUESDAY), withdrawn(MONDAY)]).state == "given"


def test_at_one_moment_a_no_counts_before_a_yes_and_against_a_flag_always() -> None:
    assert folded(standings, [given(MONDAY), withdrawn(MONDAY)]).state == "withdrawn"
    assert folded(standings, [given(TUESDAY, strength="weak"), withdrawn(MONDAY)]).state == "withdrawn"


def test_the_wording_is_the_one_that_was_shown() -> None:
    row = folded(standings, [given(MONDAY, wording=WordingRef(version=3, language="en"))])
    assert (row.wording_version, row.wording_language) == (3, "en")
    row = folded(standings, [given(MONDAY, wording_claimed=2)])
    assert (row.wording_version, row.wording_language) == (2, None)


def test_an_objection_stands_until_it_is_lifted() -> None:
    raised = ObjectionRaised(at=MONDAY, by=CRM, method="telephone")
    lifted = ObjectionLifted(at=TUESDAY, by=CRM, method="portal")
    assert folded(standings, [raised]).state == "objection"
    assert folded(standings, [raised, lifted]).state == "lifted"


def test_an_outcome_belongs_to_the_choice_that_it_answers() -> None:
    choice = uuid4()
    row = folded(outcomes, [withdrawn(MONDAY, answers=choice)])
    assert (row.choice_id, row.state, row.since) == (choice, "withdrawn", MONDAY)
    assert folded(outcomes, [withdrawn(MONDAY)]) is None
    declined = ChoiceDeclined(at=MONDAY, by=CRM, kind="newsletter", answers=choice, reason="overtaken")
    assert folded(outcomes, [declined]).reason == "overtaken"


def test_a_person_keeps_what_a_partial_change_does_not_name() -> None:
    def changed(at: datetime, **values: Any) -> PersonChanged:
        return PersonChanged(at=at, by=CRM, fields=dict.fromkeys(values, "x"), values=values)

    row = folded(
        persons,
        [
            PersonAdmitted(at=MONDAY, by=CRM, crm_ref="7"),
            changed(MONDAY, first_name="Anna", last_name="Alt"),
            changed(TUESDAY, last_name="Neu"),
            FieldsConfirmed(at=WEDNESDAY, by=CRM, fields=("first_name",)),
        ],
    )
    assert row.held == {"first_name": "Anna", "last_name": "Neu"}
    assert row.since == {"first_name": MONDAY, "last_name": TUESDAY}
    assert row.heard == WEDNESDAY


def test_an_erased_person_folds_as_before_and_holds_nothing() -> None:
    row = folded(
        persons,
        [
            PersonAdmitted(at=MONDAY, by=CRM, crm_ref=ERASED),
            PersonChanged(at=MONDAY, by=CRM, fields={"first_name": "x"}, values=ERASED),
        ],
    )
    assert row.held == {}
    assert row.known == MONDAY


def test_a_record_is_removed_and_comes_back() -> None:
    record = uuid4()

    def changed(at: datetime, **values: Any) -> RecordChanged:
        prints = dict.fromkeys(values, "x")
        return RecordChanged(at=at, by=CRM, kind="order", record=record, record_ref="A-1", fields=prints, values=values)

    removed = RecordRemoved(at=TUESDAY, by=CRM, kind="order", record=record)
    assert folded(records, [changed(MONDAY, total=1), removed]).gone
    row = folded(records, [changed(MONDAY, total=1), removed, changed(WEDNESDAY, text="x")])
    assert not row.gone
    assert row.values == {"total": 1, "text": "x"}
    assert folded(records, [FieldsConfirmed(at=MONDAY, by=CRM, fields=("first_name",))]) is None
