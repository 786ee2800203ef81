"""Mails: queued once, tried until they were taken over, or given up for a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given as whatever
from hypothesis import strategies as st

from events.catalogue.notifications import MailAccepted, MailDelayed, MailFailed, MailQueued
from events.catalogue.vocabulary import THE_SYSTEM, Event
from events.deciding import Refused
from events.testing import Specs, erased
from notifier.decider import MAILS, AcceptMail, Command, DelayMail, GiveUpMail, QueueMail
from notifier.sending import LONGEST_PAUSE, pause

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
ANNA, MAIL, EVENT = UUID(int=1), UUID(int=2), UUID(int=3)
LATER = NOW + timedelta(minutes=5)
given = Specs(MAILS).given
common: dict[str, Any] = {"subject": ANNA, "mail": MAIL, "at": NOW, "by": THE_SYSTEM}
said: dict[str, Any] = {
    "template": "access-link",
    "language": "de",
    "to": "anna@example.org",
    "message_id": "<2@nordlicht.example>",
    "about": EVENT,
    "parameters": {"link": "4"},
    "not_after": NOW + timedelta(hours=72),
}
queue = QueueMail(**common, **said)
queued = MailQueued(at=NOW, by=THE_SYSTEM, mail=MAIL, **said)


def accept(attempt: int = 1) -> AcceptMail:
    return AcceptMail(**common, attempt=attempt)


def accepted(attempt: int = 1) -> MailAccepted:
    return MailAccepted(at=NOW, by=THE_SYSTEM, mail=MAIL, attempt=attempt)


def delay(attempt: int = 1, code: int | None = 451) -> DelayMail:
    return DelayMail(**common, attempt=attempt, code=code, next_try=LATER)


def delayed(attempt: int = 1, code: int | None = 451) -> MailDelayed:
    return MailDelayed(at=NOW, by=THE_SYSTEM, mail=MAIL, attempt=attempt, code=code, next_try=LATER)


def give_up(attempt: int | None = 1, reason: Any = "refused", code: int | None = 550) -> GiveUpMail:
    return GiveUpMail(**common, attempt=attempt, code=code, reason=reason)


def failed(attempt: int = 1, reason: Any = "refused", code: int | None = 550) -> MailFailed:
    return MailFailed(at=NOW, by=THE_SYSTEM, mail=MAIL, attempt=attempt, code=code, reason=reason)


def test_a_mail_is_queued() -> None:
    given().when(queue).then(queued)


def test_a_mail_is_queued_once_however_far_it_is() -> None:
    for history in ((queued,), (queued, delayed()), (queued, accepted()), (queued, failed())):
        given(*history).when(queue).then()


def test_what_the_server_took_over_is_accepted() -> None:
    given(queued).when(accept()).then(accepted())
    given(queued, delayed()).when(accept(2)).then(accepted(2))


def test_a_mail_that_was_sent_twice_is_accepted_once() -> None:
    given(queued, accepted(1)).when(accept(2)).then()


def test_what_the_server_does_not_take_now_waits() -> None:
    given(queued).when(delay()).then(delayed())
    given(queued, delayed(1)).when(delay(2, code=None)).then(delayed(2, code=None))


def test_news_of_an_older_try_is_no_news() -> None:
    given(queued, delayed(2)).when(delay(1)).then()
    given(queued, accepted()).when(delay(2)).then()
    given(queued, failed()).when(delay(2)).then()


def test_a_mail_that_is_refused_for_good_is_given_up() -> None:
    given(queued).when(give_up()).then(failed())
    given(queued, failed()).when(give_up(2, "expired", None)).then()


def test_a_mail_whose_link_was_revoked_is_given_up_after_the_tries_it_had() -> None:
    given(queued).when(give_up(None, "revoked", None)).then(failed(0, "revoked", None))
    given(queued, delayed(3)).when(give_up(None, "revoked", None)).then(failed(3, "revoked", None))


def test_a_mail_that_was_sent_stays_sent_when_its_link_is_revoked() -> None:
    given(queued, accepted()).when(give_up(None, "revoked", None)).then()


def test_a_mail_that_was_on_its_way_when_it_was_given_up_is_still_accepted() -> None:
    given(queued, failed(0, "revoked", None)).when(accept()).then(accepted())


def test_a_link_without_a_mail_leaves_nothing_to_give_up() -> None:
    given().when(give_up(None, "revoked", None)).then()


def test_no_outcome_is_recorded_of_a_mail_that_never_was() -> None:
    given().when(accept()).refused("unknown-mail")
    given().when(delay()).refused("unknown-mail")


tries = st.integers(1, 6)
commands: st.SearchStrategy[Command] = st.one_of(
    st.just(queue),
    tries.map(accept),
    tries.map(delay),
    st.builds(give_up, st.none() | tries, st.sampled_from(["refused", "expired", "erased", "revoked"]), st.none()),
)


@whatever(st.lists(commands, max_size=25))
def test_in_any_order_a_mail_is_queued_once_and_accepted_once_and_fails_once(wanted: list[Command]) -> None:
    now, log = MAILS.initial, list[Event]()
    for command in wanted:
        try:
            happened = list(MAILS.decide(now, command))
        except Refused:
            continue
        log += happened
        now = MAILS.fold(happened, now)
    kinds = [type(event) for event in log]
    assert kinds.count(MailQueued) <= 1
    assert kinds.count(MailAccepted) <= 1
    assert kinds.count(MailFailed) <= 1
    if log:
        assert kinds[0] is MailQueued
    if MailAccepted in kinds:
        assert kinds[-1] is MailAccepted
    attempts = [event.attempt for event in log if isinstance(event, MailDelayed)]
    assert attempts == sorted(set(attempts))
    assert MAILS.fold(log) == MAILS.fold(erased(event) for event in log) == now


@whatever(st.integers(1, 10_000), st.floats(0.1, 60))
def test_the_pause_grows_to_an_hour_and_no_further(number: int, first: float) -> None:
    assert first <= pause(number, first) <= pause(number + 1, first) <= LONGEST_PAUSE
