"""What a person agreed to, and how it came to be, over HTTP."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, JsonValue

from consent.projections.current_consents import EVERY_KIND, CurrentConsent, State, current_consents
from consent.routes.parts import OfPerson, Parts
from consent.verdict import ShownWording
from events.catalogue.consents import Method, Strength
from events.catalogue.vocabulary import ERASED, Event, Language, Slug, Texts, personal_fields
from events.envelope import Recorded, decode
from web.api import Call, Routes

WHO_MAY_LOOK = ("staff", "dpo", "admin")


class HeldConsent(BaseModel):
    """What holds for one kind."""

    kind: Slug
    titles: Texts
    state: State | Literal["none"]
    allowed: bool
    reason: str
    since: AwareDatetime | None = None
    recorded: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None
    method: Method | None = None
    strength: Strength | None = None
    wording: ShownWording | None = None
    text: str | None = Field(default=None, description="The wording that was agreed to, where it is known which.")
    evidence: str | None = None
    event: UUID | None = None


class HeldObjection(BaseModel):
    """An objection to direct marketing that stands."""

    since: AwareDatetime
    method: Method
    event: UUID


class Held(BaseModel):
    """What one person agreed to: every kind in use, and every other that they ever said something about."""

    subject_id: UUID
    objection: HeldObjection | None
    consents: list[HeldConsent]


class HistoryEntry(BaseModel):
    """One event of the person's history. ``erased``: its personal fields can no longer be read by anyone."""

    event: UUID
    type: str
    version: int
    occurred: AwareDatetime
    recorded: AwareDatetime
    by: str
    correlation: UUID | None
    causation: UUID | None
    data: dict[str, JsonValue]
    erased: bool


def held(parts: Parts) -> Routes:
    """Declare the routes."""
    routes = Routes()
    service, offer = parts.service, parts.offer

    @routes.get("/v1/persons/{subject_id}/consents", params=OfPerson, answer=Held, roles=WHO_MAY_LOOK)
    async def consents_of_person(call: Call[None, None, OfPerson]) -> Held:
        """Say what a person agreed to, kind by kind."""
        subject = call.path.subject_id
        rows = await service.reader(current_consents).select("WHERE t.subject = $1 ORDER BY t.kind", subject)
        by_kind = {row.kind: row for row in rows}
        objection = by_kind.pop(EVERY_KIND, None)
        names = [name for name, kind in offer.kinds.items() if kind.row.retired is None or name in by_kind]
        return Held(
            subject_id=subject,
            objection=HeldObjection(since=objection.since, method=objection.method, event=objection.decided_by)
            if objection and objection.state == "objection"
            else None,
            consents=[
                await _held(parts, subject, name, by_kind.get(name)) for name in dict.fromkeys([*names, *by_kind])
            ],
        )

    @routes.get(
        "/v1/persons/{subject_id}/consents/history", params=OfPerson, answer=list[HistoryEntry], roles=WHO_MAY_LOOK
    )
    async def history_of_consents(call: Call[None, None, OfPerson]) -> list[HistoryEntry]:
        """Tell the whole history of a person's consents, oldest first, each event as it was recorded."""
        subject = call.path.subject_id
        records = await service.pool.fetch(
            "SELECT value FROM events WHERE stream = $1 ORDER BY version", f"consents-{subject}"
        )
        secrets = (await service.keys.secrets([subject])).get(subject, {})
        return [_entry(decode(record["value"], secrets)) for record in records]

    return routes


async def _held(parts: Parts, subject: UUID, kind: str, row: CurrentConsent | None) -> HeldConsent:
    offered = parts.offer.kinds.get(kind)
    verdict = await parts.checking.check(subject, kind)
    titles = offered.row.titles if offered else {}
    if row is None:
        return HeldConsent(kind=kind, titles=titles, state="none", allowed=False, reason=verdict.reason)
    wording = ShownWording(row.wording_version, row.wording_language) if row.wording_version else None
    texts: dict[Language, str] = {}
    if offered and wording:
        texts = next((w.texts for w in offered.wordings if w.version == wording.version), {})
    return HeldConsent(
        kind=kind,
        titles=titles,
        state=row.state,
        allowed=verdict.allowed,
        reason=verdict.reason,
        since=row.since,
        recorded=row.recorded,
        valid_until=row.valid_until,
        method=row.method,
        strength=row.strength,
        wording=wording,
        text=texts.get(wording.language) if wording and wording.language else None,
        evidence=row.evidence if isinstance(row.evidence, str) else None,
        event=row.decided_by,
    )


def _entry(e: Recorded[Event]) -> HistoryEntry:
    personal = personal_fields(type(e.data))
    gone = {name for name in personal if getattr(e.data, name) is ERASED}
    data = e.data.model_dump(mode="json", exclude={"at", "by", *gone})
    return HistoryEntry(
        event=e.id,
        type=e.type,
        version=e.version,
        occurred=e.occurred,
        recorded=e.recorded,
        by=str(e.data.by),
        correlation=e.correlation,
        causation=e.causation,
        data={**data, **dict.fromkeys(gone)},
        erased=bool(gone),
    )
