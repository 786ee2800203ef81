"""What holds for every link, whatever is wanted of it, in whatever order, and however often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalogue.access import AccessLinkIssued, AccessLinkRevoked, ConsentChosen, PortalOpened
from events.catalogue.consents import WordingRef
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Refused
from subject_access.deciders.links import LINKS, ChooseConsent, Command, IssueLink, OpenPortal, RevokeLink

START = datetime(2026, 11, 24, tzinfo=UTC)
LENA = Actor(kind="staff", id="lena")
moments = st.integers(0, 24 * 20).map(lambda hours: START + timedelta(hours=hours))
few = st.integers(1, 3).map(lambda n: UUID(int=n))
link = {"link": st.just(UUID(int=9)), "subject": st.just(UUID(int=8)), "at": moments}
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        IssueLink,
        **link,
        by=st.just(LENA),
        token_hash=st.sampled_from(["a", "b"]),
        expires=moments,
        language=st.just("de"),
        reason=st.just("asked"),
        to=st.just("anna@example.org"),
        for_mail=st.just("sealed"),
    ),
    st.builds(RevokeLink, **link, by=st.just(LENA)),
    st.builds(OpenPortal, **link, session=few),
    st.builds(
        ChooseConsent,
        **link,
        act=few,
        kind=st.sampled_from(["newsletter", "calls"]),
        choice=st.sampled_from(["give", "withdraw"]),
        wording=st.sampled_from([None, WordingRef(version=1, language="de")]),
    ),
)


def happened(wanted: list[Command]) -> list[Event]:
    history: list[Event] = []
    for command in wanted:
        try:
            history += LINKS.decide(LINKS.fold(history), command)
        except Refused:
            continue
    return history


@settings(max_examples=300, deadline=None)
@given(st.lists(commands, max_size=12))
def test_nothing_is_opened_or_chosen_outside_a_links_time(wanted: list[Command]) -> None:
    issued, revoked = None, False
    for event in happened(wanted):
        match event:
            case AccessLinkIssued():
                assert issued is None, "issued once"
                issued = event
            case AccessLinkRevoked():
                assert issued
                assert not revoked
                revoked = True
            case PortalOpened() | ConsentChosen():
                assert issued
                assert not revoked
                assert event.at < issued.expires


@settings(max_examples=300, deadline=None)
@given(st.lists(commands, max_size=12))
def test_each_press_is_one_choice_and_each_visit_one_opening(wanted: list[Command]) -> None:
    events = happened(wanted)
    acts = [event.act for event in events if isinstance(event, ConsentChosen)]
    visits = [event.session for event in events if isinstance(event, PortalOpened)]
    assert len(acts) == len(set(acts))
    assert len(visits) == len(set(visits))


@settings(max_examples=300, deadline=None)
@given(st.lists(commands, max_size=12))
def test_a_command_that_comes_again_does_nothing_new(wanted: list[Command]) -> None:
    doubled = [command for one in wanted for command in (one, one)]
    assert happened(doubled) == happened(wanted)
