"""Erasure by anonymisation (Art. 17, 18, 19; §35 BDSG). Owner: erasure, topic ``gdpr.erasures``.

No event here has a personal field: the record of an erasure must outlive the key.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from events.catalogue.vocabulary import Event, Slug

TOPIC = "gdpr.erasures"

Ground = Literal["17-1-a", "17-1-b", "17-1-c", "17-1-d", "17-1-e", "17-1-f"]


class ErasureEvent(Event):
    """About one person's erasure."""

    topic: ClassVar[str] = TOPIC


class ErasureRequested(ErasureEvent):
    """Erasure was asked for, on this ground of Art. 17(1)."""

    erasure: UUID
    ground: Ground


class ErasureScheduled(ErasureEvent):
    """With the end of this day it becomes final; until then the person can change their mind."""

    erasure: UUID
    final: date


class ErasureRecalled(ErasureEvent):
    """The person changed their mind in time."""

    erasure: UUID


class ErasureBlocked(ErasureEvent):
    """A retention duty stands in the way (Art. 17(3)(b)): until then the data is restricted, and the person is told the rule."""

    erasure: UUID
    rule: Slug
    until: date


class ErasureFenced(ErasureEvent):
    """From here on nothing new is recorded about the person, and no key is made for them again.

    ``systems``: who took part on that day, and must acknowledge before it is complete.
    """

    erasure: UUID
    systems: tuple[Slug, ...] = ()


class ErasureAcknowledged(ErasureEvent):
    """One system says that it holds nothing of the person any more."""

    erasure: UUID
    system: Slug


class KeyDestroyed(ErasureEvent):
    """The person's key is gone: what the log holds of them is unreadable for everyone."""

    erasure: UUID


class ErasureCompleted(ErasureEvent):
    """Every system has acknowledged."""

    erasure: UUID
    systems: tuple[Slug, ...]


class PersonReadmitted(ErasureEvent):
    """An erased person is let in again, as an act of its own with a reason, never silently."""

    reason: Slug
