"""The secrets of an installation: made on the first start, kept in files that only their owner can read.

What is there is never made again: a lost key-encryption key would make every person's data unreadable. What is half
written (a crash at the wrong moment) cannot be seen, since each file appears whole or not at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OKPKey

from stack.home import write_whole

ISSUER = "gdpr-console"
ALGORITHM = "Ed25519"
TOKEN_LIFE = 300
MACHINE_TOKEN_LIFE = 10 * 365 * 24 * 3600
SCRYPT = {"n": 2**14, "r": 8, "p": 1}
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


@dataclass(frozen=True, slots=True)
class Account:
    """A local account: who, and in which roles."""

    account: str
    name: str
    roles: tuple[str, ...]


ACCOUNTS = (
    Account("anna", "Anna Albers", ("staff",)),
    Account("dora", "Dora Dietz", ("dpo",)),
    Account("adam", "Adam Ahrens", ("admin",)),
    Account("axel", "Axel Auer", ("auditor",)),
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where the secrets are. `ensure` makes those that are missing."""

    directory: Path

    @property
    def key_encryption_key(self) -> Path:
        return self.directory / "key-encryption.key"

    @property
    def transport_key(self) -> Path:
        return self.directory / "transport.key"

    @property
    def identity_key(self) -> Path:
        return self.directory / "identity.jwk.json"

    @property
    def identity_keys(self) -> Path:
        return self.directory / "identity.jwks.json"

    @property
    def webhook_secret(self) -> Path:
        return self.directory / "webhook.secret"

    @property
    def sign_in(self) -> Path:
        """Accounts with scrypt hashes, for the console."""
        return self.directory / "sign-in.json"

    @property
    def sign_in_shown(self) -> Path:
        """The passwords themselves, for the person at this machine."""
        return self.directory / "sign-in.txt"

    @property
    def crm_token(self) -> Path:
        """A long-lived token of role `crm`, for the demo CRM and for trying the doors by hand."""
        return self.directory / "crm.token"

    @property
    def databases(self) -> Path:
        """The password of each database role."""
        return self.directory / "databases.json"

    def ensure(self, database_roles: Sequence[str], accounts: Sequence[Account] = ACCOUNTS) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory.chmod(0o700)
        self._once(self.key_encryption_key, lambda: f"1:{_key()}\n")
        self._once(self.transport_key, lambda: f"{_key()}\n")
        self._once(self.webhook_secret, lambda: f"{secrets.token_urlsafe(32)}\n")
        self._once(self.identity_key, new_identity_key)
        self._once(self.identity_keys, lambda: public_keys(self.identity_key.read_text()))
        self._once(self.crm_token, lambda: f"{self.token('demo-crm', ('crm',), life=MACHINE_TOKEN_LIFE)}\n")
        self._ensure_passwords(database_roles)
        self._ensure_accounts(accounts)

    def _once(self, file: Path, make: Callable[[], str]) -> None:
        if not file.exists():
            write_whole(file, make(), mode=0o600)

    def _ensure_passwords(self, roles: Sequence[str]) -> None:
        known = self.database_passwords() if self.databases.exists() else {}
        missing = [role for role in roles if role not in known]
        if missing:
            made = {role: secrets.token_urlsafe(24) for role in missing}
            write_whole(self.databases, json.dumps(known | made, indent=1), mode=0o600)

    def database_passwords(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.databases.read_text())
        return found

    def _ensure_accounts(self, accounts: Sequence[Account]) -> None:
        """Both files are made together; if one is missing the passwords are made anew."""
        if self.sign_in.exists() and self.sign_in_shown.exists():
            return
        passwords = {account.account: new_password() for account in accounts}
        shown = "".join(f"{account.account}\t{passwords[account.account]}\n" for account in accounts)
        hashed = [
            {
                "account": account.account,
                "name": account.name,
                "roles": list(account.roles),
                "scrypt": scrypt_hash(passwords[account.account]),
            }
            for account in accounts
        ]
        write_whole(self.sign_in_shown, shown, mode=0o600)
        write_whole(self.sign_in, json.dumps({"accounts": hashed}, indent=1), mode=0o600)

    def passwords_to_show(self) -> dict[str, str]:
        """The passwords to print, by account, as far as their file is still there."""
        try:
            lines = self.sign_in_shown.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.split("\t", 1) for line in lines if "\t" in line)

    def hand_out(self, service: str, database_role: str | None) -> None:
        """Put what one service needs, and nothing else, into a directory of its own (for containers)."""
        own = self.directory / service
        own.mkdir(exist_ok=True, mode=0o700)
        for file in (self.identity_keys, *self._for(service)):
            write_whole(own / file.name, file.read_text(), mode=0o600)
        if database_role is not None:
            write_whole(own / self.key_encryption_key.name, self.key_encryption_key.read_text(), mode=0o600)
            password = self.database_passwords()[database_role]
            write_whole(own / "pgpass", f"*:*:*:{database_role}:{password}\n", mode=0o600)

    def hand_out_to_postgres(self) -> None:
        """The superuser's password, readable to the account of the database server: only that one should see the place."""
        own = self.directory / "postgres"
        own.mkdir(exist_ok=True, mode=0o755)
        write_whole(own / "password", self.database_passwords()["postgres"], mode=0o444)

    def _for(self, service: str) -> tuple[Path, ...]:
        return {
            "console": (self.identity_key, self.sign_in),
            "subject-access": (self.transport_key,),
            "notifier": (self.transport_key,),
            "crm-gateway": (self.webhook_secret,),
            "demo-crm": (self.webhook_secret, self.crm_token),
        }.get(service, ())

    def token(self, account: str, roles: Sequence[str], *, name: str = "", life: int = TOKEN_LIFE) -> str:
        """A signed statement of who asks, valid for a short while."""
        return sign_token(self.identity_key.read_text(), account, roles, name=name, life=life)


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_password() -> str:
    """Easy to type, some 80 bits: four groups of four."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def scrypt_hash(password: str, salt: bytes | None = None) -> str:
    """`scrypt$n$r$p$salt$hash`, both in base64."""
    salt = salt or secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)
    n, r, p = SCRYPT.values()
    return f"scrypt${n}${r}${p}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def scrypt_fits(password: str, hashed: str) -> bool:
    """Whether this password has that hash."""
    _, n, r, p, salt, digest = hashed.split("$")
    wanted = base64.b64decode(digest)
    found = hashlib.scrypt(password.encode(), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p))
    return secrets.compare_digest(wanted, found)


def new_identity_key() -> str:
    """An Ed25519 key as a private JWK (RFC 8037), named by its thumbprint (RFC 7638)."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    return json.dumps(key.as_dict(private=True), indent=1)


def public_keys(private_jwk: str) -> str:
    """The set of public keys that services trust."""
    return json.dumps({"keys": [OKPKey.import_key(json.loads(private_jwk)).as_dict(private=False)]}, indent=1)


def sign_token(private_jwk: str, account: str, roles: Sequence[str], *, name: str = "", life: int = TOKEN_LIFE) -> str:
    """A token as `web.identity` verifies it, made without loading the web: commands should answer at once."""
    key = OKPKey.import_key(json.loads(private_jwk))
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": account,
        "name": name or account,
        "roles": list(roles),
        "iat": now,
        "exp": now + life,
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


__all__ = [
    "ACCOUNTS",
    "Account",
    "Secrets",
    "new_identity_key",
    "new_password",
    "public_keys",
    "scrypt_fits",
    "scrypt_hash",
    "sign_token",
]
