"""What the routes work with, and the parts of their addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from consent.checking import Checking
from consent.offer import Offer
from events.catalogue.vocabulary import Slug
from events.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Parts:
    """The running service, as its routes see it."""

    service: Service
    offer: Offer
    checking: Checking
    clock: Callable[[], datetime]


class OfPerson(BaseModel):
    """``/persons/{subject_id}``"""

    subject_id: UUID


class OfKind(BaseModel):
    """``/kinds/{kind}``"""

    kind: Slug


class OfPurpose(BaseModel):
    """``/purposes/{purpose}``"""

    purpose: Slug
