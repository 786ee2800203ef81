"""A change of the key-encryption key loses nothing, and ends with the old one gone."""

import asyncio
import base64
import os
from uuid import uuid4

import asyncpg
import pytest
from typer.testing import CliRunner

from events.runtime.keys import Keys, read_key_encryption_keys
from stack.cli import app
from stack.databases import Database, ensure_databases
from stack.postgres import start_postgres

PASSWORDS = {"consent": "c", "erasure": "e", "keys": "k"}


@pytest.fixture(scope="module")
def cluster(scratch):
    running = start_postgres(scratch / "epochs", durable=False)
    services = [Database(name, name) for name in ("consent", "erasure")]
    asyncio.run(ensure_databases(running.url, services, PASSWORDS))
    yield running.cluster
    running.kill()


def secrets_of(url, file, persons):
    async def ask():
        async with asyncpg.create_pool(url, min_size=1, max_size=1) as pool:
            keys = Keys(pool, read_key_encryption_keys(file))
            await keys.for_writing(persons)
            return await keys.secrets(persons), await keys.named("lookup")

    return asyncio.run(ask())


def test_after_the_change_every_key_opens_with_the_new_file_alone(cluster, tmp_path):
    file = tmp_path / "kek"
    file.write_text(f"1:{base64.b64encode(os.urandom(32)).decode()}\n")
    persons = [uuid4() for _ in range(5)]
    consent = cluster.url("keys", "consent", PASSWORDS["consent"])
    before = secrets_of(consent, file, persons)
    told = ["--key-file", str(file)]
    where = [*told, "--url", cluster.url("keys", "erasure", PASSWORDS["erasure"])]

    def gdpr(*words):
        return CliRunner().invoke(app, ["keys", *words])

    assert gdpr("new", *told).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert gdpr("remove", "1", *where).exit_code == 1, "what is still in use is not removed"
    assert secrets_of(consent, file, persons) == before
    assert "6 keys" in gdpr("rewrap", *where).stdout
    assert gdpr("remove", "2", *where).exit_code == 1, "the newest one is never removed"
    assert gdpr("remove", "1", *where).exit_code == 0
    assert list(read_key_encryption_keys(file)) == [2]
    assert secrets_of(consent, file, persons) == before


def test_a_key_that_is_missing_from_the_file_is_said(cluster, tmp_path):
    file = tmp_path / "other"
    file.write_text(f"9:{base64.b64encode(os.urandom(32)).decode()}\n")
    where = ["--key-file", str(file), "--url", cluster.url("keys", "erasure", PASSWORDS["erasure"])]
    assert "NO" in CliRunner().invoke(app, ["keys", "list", *where]).stdout
    refused = CliRunner().invoke(app, ["keys", "rewrap", *where])
    assert refused.exit_code == 1
    assert "not in the key file" in refused.stderr
