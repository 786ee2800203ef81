"""Looks: recorded once, and with a reason where something personal is opened."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from audit.decider import LOOKS, RecordLook
from events.catalogue.audit import LogRead
from events.catalogue.vocabulary import Actor
from events.testing import Specs

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
AXEL = Actor(kind="staff", id="axel")
LOOK, ANNA = UUID(int=1), UUID(int=2)
given = Specs(LOOKS).given


def look(decrypted: bool = True, reason: str = "case 2026-17") -> RecordLook:
    return RecordLook(look=LOOK, at=NOW, by=AXEL, what="history", of=ANNA, decrypted=decrypted, reason=reason)


def read(decrypted: bool = True, reason: str = "case 2026-17") -> LogRead:
    return LogRead(at=NOW, by=AXEL, look=LOOK, what="history", of=ANNA, decrypted=decrypted, reason=reason)


def test_a_look_is_recorded_with_its_reason() -> None:
    given().when(look()).then(read())


def test_a_look_is_recorded_once() -> None:
    given(read()).when(look()).then()


def test_a_look_that_opens_nothing_needs_no_reason() -> None:
    given().when(look(decrypted=False, reason="")).then(read(decrypted=False, reason=""))


def test_nothing_is_opened_without_a_reason() -> None:
    given().when(look(reason=" \n ")).refused("reason-missing")


def test_a_reason_names_no_mail_address() -> None:
    given().when(look(reason="asked by anna@example.org")).refused("reason-names-a-person")


def test_a_reason_is_short() -> None:
    given().when(look(reason="x" * 301)).refused("reason-too-long")


def test_a_reason_is_one_line() -> None:
    given().when(look(reason="case\n 2026-17 ")).then(read())
