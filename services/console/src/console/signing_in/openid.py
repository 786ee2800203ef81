"""Signing in with OpenID Connect: authorization code with PKCE (RFC 7636), state, nonce, and a verified id_token.

What was begun in a browser can be finished in that browser only: a short-lived cookie binds the two, so that nobody can
be signed in with somebody else's answer.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode, urlsplit

import aiohttp
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from console.roles import ROLES
from console.settings import HERE, Settings, Unusable
from events.runtime.logging import logger
from web.catalogues import N_
from web.identity import Identity
from web.problems import Problem

log = logger(__name__)

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)
"""Signatures only: a shared secret or none at all proves nothing about who made the token."""
TEN_MINUTES = 600.0
AN_HOUR = 3600.0
SKEW = 60
MOST_PENDING = 10_000

FAILED = N_("Your company's sign-in did not confirm who you are. Please sign in again.")
AWAY = N_("Your company's sign-in is not reachable at the moment. Try again shortly.")
NO_ROLE = N_("Your account has no role at this desk. Ask whoever manages accounts for one.")


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has begun: where the browser goes, and the cookie that it comes back with."""

    address: str
    cookie: str


@dataclass(frozen=True, slots=True)
class _Pending:
    bound_to: bytes
    nonce: str
    verifier: str
    wanted: str
    until: float


class OpenId:
    """One provider."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._issuer = settings.oidc_issuer
        self._redirect = settings.console_url.rstrip("/") + "/sign-in/answer"
        self._clock = clock
        self._pending: dict[str, _Pending] = {}
        self._known: dict[str, Any] = {}
        self._known_until = 0.0
        self._keys: KeySet | None = None
        _must_be_safe(self._issuer)

    async def begin(self, wanted: str) -> Begun:
        """Begin a sign-in that leads to ``wanted``."""
        provider = await self._provider()
        now = self._clock()
        self._pending = {state: one for state, one in self._pending.items() if one.until > now}
        if len(self._pending) >= MOST_PENDING:
            raise Problem("too-many", N_("Too many attempts. Wait a minute, then try again."), status=429)
        state, nonce, verifier, cookie = (secrets.token_urlsafe(32) for _ in range(4))
        self._pending[state] = _Pending(_hash(cookie), nonce, verifier, wanted, now + TEN_MINUTES)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._redirect,
            "scope": self._settings.oidc_scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        address = provider["authorization_endpoint"]
        return Begun(f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", cookie)

    async def finish(self, answer: Mapping[str, str], cookie: str) -> tuple[Identity, str]:
        """Give who signed in, and where they wanted to go. Raises ``Problem``."""
        begun = self._pending.pop(answer.get("state", ""), None)
        if begun is None or begun.until <= self._clock() or not hmac.compare_digest(begun.bound_to, _hash(cookie)):
            raise self._failed("state")
        if answer.get("iss", self._issuer) != self._issuer:
            raise self._failed("issuer of the answer")
        if "code" not in answer:
            raise self._failed("no code")
        claims = await self._claims(answer["code"], begun)
        return self._identity(claims), begun.wanted

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        account = claims.get(self._settings.oidc_account_claim)
        if not isinstance(account, str) or not 1 <= len(account) <= 128 or not account.isprintable():
            raise self._failed("account claim")
        names = _at(claims, self._settings.oidc_roles_claim)
        given = {names} if isinstance(names, str) else {one for one in names or () if isinstance(one, str)}
        called = self._settings.oidc_roles
        roles = frozenset(called.get(one, "") if called else one for one in given) & ROLES
        if not roles:
            raise Problem("no-role", NO_ROLE, status=403)
        name = claims.get("name") or claims.get("preferred_username") or account
        return Identity(account, str(name)[:200].replace("\0", ""), roles)

    async def _claims(self, code: str, begun: _Pending) -> dict[str, Any]:
        provider = await self._provider()
        secret = self._settings.oidc_client_secret.get_secret_value()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": begun.verifier,
        }
        ways = provider.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        headers = {}
        if secret and "client_secret_basic" in ways:
            said = f"{quote_plus(self._settings.oidc_client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(said.encode()).decode()}"
        else:
            form |= {"client_id": self._settings.oidc_client_id, **({"client_secret": secret} if secret else {})}
        told = await self._fetch(provider["token_endpoint"], form, headers)
        if not isinstance(told, dict) or not isinstance(told.get("id_token"), str):
            raise self._failed("no id_token")
        claims = await self._verified(told["id_token"], provider)
        self._check(claims, begun)
        return claims

    def _check(self, claims: Mapping[str, Any], begun: _Pending) -> None:
        now, client = self._clock(), self._settings.oidc_client_id
        audience = claims.get("aud")
        meant = [audience] if isinstance(audience, str) else audience or []
        if claims.get("iss") != self._issuer:
            raise self._failed("issuer")
        if client not in meant or (len(meant) > 1 and claims.get("azp") != client):
            raise self._failed("audience")
        if claims.get("azp", client) != client:
            raise self._failed("authorized party")
        ends, made = claims.get("exp"), claims.get("iat")
        if not isinstance(ends, int | float) or ends <= now - SKEW:
            raise self._failed("expired")
        if not isinstance(made, int | float) or made > now + SKEW:
            raise self._failed("from the future")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
            raise self._failed("nonce")

    async def _verified(self, token: str, provider: Mapping[str, Any]) -> dict[str, Any]:
        told = provider.get("id_token_signing_alg_values_supported") or ["RS256"]
        allowed = [one for one in told if one in ALGORITHMS]
        for fresh in (False, True):
            if self._keys is None or fresh:
                self._keys = _keys(await self._fetch(provider["jwks_uri"]))
            try:
                return jwt.decode(token, self._keys, algorithms=allowed).claims
            except (JoseError, ValueError, KeyError, TypeError):
                continue
        raise self._failed("signature")

    async def _provider(self) -> Mapping[str, Any]:
        if self._known_until <= self._clock():
            told = await self._fetch(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
            if not isinstance(told, dict) or told.get("issuer") != self._issuer:
                raise self._failed("discovery is another issuer's")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                _must_be_safe(str(told.get(name, "")))
            self._known, self._known_until = told, self._clock() + AN_HOUR
        return self._known

    async def _fetch(self, address: str, form: Mapping[str, str] | None = None, headers: Any = None) -> Any:
        timeout = aiohttp.ClientTimeout(total=self._settings.answer_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as http,
                http.request(
                    "POST" if form else "GET", address, data=form, headers=headers, allow_redirects=False
                ) as told,
            ):
                raw = await told.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("sign-in provider not reachable", error_type=type(error).__name__)
            raise Problem("sign-in-away", AWAY, status=503, headers={"Retry-After": "5"}) from None
        if told.status >= 500:
            raise Problem("sign-in-away", AWAY, status=503, headers={"Retry-After": "5"})
        if told.status != 200:
            raise self._failed(f"status {told.status}")
        try:
            return json.loads(raw)
        except ValueError:
            raise self._failed("answer is no JSON") from None

    @staticmethod
    def _failed(why: str) -> Problem:
        log.warning("sign-in refused", why=why)
        return Problem("sign-in-failed", FAILED, status=403)


def _must_be_safe(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in HERE):
        raise Unusable("OIDC_ISSUER and what it names must begin with https:// (but on this machine).")


def _keys(told: Any) -> KeySet:
    usable = [one for one in told.get("keys", ()) if isinstance(one, dict) and one.get("kty") in {"RSA", "EC", "OKP"}]
    return KeySet.import_key_set({"keys": [one for one in usable if one.get("use", "sig") == "sig"]})


def _at(claims: Mapping[str, Any], place: str) -> Any:
    """Give a claim, by its name or by a way with dots to it."""
    if place in claims:
        return claims[place]
    here: Any = claims
    for name in place.split("."):
        here = here.get(name) if isinstance(here, Mapping) else None
    return here


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()
