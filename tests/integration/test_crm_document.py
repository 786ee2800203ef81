"""docs/crm.md shows messages that the door takes, and a check of signatures that works."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_gateway.messages import TYPES, Incoming, read
from crm_gateway.webhooks import signature

TEXT = (Path(__file__).parents[2] / "docs" / "crm.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def shown(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def messages() -> list[dict[str, Any]]:
    found, decoder = [], json.JSONDecoder()
    for block in shown("json"):
        rest = block.strip()
        while rest:
            message, end = decoder.raw_decode(rest)
            found.append(message)
            rest = rest[end:].strip()
    return found


@pytest.mark.parametrize("message", messages(), ids=lambda message: f"{message['type']} {message['id']}")
def test_every_message_that_is_shown_is_taken(message: dict[str, Any]) -> None:
    assert read(Incoming(json.dumps(message).encode()), NOW).message.crm_ref.startswith("705")


def test_every_type_is_shown() -> None:
    assert {message["type"] for message in messages()} == set(TYPES)


def test_the_check_of_a_signature_works() -> None:
    (code,) = shown("python")
    known: dict[str, Any] = {}
    exec(code, known)
    header = signature(b"secret", b"body", int(time.time()))
    assert known["is_ours"](header, b"body", b"secret")
    assert not known["is_ours"](header, b"other", b"secret")
    assert not known["is_ours"](signature(b"secret", b"body", int(time.time()) - 3600), b"body", b"secret")
