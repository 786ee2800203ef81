"""Links: open for a limited time, as often as one likes; revoked, they open nothing; each press of a form is one choice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from events.catalogue.access import AccessLinkIssued, AccessLinkRevoked, ConsentChosen, PortalOpened
from events.catalogue.consents import WordingRef
from events.catalogue.vocabulary import THE_PERSON, Actor
from events.testing import Specs
from subject_access.deciders.links import LINKS, ChooseConsent, IssueLink, OpenPortal, RevokeLink

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=3)
END = NOW + timedelta(days=14)
LENA = Actor(kind="staff", id="lena")
LINK, ANNA, VISIT, ACT = (UUID(int=n) for n in range(1, 5))
WORDING = WordingRef(version=2, language="de")
given = Specs(LINKS).given

ISSUE = IssueLink(
    link=LINK,
    subject=ANNA,
    at=NOW,
    by=LENA,
    token_hash="ab12",
    expires=END,
    language="de",
    reason="asked-by-telephone",
    to="anna@example.org",
    for_mail="sealed",
)
ISSUED = AccessLinkIssued(
    at=NOW,
    by=LENA,
    link=LINK,
    token_hash="ab12",
    expires=END,
    language="de",
    reason="asked-by-telephone",
    to="anna@example.org",
    for_mail="sealed",
)
REVOKED = AccessLinkRevoked(at=LATER, by=LENA, link=LINK)
REVOKE = RevokeLink(link=LINK, subject=ANNA, at=LATER, by=LENA)
OPEN = OpenPortal(link=LINK, subject=ANNA, at=LATER, session=VISIT)
OPENED = PortalOpened(at=LATER, by=THE_PERSON, link=LINK, session=VISIT)
WITHDRAW = ChooseConsent(link=LINK, subject=ANNA, at=LATER, act=ACT, kind="newsletter", choice="withdraw", wording=None)
GIVE = replace(WITHDRAW, choice="give", wording=WORDING)


def chosen(command: ChooseConsent) -> ConsentChosen:
    return ConsentChosen(
        at=command.at,
        by=THE_PERSON,
        link=LINK,
        kind=command.kind,
        choice=command.choice,
        wording=command.wording,
        act=command.act,
    )


def test_a_link_is_issued_once() -> None:
    given().when(ISSUE).then(ISSUED)
    given(ISSUED).when(replace(ISSUE, token_hash="other")).then()


def test_a_link_stays_open_neither_too_short_nor_too_long() -> None:
    given().when(replace(ISSUE, expires=NOW + timedelta(minutes=59))).refused("lifetime-out-of-bounds")
    given().when(replace(ISSUE, expires=NOW + timedelta(days=91))).refused("lifetime-out-of-bounds")
    given().when(replace(ISSUE, expires=NOW)).refused("lifetime-out-of-bounds")


def test_a_link_is_revoked_once_also_after_its_time() -> None:
    given(ISSUED).when(REVOKE).then(REVOKED)
    given(ISSUED, REVOKED).when(REVOKE).then()
    after = END + timedelta(days=1)
    given(ISSUED).when(replace(REVOKE, at=after)).then(AccessLinkRevoked(at=after, by=LENA, link=LINK))


def test_what_was_never_issued_is_no_link() -> None:
    for command in (REVOKE, OPEN, WITHDRAW):
        given().when(command).refused("unknown-link")


def test_a_visit_is_told_once_and_uses_nothing_up() -> None:
    given(ISSUED).when(OPEN).then(OPENED)
    given(ISSUED, OPENED).when(OPEN).then()
    another = UUID(int=99)
    given(ISSUED, OPENED).when(replace(OPEN, session=another)).then(
        PortalOpened(at=LATER, by=THE_PERSON, link=LINK, session=another)
    )


def test_a_link_opens_nothing_from_the_moment_it_expires() -> None:
    given(ISSUED).when(replace(OPEN, at=END - timedelta(seconds=1))).then(
        PortalOpened(at=END - timedelta(seconds=1), by=THE_PERSON, link=LINK, session=VISIT)
    )
    given(ISSUED).when(replace(OPEN, at=END)).refused("link-expired")
    given(ISSUED).when(replace(WITHDRAW, at=END)).refused("link-expired")


def test_a_revoked_link_opens_nothing() -> None:
    given(ISSUED, REVOKED).when(OPEN).refused("link-revoked")
    given(ISSUED, REVOKED).when(GIVE).refused("link-revoked")


def test_a_choice_is_recorded_with_the_wording_that_was_shown() -> None:
    given(ISSUED).when(GIVE).then(chosen(GIVE))
    given(ISSUED).when(WITHDRAW).then(chosen(WITHDRAW))


def test_a_form_pressed_twice_is_one_choice() -> None:
    given(ISSUED, chosen(WITHDRAW)).when(replace(WITHDRAW, at=LATER + timedelta(seconds=1))).then()
    given(ISSUED, chosen(WITHDRAW)).when(replace(WITHDRAW, at=END)).then()


def test_to_change_ones_mind_is_another_choice() -> None:
    again = replace(GIVE, act=UUID(int=5))
    given(ISSUED, chosen(WITHDRAW)).when(again).then(chosen(again))


def test_nobody_agrees_to_no_words() -> None:
    given(ISSUED).when(replace(GIVE, wording=None)).refused("wording-missing")
