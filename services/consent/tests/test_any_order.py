"""What holds for a person's consents in whichever order, and however often, the news of them arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from consent.acts import Act
from consent.deciders.consents import (
    CONSENTS,
    Command,
    Consents,
    GiveConsent,
    KindTerms,
    LiftObjection,
    RaiseObjection,
    RefuseConsent,
    WithdrawConsent,
)
from consent.projections.current_consents import EVERY_KIND, CurrentConsent, current_consents
from consent.verdict import Objection, Standing, Verdict, judge
from events.catalogue.vocabulary import THE_PERSON, Event
from events.deciding import Refused
from events.envelope import Recorded

ANNA = UUID(int=1)
KINDS = ("newsletter", "survey")
START = datetime(2026, 5, 1, tzinfo=UTC)
TERMS = KindTerms(direct_marketing=True)
LATER = START + timedelta(days=99)

times = st.integers(0, 8).map(lambda days: START + timedelta(days=days))
about = {"subject": st.just(ANNA), "kind": st.sampled_from(KINDS), "at": times, "by": st.just(THE_PERSON)}
whole = {
    "subject": st.just(ANNA),
    "at": times,
    "by": st.just(THE_PERSON),
    "method": st.sampled_from(["portal", "paper"]),
}
gives = st.builds(
    GiveConsent, method=st.just("paper"), strength=st.sampled_from(["strong", "documented", "weak"]), terms=st.just(TERMS), **about
)  # fmt: skip
withdrawals = st.builds(WithdrawConsent, method=st.just("telephone"), just_now=st.just(False), **about)
refusals = st.builds(RefuseConsent, method=st.just("staff"), **about)
objections = st.one_of(st.builds(RaiseObjection, **whole), st.builds(LiftObjection, **whole))
acts = st.lists(st.one_of(gives, withdrawals, refusals), max_size=10)
everything = st.lists(st.one_of(gives, withdrawals, refusals, objections), max_size=14)

Rows = dict[str, CurrentConsent]


def arrive(wanted: Sequence[Command]) -> tuple[Consents, Rows, list[Event]]:
    """Decide on each in turn; give the state, the read model and the log."""
    state, rows, log = CONSENTS.initial, Rows(), list[Event]()
    for command in wanted:
        try:
            happened = list(CONSENTS.decide(state, command))
        except Refused:
            continue
        for event in happened:
            state = CONSENTS.evolve(state, event)
            fold(rows, event)
            log.append(event)
    return state, rows, log


def fold(rows: Rows, event: Event) -> None:
    recorded: Recorded[Any] = Recorded(
        id=uuid4(),
        type=type(event).__name__,
        stream="s",
        version=1,
        subject=ANNA,
        occurred=event.at,
        recorded=event.at,
        source="/consent",
        correlation=None,
        causation=None,
        data=event,
    )
    key = getattr(event, "kind", EVERY_KIND)
    row = current_consents(rows.get(key), recorded)
    if row is not None:
        rows[key] = row


def effective(rows: Rows) -> dict[str, tuple[str, datetime]]:
    """Give what counts: yes or no for each kind, and since when."""
    return {kind: ("yes" if row.state == "given" else "no", row.since) for kind, row in rows.items()}


def check(rows: Rows, kind: str, now: datetime = LATER) -> Verdict:
    row, objection = rows.get(kind), rows.get(EVERY_KIND)
    return judge(
        ANNA,
        kind,
        now,
        standing=Standing(row.state, row.since, row.recorded, row.decided_by, row.method, row.strength)
        if row
        else None,
        objection=Objection(objection.since, objection.recorded, objection.decided_by, objection.method)
        if objection and objection.state == "objection"
        else None,
        kind_known=True,
        person_known=True,
        direct_marketing=True,
    )


@given(acts, st.randoms(use_true_random=False), st.integers(0, 5))
def test_order_and_repetition_decide_nothing(wanted: list[Any], chance: Any, repeats: int) -> None:
    shuffled = [*wanted, *(chance.choice(wanted) for _ in range(repeats if wanted else 0))]
    chance.shuffle(shuffled)
    assert effective(arrive(shuffled)[1]) == effective(arrive(wanted)[1])


@given(acts)
def test_the_newest_act_that_can_be_shown_decides(wanted: list[Any]) -> None:
    _, rows, _ = arrive(wanted)
    for kind in KINDS:
        said = [c for c in wanted if c.kind == kind and getattr(c, "strength", "") != "weak"]
        if said:
            newest = max(said, key=lambda c: (c.at, not isinstance(c, GiveConsent)))
            yes = "yes" if isinstance(newest, GiveConsent) else "no"
            assert effective(rows)[kind] == (yes, newest.at)


@given(everything)
def test_the_read_model_and_the_decider_weigh_alike(wanted: list[Any]) -> None:
    state, rows, log = arrive(wanted)
    for kind in KINDS:
        row, act = rows.get(kind), state.decided.get(kind)
        assert (row is None) == (act is None)
        if row and act:
            assert act == Act(row.state == "given", row.since, row.strength or "strong")
    objection = rows.get(EVERY_KIND)
    assert (objection.since if objection and objection.state == "objection" else None) == state.objection
    assert CONSENTS.fold(log) == state


@given(everything, st.sampled_from(KINDS), everything)
def test_after_a_withdrawal_nothing_that_was_said_before_it_is_a_yes(
    before: list[Any], kind: str, late: list[Any]
) -> None:
    """However late it arrives: all that is said here happened before the withdrawal."""
    no = WithdrawConsent(subject=ANNA, kind=kind, at=LATER, by=THE_PERSON, method="unsubscribe")
    assert not check(arrive([*before, no, *late])[1], kind).allowed


@given(everything, st.sampled_from(KINDS), st.integers(-5, 5))
def test_who_withdraws_just_now_is_a_no_at_once_whatever_the_clocks_say(
    before: list[Any], kind: str, ahead: int
) -> None:
    now = START + timedelta(days=4 + ahead)
    no = WithdrawConsent(subject=ANNA, kind=kind, at=now, by=THE_PERSON, method="telephone", just_now=True)
    assert not check(arrive([*before, no])[1], kind).allowed


@given(everything)
def test_every_command_repeated_at_once_is_no_news(wanted: list[Any]) -> None:
    once = arrive(wanted)[2]
    assert arrive([command for command in wanted for _ in range(2)])[2] == once


@given(everything, st.sampled_from(KINDS))
def test_only_somebody_who_said_yes_is_a_yes(wanted: list[Any], kind: str) -> None:
    verdict = check(arrive(wanted)[1], kind)
    if verdict.allowed:
        assert any(isinstance(c, GiveConsent) and c.kind == kind and c.at == verdict.since for c in wanted)


@given(acts, st.integers(1, 5), st.integers(0, 20))
def test_a_consent_ends_by_itself_on_its_day(wanted: list[Any], days: int, after: int) -> None:
    terms = replace(TERMS, validity_days=days)
    rows = arrive([replace(c, terms=terms) if isinstance(c, GiveConsent) else c for c in wanted])[1]
    for kind in KINDS:
        row = rows.get(kind)
        if row and row.state == "given":
            assert row.valid_until == row.since + timedelta(days=days)
            now = row.since + timedelta(days=after)
            standing = Standing("given", row.since, row.since, row.decided_by, row.method, valid_until=row.valid_until)
            told = judge(
                ANNA, kind, now, standing=standing, objection=None, kind_known=True, person_known=True, direct_marketing=True
            )  # fmt: skip
            assert (told.allowed, told.reason) == ((True, "given") if after < days else (False, "expired"))
