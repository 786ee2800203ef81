"""What was written once is read for ever: one frozen record for each event type and version.

A new event or version gets its file by ``python libs/events/tests/golden.py``; a file that is there is never written again.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from events.catalogue import EVENTS
from events.catalogue.vocabulary import ERASED, personal_fields
from events.envelope import decode, decode_envelope

from .golden import GOLDEN, SECRET, file_of

FILES = sorted(GOLDEN.glob("*.json"))


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_is_frozen(name: str) -> None:
    assert file_of(EVENTS[name]).exists(), "freeze it: python libs/events/tests/golden.py"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_frozen_record_reads_as_it_did(file: Path) -> None:
    frozen = json.loads(file.read_text(encoding="utf-8"))
    value = json.dumps(frozen["record"]).encode()
    read = decode(value, {1: SECRET})
    assert read.data.model_dump(mode="json", exclude_none=True).items() >= frozen["reads"].items()


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_without_the_key_a_frozen_record_reads_as_erased(file: Path) -> None:
    frozen = json.loads(file.read_text(encoding="utf-8"))
    value = json.dumps(frozen["record"]).encode()
    read = decode(value, {})
    if decode_envelope(value).data.sealed is not None:
        assert {getattr(read.data, n) for n in personal_fields(type(read.data))} == {ERASED}
    open_ = frozen["record"]["data"]["open"]
    assert not set(open_) & set(personal_fields(type(read.data)))
