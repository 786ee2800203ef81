"""The catalogues of messages: read from ``.po`` files into memory, brought up to date, and checked to be complete.

``python -m web.catalogues PACKAGE`` writes what the code says and the catalogues lack into them, ready to be translated.
A msgid is the English sentence itself. Each package has its own ``locale/LANGUAGE/LC_MESSAGES/messages.po``; what the
shared catalogue of ``web`` has, no service needs to translate again.
"""

from __future__ import annotations

import importlib.util
import io
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import Translations

SHARED = "web"
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "say": None, "say_many": (1, 2)}
WHERE_TO_LOOK = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract"), ("**.txt", "jinja2.ext:babel_extract")]
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")

Key = str | tuple[str, ...]


def N_(message: str) -> str:  # noqa: N802  (gettext's name for it)
    """Mark a message that is said later: the catalogues find it here."""
    return message


def folder_of(package: str) -> Path:
    """Give the folder of a package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"there is no package {package}")
    return Path(spec.origin).parent


def languages_of(package: str) -> tuple[str, ...]:
    """Give the languages that a package has folders for."""
    return tuple(sorted(folder.parent.name for folder in (folder_of(package) / "locale").glob("*/LC_MESSAGES")))


def _file(package: str, language: str) -> Path:
    return folder_of(package) / "locale" / language / "LC_MESSAGES" / "messages.po"


@lru_cache
def catalogue(package: str, language: str) -> Catalog:
    """Read the catalogue of a package; an empty one where it has none."""
    file = _file(package, language)
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as lines:
        return read_po(lines, locale=language)


def translations(language: str, *packages: str) -> Translations:
    """Give what gettext needs, of all packages together; the later ones win."""
    merged = Translations()
    for package in (SHARED, *packages):
        compiled = io.BytesIO()
        write_mo(compiled, catalogue(package, language))
        compiled.seek(0)
        one = Translations(compiled)
        if merged.files or merged._catalog:
            merged.merge(one)
        else:
            merged = one
    return merged


@lru_cache
def said(package: str) -> dict[Key, str]:
    """Give every message that the code and the templates of a package say, and where."""
    found: dict[Key, str] = {}
    for file, line, message, _comments, _context in extract_from_dir(
        folder_of(package), WHERE_TO_LOOK, keywords=KEYWORDS, options_map={"**.html": {"newstyle_gettext": "true"}}
    ):
        if message:
            found.setdefault(message, f"{file}:{line}")
    return found


def _problems(package: str, language: str) -> Iterator[str]:
    own, shared = catalogue(package, language), catalogue(SHARED, language)
    wanted = said(package)
    for key, place in wanted.items():
        message = own.get(_id(key)) or (shared.get(_id(key)) if package != SHARED else None)
        if message is None or not all(_texts(message.string)):
            yield f"{language}: not translated: {key!r} ({place})"
        elif message.fuzzy:
            yield f"{language}: marked fuzzy: {key!r}"
        elif any(_placeholders(text) - _placeholders(key) for text in _texts(message.string)):
            yield f"{language}: has a placeholder of its own: {key!r}"
    for message in own:
        if message.id and _key(message.id) not in wanted:
            yield f"{language}: nobody says: {message.id!r}"


def _id(key: Key) -> str:
    return key if isinstance(key, str) else key[0]


def _key(message_id: str | list[str] | tuple[str, ...]) -> Key:
    return message_id if isinstance(message_id, str) else tuple(message_id)


def _texts(message: str | list[str] | tuple[str, ...] | None) -> tuple[str, ...]:
    return (message or "",) if isinstance(message, str | None) else tuple(message)


def _placeholders(message: Key) -> set[str]:
    return {name for text in _texts(message) for name in PLACEHOLDER.findall(text)}


def check_complete(package: str) -> None:
    """Fail with a list where a message lacks a translation in a language, or a translation has nobody who says it."""
    problems = [line for language in languages_of(SHARED) for line in _problems(package, language)]
    assert not problems, "\n".join(problems)


def update(package: str) -> None:
    """Bring the catalogues of a package up to date: new messages in, those that nobody says out. English says its own id."""
    for language in languages_of(SHARED):
        old = catalogue(package, language)
        new = Catalog(locale=language, project=package, version="1", fuzzy=False)
        new.creation_date = new.revision_date = old.creation_date
        for key in sorted(said(package), key=str):
            known = old.get(_id(key))
            if known is None and package != SHARED and catalogue(SHARED, language).get(_id(key)):
                continue
            text = known.string if known else (key if language == "en" else "")
            new.add(key, text)
        file = _file(package, language)
        file.parent.mkdir(parents=True, exist_ok=True)
        written = io.BytesIO()
        write_po(written, new, width=120, omit_header=True, sort_output=True)
        file.write_bytes(_header(language, new) + written.getvalue())


def _header(language: str, new: Catalog) -> bytes:
    return (
        f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Content-Transfer-Encoding: 8bit\\n"\n"Plural-Forms: {new.plural_forms}\\n"\n\n'
    ).encode()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        update(name)
