"""What became of one message, as every door answers it."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from crm_gateway.messages import Refusal

Status = Literal["accepted", "unchanged", "repeated", "refused"]


class Outcome(BaseModel):
    """The answer to one message."""

    id: str | None = Field(description="The id of the message, where it could be read.")
    status: Status = Field(
        description="`accepted`: events were recorded. `unchanged`: it says nothing new. `repeated`: it was taken over before. "
        "`refused`: mend what `pointer` names and send it again."
    )
    subject_id: UUID | None = None
    events: list[str] = Field(default=[], description="The types of the events that were recorded.")
    slug: str | None = None
    pointer: str | None = Field(default=None, description="JSON pointer to what is wrong.")
    detail: str | None = Field(default=None, description="What to do.")


def refused(refusal: Refusal, subject: UUID | None = None) -> Outcome:
    """Give the answer to a message that is not taken over."""
    return Outcome(
        id=refusal.about,
        status="refused",
        subject_id=subject,
        slug=refusal.slug,
        pointer=refusal.place,
        detail=refusal.message,
    )
