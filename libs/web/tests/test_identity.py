"""Tokens say who asks; whatever else they are, they are refused."""

from __future__ import annotations

import base64
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from web.identity import TokenSigner, TokenVerifier, new_signing_key
from web.problems import Problem
from web.testing import Clock, Keys, somebody

LENA = somebody("staff", account="lena", name="Lena Vogt")


def slug_of(verifier: TokenVerifier, token: str | None) -> str:
    with pytest.raises(Problem) as refused:
        verifier.identity(None if token is None else f"Bearer {token}")
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")
    return refused.value.slug


def test_a_token_says_who_asks(keys: Keys) -> None:
    assert keys.verifier.identity(f"Bearer {keys.signer.sign(LENA)}") == LENA


def test_the_header_may_be_written_in_small_letters(keys: Keys) -> None:
    assert keys.verifier.identity(f"bearer {keys.signer.sign(LENA)}") == LENA


def test_a_missing_token_is_refused(keys: Keys) -> None:
    assert slug_of(keys.verifier, None) == "token-missing"


@pytest.mark.parametrize("token", ["", "abc", "a.b", "a.b.c.d", "ä.ö.ü", "x" * 9000])
def test_what_is_no_token_is_refused(keys: Keys, token: str) -> None:
    assert slug_of(keys.verifier, token) == "token-malformed"


@pytest.mark.parametrize("token", ["a.b.c", "..", "e30.e30.e30", "bnVsbA.bnVsbA.bnVsbA"])
def test_what_only_looks_like_a_token_is_refused(keys: Keys, token: str) -> None:
    assert slug_of(keys.verifier, token) == "token-not-accepted"


def test_an_expired_token_is_refused_also_when_it_was_known(keys: Keys, clock: Clock) -> None:
    verifier = keys.verifier
    token = keys.signer.sign(LENA, timedelta(minutes=5))
    assert verifier.verify(token) == LENA
    clock.now += 300
    assert slug_of(verifier, token) == "token-expired"


def test_a_token_from_the_future_is_refused(keys: Keys, clock: Clock) -> None:
    token = TokenSigner(keys.private, clock=lambda: clock.now + 600).sign(LENA)
    assert slug_of(keys.verifier, token) == "token-not-accepted"


def test_another_issuer_is_refused(keys: Keys) -> None:
    token = TokenSigner(keys.private, issuer="somebody", clock=keys.clock).sign(LENA)
    assert slug_of(keys.verifier, token) == "token-not-accepted"


def test_another_key_is_refused(keys: Keys) -> None:
    stranger = json.loads(new_signing_key()[0])
    assert slug_of(keys.verifier, TokenSigner(stranger, clock=keys.clock).sign(LENA)) == "token-not-accepted"
    pretending = {**stranger, "kid": keys.private["kid"]}
    assert slug_of(keys.verifier, TokenSigner(pretending, clock=keys.clock).sign(LENA)) == "token-not-accepted"


def test_an_unsigned_token_is_refused(keys: Keys) -> None:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    _, claims, signature = keys.signer.sign(LENA).split(".")
    for algorithm in ("none", "None", "NONE", ""):
        header = part({"alg": algorithm, "kid": keys.private["kid"]})
        assert slug_of(keys.verifier, f"{header}.{claims}.") == "token-not-accepted"
        assert slug_of(keys.verifier, f"{header}.{claims}.{signature}") == "token-not-accepted"


def test_the_public_key_is_no_shared_secret(keys: Keys) -> None:
    public = keys.public["keys"][0]["x"]
    forged = jwt.encode({"alg": "HS256"}, {"sub": "lena"}, OctKey.import_key(public))
    assert slug_of(keys.verifier, forged) == "token-not-accepted"


@pytest.mark.parametrize(
    "change",
    [{"roles": ["king"]}, {"roles": "staff"}, {"exp": "tomorrow"}, {"sub": ""}, {"sub": None}, {"name": "a\0b"}],
)
def test_claims_of_the_wrong_kind_are_refused(keys: Keys, change: dict[str, object]) -> None:
    now = int(keys.clock())
    claims = {"iss": "gdpr-console", "sub": "lena", "name": "L", "roles": [], "iat": now, "exp": now + 9, "jti": "1"}
    key = OKPKey.import_key(keys.private)
    token = jwt.encode({"alg": "Ed25519", "kid": key.kid}, {**claims, **change}, key, algorithms=["Ed25519"])
    assert slug_of(keys.verifier, token) == "token-malformed"


def test_new_keys_are_read_when_a_token_names_one(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "trusted.json"
    file.write_text(json.dumps(keys.public))
    verifier = TokenVerifier.from_file(file, clock=keys.clock)
    private, public = new_signing_key()
    token = TokenSigner(json.loads(private), clock=keys.clock).sign(LENA)
    assert slug_of(verifier, token) == "token-not-accepted"
    file.write_text(json.dumps({"keys": [*keys.public["keys"], *json.loads(public)["keys"]]}))
    os.utime(file, (1, 1))
    assert verifier.verify(token) == LENA


def test_a_key_that_is_taken_out_of_the_file_ends_its_tokens(keys: Keys, clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "trusted.json"
    file.write_text(json.dumps(keys.public))
    verifier = TokenVerifier.from_file(file, clock=clock)
    token = keys.signer.sign(LENA, timedelta(days=300))
    assert verifier.verify(token) == LENA
    for held in ("{", json.dumps({"keys": []})):  # half written: nobody is locked out
        file.write_text(held)
        clock.now += 6
        assert verifier.verify(token) == LENA
    _, public = new_signing_key()
    file.write_text(public)
    os.utime(file, (1, 1))
    clock.now += 6
    assert slug_of(verifier, token) == "token-not-accepted"


def test_a_machine_acts_as_the_crm_and_staff_as_staff() -> None:
    assert str(somebody("crm").actor) == "crm:crm"
    assert str(LENA.actor) == "staff:lena"


def test_only_a_private_key_signs(keys: Keys) -> None:
    with pytest.raises(ValueError, match="private"):
        TokenSigner(keys.public["keys"][0])
