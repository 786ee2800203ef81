"""What the person who imports says about a file: by options, by a mapping file, by answers to questions.

A mapping file is YAML::

    crm_ref: Kundennummer          # or a field: customer_number, email
    date_order: dmy
    phone_region: DE
    columns:
      Kd-Nr: customer_number
      Schuhgröße: custom.shoe_size
      Intern: ignore
      Geburtstag: {field: birth_date, date_order: mdy}
      Newsletter: {consent: newsletter, no: withdrawal}
    sheets:
      Kontaktperson: {role: persons}
      Anteckningar: {role: records, kind: note, contact: ID}
      Medarbetare: {role: ignore}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

from crm_gateway.importing.dates import ORDERS, Order
from crm_gateway.importing.headers import target
from crm_gateway.importing.reachable import region_known
from crm_gateway.importing.refusals import ImportRefused
from events.catalogue.vocabulary import Slug

_SLUG: TypeAdapter[str] = TypeAdapter(Slug)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _known_field(text: str) -> str:
    if target(text) is None:
        raise ValueError(
            "there is no such field; use for example first_name, emails:work, addresses:private.city, custom.shoe_size or ignore"
        )
    return text


def _known_region(text: str) -> str:
    if not region_known(text.upper()):
        raise ValueError("not a country code; use two letters, for example DE")
    return text.upper()


FieldText = Annotated[str, AfterValidator(_known_field)]
Region = Annotated[str, AfterValidator(_known_region)]


class Consent(_Strict):
    """A column of consents: yes is a consent without evidence. No means nothing, unless it is said that it means a withdrawal.

    ``inverted``: the column says the opposite (``HasOptedOutOfEmail``).
    """

    consent: Slug
    no: Literal["nothing", "withdrawal"] = "nothing"
    inverted: bool = False


class FieldChoice(_Strict):
    """A column's field, and how its dates are written."""

    field: FieldText
    date_order: Order | None = None


def _short_form(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


ColumnChoice = Annotated[Consent | FieldChoice, BeforeValidator(_short_form)]


class SheetChoice(_Strict):
    """What a sheet of a workbook is. ``contact``: the column that points at the person; ``id``: the column that identifies the record."""

    role: Literal["persons", "records", "ignore"]
    kind: Slug | None = None
    contact: str | None = None
    id: str | None = None
    header_row: int | None = None
    columns: dict[str, ColumnChoice] = {}


def _short_role(value: object) -> object:
    return {"role": value} if isinstance(value, str) else value


class FileMapping(_Strict):
    """A mapping file."""

    crm_ref: str | None = None
    date_order: Order | None = None
    phone_region: Region | None = None
    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    columns: dict[str, ColumnChoice] = {}
    sheets: dict[str, Annotated[SheetChoice, BeforeValidator(_short_role)]] = {}


NOTHING_SAID = FileMapping()


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything that was said about one import.

    ``occurred`` is when the export was made: the time of all its news. Best is the file's own time, so that the same file read
    twice says the same. ``source`` names the system it comes from. ``answers`` are given by the key of a ``Question``.
    """

    occurred: datetime
    source: str = "import"
    crm_ref: str | None = None
    date_order: Order | None = None
    phone_region: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    consents: Mapping[str, Consent] = field(default_factory=dict)
    mapping: FileMapping = NOTHING_SAID
    answers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.occurred.tzinfo is None:
            raise ImportRefused(
                "no-time-zone", "The time of the export needs a time zone, for example 2026-05-03T10:00:00+02:00."
            )
        if self.date_order is not None and self.date_order not in ORDERS:
            raise ImportRefused("unknown-date-order", "The order of dates is dmy, mdy or ymd.")
        if self.phone_region is not None and not region_known(self.phone_region.upper()):
            raise ImportRefused("unknown-region", "The phone region is a country code of two letters, for example DE.")
        if not 1 <= len(self.source) <= 100:
            raise ImportRefused("bad-source", "The source is a name of 1 to 100 letters.")

    @property
    def region(self) -> str | None:
        said = self.phone_region or self.mapping.phone_region or self.answers.get("phone-region")
        return said.upper() if said and region_known(said.upper()) else None

    @property
    def order(self) -> Order | None:
        return self.date_order or self.mapping.date_order


class _Loader(yaml.SafeLoader):
    """YAML in which ``no`` and ``NO`` are words, not falsehoods: the one is a key here, the other a country."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or letter in "tTfF"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load_mapping(path: Path) -> FileMapping:
    """Read a mapping file; what is wrong in it is said with its place."""
    try:
        said = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)  # noqa: S506 - a safe loader
    except OSError as missing:
        raise ImportRefused("no-mapping-file", "The mapping file cannot be read. Check its path.") from missing
    except (yaml.YAMLError, UnicodeDecodeError) as broken:
        mark = getattr(broken, "problem_mark", None)
        where = f" Look at line {mark.line + 1}." if mark else ""
        raise ImportRefused("bad-mapping", f"The mapping file is not YAML in UTF-8.{where}") from broken
    try:
        return FileMapping.model_validate(said or {})
    except ValidationError as wrong:
        first = wrong.errors()[0]
        place = " > ".join(str(part) for part in first["loc"])
        raise ImportRefused("bad-mapping", f"In the mapping file, at {place or 'the top'}: {first['msg']}.") from wrong


def consent_option(text: str) -> tuple[str, Consent]:
    """Read ``COLUMN=KIND``, ``COLUMN=KIND:withdrawal`` (no means a withdrawal) or ``COLUMN=!KIND`` (the column says the opposite)."""
    column, _, kind = text.rpartition("=")
    kind, _, no = kind.strip().partition(":")
    inverted, kind = kind.startswith("!"), kind.removeprefix("!")
    try:
        _SLUG.validate_python(kind)
    except ValidationError:
        column = ""
    if not column.strip() or no not in ("", "withdrawal", "nothing"):
        raise ImportRefused(
            "bad-consent-option", "Write --consent COLUMN=KIND, for example --consent Newsletter=newsletter."
        )
    return column.strip(), Consent(
        consent=kind, no="withdrawal" if no == "withdrawal" else "nothing", inverted=inverted
    )
