"""What the pages read from the read models, several tables at a time."""

from __future__ import annotations

from uuid import UUID

from events.runtime.service import Service
from subject_access.agreements import Offer, unanswered
from subject_access.projections.choices import ChoiceRow, choices
from subject_access.projections.offer import WordingRow, kinds, purposes, wordings
from subject_access.projections.outcomes import outcomes


async def offer(service: Service) -> Offer:
    """Read what can be consented to."""
    texts: dict[str, list[WordingRow]] = {}
    for wording in await service.reader(wordings).select("ORDER BY t.kind, t.version"):
        texts.setdefault(wording.kind, []).append(wording)
    return Offer(
        kinds={row.kind: row for row in await service.reader(kinds).select("ORDER BY t.kind")},
        wordings=texts,
        purposes={row.purpose: row for row in await service.reader(purposes).select()},
    )


async def waiting(service: Service, subject: UUID) -> list[ChoiceRow]:
    """Read the choices of a person that have no answer yet."""
    made = await service.reader(choices).select("WHERE t.subject = $1", subject)
    answers = await service.reader(outcomes).select("WHERE t.choice_id = ANY($1)", [row.choice_id for row in made])
    return unanswered(made, answers)
