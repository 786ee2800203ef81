"""Words for yes and no, countries, languages and names, as German, English and Swedish files write them."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from babel import Locale

_YES = frozenset(
    "ja j yes y true wahr sann sant 1 x on ein aktiv active ok ✓ ✔ vrai si oui abonniert subscribed erteilt given".split()  # noqa: SIM905
)
_NO = frozenset(
    {
        "nein",
        "nej",
        "n",
        "no",
        "false",
        "falsch",
        "falskt",
        "0",
        "off",
        "aus",
        "inaktiv",
        "inactive",
        "-",
        "abgemeldet",
        "unsubscribed",
    }
    | {"verweigert", "refused", "widerrufen"}
)

_PLACES = {
    "usa": "US",
    "u.s.a.": "US",
    "united states of america": "US",
    "uk": "GB",
    "england": "GB",
    "scotland": "GB",
    "schottland": "GB",
    "great britain": "GB",
    "grossbritannien": "GB",
    "großbritannien": "GB",
    "storbritannien": "GB",
    "czech republic": "CZ",
    "tschechische republik": "CZ",
    "holland": "NL",
    "the netherlands": "NL",
    "brd": "DE",
    "bundesrepublik deutschland": "DE",
    "federal republic of germany": "DE",
    "d": "DE",
    "a": "AT",
    "s": "SE",
    "republic of ireland": "IE",
    "eire": "IE",
    "turkey": "TR",
    "macedonia": "MK",
    "russian federation": "RU",
    "korea": "KR",
}


def _names(locale: str, of: str, code: str) -> dict[str, str]:
    """Give the names of territories or languages in one language, by CLDR."""
    return {
        str(name).casefold(): str(iso)
        for iso, name in dict(getattr(Locale(locale), of)).items()
        if re.fullmatch(code, str(iso))
    }


@cache
def _countries() -> dict[str, str]:
    names: dict[str, str] = {}
    for locale in ("fr", "es", "it", "nl", "da", "nb", "fi", "pl", "sv", "en", "de"):
        names |= _names(locale, "territories", "[A-Z]{2}")
    return names | {iso.casefold(): iso for iso in names.values()} | _PLACES


@cache
def _languages() -> dict[str, str]:
    names: dict[str, str] = {}
    for locale in ("it", "es", "fr", "sv", "en", "de"):
        names |= _names(locale, "languages", "[a-z]{2}")
    return names | {iso: iso for iso in names.values()}


@lru_cache(maxsize=1024)
def country(text: str) -> str | None:
    """Give the ISO 3166 code of a country by its name in one of the usual languages."""
    return _countries().get(re.sub(r"\s+", " ", text.strip()).casefold())


@lru_cache(maxsize=1024)
def language(text: str) -> str | None:
    """Give the ISO 639-1 code of a language: ``Deutsch``, ``de-DE``, ``German``, ``tyska``."""
    plain = text.strip().casefold()
    return _languages().get(plain) or _languages().get(re.split(r"[-_ (]", plain, maxsplit=1)[0])


def yes_or_no(value: object) -> bool | None:
    """Read a yes or a no; ``None`` where the cell says neither, which is not a no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return True if value == 1 else False if value == 0 else None
    word = str(value).strip().casefold() if value is not None else ""
    return True if word in _YES else False if word in _NO else None


_TITLES = re.compile(
    r"^(?:(?:Prof|Dr|Dipl|Ing|Mag|MMag|DDr|Univ|phil|med|jur|rer|nat|pol|h|c|Inf|Kfm)\b\.?-?[\s-]*)+", re.ASCII
)
_SALUTATIONS = frozenset({"herr", "frau", "mr", "mrs", "ms", "miss", "fru", "fröken", "herrn"})
_PARTICLES = frozenset(
    {
        "von",
        "van",
        "zu",
        "zur",
        "zum",
        "vom",
        "de",
        "der",
        "den",
        "del",
        "della",
        "di",
        "da",
        "dos",
        "du",
        "la",
        "le",
        "af",
        "av",
        "ten",
        "ter",
        "el",
        "al",
        "bin",
    }
)


def split_name(text: str) -> dict[str, str]:
    """Split a whole name: ``Dr. Anna von Berg``, ``Berg, Anna``. The last word is the last name, with what belongs to it."""
    found: dict[str, str] = {}
    text = re.sub(r"\s+", " ", text.strip())
    first_word, _, rest = text.partition(" ")
    if rest and first_word.rstrip(".").casefold() in _SALUTATIONS:
        found["salutation"], text = first_word, rest
    if (title := _TITLES.match(text)) and re.search(r"\.|\b(?:Dr|Prof)\b", title[0]) and text[title.end() :].strip():
        found["title"], text = title[0].strip(), text[title.end() :].strip()
    if text.count(",") == 1 and all(part.strip() for part in text.split(",")):
        last, first = (part.strip() for part in text.split(","))
        return found | {"first_name": first, "last_name": last}
    words = text.split(" ")
    if len(words) == 1:
        return found | {"last_name": text}
    cut = len(words) - 1
    while cut > 1 and words[cut - 1].casefold() in _PARTICLES:
        cut -= 1
    return found | {"first_name": " ".join(words[:cut]), "last_name": " ".join(words[cut:])}
