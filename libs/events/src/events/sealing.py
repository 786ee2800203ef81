"""Sealing: AES-256-GCM with a fresh random nonce (NIST SP 800-38D), laid out as nonce and ciphertext with tag.

A key is one person's, so it seals few messages and random nonces cannot run out.
"""

from __future__ import annotations

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from events.errors import Unreadable

NONCE = 12


class Key(msgspec.Struct, frozen=True):
    """One version of one person's key: 32 random bytes."""

    version: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Key(version={self.version})"


def seal(secret: bytes, plain: bytes, bound: bytes) -> bytes:
    """Encrypt, bound to ``bound``."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(secret).encrypt(nonce, plain, bound)


def open_sealed(secret: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Decrypt. Raises ``Unreadable`` for another key, another binding, or one changed bit."""
    try:
        return AESGCM(secret).decrypt(sealed[:NONCE], sealed[NONCE:], bound)
    except (InvalidTag, ValueError):
        raise Unreadable("the ciphertext does not belong to this event and key") from None
