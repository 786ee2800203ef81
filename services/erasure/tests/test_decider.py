"""The way of an erasure, step by step, and everything that may stand in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from erasure.decider import (
    ERASURES,
    AcknowledgeErasure,
    BlockErasure,
    ConfirmKeyDestroyed,
    FenceErasure,
    ReadmitPerson,
    RecallErasure,
    RequestErasure,
    ScheduleErasure,
)
from erasure.retention import BOOKS, LETTERS, VOUCHERS, Rule
from events.catalogue.erasures import (
    ErasureAcknowledged,
    ErasureBlocked,
    ErasureCompleted,
    ErasureFenced,
    ErasureRecalled,
    ErasureRequested,
    ErasureScheduled,
    KeyDestroyed,
    PersonReadmitted,
)
from events.catalogue.vocabulary import THE_PERSON, THE_SYSTEM, Actor
from events.testing import Specs

given = Specs(ERASURES).given

WHO = UUID("1b6f2b52-8f1e-4c38-8a53-3d6f2b0c9a01")
FIRST, SECOND = UUID(int=1), UUID(int=2)
AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
TODAY, FINAL, AFTER = date(2026, 5, 4), date(2026, 6, 4), date(2026, 6, 5)
OFFICER = Actor(kind="staff", id="dora")

REQUESTED = ErasureRequested(at=AT, by=THE_PERSON, erasure=FIRST, ground="17-1-b")
SCHEDULED = ErasureScheduled(at=AT, by=OFFICER, erasure=FIRST, final=FINAL)
RECALLED = ErasureRecalled(at=AT, by=THE_PERSON, erasure=FIRST)
BLOCKED = ErasureBlocked(at=AT, by=THE_SYSTEM, erasure=FIRST, rule="vouchers", until=date(2034, 12, 31))
FENCED = ErasureFenced(at=AT, by=THE_SYSTEM, erasure=FIRST, systems=("consent", "crm"))
CONSENT_DONE = ErasureAcknowledged(at=AT, by=THE_SYSTEM, erasure=FIRST, system="consent")
CRM_DONE = ErasureAcknowledged(at=AT, by=THE_SYSTEM, erasure=FIRST, system="crm")
DESTROYED = KeyDestroyed(at=AT, by=THE_SYSTEM, erasure=FIRST)
COMPLETED = ErasureCompleted(at=AT, by=THE_SYSTEM, erasure=FIRST, systems=("consent", "crm"))
READMITTED = PersonReadmitted(at=AT, by=OFFICER, reason="new-contract")
WHOLE = (REQUESTED, SCHEDULED, FENCED, CONSENT_DONE, DESTROYED, CRM_DONE, COMPLETED)


def request(erasure: UUID = FIRST) -> RequestErasure:
    return RequestErasure(subject=WHO, erasure=erasure, ground="17-1-b", at=AT, by=THE_PERSON)


def schedule(final: date = FINAL, today: date = TODAY) -> ScheduleErasure:
    return ScheduleErasure(subject=WHO, erasure=FIRST, final=final, today=today, at=AT, by=OFFICER)


def recall(today: date = TODAY) -> RecallErasure:
    return RecallErasure(subject=WHO, erasure=FIRST, today=today, at=AT, by=THE_PERSON)


def block(rule: Rule = VOUCHERS, came_about: date = TODAY, today: date = TODAY) -> BlockErasure:
    return BlockErasure(subject=WHO, erasure=FIRST, rule=rule, came_about=came_about, today=today, at=AT, by=THE_SYSTEM)


def fence(today: date = AFTER, systems: frozenset[str] = frozenset({"crm", "consent"})) -> FenceErasure:
    return FenceErasure(subject=WHO, erasure=FIRST, systems=systems, today=today, at=AT, by=THE_SYSTEM)


def acknowledge(system: str) -> AcknowledgeErasure:
    return AcknowledgeErasure(subject=WHO, erasure=FIRST, system=system, at=AT, by=THE_SYSTEM)


CONFIRM = ConfirmKeyDestroyed(subject=WHO, erasure=FIRST, at=AT, by=THE_SYSTEM)
READMIT = ReadmitPerson(subject=WHO, reason="new-contract", at=AT, by=OFFICER)


# --- asking, scheduling, changing one's mind ---------------------------------------------------------------------


def test_a_person_asks_to_be_erased() -> None:
    given().when(request()).then(REQUESTED)


def test_there_is_one_erasure_at_a_time() -> None:
    given(REQUESTED).when(request(SECOND)).refused("erasure-open")


def test_a_final_day_is_set_and_can_be_moved() -> None:
    given(REQUESTED).when(schedule()).then(SCHEDULED)
    moved = date(2026, 7, 1)
    given(REQUESTED, SCHEDULED).when(schedule(moved)).then(
        ErasureScheduled(at=AT, by=OFFICER, erasure=FIRST, final=moved)
    )


def test_a_final_day_is_still_to_come() -> None:
    given(REQUESTED).when(schedule(date(2026, 5, 3))).refused("final-day-past")


def test_the_person_can_change_their_mind_until_the_end_of_the_final_day() -> None:
    given(REQUESTED).when(recall()).then(RECALLED)
    given(REQUESTED, SCHEDULED).when(recall(FINAL)).then(RECALLED)


def test_after_the_final_day_they_cannot() -> None:
    given(REQUESTED, SCHEDULED).when(recall(AFTER)).refused("final-day-past")


def test_what_was_recalled_is_over_and_can_be_asked_for_anew() -> None:
    given(REQUESTED, RECALLED).when(recall()).then()
    given(REQUESTED, RECALLED).when(schedule()).refused("unknown-erasure")
    given(REQUESTED, RECALLED).when(request()).refused("erasure-recalled")
    given(REQUESTED, RECALLED).when(request(SECOND)).then(
        ErasureRequested(at=AT, by=THE_PERSON, erasure=SECOND, ground="17-1-b")
    )


def test_nothing_happens_to_an_erasure_that_nobody_asked_for() -> None:
    for command in (schedule(), recall(), block(), fence(), acknowledge("crm"), CONFIRM):
        given().when(command).refused("unknown-erasure")


# --- duties to retain --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "until"), [(BOOKS, date(2036, 12, 31)), (VOUCHERS, date(2034, 12, 31)), (LETTERS, date(2032, 12, 31))]
)
def test_a_period_begins_with_the_end_of_the_year(rule: Rule, until: date) -> None:
    for day in (date(2026, 1, 1), date(2026, 12, 31)):
        assert rule.until(day) == until


def test_a_duty_to_retain_stands_in_the_way() -> None:
    given(REQUESTED, SCHEDULED).when(block()).then(BLOCKED)
    given(REQUESTED, SCHEDULED, BLOCKED).when(fence()).refused("retention-duty")
    given(REQUESTED, SCHEDULED, BLOCKED).when(fence(date(2034, 12, 31))).refused("retention-duty")


def test_when_the_duty_ends_the_erasure_goes_on() -> None:
    given(REQUESTED, SCHEDULED, BLOCKED).when(fence(date(2035, 1, 1))).then(FENCED)


def test_while_the_duty_runs_the_person_can_change_their_mind() -> None:
    given(REQUESTED, SCHEDULED, BLOCKED).when(recall(date(2030, 1, 1))).then(RECALLED)


def test_a_duty_that_is_over_blocks_nothing() -> None:
    given(REQUESTED, SCHEDULED).when(block(came_about=date(2017, 6, 1))).then()


def test_a_later_document_prolongs_the_duty_and_an_earlier_one_does_not() -> None:
    given(REQUESTED, BLOCKED).when(block(came_about=date(2025, 6, 1))).then()
    given(REQUESTED, BLOCKED).when(block(came_about=date(2027, 6, 1))).then(
        ErasureBlocked(at=AT, by=THE_SYSTEM, erasure=FIRST, rule="vouchers", until=date(2035, 12, 31))
    )


def test_every_duty_must_have_ended() -> None:
    letters = ErasureBlocked(at=AT, by=THE_SYSTEM, erasure=FIRST, rule="letters", until=date(2032, 12, 31))
    given(REQUESTED, SCHEDULED, letters, BLOCKED).when(fence(date(2033, 1, 1))).refused("retention-duty")


# --- the fence and what is behind it -----------------------------------------------------------------------------


def test_the_fence_is_raised_when_the_final_day_is_over() -> None:
    given(REQUESTED).when(fence()).refused("not-scheduled")
    given(REQUESTED, SCHEDULED).when(fence(FINAL)).refused("not-final")
    given(REQUESTED, SCHEDULED).when(fence()).then(FENCED)


def test_somebody_must_take_part() -> None:
    given(REQUESTED, SCHEDULED).when(fence(systems=frozenset())).refused("no-systems")


def test_behind_the_fence_there_is_no_way_back() -> None:
    for command in (schedule(date(2027, 1, 1)), recall(), block(), request(SECOND)):
        given(REQUESTED, SCHEDULED, FENCED).when(command).refused("already-erased")
    given(REQUESTED, SCHEDULED, FENCED).when(READMIT).refused("erasure-incomplete")


def test_before_the_fence_nothing_is_erased() -> None:
    for command in (acknowledge("crm"), CONFIRM):
        given(REQUESTED, SCHEDULED).when(command).refused("not-fenced")


def test_each_system_acknowledges_for_itself() -> None:
    given(REQUESTED, SCHEDULED, FENCED).when(acknowledge("consent")).then(CONSENT_DONE)
    given(REQUESTED, SCHEDULED, FENCED, CONSENT_DONE).when(acknowledge("consent")).then()


def test_a_system_that_does_not_take_part_cannot_acknowledge() -> None:
    given(REQUESTED, SCHEDULED, FENCED).when(acknowledge("fax")).refused("unknown-system")


def test_the_last_acknowledgement_completes_it() -> None:
    given(REQUESTED, SCHEDULED, FENCED, CONSENT_DONE, DESTROYED).when(acknowledge("crm")).then(CRM_DONE, COMPLETED)


def test_the_destroyed_key_completes_it_where_all_had_acknowledged() -> None:
    given(REQUESTED, SCHEDULED, FENCED, CONSENT_DONE, CRM_DONE).when(CONFIRM).then(DESTROYED, COMPLETED)


def test_one_system_that_is_missing_keeps_it_open() -> None:
    given(REQUESTED, SCHEDULED, FENCED, CONSENT_DONE).when(CONFIRM).then(DESTROYED)
    given(REQUESTED, SCHEDULED, FENCED, CONSENT_DONE).when(acknowledge("crm")).then(CRM_DONE)


# --- afterwards --------------------------------------------------------------------------------------------------


def test_after_its_completion_nothing_happens_any_more() -> None:
    for command in (acknowledge("crm"), CONFIRM, fence(), request()):
        given(*WHOLE).when(command).then()
    for command in (schedule(date(2027, 1, 1)), recall(), block(), request(SECOND)):
        given(*WHOLE).when(command).refused("already-erased")


def test_an_erased_person_is_let_in_again_only_as_an_act_of_its_own() -> None:
    given(*WHOLE).when(READMIT).then(READMITTED)
    given().when(READMIT).then()


def test_who_was_let_in_again_can_ask_again() -> None:
    given(*WHOLE, READMITTED).when(request(SECOND)).then(
        ErasureRequested(at=AT, by=THE_PERSON, erasure=SECOND, ground="17-1-b")
    )
