"""Mail addresses: one, and nothing that a header or a mail server could take for more."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.utils import getaddresses

LONGEST = 254
DOMAIN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
SPECIAL = frozenset('@<>,;:\\"()[]')
"""What RFC 5321 allows in quoted local parts only, which nobody has and many programs read wrongly."""


class NoAddress(ValueError):
    """It is not one address."""


def address(text: str, name: str = "") -> Address:
    """Read an address; its domain in ASCII, so that every server can take it. Raises ``NoAddress``."""
    text = text.strip()
    local, _, domain = text.rpartition("@")
    if not (local and domain) or len(text) > LONGEST or not text.isprintable():
        raise NoAddress("not an address")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise NoAddress("not an address") from None
    if not DOMAIN.fullmatch(domain) or ".." in f".{local}." or any(sign.isspace() or sign in SPECIAL for sign in local):
        raise NoAddress("not an address")
    return Address(name, local, domain)


def named_address(text: str) -> Address:
    """Read ``Name <address>``, or an address alone. Raises ``NoAddress``."""
    found = getaddresses([text])
    if len(found) != 1 or not text.isprintable():
        raise NoAddress("not one address")
    name, alone = found[0]
    return address(alone, name)
