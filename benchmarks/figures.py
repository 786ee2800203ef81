"""A figure: what was measured, the limit beside it, and what we want of the two."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement. ``ratio`` is value to limit where there is a limit; ``goal`` is what the ratio or value should be."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    limit_is: str = ""
    goal: float | None = None
    lower_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """The value as a part of its limit."""
        return self.value / self.limit if self.limit else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; ``None`` where there is none."""
        if self.goal is None:
            return None
        measured = self.ratio if self.ratio is not None else self.value
        return measured <= self.goal if self.lower_is_better else measured >= self.goal

    def line(self) -> str:
        """The figure as one line of JSON."""
        return json.dumps({**asdict(self), "ratio": self.ratio, "met": self.met})
