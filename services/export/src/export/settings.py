"""What export is told from outside."""

from __future__ import annotations

from events.runtime.settings import Settings as Shared


class Settings(Shared):
    """What all services share; export has no settings of its own yet."""
