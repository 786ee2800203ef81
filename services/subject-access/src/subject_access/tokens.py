"""The secret of a link: 256 random bits that stand in one mail and nowhere else.

We keep only its hash; on its way to the notifier it is sealed under the transport key (``events.runtime.transport``).
"""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """Draw a secret, as it stands in the address: base64url of 32 bytes."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """Give what is kept of a secret. It is random, so no dictionary leads from its SHA-256 back to it."""
    return hashlib.sha256(token.encode()).hexdigest()
