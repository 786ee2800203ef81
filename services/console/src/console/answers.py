"""What the services answer, as far as the desk shows it. A member that is not named here is not read."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, JsonValue

Texts = dict[str, str]


class PersonFound(BaseModel):
    """A person, as a list shows them (crm-gateway)."""

    subject_id: UUID
    crm_ref: str | None = None
    display_name: str
    emails: list[str] = []
    phones: list[str] = []
    customer_number: str | None = None
    company: str | None = None
    state: str = "present"
    possible_duplicates: list[UUID] = []


class Found(BaseModel):
    """What a search found."""

    persons: list[PersonFound]
    more: bool = False


class Record(BaseModel):
    """A record that belongs to a person: an order, a note."""

    record: UUID
    kind: str
    record_ref: str | None = None
    state: str
    values: dict[str, Any] = {}
    last_change: datetime


class Person(PersonFound):
    """One person, with everything that is held."""

    values: dict[str, Any] = {}
    records: list[Record] = []
    first_news: datetime
    last_change: datetime


class Field(BaseModel):
    """One field of the catalogue."""

    field: str
    type: str
    group: str
    labels: Texts
    choices: dict[str, Texts] | None = None
    state: str
    core: bool
    discovered: datetime | None = None


class Fields(BaseModel):
    """The field catalogue."""

    groups: dict[str, Texts]
    fields: list[Field]


class Quarantined(BaseModel):
    """A message that could not be taken over."""

    id: UUID
    received: datetime
    door: str
    place: str
    slug: str
    pointer: str
    detail: str
    size: int
    tries: int
    state: str
    decided_by: str | None = None
    reason: str | None = None


class Outcome(BaseModel):
    """What became of a message."""

    status: str
    slug: str | None = None
    pointer: str | None = None
    detail: str | None = None


class Post(BaseModel):
    """One post to the CRM's webhook."""

    message: UUID
    sequence: int
    subject_id: UUID
    state: str
    tries: int
    next_try: datetime
    last_try: datetime | None = None
    last_fault: str | None = None


class RefusedByCrm(BaseModel):
    """One message that the CRM does not take over."""

    message: UUID
    subject_id: UUID
    informed: datetime
    refused: datetime


class WordingShown(BaseModel):
    """Which text was shown."""

    version: int
    language: str | None = None


class HeldConsent(BaseModel):
    """What holds for one kind of consent."""

    kind: str
    titles: Texts
    state: str
    allowed: bool
    reason: str
    since: datetime | None = None
    recorded: datetime | None = None
    valid_until: datetime | None = None
    method: str | None = None
    strength: str | None = None
    wording: WordingShown | None = None
    text: str | None = None
    evidence: str | None = None
    event: UUID | None = None


class Objection(BaseModel):
    """An objection to direct marketing that stands."""

    since: datetime
    method: str


class Held(BaseModel):
    """What a person agreed to."""

    objection: Objection | None = None
    consents: list[HeldConsent]


class Happened(BaseModel):
    """One event of the history of a person's consents."""

    event: UUID
    type: str
    occurred: datetime
    recorded: datetime
    by: str
    data: dict[str, JsonValue]
    erased: bool = False


class Receipt(BaseModel):
    """What became of a consent that was recorded."""

    event: UUID | None = None
    state: str | None = None
    since: datetime | None = None


class Purpose(BaseModel):
    """What data is used for."""

    purpose: str
    titles: Texts
    legal_basis: str


class Wording(BaseModel):
    """One version of a wording."""

    version: int
    texts: Texts
    published: datetime


class Kind(BaseModel):
    """A kind of consent with its wordings, newest last."""

    kind: str
    titles: Texts
    purpose: Purpose | None = None
    channels: list[str]
    double_opt_in: bool = False
    validity_days: int | None = None
    retired: datetime | None = None
    wordings: list[Wording]


class Partition(BaseModel):
    """How far a read model has read one partition."""

    topic: str
    partition: int
    next_offset: int
    lag: int | None = None
    halted: str | None = None


class ReadModel(BaseModel):
    """A read model of a service."""

    name: str
    state: str
    rebuilding: bool
    waits_for: str | None = None
    lag: int
    partitions: list[Partition] = []


class ReadModels(BaseModel):
    """The read models of a service."""

    projections: list[ReadModel]


class Place(BaseModel):
    """Where a record stands in the log."""

    topic: str
    partition: int
    offset: int


class By(BaseModel):
    """Who did it."""

    kind: str
    id: str | None = None


class LineWording(BaseModel):
    """What was agreed to."""

    kind: str | None = None
    version: int
    language: str | None = None
    text: str | None = None


class Line(BaseModel):
    """An event as it stands in the log; or, with ``unreadable``, a record that is none."""

    id: UUID | None = None
    type: str = ""
    occurred: datetime | None = None
    recorded: datetime | None = None
    by: By | None = None
    wording: LineWording | None = None
    personal: str = "none"
    place: Place
    repeated_at: list[Place] = []
    data: dict[str, JsonValue] = {}
    unreadable: str | None = None


class Link(BaseModel):
    """A link to the portal."""

    link: UUID
    issued: datetime
    expires: datetime
    state: str = "open"
    to: str | None = None
    opened: datetime | None = None


class LinkMade(BaseModel):
    """A link that was just made."""

    link: UUID
    expires: datetime


class Mail(BaseModel):
    """A mail to a person."""

    mail: UUID
    kind: str
    state: str
    at: datetime
    queued: datetime
    attempts: int = 0
    next_try: datetime | None = None
    reason: str | None = None
    to: str | None = None
