"""Persons: search, one person with everything that is held, and who a reference of the CRM is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from crm_gateway import identity
from crm_gateway.projections.persons import PersonRow, persons
from crm_gateway.projections.records import RecordRow, records
from crm_gateway.searching import Found, PersonFound, duplicates, found, search
from events.catalogue.crm import CrmRef
from events.catalogue.persons import FieldValue
from events.catalogue.vocabulary import Erased
from events.runtime.service import Service
from web.api import Call, Routes
from web.problems import Problem

READERS = ("staff", "dpo", "admin", "auditor")


class Search(BaseModel):
    """What staff type."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str, StringConstraints(max_length=200)] = Field(
        description="Words that must all fit: name (or its beginning), company, mail, telephone, customer number."
    )
    limit: int = Field(default=20, ge=1, le=100)


class ByRef(BaseModel):
    """A reference of the CRM: personal, so it stands in no address."""

    model_config = ConfigDict(extra="forbid")

    crm_ref: CrmRef


class Subject(BaseModel):
    """Which person."""

    subject_id: UUID


class Record(BaseModel):
    """A record that belongs to the person."""

    record: UUID
    kind: str
    record_ref: str | None
    state: str
    values: dict[str, FieldValue]
    first_news: datetime
    last_change: datetime


class Person(PersonFound):
    """One person, with everything that is held."""

    values: dict[str, FieldValue]
    records: list[Record]
    first_news: datetime
    last_change: datetime


def routes(service: Service) -> Routes:
    """Give the routes."""
    made = Routes()

    @made.post("/v1/persons/search", body=Search, answer=Found, roles=("staff", "dpo", "admin"), command=False)
    async def find(call: Call[Search]) -> Found:
        """Find persons.

        Umlauts and accents may be left out or spelled out (`Müller`, `Muller`, `Mueller`). Of a name, a customer number or the
        part of an address before the @ the beginning is enough, of a telephone number its last four digits.
        """
        return await search(service, call.body.q, call.body.limit)

    @made.post(
        "/v1/persons/by-ref",
        body=ByRef,
        answer=PersonFound,
        roles=(*READERS, "crm"),
        command=False,
        problems={404: ("unknown-person",)},
    )
    async def by_ref(call: Call[ByRef]) -> PersonFound:
        """Say which person a record of the CRM is."""
        subjects = await identity.known(service, [call.body.crm_ref])
        subject = subjects.get(call.body.crm_ref)
        row = await service.reader(persons).get(subject) if subject else None
        if row is None:
            raise unknown_person()
        return found(row, (await duplicates(service, [row])).get(row.subject, []))

    @made.get(
        "/v1/persons/{subject_id}",
        params=Subject,
        answer=Person,
        roles=READERS,
        problems={404: ("unknown-person",)},
    )
    async def person(call: Call[None, None, Subject]) -> Person:
        """Give everything that is held of a person."""
        row = await service.reader(persons).get(call.path.subject_id)
        if row is None:
            raise unknown_person()
        own = await service.reader(records).select("WHERE subject = $1 ORDER BY kind, last_change DESC", row.subject)
        twins = (await duplicates(service, [row])).get(row.subject, [])
        return _person(row, own, twins)

    return made


def unknown_person() -> Problem:
    """Give the problem of a person that nobody knows."""
    return Problem("unknown-person", "There is no such person. Search for them by name, mail or number.", status=404)


def _person(row: PersonRow, own: list[RecordRow], twins: list[UUID]) -> Person:
    return Person(
        **found(row, twins).model_dump(),
        values={} if isinstance(row.values, Erased) else row.values,
        records=[_record(one) for one in own],
        first_news=row.first_news,
        last_change=row.last_change,
    )


def _record(row: RecordRow) -> Record:
    return Record(
        record=row.record,
        kind=row.kind,
        record_ref=None if isinstance(row.record_ref, Erased) else row.record_ref,
        state=row.state,
        values={} if isinstance(row.values, Erased) else row.values,
        first_news=row.first_news,
        last_change=row.last_change,
    )
