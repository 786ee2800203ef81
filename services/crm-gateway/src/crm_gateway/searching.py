"""Finding persons by what staff know of them: part of the name, mail, telephone, customer number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from crm_gateway.projections.persons import PersonRow, persons
from crm_gateway.terms import digits, display_name, folded, mail_terms, sought
from events.catalogue.persons import Email, Phone
from events.catalogue.vocabulary import Erased
from events.runtime.service import Service

MOST_CANDIDATES = 400


class PersonFound(BaseModel):
    """A person, as a list shows them."""

    subject_id: UUID
    crm_ref: str | None = Field(description="Empty once the person has been erased.")
    display_name: str
    emails: list[str]
    phones: list[str]
    customer_number: str | None
    company: str | None
    state: str = Field(description="`present`, `removed` in the CRM, or `erased`.")
    possible_duplicates: list[UUID] = Field(
        default=[],
        description="Other records with one of these mail addresses. They stay apart until staff look at them.",
    )


class Found(BaseModel):
    """What was found, best first."""

    persons: list[PersonFound]
    more: bool = Field(description="There are more than `limit`: say more words.")


async def search(service: Service, query: str, limit: int) -> Found:
    """Find the persons that every word of the query fits."""
    parts = sought(query)
    if not parts:
        return Found(persons=[], more=False)
    reader = service.reader(persons)
    hashes = [[reader.hashed(term) for term in part.terms] for part in parts]
    every = " AND ".join(f"t.words && ${n}::bigint[]" for n in range(1, len(hashes) + 1))
    rows = await reader.select(f"WHERE {every} ORDER BY t.last_change DESC LIMIT {MOST_CANDIDATES}", *hashes)
    fitting = [row for row in rows if all(part.matches(_values(row)) for part in parts)]
    fitting.sort(key=lambda row: (row.state != "present", _rank(row, query), display_name(_values(row)).casefold()))
    chosen = fitting[:limit]
    twins = await duplicates(service, chosen)
    return Found(persons=[found(row, twins.get(row.subject, [])) for row in chosen], more=len(fitting) > limit)


def _rank(row: PersonRow, query: str) -> int:
    """Exact answers first: the address, the number, the name as it was typed."""
    values, text = _values(row), folded(query)
    exact = {folded(e.address) for e in values.get("emails") or () if isinstance(e, Email)}
    exact |= {folded(str(values.get("customer_number"))), folded(display_name(values))}
    numbers = {digits(p.number) for p in values.get("phones") or () if isinstance(p, Phone)}
    return 0 if text in exact or (digits(query) and digits(query) in numbers) else 1


def _values(row: PersonRow) -> Mapping[str, Any]:
    return {} if isinstance(row.values, Erased) else row.values


def found(row: PersonRow, twins: Sequence[UUID] = ()) -> PersonFound:
    """Give a person as a list shows them."""
    values = _values(row)
    erased = isinstance(row.crm_ref, Erased)
    number, company = values.get("customer_number"), values.get("company")
    return PersonFound(
        subject_id=row.subject,
        crm_ref=None if erased else str(row.crm_ref),
        display_name=display_name(values),
        emails=[e.address for e in values.get("emails") or () if isinstance(e, Email)],
        phones=[p.number for p in values.get("phones") or () if isinstance(p, Phone)],
        customer_number=number if isinstance(number, str) else None,
        company=company if isinstance(company, str) else None,
        state="erased" if erased else row.state,
        possible_duplicates=list(twins),
    )


async def duplicates(service: Service, rows: Sequence[PersonRow]) -> Mapping[UUID, list[UUID]]:
    """Give for each of these persons the others who have one of their addresses."""
    reader = service.reader(persons)
    wanted = {(row.subject, reader.hashed(term)) for row in rows for term in mail_terms(_values(row))}
    if not wanted:
        return {}
    pairs = await service.pool.fetch(
        "SELECT DISTINCT w.subject, t.subject AS twin FROM unnest($1::uuid[], $2::bigint[]) AS w (subject, term)"
        " JOIN persons t ON t.words @> ARRAY[w.term] AND t.subject <> w.subject LIMIT 1000",
        [subject for subject, _ in wanted],
        [term for _, term in wanted],
    )
    twins: dict[UUID, list[UUID]] = {}
    for pair in pairs:
        twins.setdefault(pair["subject"], []).append(pair["twin"])
    return twins
