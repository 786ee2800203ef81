"""Secrets under the transport key: opened by whoever shares it, for the thing they belong to, and by nobody else."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from uuid import uuid4

import pytest

from events.errors import Unreadable
from events.runtime.transport import TransportKey

TOKEN = "r4nd0m-t0ken"


def key_file(directory: Path, *secrets: bytes) -> Path:
    file = directory / f"{uuid4().hex}.key"
    file.write_text("".join(f"{base64.b64encode(secret).decode()}\n" for secret in secrets))
    return file


def test_who_shares_the_key_reads_the_secret_again(tmp_path: Path) -> None:
    file, link = key_file(tmp_path, os.urandom(32)), uuid4()
    sealed = TransportKey.from_file(file).seal(TOKEN, link)
    assert TOKEN not in sealed
    assert TransportKey.from_file(file).open(sealed, link) == TOKEN


def test_a_secret_belongs_to_its_link_and_key(tmp_path: Path) -> None:
    key, link = TransportKey.from_file(key_file(tmp_path, os.urandom(32))), uuid4()
    sealed = key.seal(TOKEN, link)
    for opener, thing, text in (
        (key, uuid4(), sealed),
        (TransportKey.from_file(key_file(tmp_path, os.urandom(32))), link, sealed),
        (key, link, sealed[:-8]),
        (key, link, "no base64 é"),
        (key, link, ""),
    ):
        with pytest.raises(Unreadable):
            opener.open(text, thing)


def test_a_new_key_seals_and_the_old_one_still_opens(tmp_path: Path) -> None:
    old, new, link = os.urandom(32), os.urandom(32), uuid4()
    sealed = TransportKey((old,)).seal(TOKEN, link)
    both = TransportKey.from_file(key_file(tmp_path, new, old))
    assert both.open(sealed, link) == TOKEN
    with pytest.raises(Unreadable):
        TransportKey((old,)).open(both.seal(TOKEN, link), link)


def test_a_short_key_is_refused_and_no_key_is_shown(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        TransportKey.from_file(key_file(tmp_path, os.urandom(16)))
    secret = os.urandom(32)
    assert repr(secret) not in repr(TransportKey((secret,)))
