"""One person's consents, as sentences. Each is tried twice: the second time nothing new may happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from consent.deciders.consents import (
    CONSENTS,
    GiveConsent,
    KindTerms,
    LiftObjection,
    RaiseObjection,
    RefuseConsent,
    WithdrawConsent,
)
from events.catalogue.consents import (
    ChoiceDeclined,
    ConsentGiven,
    ConsentRefused,
    ConsentWithdrawn,
    Method,
    ObjectionLifted,
    ObjectionRaised,
    Strength,
    WordingRef,
)
from events.catalogue.vocabulary import THE_PERSON, THE_SYSTEM, Actor
from events.testing import Specs

given = Specs(CONSENTS).given

ANNA = UUID(int=1)
CHOICE = UUID(int=7)
NEWSLETTER = "newsletter"
MONDAY = datetime(2026, 5, 4, 9, tzinfo=UTC)
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3))
LENA = Actor(kind="staff", id="lena")
THE_CRM = Actor(kind="crm", id="vogt")
FIRST, SECOND = WordingRef(version=1, language="de"), WordingRef(version=2, language="en")
TERMS = KindTerms(wordings={1: frozenset({"de"}), 2: frozenset({"de", "en"})})
MARKETING = replace(TERMS, direct_marketing=True)


def give(at: datetime = MONDAY, **more: Any) -> GiveConsent:
    said: dict[str, Any] = {
        "subject": ANNA, "kind": NEWSLETTER, "at": at, "by": LENA, "method": "paper", "strength": "documented",
        "wording": FIRST, "terms": TERMS,
    }  # fmt: skip
    return GiveConsent(**said | more)


def tick(at: datetime, **more: Any) -> GiveConsent:
    """A flag in the CRM that nobody can show anything for."""
    return give(at, **{"by": THE_CRM, "method": "crm", "strength": "weak", "wording": None} | more)


def chosen(at: datetime, **more: Any) -> GiveConsent:
    """A press of the button in the portal."""
    return give(at, by=THE_PERSON, method="portal", strength="strong", answers=CHOICE, **more)


def was_given(
    at: datetime = MONDAY,
    *,
    by: Actor = LENA,
    method: Method = "paper",
    strength: Strength = "documented",
    wording: WordingRef | None = FIRST,
    **more: Any,
) -> ConsentGiven:
    return ConsentGiven(at=at, by=by, kind=NEWSLETTER, wording=wording, method=method, strength=strength, **more)


def was_ticked(at: datetime) -> ConsentGiven:
    return was_given(at, by=THE_CRM, method="crm", strength="weak", wording=None)


def withdraw(at: datetime = TUESDAY, **more: Any) -> WithdrawConsent:
    said: dict[str, Any] = {"subject": ANNA, "kind": NEWSLETTER, "at": at, "by": LENA, "method": "telephone"}
    return WithdrawConsent(**said | more)


def was_withdrawn(at: datetime = TUESDAY, **more: Any) -> ConsentWithdrawn:
    said: dict[str, Any] = {"by": LENA, "method": "telephone"}
    return ConsentWithdrawn(at=at, kind=NEWSLETTER, **said | more)


def was_refused(at: datetime) -> ConsentRefused:
    return ConsentRefused(at=at, by=LENA, kind=NEWSLETTER, wording=None, method="staff")


def had_objected(at: datetime = MONDAY) -> ObjectionRaised:
    return ObjectionRaised(at=at, by=THE_PERSON, method="portal")


# Giving


def test_a_consent_is_given_to_a_wording() -> None:
    given().when(give(evidence="form 7")).then(was_given(evidence="form 7"))


def test_the_same_consent_again_is_no_news() -> None:
    given(was_given(MONDAY)).when(give(MONDAY)).then()


def test_a_later_consent_to_a_newer_wording_is_another() -> None:
    given(was_given(MONDAY)).when(give(TUESDAY, wording=SECOND)).then(was_given(TUESDAY, wording=SECOND))


def test_an_older_consent_that_arrives_late_changes_nothing() -> None:
    given(was_given(TUESDAY)).when(give(MONDAY)).then()


def test_a_consent_runs_out_after_the_days_of_its_kind() -> None:
    terms = replace(TERMS, validity_days=730)
    until = MONDAY + timedelta(days=730)
    given().when(give(terms=terms)).then(was_given(valid_until=until))


def test_the_version_that_a_source_claims_is_kept_apart_from_one_that_was_shown() -> None:
    given().when(tick(MONDAY, wording_claimed=2, strength="documented")).then(
        was_given(by=THE_CRM, method="crm", wording=None, wording_claimed=2)
    )


def test_who_withdrew_can_agree_again() -> None:
    given(was_given(MONDAY), was_withdrawn(TUESDAY)).when(give(WEDNESDAY)).then(was_given(WEDNESDAY))


def test_news_of_a_consent_from_before_the_withdrawal_does_not_undo_it() -> None:
    given(was_withdrawn(TUESDAY)).when(give(MONDAY)).then()
    given(was_withdrawn(TUESDAY)).when(give(TUESDAY)).then()  # at one moment, the no counts


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"terms": None}, "unknown-kind"),
        ({"terms": replace(TERMS, retired=True)}, "kind-retired"),
        ({"wording": WordingRef(version=3, language="de")}, "unknown-wording"),
        ({"wording": WordingRef(version=1, language="en")}, "unknown-wording"),
        ({"terms": KindTerms()}, "unknown-wording"),
        ({"wording": None, "wording_claimed": 3}, "unknown-wording"),
        ({"wording": None, "method": "portal"}, "wording-missing"),
        ({"wording": None, "method": "web_form"}, "wording-missing"),
    ],
)
def test_nobody_agrees_to_what_is_not_asked(change: dict[str, Any], slug: str) -> None:
    given().when(give(**change)).refused(slug)


# Evidence


def test_a_mere_tick_counts_where_the_person_was_never_heard() -> None:
    given().when(tick(MONDAY)).then(was_ticked(MONDAY))


def test_the_oldest_tick_speaks() -> None:
    given(was_ticked(TUESDAY)).when(tick(WEDNESDAY)).then()
    given(was_ticked(TUESDAY)).when(tick(MONDAY)).then(was_ticked(MONDAY))


def test_what_can_be_shown_takes_the_place_of_a_tick_also_when_it_is_older() -> None:
    given(was_ticked(TUESDAY)).when(give(MONDAY)).then(was_given(MONDAY))
    given(was_given(MONDAY)).when(tick(TUESDAY)).then()


@pytest.mark.parametrize("no", [was_withdrawn(TUESDAY), was_refused(TUESDAY)])
def test_a_mere_tick_does_not_undo_a_no(no: ConsentWithdrawn | ConsentRefused) -> None:
    given(no).when(tick(WEDNESDAY)).refused("weak-evidence")


# Withdrawing and refusing


def test_a_withdrawal_ends_a_consent() -> None:
    given(was_given()).when(withdraw(reason="too many")).then(was_withdrawn(reason="too many"))


def test_a_withdrawal_ends_a_tick_of_whatever_date() -> None:
    given(was_ticked(WEDNESDAY)).when(withdraw(TUESDAY)).then(was_withdrawn(TUESDAY))


def test_with_nothing_to_withdraw_it_is_kept_for_what_may_still_arrive() -> None:
    given().when(withdraw()).then(was_withdrawn())


def test_a_withdrawal_told_again_is_no_news() -> None:
    given(was_given(), was_withdrawn(TUESDAY)).when(withdraw(TUESDAY)).then()
    given(was_given(), was_withdrawn(TUESDAY)).when(withdraw(MONDAY)).then()


def test_a_withdrawal_that_was_overtaken_is_recorded_and_ends_nothing() -> None:
    given(was_given(WEDNESDAY)).when(withdraw(TUESDAY)).then(was_withdrawn(TUESDAY))


def test_who_withdraws_just_now_ends_everything_whatever_a_clock_says() -> None:
    given(was_given(THURSDAY)).when(withdraw(TUESDAY, just_now=True)).then(was_withdrawn(THURSDAY))


def test_a_refusal_is_kept_and_can_be_followed_by_a_yes() -> None:
    no = RefuseConsent(subject=ANNA, kind=NEWSLETTER, at=TUESDAY, by=LENA, method="staff")
    given().when(no).then(was_refused(TUESDAY))
    given(was_refused(TUESDAY)).when(give(WEDNESDAY)).then(was_given(WEDNESDAY))
    given(was_withdrawn(WEDNESDAY)).when(no).then()


def test_one_kind_says_nothing_of_another() -> None:
    other = replace(withdraw(), kind="product-news-phone")
    given(was_given()).when(other).then(
        ConsentWithdrawn(at=TUESDAY, by=LENA, kind="product-news-phone", method="telephone")
    )
    given(was_withdrawn(TUESDAY)).when(replace(give(MONDAY), kind="product-news-phone")).then(
        was_given(MONDAY).model_copy(update={"kind": "product-news-phone"})
    )


# Choices in the portal, each of which is answered


def test_a_choice_is_answered_by_the_consent() -> None:
    yes = was_given(TUESDAY, by=THE_PERSON, method="portal", strength="strong", answers=CHOICE)
    given().when(chosen(TUESDAY)).then(yes)


def declined(at: datetime, reason: str) -> ChoiceDeclined:
    return ChoiceDeclined(at=at, by=THE_SYSTEM, kind=NEWSLETTER, answers=CHOICE, reason=reason)


def test_a_choice_that_cannot_be_is_answered_too() -> None:
    given().when(chosen(TUESDAY, terms=replace(TERMS, retired=True))).then(declined(TUESDAY, "kind-retired"))
    given(was_withdrawn(WEDNESDAY)).when(chosen(TUESDAY)).then(declined(TUESDAY, "overtaken"))


def test_a_withdrawal_in_the_portal_is_answered_also_where_it_is_no_news() -> None:
    answer = was_withdrawn(TUESDAY, answers=CHOICE)
    given(was_withdrawn(WEDNESDAY)).when(withdraw(TUESDAY, answers=CHOICE)).then(answer)


def test_a_choice_is_answered_once() -> None:
    given(declined(TUESDAY, "kind-retired")).when(chosen(TUESDAY)).then()
    given(was_withdrawn(TUESDAY, answers=CHOICE)).when(withdraw(TUESDAY, answers=CHOICE)).then()


# Objection to direct marketing (Art. 21(2))


def test_an_objection_is_raised_once_and_a_later_one_again() -> None:
    objects = RaiseObjection(subject=ANNA, at=TUESDAY, by=THE_PERSON, method="portal")
    given().when(objects).then(had_objected(TUESDAY))
    given(had_objected(WEDNESDAY)).when(objects).then()
    given(had_objected(MONDAY)).when(objects).then(had_objected(TUESDAY))


def test_nobody_but_the_person_agrees_to_marketing_after_an_objection() -> None:
    given(had_objected()).when(give(TUESDAY, terms=MARKETING)).refused("objection-stands")
    given(had_objected()).when(tick(TUESDAY, terms=MARKETING)).refused("objection-stands")


def test_the_persons_own_newer_act_stands_beside_the_objection() -> None:
    yes = was_given(TUESDAY, by=THE_PERSON, method="portal", strength="strong", answers=CHOICE)
    given(had_objected(MONDAY)).when(chosen(TUESDAY, terms=MARKETING)).then(yes)
    given(had_objected(TUESDAY)).when(chosen(TUESDAY, terms=MARKETING)).then(declined(TUESDAY, "objection-stands"))


def test_an_objection_says_nothing_of_what_is_no_marketing() -> None:
    given(had_objected()).when(give(TUESDAY)).then(was_given(TUESDAY))


def test_a_withdrawal_is_accepted_after_an_objection() -> None:
    given(had_objected()).when(withdraw()).then(was_withdrawn())


def lift(at: datetime, method: Method = "portal") -> LiftObjection:
    return LiftObjection(subject=ANNA, at=at, by=THE_PERSON, method=method)


def test_an_objection_is_taken_back_by_the_person_only() -> None:
    given(had_objected()).when(lift(TUESDAY)).then(ObjectionLifted(at=TUESDAY, by=THE_PERSON, method="portal"))
    given(had_objected()).when(lift(TUESDAY, "crm")).refused("not-the-persons-act")
    given(had_objected(WEDNESDAY)).when(lift(TUESDAY)).then()
    given().when(lift(TUESDAY)).then()


def test_after_it_was_taken_back_others_may_record_a_consent() -> None:
    lifted = ObjectionLifted(at=TUESDAY, by=THE_PERSON, method="portal")
    given(had_objected(), lifted).when(give(WEDNESDAY, terms=MARKETING)).then(was_given(WEDNESDAY))
    given(had_objected(), lifted, had_objected(WEDNESDAY)).when(give(THURSDAY, terms=MARKETING)).refused(
        "objection-stands"
    )
