"""What the notifier is told from outside, besides what all services are."""

from __future__ import annotations

from email.headerregistry import Address
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from events.runtime.settings import Settings
from notifier.addresses import NoAddress, named_address

ONE_LINE = r"^[^\x00-\x1f\x7f]+$"


class NotifierSettings(Settings):
    """The settings of the notifier: the mail server, and in whose name it writes."""

    http_port: int = 8405
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 25
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    """``none`` is for a mail server on the same machine; certificates are checked otherwise."""
    smtp_username: str = ""
    smtp_password: str = Field(default="", repr=False)
    smtp_timeout: float = Field(default=20.0, gt=0)
    mail_from: str
    """The sender, as ``Name <address>``; replies and bounces go there."""
    company_name: str = Field(default="Example GmbH", pattern=ONE_LINE, max_length=200)
    """The controller, as people know it."""
    portal_url: str = Field(pattern=r"^https?://[^\s\x00-\x1f]+$")
    """Where the portal is for people, which links begin with."""
    transport_key_file: Path
    """The key that opens the secrets of links; the portal has the same."""
    mail_first_pause: float = Field(default=5.0, gt=0)
    """Seconds before the second try; doubled each time, up to an hour."""
    mail_lease_seconds: float = Field(default=90.0, gt=0)
    """How long a mail stays with a process that was killed while it sent it. More than a try can take."""

    @field_validator("mail_from")
    @classmethod
    def _one_address(cls, value: str) -> str:
        try:
            ascii_only = named_address(value).addr_spec.isascii()
        except NoAddress:
            ascii_only = False
        if not ascii_only:
            raise ValueError("must be an address, or a name and an address: Company <privacy@company.example>")
        return value

    @property
    def sender(self) -> Address:
        """The sender's name and address."""
        return named_address(self.mail_from)
