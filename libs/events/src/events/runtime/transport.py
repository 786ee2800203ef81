"""Secrets on their way from one service to another through the log, which both may read and nobody else shall open.

The portal's links are such secrets: the log keeps a hash to recognise one by, and the secret itself only under the transport
key, which stands in a file of its own and in no database. It is opened when the mail is written, and at no other time.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from events.errors import Unreadable
from events.sealing import open_sealed, seal


@dataclass(frozen=True, slots=True)
class TransportKey:
    """The key that two services share. The newest seals; older ones still open what is under way when it is changed."""

    secrets: Sequence[bytes] = field(repr=False)

    @classmethod
    def from_file(cls, file: Path) -> TransportKey:
        """Read lines of base64, the newest key first. Raises ``ValueError`` for a key that is not 32 bytes."""
        secrets = [base64.b64decode(line) for line in file.read_text(encoding="ascii").split()]
        if not secrets or any(len(secret) != 32 for secret in secrets):
            raise ValueError(f"{file.name} must hold lines of base64, 32 bytes each")
        return cls(tuple(secrets))

    def seal(self, secret: str, thing: UUID) -> str:
        """Seal a secret, bound to the thing it belongs to (``AccessLinkIssued.for_mail``: bound to ``link``)."""
        return base64.urlsafe_b64encode(seal(self.secrets[0], secret.encode(), thing.bytes)).decode()

    def open(self, sealed: str, thing: UUID) -> str:
        """Open what ``seal`` gave for the same thing. Raises ``Unreadable``."""
        try:
            raw = base64.urlsafe_b64decode(sealed)
        except (binascii.Error, ValueError):
            raise Unreadable("not a sealed secret") from None
        for number, secret in enumerate(self.secrets, 1):
            try:
                return open_sealed(secret, raw, thing.bytes).decode()
            except Unreadable:
                if number == len(self.secrets):
                    raise
        raise AssertionError("there is at least one key")
