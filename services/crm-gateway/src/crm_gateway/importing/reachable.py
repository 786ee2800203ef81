"""E-mail addresses and telephone numbers out of a cell that may hold several of them."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

_ADDRESS = re.compile(r"[^\s<>(),;:|\"\[\]\\]+@[^\s<>(),;:|\"\[\]\\@]+")
_NAMED = re.compile(r"(?:\"[^\"]*\"\s*|[^<>();,|\n\"]*)[<(]\s*(?:mailto:)?([^\s<>()@]+@[^\s<>()@]+)\s*[>)]")
_NOTHING = frozenset(
    {
        "",
        "-",
        "--",
        "n/a",
        "na",
        "none",
        "keine",
        "kein",
        "k.a.",
        "k. a.",
        "unbekannt",
        "unknown",
        "null",
        "saknas",
        "nein",
        "ingen",
    }
)
_LINE = re.compile(r"\s*(?:[;,|\n\r]|:::|\s/\s)\s*")
_ZERO = re.compile(r"^(\+|00)(\s*(?!39)\d{1,3}\s*)\(\s*0\s*\)")


def emails(text: str) -> tuple[list[str], bool]:
    """Give the addresses of a cell, and whether it says nothing else: names before ``<...>`` and separators apart."""
    if text.strip().casefold() in _NOTHING:
        return [], True
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        found.append(match[match.lastindex or 0].removeprefix("mailto:").strip(".'"))
        return " "

    rest = _ADDRESS.sub(take, _NAMED.sub(take, text))
    unique = list(dict.fromkeys(found))
    return unique, not re.search(r"\w", rest.replace("mailto", "").replace(":::", ""))


def phones(text: str) -> list[str]:
    """Give the numbers of a cell, each as written. A slash or comma parts two numbers only where both can be one."""
    if text.strip().casefold() in _NOTHING:
        return []
    parts = [p.strip() for p in _LINE.split(text) if p.strip()]
    if len(parts) > 1 and not all(len(re.sub(r"\D", "", p)) >= 6 for p in parts):
        parts = [p.strip() for p in re.split(r"[;|\n\r]|:::", text) if p.strip()]
    return list(dict.fromkeys(parts))


def national(number: str) -> bool:
    """Tell whether a number lacks its country, so that only a region makes it readable."""
    return bool(re.search(r"\d{3}", number)) and not re.match(r"^\W*(\+|00)", number)


@lru_cache(maxsize=4096)
def e164(number: str, region: str | None) -> str | None:
    """Read a number; ``None`` where it cannot be read for sure, so that it stays as it was written.

    A number with an extension stays as written as well: E.164 has no place for it.
    """
    text = _ZERO.sub(r"\1\2", number.strip())
    text = re.sub(r"^00(?=[1-9])", "+", text)
    if re.search(r"[A-Za-z]{2,}", text) or (not text.startswith("+") and not region):
        return None
    try:
        read = phonenumbers.parse(text, None if text.startswith("+") else region)
    except phonenumbers.NumberParseException:
        return None
    sure = phonenumbers.is_possible_number(read) if text.startswith("+") else phonenumbers.is_valid_number(read)
    if not sure or read.extension:
        return None
    return phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164)


def region_known(region: str) -> bool:
    return region in phonenumbers.SUPPORTED_REGIONS
