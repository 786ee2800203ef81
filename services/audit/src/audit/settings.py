"""What the audit service is told from outside."""

from __future__ import annotations

from events.runtime.settings import Settings


class AuditSettings(Settings):
    """The shared settings, and how much may be read at once."""

    http_port: int = 8404
    readers: int = 6
    """How many reads of the log may run at the same time; the next one waits."""
    fetch_bytes: int = 1_000_000
    """How much of one partition is read ahead: it bounds the memory of a replay."""
    follow_seconds: float = 86_400.0
    """How long one stream may follow the log; then whoever reads it asks anew, with a token that is valid then."""
