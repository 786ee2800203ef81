"""What the portal is told from outside, besides what all services are."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path

from pydantic import Field, model_validator

from events.runtime.settings import Settings
from subject_access.deciders.links import Lifetimes
from web.pages import Look


class SubjectAccessSettings(Settings):
    """The settings of the portal."""

    transport_key_file: Path
    """The key under which a link's secret travels to the notifier."""
    portal_url: str = ""
    """The address at which customers reach the portal; https turns on secure cookies."""
    link_hours: int = Field(default=336, ge=1)
    """How long a link stays open where nothing else is said."""
    link_hours_min: int = Field(default=1, ge=1)
    link_hours_max: int = Field(default=2160, le=8760)
    """How short and how long somebody may make it instead."""
    visit_idle_minutes: int = Field(default=30, ge=5)
    """After so long without a step the page closes; the link opens it again."""
    link_openings_per_minute: int = Field(default=60, ge=1)
    """How many links one network address may try."""
    proxies: int = Field(default=0, ge=0)
    """How many proxies of our own stand in front, whose ``X-Forwarded-For`` counts."""
    answer_seconds: float = Field(default=2.0, ge=0)
    """How long a choice waits for its answer before the page says "received"."""
    company_name: str = "Example GmbH"
    accent_colour: str = ""
    second_colour: str = ""
    logo_url: str = ""
    contact_mail: str = ""
    """Where people write to about their data; else the address of ``mail_from``."""
    mail_from: str = ""
    """The sender of our mails: ``Company <address>``."""

    @property
    def look(self) -> Look:
        """The company's name and colours."""
        set_ = {"accent": self.accent_colour, "second": self.second_colour, "logo_url": self.logo_url}
        return Look(company=self.company_name, **{name: value for name, value in set_.items() if value})

    @property
    def contact(self) -> str:
        """The address that people can write to, or nothing."""
        return parseaddr(self.contact_mail or self.mail_from)[1]

    @property
    def lifetimes(self) -> Lifetimes:
        """The bounds of a link's lifetime."""
        return Lifetimes(shortest=timedelta(hours=self.link_hours_min), longest=timedelta(hours=self.link_hours_max))

    @model_validator(mode="after")
    def _default_within_bounds(self) -> SubjectAccessSettings:
        if not self.link_hours_min <= self.link_hours <= self.link_hours_max:
            raise ValueError("LINK_HOURS must lie between LINK_HOURS_MIN and LINK_HOURS_MAX")
        return self
