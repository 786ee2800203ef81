"""An event reads as it was written, also where nothing personal was said in it."""

from __future__ import annotations

from types import NoneType
from typing import Any
from uuid import uuid4

import pytest

from events.catalogue import EVENTS, OWNERS
from events.catalogue.vocabulary import personal_fields
from events.envelope import Recorded, decode, encode, has_personal
from events.sealing import Key

from .samples import AT, sample


def may_be_missing(field: Any) -> bool:
    return any(part is NoneType for part in getattr(field.annotation, "__args__", ()))


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_what_was_not_said_reads_as_not_said(name: str) -> None:
    kind = EVENTS[name]
    silent = {f: None for f in personal_fields(kind) if may_be_missing(kind.model_fields[f])}
    event = sample(kind).model_copy(update=silent)
    recorded: Recorded[Any] = Recorded(
        id=uuid4(),
        type=name,
        stream="stream",
        version=1,
        subject=uuid4() if kind.about_a_person else None,
        occurred=AT,
        recorded=AT,
        source=f"/{OWNERS[kind.topic]}",
        correlation=None,
        causation=None,
        data=event,
    )
    key = Key(1, bytes(32))
    assert decode(encode(recorded, key if has_personal(event) else None), {1: key.secret}) == recorded
