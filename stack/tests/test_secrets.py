"""Secrets are made once, whole, and readable by their owner only."""

import base64
import json
import stat

import pytest

from stack.secrets import Secrets, scrypt_fits, scrypt_hash
from web.identity import TokenVerifier


@pytest.fixture
def secrets(tmp_path):
    kept = Secrets(tmp_path / "secrets")
    kept.ensure(["consent", "audit"])
    return kept


def test_only_their_owner_reads_them(secrets):
    assert stat.S_IMODE(secrets.directory.stat().st_mode) == 0o700
    files = list(secrets.directory.iterdir())
    assert len(files) == 9
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_what_is_there_is_never_made_again(secrets):
    before = {file.name: file.read_bytes() for file in secrets.directory.iterdir()}
    secrets.ensure(["consent", "audit"])
    assert before == {file.name: file.read_bytes() for file in secrets.directory.iterdir()}


def test_what_is_missing_is_made_and_the_rest_stays(secrets):
    kept = secrets.key_encryption_key.read_text()
    secrets.webhook_secret.unlink()
    secrets.ensure(["consent", "audit", "export"])
    assert secrets.key_encryption_key.read_text() == kept
    assert secrets.webhook_secret.exists()
    assert set(secrets.database_passwords()) == {"consent", "audit", "export"}


def test_the_key_encryption_key_is_an_epoch_and_32_bytes(secrets):
    epoch, _, key = secrets.key_encryption_key.read_text().strip().partition(":")
    assert epoch == "1"
    assert len(base64.b64decode(key)) == 32
    assert len(base64.b64decode(secrets.transport_key.read_text())) == 32


def test_a_token_is_believed_by_every_service(secrets):
    public = json.loads(secrets.identity_keys.read_text())
    assert "d" not in public["keys"][0]
    verifier = TokenVerifier.from_file(secrets.identity_keys)
    anna = verifier.verify(secrets.token("anna", ["staff"], name="Anna Albers"))
    assert (anna.account, anna.name, anna.roles) == ("anna", "Anna Albers", {"staff"})
    assert verifier.verify(secrets.crm_token.read_text().strip()).roles == {"crm"}


def test_the_console_gets_hashes_and_only_the_shown_file_the_passwords(secrets):
    shown = secrets.passwords_to_show()
    assert list(shown) == ["anna", "dora", "adam", "axel"]
    stored = secrets.sign_in.read_text()
    for account in json.loads(stored)["accounts"]:
        assert shown[account["account"]] not in stored
        assert scrypt_fits(shown[account["account"]], account["scrypt"])


def test_another_password_does_not_fit():
    hashed = scrypt_hash("right")
    assert scrypt_fits("right", hashed)
    assert not scrypt_fits("wrong", hashed)
    assert scrypt_hash("right") != hashed


def test_when_the_shown_passwords_are_gone_new_ones_are_made(secrets):
    before = secrets.passwords_to_show()
    secrets.sign_in_shown.unlink()
    assert secrets.passwords_to_show() == {}
    secrets.ensure(["consent"])
    assert secrets.passwords_to_show() != before


def test_a_service_is_handed_only_what_it_needs(secrets):
    for _ in range(2):
        secrets.hand_out("consent", "consent")
        secrets.hand_out("console", None)
    handed = {file.name: file.read_text() for file in (secrets.directory / "consent").iterdir()}
    assert set(handed) == {"identity.jwks.json", "key-encryption.key", "pgpass"}
    assert handed["pgpass"] == f"*:*:*:consent:{secrets.database_passwords()['consent']}\n"
    assert {file.name for file in (secrets.directory / "console").iterdir()} == {
        "identity.jwk.json",
        "identity.jwks.json",
        "sign-in.json",
    }
