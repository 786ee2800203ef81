"""Who is asking: staff, officers and machines, as a signed token says it.

Tokens are JWTs signed with Ed25519 (RFC 8037; the algorithm's name is ``Ed25519`` since RFC 9864 retired ``EdDSA``). The
console signs; every service verifies for itself against a file of public keys.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, cast
from uuid import uuid4

from aiohttp import web as http
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from events.catalogue.vocabulary import Actor
from events.runtime.logging import logger
from web.problems import Problem

log = logger(__name__)

Role: TypeAlias = Literal["staff", "dpo", "admin", "auditor", "crm"]
ROLES: Final[frozenset[str]] = frozenset(("staff", "dpo", "admin", "auditor", "crm"))
ISSUER: Final = "gdpr-console"
ALGORITHM: Final = "Ed25519"
MOST_CHARACTERS = 8192
MOST_CACHED = 4096
SKEW_SECONDS = 60
"""How far the clock of whoever signed may be ahead of ours."""

LOOK_SECONDS = 5.0
"""So often the file of keys is looked at: a key that was taken out of it is trusted no longer than that."""

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Identity:
    """An account, the name it shows, and what it may do."""

    account: str
    name: str
    roles: frozenset[str]

    def may(self, *roles: str) -> bool:
        """Whether the account has one of these roles."""
        return not self.roles.isdisjoint(roles)

    @property
    def actor(self) -> Actor:
        """The account as events name it; the ``crm`` role alone is a machine."""
        return Actor(kind="crm" if self.roles == frozenset(("crm",)) else "staff", id=self.account)


NOBODY: Final = Identity(account="", name="", roles=frozenset())
"""Whoever asks a public route."""


class _Claims(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    iss: str
    sub: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]*$")]
    name: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")]
    roles: list[Role]
    iat: int
    exp: int
    jti: Annotated[str, StringConstraints(min_length=1, max_length=128)]


def _unauthenticated(slug: str, detail: str) -> Problem:
    return Problem(slug, detail, status=401, headers={"WWW-Authenticate": 'Bearer realm="gdpr"'})


def new_signing_key() -> tuple[str, str]:
    """Make a key: the private JWK for whoever signs, and the public JWKS for everybody else, as text for their files."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    public = {"keys": [key.as_dict(private=False)]}
    return json.dumps(key.as_dict(private=True)), json.dumps(public)


class TokenSigner:
    """Signs what an account is and may do, for a short while."""

    def __init__(self, jwk: Mapping[str, Any], *, issuer: str = ISSUER, clock: Clock = time.time) -> None:
        self._key = OKPKey.import_key(dict(jwk))
        if not self._key.is_private or self._key["crv"] != "Ed25519":
            raise ValueError("the signing key must be a private Ed25519 JWK")
        self._key.ensure_kid()
        self._issuer = issuer
        self._clock = clock

    @classmethod
    def from_file(cls, path: Path, *, issuer: str = ISSUER, clock: Clock = time.time) -> TokenSigner:
        """Read the private key from its file."""
        return cls(json.loads(path.read_text(encoding="utf-8")), issuer=issuer, clock=clock)

    def sign(self, identity: Identity, lifetime: timedelta = timedelta(minutes=5)) -> str:
        """Give a token that says so until ``lifetime`` is over."""
        now = int(self._clock())
        claims = {
            "iss": self._issuer,
            "sub": identity.account,
            "name": identity.name,
            "roles": sorted(identity.roles),
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
            "jti": str(uuid4()),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, algorithms=[ALGORITHM])


class TokenVerifier:
    """Tells who a token speaks of, or refuses it. A verified token is remembered until it ends."""

    def __init__(self, jwks: Mapping[str, Any] | Path, *, issuer: str = ISSUER, clock: Clock = time.time) -> None:
        self._path = jwks if isinstance(jwks, Path) else None
        self._read_at = 0.0
        self._keys = self._read() if self._path else _key_set(cast(Mapping[str, Any], jwks))
        self._issuer = issuer
        self._clock = clock
        self._next_look = clock() + LOOK_SECONDS
        self._known: dict[str, tuple[float, Identity]] = {}

    @classmethod
    def from_file(cls, path: Path, *, issuer: str = ISSUER, clock: Clock = time.time) -> TokenVerifier:
        """Read the public keys from their file, and again when it has changed: new keys count at once, old ones end in seconds."""
        return cls(path, issuer=issuer, clock=clock)

    def identity(self, authorization: str | None) -> Identity:
        """Give who the ``Authorization`` header speaks of. Raises ``Problem`` 401."""
        if authorization is None:
            raise _unauthenticated("token-missing", "Send a token: `Authorization: Bearer ...`.")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise _unauthenticated("token-malformed", "Send the token as `Authorization: Bearer ...`.")
        return self.verify(token.strip())

    def verify(self, token: str) -> Identity:
        """Give who the token speaks of. Raises ``Problem`` 401."""
        now = self._clock()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            if self._changed():
                self._read_again()
        if known := self._known.get(token):
            if known[0] > now:
                return known[1]
            del self._known[token]
        claims = self._claims(token)
        if claims.exp <= now:
            raise _unauthenticated("token-expired", "The token has expired; get a new one.")
        if claims.iat > now + SKEW_SECONDS:
            raise _unauthenticated("token-not-accepted", "The token is from the future; set the clocks.")
        identity = Identity(account=claims.sub, name=claims.name, roles=frozenset(claims.roles))
        if len(self._known) >= MOST_CACHED:
            del self._known[next(iter(self._known))]
        self._known[token] = (claims.exp, identity)
        return identity

    def _claims(self, token: str) -> _Claims:
        if len(token) > MOST_CHARACTERS or token.count(".") != 2 or not token.isascii():
            raise _unauthenticated("token-malformed", "This is not a signed token.")
        try:
            decoded = self._decode(token)
        except (JoseError, ValueError, TypeError, KeyError):
            raise _unauthenticated(
                "token-not-accepted", "The token is not signed by a key that is trusted here."
            ) from None
        try:
            claims = _Claims.model_validate(decoded)
        except ValidationError:
            raise _unauthenticated(
                "token-malformed", "The token lacks a claim, or has one of the wrong kind."
            ) from None
        if claims.iss != self._issuer:
            raise _unauthenticated("token-not-accepted", "The token is from an issuer that is not trusted here.")
        return claims

    def _decode(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, self._keys, algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            if not self._changed():
                raise
            self._read_again()
            return jwt.decode(token, self._keys, algorithms=[ALGORITHM]).claims

    def _changed(self) -> bool:
        try:
            return self._path is not None and self._path.stat().st_mtime != self._read_at
        except OSError:
            return False

    def _read_again(self) -> None:
        """Read the keys anew, and forget whom the old ones vouched for. A file that cannot be read changes nothing."""
        try:
            self._keys = self._read()
        except (OSError, ValueError, KeyError, TypeError, JoseError):
            log.error("the file of trusted keys cannot be read, the keys of before still count")
        else:
            self._known.clear()

    def _read(self) -> KeySet:
        assert self._path is not None
        self._read_at = self._path.stat().st_mtime
        return _key_set(json.loads(self._path.read_text(encoding="utf-8")))


def _key_set(jwks: Mapping[str, Any]) -> KeySet:
    keys = [OKPKey.import_key(key) for key in jwks["keys"]]
    if not keys or any(key["crv"] != "Ed25519" for key in keys):
        raise ValueError("the trusted keys must be a JWKS of Ed25519 keys")
    return KeySet([*keys])


VERIFIER: Final = http.AppKey("web-token-verifier", TokenVerifier)
IDENTITY: Final = http.RequestKey("web-identity", Identity)
Handler = Callable[[http.Request], Awaitable[http.StreamResponse]]


def identify(request: http.Request, roles: Iterable[str]) -> Identity:
    """Give who asks, if they may. Raises ``Problem`` 401 or 403; with no roles the route is public."""
    wanted = tuple(roles)
    if not wanted:
        return NOBODY
    identity = request.app[VERIFIER].identity(request.headers.get("Authorization"))
    if identity.roles.isdisjoint(wanted):
        raise Problem("role-missing", f"This needs one of the roles: {', '.join(sorted(wanted))}.", status=403)
    request[IDENTITY] = identity
    return identity


def requires(*roles: Role) -> Callable[[Handler], Handler]:
    """Open a plain aiohttp handler only to these roles; ``request[IDENTITY]`` then tells who asks."""

    def opened(handler: Handler) -> Handler:
        @wraps(handler)
        async def guarded(request: http.Request) -> http.StreamResponse:
            identify(request, roles)
            return await handler(request)

        return guarded

    return opened
