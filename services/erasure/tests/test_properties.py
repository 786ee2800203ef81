"""What holds for every erasure, whatever is wanted of it, in whatever order, and however often."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings, target
from hypothesis import strategies as st

from erasure.decider import (
    ERASURES,
    AcknowledgeErasure,
    BlockErasure,
    Command,
    ConfirmKeyDestroyed,
    FenceErasure,
    ReadmitPerson,
    RecallErasure,
    RequestErasure,
    ScheduleErasure,
)
from erasure.retention import RULES
from events.catalogue.erasures import (
    ErasureAcknowledged,
    ErasureBlocked,
    ErasureCompleted,
    ErasureFenced,
    ErasureRequested,
    ErasureScheduled,
    KeyDestroyed,
    PersonReadmitted,
)
from events.catalogue.vocabulary import THE_SYSTEM, Event
from events.deciding import Refused

WHO = UUID(int=7)
AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
SYSTEMS = ("audit", "consent", "crm")
days = st.one_of(
    st.integers(0, 40).map(lambda n: date(2026, 5, 1) + timedelta(days=n)),
    st.sampled_from([date(2030, 1, 1), date(2034, 12, 31), date(2035, 1, 1), date(2040, 1, 1)]),
)
common = {
    "subject": st.just(WHO),
    "erasure": st.sampled_from([UUID(int=1), UUID(int=2)]),
    "at": st.just(AT),
    "by": st.just(THE_SYSTEM),
}
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(RequestErasure, ground=st.just("17-1-a"), **common),
    st.builds(ScheduleErasure, final=days, today=days, **common),
    st.builds(RecallErasure, today=days, **common),
    st.builds(
        BlockErasure,
        rule=st.sampled_from(list(RULES.values())),
        came_about=st.just(date(2026, 5, 1)),
        today=days,
        **common,
    ),
    st.builds(FenceErasure, systems=st.frozensets(st.sampled_from(SYSTEMS)), today=days, **common),
    st.builds(AcknowledgeErasure, system=st.sampled_from(SYSTEMS), **common),
    st.builds(ConfirmKeyDestroyed, **common),
    st.builds(
        ReadmitPerson, subject=st.just(WHO), reason=st.just("new-contract"), at=st.just(AT), by=st.just(THE_SYSTEM)
    ),
)
FAR = date(2040, 1, 1)
id_ = UUID(int=1)
ON_THE_WAY: list[Command] = [
    RequestErasure(subject=WHO, erasure=id_, ground="17-1-a", at=AT, by=THE_SYSTEM),
    ScheduleErasure(subject=WHO, erasure=id_, final=date(2026, 6, 1), today=date(2026, 5, 1), at=AT, by=THE_SYSTEM),
    FenceErasure(subject=WHO, erasure=id_, systems=frozenset(SYSTEMS), today=FAR, at=AT, by=THE_SYSTEM),
    ConfirmKeyDestroyed(subject=WHO, erasure=id_, at=AT, by=THE_SYSTEM),
    *(AcknowledgeErasure(subject=WHO, erasure=id_, system=s, at=AT, by=THE_SYSTEM) for s in SYSTEMS),
]


def happens(wanted: list[Command]) -> list[Event]:
    """Give everything that comes of these commands, in their order."""
    now, log = ERASURES.initial, list[Event]()
    for command in wanted:
        try:
            happened = list(ERASURES.decide(now, command))
        except Refused:
            continue
        log += happened
        now = ERASURES.fold(happened, now)
    return log


@st.composite
def histories(draw: st.DrawFn) -> list[Command]:
    """Give the straight way with anything thrown in between, so that many histories reach the end."""
    wanted = list[Command]()
    for step in ON_THE_WAY if draw(st.booleans()) else draw(st.permutations(ON_THE_WAY)):
        wanted += draw(st.lists(commands, max_size=2))
        wanted.append(step)
    return wanted + draw(st.lists(commands, max_size=12))


@settings(max_examples=300)
@given(histories())
def test_no_order_of_commands_completes_without_the_key_and_all_acknowledgements(wanted: list[Command]) -> None:
    log = happens(wanted)
    completions = [n for n, event in enumerate(log) if isinstance(event, ErasureCompleted)]
    target(float(len(completions)))
    for at in completions:
        completed = log[at]
        assert isinstance(completed, ErasureCompleted)
        mine = [e for e in log[:at] if getattr(e, "erasure", None) == completed.erasure]
        began = max(n for n, e in enumerate(mine) if isinstance(e, ErasureRequested))
        (fenced,) = [e for e in mine[began:] if isinstance(e, ErasureFenced)]
        behind = mine[mine.index(fenced) :]
        assert {e.system for e in behind if isinstance(e, ErasureAcknowledged)} == set(fenced.systems) != set()
        assert set(completed.systems) == set(fenced.systems)
        assert any(isinstance(e, KeyDestroyed) for e in behind)


@settings(max_examples=300)
@given(histories())
def test_after_the_completion_comes_nothing_but_a_readmission(wanted: list[Command]) -> None:
    log = happens(wanted)
    for event, following in itertools.pairwise(log):
        if isinstance(event, ErasureCompleted):
            assert isinstance(following, PersonReadmitted)
        if isinstance(following, PersonReadmitted):
            assert isinstance(event, ErasureCompleted)
        if isinstance(event, PersonReadmitted):
            assert isinstance(following, ErasureRequested)


@settings(max_examples=300)
@given(histories(), days)
def test_no_fence_is_raised_before_its_time(wanted: list[Command], today: date) -> None:
    now = ERASURES.initial
    for command in wanted:
        try:
            happened = list(ERASURES.decide(now, command))
        except Refused:
            continue
        for event in happened:
            if isinstance(event, ErasureFenced):
                assert isinstance(command, FenceErasure)
                assert now.last_day is not None
                assert command.today > now.last_day
        now = ERASURES.fold(happened, now)


@given(histories())
def test_the_same_again_changes_nothing(wanted: list[Command]) -> None:
    now = ERASURES.initial
    for command in wanted:
        try:
            now = ERASURES.fold(list(ERASURES.decide(now, command)), now)
            assert list(ERASURES.decide(now, command)) == []
        except Refused:
            continue


@given(histories())
def test_every_block_ends_with_a_year(wanted: list[Command]) -> None:
    for event in happens(wanted):
        if isinstance(event, ErasureBlocked):
            assert (event.until.month, event.until.day) == (12, 31)
        if isinstance(event, ErasureScheduled):
            assert event.final >= date(2026, 5, 1)


def test_the_straight_way_reaches_the_end() -> None:
    assert isinstance(happens(ON_THE_WAY)[-1], ErasureCompleted)
