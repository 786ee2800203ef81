"""Which field of a person a column's header speaks of."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from crm_gateway.importing.conventions import (
    BY_LANGUAGE,
    CONSENT_REFUSAL_SIGNS,
    CONSENT_SIGNS,
    CONVENTIONS,
    IDENTIFIERS,
    LANGUAGE_SIGNS,
    PARTS,
    QUALIFIERS,
    WHOLE,
)
from events.catalogue.persons import CORE_FIELDS

_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "a", "ø": "oe", "æ": "ae"})
_CAMEL = re.compile(r"(?<=[a-zäöüß0-9])(?=[A-ZÄÖÜ])")
_NUMBERED = re.compile(r"^(email|phone|address|organization|telefon|adresse) (\d+) (.+)$")
ADDRESS_PARTS = ("street", "house_number", "street2", "street3", "postcode", "city", "region", "country", "label")
SPECIAL = ("ignore", "crm_ref", "full_name", "consent", "contact", "record_ref")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the values of a column go: ``first_name``, ``phones:work``, ``addresses:private.city``, ``custom.shoe_size``.

    ``group`` tells which of several it belongs to, ``part`` which part of it.
    """

    field: str
    group: str = ""
    part: str = ""

    def __str__(self) -> str:
        return self.field + (f":{self.group}" if self.group else "") + (f".{self.part}" if self.part else "")

    @property
    def core(self) -> bool:
        return self.field in CORE_FIELDS


IGNORE = Target("ignore")


def target(text: str) -> Target | None:
    """Read a target as a mapping file writes it; ``None`` where there is no such field."""
    text = text.strip()
    if text.startswith("custom."):
        return Target(text) if re.fullmatch(r"custom\.[a-z0-9_.-]{1,57}", text) else None
    found = re.fullmatch(r"([a-z_]+)(?::([a-z0-9_-]+))?(?:\.([a-z0-9_]+))?", text)
    if not found:
        return None
    field, group, part = found[1], found[2] or "", found[3] or ""
    if field == "addresses":
        part = part or "street"
        return Target(field, group, part) if part in ADDRESS_PARTS else None
    if field in ("emails", "phones"):
        return Target(field, group, part) if part in ("", "label") else None
    if group or part:
        return None
    return Target(field) if field in CORE_FIELDS or field in SPECIAL else None


def normalise(header: str) -> str:
    """Bring a header to words in lower case, so that ``MailingStreet``, ``E-Mail-Adresse`` and ``Straße (privat)`` can be looked up."""
    text = re.sub(r"\be (?=mail|post)", "e", _plain_words(header))
    return re.sub(r"\bmail (?=.)", "email ", text)


def _plain_words(header: str) -> str:
    text = _CAMEL.sub(" ", unicodedata.normalize("NFC", header).strip())
    text = re.sub(r"__[cC]$", "", text).casefold().translate(_LETTERS)
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", text).strip()


def slug(text: str, limit: int = 64) -> str:
    """Make a field's or kind's name from a header. What holds no Latin letter gets a name by its hash, the same each time."""
    plain = re.sub(r"[^a-z0-9]+", "_", _plain_words(text)).strip("_")
    if not plain:
        return "field_" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    if len(plain) > limit:
        return plain[: limit - 9] + "_" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return plain


def custom(header: str) -> Target:
    return Target("custom." + slug(header, 57))


def convention_of(headers: Iterable[str]) -> str | None:
    """Tell which exporter wrote these (normalised) headers, if it shows."""
    present = set(headers)
    scores = {
        name: len(present & signs) / needed
        for name, (signs, needed, _) in CONVENTIONS.items()
        if len(present & signs) >= needed
    }
    return max(scores, key=lambda name: scores[name]) if scores else None


def language_of(headers: Iterable[str]) -> str | None:
    """Tell the language of (normalised) headers; ``None`` where none or two are as likely."""
    present = set(headers)
    scores = sorted(((len(present & signs), language) for language, signs in LANGUAGE_SIGNS.items()), reverse=True)
    return scores[0][1] if scores[0][0] > scores[1][0] else None


def recognise(header: str, convention: str | None = None, language: str | None = None) -> Target | None:
    """Tell the field that a header speaks of; ``None``: a field of its own. Names that hang on other columns are not decided here."""
    name = normalise(header)
    if not name:
        return None
    if convention and (known := CONVENTIONS[convention][2].get(name)):
        return target(known)
    if language and (known := BY_LANGUAGE[language].get(name)):
        return target(known)
    if known := WHOLE.get(name):
        return target(known)
    if name in IDENTIFIERS:
        return Target("crm_ref")
    found = _numbered(name) or _composed(name)
    if found and found.part == "label" and convention == "Outlook":
        return None  # its "E-mail 2 Type" says SMTP or EX, not whose address it is
    return found


def _numbered(name: str) -> Target | None:
    """``E-mail 1 - Value``, ``Phone 2 - Type``, ``Address 1 - City``, ``E-Mail 2: Adresse``."""
    found = _NUMBERED.match(name)
    if not found:
        return None
    thing, number, rest = found.groups()
    field = {
        "email": "emails",
        "phone": "phones",
        "telefon": "phones",
        "address": "addresses",
        "adresse": "addresses",
    }.get(thing)
    if field is None:
        return None
    if rest in ("label", "type"):
        return Target(field, number, "label")
    if field in ("emails", "phones"):
        return Target(field, number) if rest in ("value", "adresse", "address", "number", "nummer") else None
    part = _part(rest)
    return Target("addresses", number, part.part) if part and part.field == "addresses" else None


def _composed(name: str) -> Target | None:
    """``Telefon geschäftlich 2``, ``Business Street``, ``Weiteres/e Land/Region``: a part, and words that say which."""
    if part := _part(name):
        return part
    words, group = _without_qualifier(name)
    if part := _part(" ".join(words)):
        return Target(part.field, part.group or group, part.part)
    if words and words[-1].isdigit() and (part := _part(" ".join(words[:-1]))):
        number = words[-1]
        return Target(part.field, part.group or group or number, part.part)
    if len(words) > 1 and words[1].isdigit() and (part := _part(" ".join([words[0], *words[2:]]))):
        return Target(part.field, part.group or group or words[1], part.part)
    return None


def _without_qualifier(name: str) -> tuple[list[str], str]:
    words = name.split()
    for size in (2, 1):
        for start in range(len(words) - size + 1):
            phrase = " ".join(words[start : start + size])
            if phrase in QUALIFIERS and len(words) > size:
                return words[:start] + words[start + size :], QUALIFIERS[phrase]
    return words, ""


def _part(name: str) -> Target | None:
    for notation, words in PARTS.items():
        if name in words:
            return target(notation)
    return None


def looks_like_consent(header: str) -> bool | None:
    """Tell whether a header looks like a consent (``True``), like the opposite of one (``False``), or like neither."""
    padded = f" {normalise(header)} "
    if any(f" {sign} " in padded for sign in CONSENT_REFUSAL_SIGNS):
        return False
    return True if any(f" {sign} " in padded or padded.strip().endswith(sign) for sign in CONSENT_SIGNS) else None


def identifier_rank(header: str) -> int:
    """How sure a column is the record's identifier: less is surer."""
    name = normalise(header)
    return IDENTIFIERS.index(name) if name in IDENTIFIERS else len(IDENTIFIERS)
