"""What a person is found by: name words and their beginnings, e-mail, telephone, customer number, in one spelling.

The terms are kept as keyed hashes only. A hash can be compared and not searched, so every beginning that somebody may type is a
term of its own; what a search finds is checked against the opened record (``matches``), which knows no limit of length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from events.catalogue.persons import Email, Phone
from events.projecting import Terms

NAMED: Final = ("first_name", "last_name", "company")
LONGEST: Final = 10
"""Beginnings longer than this are no terms of their own."""
SHORTEST_SUFFIX: Final = 4
MOST_WORDS: Final = 12

_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae", "þ": "th"})
_PLAIN = str.maketrans({"ø": "o", "æ": "a", "ł": "l", "đ": "d", "ð": "d", "þ": "t", "ı": "i", "œ": "o"})
_WORD = re.compile(r"[^\W_]+")
_PHONE_IN_QUERY = re.compile(r"(?<![\w.@])\+?\(?\d[\d\s()/.–-]{4,}\d(?![\w@])")


@lru_cache(maxsize=20_000)
def spellings(text: str) -> tuple[str, ...]:
    """Give the spellings of a word under which it is found: ``Müller`` as ``muller`` and ``mueller``."""
    folded = unicodedata.normalize("NFC", text).casefold()
    both = (_without_marks(folded.translate(_PLAIN)), _without_marks(folded.translate(_SPELLED_OUT)))
    return tuple(dict.fromkeys(s for s in both if s))


def _without_marks(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def words_of(text: str) -> list[str]:
    """Give the words of a text, in every spelling."""
    return [s for word in _WORD.findall(text)[:MOST_WORDS] for s in spellings(word)]


def digits(text: str) -> str:
    """Give the digits of a number without its leading zeros (an exit code or the trunk zero)."""
    return re.sub(r"\D", "", text).lstrip("0")


def folded(text: str) -> str:
    """Give an identifier in the one spelling in which it is compared."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def terms_of(values: Mapping[str, Any]) -> Terms:
    """Give everything that a record is found by."""
    return Terms(_terms(values))


def _terms(values: Mapping[str, Any]) -> Iterator[str]:
    for field in NAMED:
        said = values.get(field)
        for word in words_of(said) if isinstance(said, str) else ():
            yield "n=" + word
            yield from _beginnings("n", word, 2)
    for email in _emails(values):
        address = folded(email)
        local, _, domain = address.rpartition("@")
        yield "e=" + address
        yield "d=" + domain
        yield from _beginnings("l", local, 2)
    for number in _phones(values):
        yield "p=" + number
        for length in range(SHORTEST_SUFFIX, len(number)):
            yield "p~" + number[-length:]
    if isinstance(customer := values.get("customer_number"), str):
        yield "c=" + folded(customer)
        yield from _beginnings("c", folded(customer), 2)


def _beginnings(of: str, word: str, shortest: int) -> Iterator[str]:
    for length in range(shortest, min(len(word), LONGEST) + 1):
        yield f"{of}~{word[:length]}"


def _emails(values: Mapping[str, Any]) -> Iterator[str]:
    for email in values.get("emails") or ():
        if isinstance(email, Email):
            yield email.address


def _phones(values: Mapping[str, Any]) -> Iterator[str]:
    for phone in values.get("phones") or ():
        if isinstance(phone, Phone) and (number := digits(phone.number)):
            yield number


class Sought:
    """One word of a query: the terms that may stand for it, and whether a record really matches."""

    def __init__(self, text: str) -> None:
        self._text = folded(text)
        self._spellings = [s for word in _WORD.findall(text) for s in spellings(word)]
        self._numeric = digits(text) if re.fullmatch(r"\+?[\d\s()/.–-]+", text.strip()) else ""

    @property
    def terms(self) -> list[str]:
        """Any of these terms may mean this word."""
        found = [*self._email_terms(), *(t for s in self._spellings for t in _sought("n", s, 2))]
        if len(self._numeric) >= SHORTEST_SUFFIX:
            found += [f"p={self._numeric}", f"p~{self._numeric}"]
        return list(dict.fromkeys([*found, *_sought("c", self._text, 2)]))

    def _email_terms(self) -> Iterator[str]:
        local, at, domain = self._text.partition("@")
        if not at:
            yield f"d={self._text}"
            yield from _sought("l", self._text, 2)
        elif not local:
            yield f"d={domain}"
        else:
            yield f"e={self._text}"
            yield from _sought("l", local, 1)

    def matches(self, values: Mapping[str, Any]) -> bool:
        """Tell whether an opened record has what is sought."""
        text = self._text
        local, at, domain = text.partition("@")
        addresses = [folded(a) for a in _emails(values)]
        if at and not local:
            return any(a.rpartition("@")[2] == domain for a in addresses)
        if any(a.startswith(text) or (not at and a.rpartition("@")[2] == text) for a in addresses):
            return True
        if len(self._numeric) >= SHORTEST_SUFFIX and any(p.endswith(self._numeric) for p in _phones(values)):
            return True
        number = values.get("customer_number")
        if isinstance(number, str) and len(text) >= 2 and folded(number).startswith(text):
            return True
        return self._matches_name(values)

    def _matches_name(self, values: Mapping[str, Any]) -> bool:
        named = [w for f in NAMED if isinstance(said := values.get(f), str) for w in words_of(said)]
        return any(_begins(word, sought) for word in named for sought in self._spellings)


def _sought(of: str, word: str, shortest: int) -> Iterator[str]:
    yield f"{of}={word}"
    if len(word) >= shortest:
        yield f"{of}~{word[:LONGEST]}"


def _begins(word: str, sought: str) -> bool:
    return word == sought if len(sought) < 2 else word.startswith(sought)


def sought(query: str) -> list[Sought]:
    """Part a query into what must all be found: words, and telephone numbers with the blanks in them."""
    parts: list[str] = []

    def number(match: re.Match[str]) -> str:
        parts.append(match[0])
        return " "

    rest = _PHONE_IN_QUERY.sub(number, query)
    for word in rest.split():
        # A double name is two words; an address or a number with a dash in it is one.
        pieces = _WORD.findall(word) if "@" not in word and not any(c.isdigit() or c == "." for c in word) else [word]
        parts += pieces
    return [Sought(part) for part in parts[:MOST_WORDS] if part.strip()]


def display_name(values: Mapping[str, Any]) -> str:
    """Give the name to show: of the person, else of the company, else nothing."""
    parts = [v for f in ("title", "first_name", "last_name") if isinstance(v := values.get(f), str)]
    company = values.get("company")
    return " ".join(parts) or (company if isinstance(company, str) else "")


def mail_terms(values: Mapping[str, Any]) -> Iterable[str]:
    """Give the terms of a record's own addresses: another record that has one of them may be the same person."""
    return [f"e={folded(a)}" for a in _emails(values)]
