"""Looks: each is written down once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from events.catalogue.access import PersonLookedAt
from events.catalogue.vocabulary import Actor
from events.testing import Specs
from subject_access.deciders.looks import LOOKS, RecordLook

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LENA = Actor(kind="staff", id="lena")
LOOK = UUID(int=1)
given = Specs(LOOKS).given
COMMAND = RecordLook(look=LOOK, subject=UUID(int=2), at=NOW, by=LENA, where="actionpad")
RECORDED = PersonLookedAt(at=NOW, by=LENA, where="actionpad", look=LOOK)


def test_a_look_is_written_down() -> None:
    given().when(COMMAND).then(RECORDED)


def test_the_same_look_is_written_down_once() -> None:
    given(RECORDED).when(COMMAND).then()
