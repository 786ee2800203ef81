"""Which act of a person decides what holds for one kind of consent.

People act in one order and we hear of it in another, some of it twice. So what decides is when they acted, never when the
news came: the newest act that can be shown, and at one moment a no before a yes. A mere flag (weak evidence) shows nothing: it
speaks only where the person has never been heard, and the oldest flag speaks (Art. 7(1): whoever relies on consent must be
able to show it).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from events.catalogue.consents import Method, Strength

OWN_DOORS: Collection[Method] = frozenset(("portal", "web_form"))
"""Where the person acts with their own hand, so that nobody acted for them."""


@dataclass(frozen=True, slots=True)
class Act:
    """A yes or a no to one kind of consent. ``at`` is when the person said it, as the source has it."""

    yes: bool
    at: datetime
    strength: Strength = "strong"

    @property
    def flag(self) -> bool:
        """A yes that nobody can show."""
        return self.yes and self.strength == "weak"


def outweighs(new: Act, standing: Act | None) -> bool:
    """Tell whether an act decides in place of the one that stands; the same one again does not."""
    if standing is None:
        return True
    if new.flag:
        return standing.flag and new.at < standing.at
    if standing.flag:
        return True
    return (new.at, not new.yes) > (standing.at, not standing.yes)
