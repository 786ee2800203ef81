"""What the console is told from outside: environment variables of these names, in capitals."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from web.pages import Look

HERE = ("127.0.0.1", "localhost", "::1")


class Unusable(Exception):
    """The console cannot be run as it was told; the text is one sentence for whoever starts it."""


class Settings(BaseSettings):
    """The console has no database and no broker: where the services are, who may sign in, how it looks."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    http_host: str = "127.0.0.1"
    http_port: int = 8400
    console_url: str = "http://127.0.0.1:8400"
    """Where browsers find the console; with ``https`` its cookies say so."""
    proxies: int = Field(default=0, ge=0)
    """How many proxies of ours stand before it: whose word on the visitor's address counts."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    time_zone: str = "Europe/Berlin"

    identity_signing_key_file: Path
    """The private key (JWK) with which the console says to the services who asks."""
    local_sign_in: Path | None = None
    """Built-in accounts with hashed passwords, for the local stack. Counts only without ``OIDC_ISSUER``."""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_scopes: str = "openid profile"
    oidc_account_claim: str = "sub"
    """The claim that names the account in the log: it must never change for a person, and hold no more than 128 characters."""
    oidc_roles_claim: str = "roles"
    """The claim with the roles; with dots where it lies deeper (``realm_access.roles``)."""
    oidc_roles: dict[str, str] = {}
    """What the provider calls our roles, as JSON: ``{"GDPR-Desk": "staff"}``. Empty: it uses our names."""
    idle_minutes: int = Field(default=30, ge=1)
    longest_hours: int = Field(default=10, ge=1)

    frame_ancestors: str = ""
    """The origins whose pages may show the Actionpad in a frame, with spaces; empty: the demo CRM's."""
    demo_crm_url: str = ""
    other_sites_frames: bool = False
    """Whether those origins are other sites (a CRM in the cloud): then cookies are for frames, which needs ``https``."""

    crm_gateway_url: str = "http://127.0.0.1:8402"
    consent_url: str = "http://127.0.0.1:8403"
    subject_access_url: str = "http://127.0.0.1:8401"
    notifier_url: str = "http://127.0.0.1:8405"
    audit_url: str = "http://127.0.0.1:8404"
    export_url: str = "http://127.0.0.1:8406"
    erasure_url: str = "http://127.0.0.1:8407"
    answer_seconds: float = Field(default=5.0, gt=0)
    """How long a service may take to answer before the page goes on without it."""

    company_name: str = "Example GmbH"
    accent_colour: str = ""
    second_colour: str = ""
    logo_url: str = ""

    @field_validator("frame_ancestors")
    @classmethod
    def _origins(cls, given: str) -> str:
        for origin in given.split():
            parts = urlsplit(origin)
            if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query or ";" in origin:
                raise ValueError(f"FRAME_ANCESTORS: {origin!r} is no origin; write it like https://crm.example")
        return given

    @property
    def framed_by(self) -> tuple[str, ...]:
        """The origins that may show the Actionpad in a frame."""
        if self.frame_ancestors:
            return tuple(self.frame_ancestors.split())
        parts = urlsplit(self.demo_crm_url)
        return (f"{parts.scheme}://{parts.netloc}",) if parts.netloc else ()

    @property
    def https(self) -> bool:
        return self.console_url.startswith("https://")

    @property
    def look(self) -> Look:
        """The company's name and colours; what is not set is as the library has it."""
        given = {"accent": self.accent_colour, "second": self.second_colour, "logo_url": self.logo_url}
        return Look(company=self.company_name, **{name: value for name, value in given.items() if value})

    @property
    def services(self) -> dict[str, str]:
        """Where each service is."""
        return {
            "crm-gateway": self.crm_gateway_url,
            "consent": self.consent_url,
            "subject-access": self.subject_access_url,
            "notifier": self.notifier_url,
            "audit": self.audit_url,
            "export": self.export_url,
            "erasure": self.erasure_url,
        }
