"""What the CRM's door is told from outside."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from events.runtime.settings import Settings as Shared


class Settings(Shared):
    """Beyond what all services share: where the CRM's webhook is, and how patient its worker is."""

    webhook_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    """Where changes are posted; empty: nowhere, and the CRM reads the outbox or the topic."""
    webhook_secret_file: Path | None = None
    """The secret that signs the posts, as text."""
    webhook_tries: int = Field(default=12, ge=1)
    """After so many the message is dead, and waits for somebody to try it again."""
    webhook_first_pause: float = Field(default=2.0, gt=0)
    """Seconds before the second try; doubled each time, up to an hour, with jitter."""
    webhook_timeout: float = Field(default=10.0, gt=0)
    crm_own_account: str = "gdpr"
    """The account under which our changes are made in the CRM. A consent or withdrawal that it records is our own echo."""
    quarantine_days: int = Field(default=30, ge=1)
    """After so many days what lies in quarantine undecided is discarded."""

    @field_validator("webhook_secret_file", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None
