"""The field catalogue as it stands: the core fields that every CRM has, and the CRM's own, with labels and groups."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, Field

from crm_gateway.projections.fields import FieldRow, fields
from events.catalogue.persons import CORE_FIELDS, FieldType
from events.runtime.service import Service

GROUPS: Final[dict[str, dict[str, str]]] = {
    "who-you-are": {"de": "Zur Person", "en": "About the person"},
    "how-we-reach-you": {"de": "Kontakt", "en": "Contact"},
    "work": {"de": "Beruf und Firma", "en": "Work"},
    "further": {"de": "Weitere Angaben", "en": "Further details"},
}
"""The groups in which fields are shown to staff, in their order; the portal has words of its own for the customer."""

_CORE: Final[dict[str, tuple[str, str, str]]] = {
    "salutation": ("who-you-are", "Anrede", "Salutation"),
    "title": ("who-you-are", "Titel", "Title"),
    "first_name": ("who-you-are", "Vorname", "First name"),
    "last_name": ("who-you-are", "Nachname", "Last name"),
    "birth_date": ("who-you-are", "Geburtsdatum", "Date of birth"),
    "language": ("who-you-are", "Sprache", "Language"),
    "emails": ("how-we-reach-you", "E-Mail-Adressen", "E-mail addresses"),
    "phones": ("how-we-reach-you", "Telefonnummern", "Telephone numbers"),
    "addresses": ("how-we-reach-you", "Anschriften", "Postal addresses"),
    "company": ("work", "Firma", "Company"),
    "job_title": ("work", "Position", "Job title"),
    "customer_number": ("further", "Kundennummer", "Customer number"),
}


class FieldShown(BaseModel):
    """One field of the catalogue."""

    field: str
    type: FieldType
    group: str = Field(description="One of `groups`, or a name of your own.")
    labels: dict[str, str] = Field(description="By language. A field that nobody has described has its own name here.")
    choices: dict[str, dict[str, str]] | None = None
    state: Literal["described", "discovered"] = Field(description="`discovered`: waits for an administrator.")
    core: bool
    discovered: datetime | None = None


class FieldCatalogue(BaseModel):
    """All fields, in the order in which they are shown."""

    groups: dict[str, dict[str, str]]
    fields: list[FieldShown]


async def catalogue(service: Service) -> FieldCatalogue:
    """Give every field."""
    described = {row.field: row for row in await service.reader(fields).select("ORDER BY t.field")}
    core = [_core(field, described.get(field)) for field in _CORE]
    own = [_own(row) for field, row in described.items() if field not in CORE_FIELDS]
    order = list(GROUPS)
    shown = sorted([*core, *own], key=lambda f: order.index(f.group) if f.group in order else len(order))
    return FieldCatalogue(groups=GROUPS, fields=shown)


def _core(field: str, row: FieldRow | None) -> FieldShown:
    group, german, english = _CORE[field]
    labels = {"de": german, "en": english}
    if row is not None and row.described:
        group, labels = row.section, row.labels
    return FieldShown(field=field, type=CORE_FIELDS[field], group=group, labels=labels, state="described", core=True)


def _own(row: FieldRow) -> FieldShown:
    name = row.field.removeprefix("custom.").replace(".", " ").replace("_", " ").strip().capitalize()
    return FieldShown(
        field=row.field,
        type=row.type,
        group=row.section,
        labels=row.labels or {"de": name, "en": name},
        choices=row.choices,
        state="described" if row.described else "discovered",
        core=False,
        discovered=row.discovered,
    )
