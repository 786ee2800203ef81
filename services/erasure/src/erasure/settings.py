"""What erasure is told from outside."""

from __future__ import annotations

from events.runtime.settings import Settings as Shared


class Settings(Shared):
    """What all services share; erasure has no settings of its own yet."""
