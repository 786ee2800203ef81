"""Built-in accounts for the local stack: names and hashed passwords in one file, made by ``gdpr up``."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ValidationError

from console.roles import ROLES
from console.settings import Unusable
from web.identity import Identity
from web.limits import Limit

AT_ONCE = 2
"""So many passwords are tried at the same time: each costs 16 MB and a twentieth of a second."""
NOBODYS: Final = f"scrypt$16384$8$1${base64.b64encode(bytes(16)).decode()}${base64.b64encode(bytes(64)).decode()}"
"""What the password of an account is held against that does not exist, so that it takes as long."""


class _Account(BaseModel):
    account: str
    name: str
    roles: list[str]
    scrypt: str


class _File(BaseModel):
    accounts: list[_Account]


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one may try: from one address, and for one account from anywhere."""

    address: Limit
    account: Limit

    @classmethod
    def usual(cls) -> Limits:
        """Give the limits of a console."""
        return cls(Limit(burst=20, per_minute=20), Limit(burst=8, per_minute=6))


class Accounts:
    """The accounts of the file; it is read again when it has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at = 0.0
        self._known: dict[str, _Account] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._read()

    async def find(self, account: str, password: str) -> Identity | None:
        """Give who this is, if the password fits. It takes as long whether the account is known or not."""
        self._read()
        known = self._known.get(account)
        async with self._slots:
            fits = await asyncio.to_thread(fits_hash, password, known.scrypt if known else NOBODYS)
        if not fits or known is None:
            return None
        return Identity(known.account, known.name, frozenset(known.roles) & ROLES)

    def _read(self) -> None:
        try:
            at = self._file.stat().st_mtime
            if at == self._read_at:
                return
            accounts = _File.model_validate(json.loads(self._file.read_text(encoding="utf-8"))).accounts
        except OSError:
            raise Unusable("LOCAL_SIGN_IN names a file that cannot be read. `gdpr up` makes one.") from None
        except (ValueError, ValidationError):
            raise Unusable(
                'LOCAL_SIGN_IN names a file that is not {"accounts": [{account, name, roles, scrypt}]}.'
            ) from None
        self._read_at, self._known = at, {one.account: one for one in accounts}


def fits_hash(password: str, hashed: str) -> bool:
    """Whether a password has this hash (``scrypt$n$r$p$salt$hash``)."""
    _, n, r, p, salt, digest = hashed.split("$")
    wanted = base64.b64decode(digest)
    found = hashlib.scrypt(
        password.encode(), salt=base64.b64decode(salt), n=int(n), r=int(r), p=int(p), dklen=len(wanted)
    )
    return hmac.compare_digest(wanted, found)
