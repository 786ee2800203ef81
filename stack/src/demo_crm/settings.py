"""What the demo CRM is told from outside."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, each from the environment variable of the same name in capitals."""

    data_dir: Path
    """Where its customers are kept."""
    crm_gateway_url: str
    """The door to which it sends what happens here."""
    crm_token_file: Path
    """The token by which the door knows it."""
    webhook_secret_file: Path
    """The secret by which it knows that a webhook comes from there."""
    console_url: str = ""
    """The console as browsers see it, of which the Actionpad is framed; without it there is none."""
    http_host: str = "127.0.0.1"
    http_port: int = 8410
    demo_crm_url: str = ""
    """Where browsers find it, if that is not this machine's own name."""
    time_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Berlin"))
    log_level: str = "info"

    @classmethod
    def of_environment(cls) -> Settings:
        """Read the environment; what is missing or unreadable is said, and ends the program."""
        told = os.environ
        lacking = [
            name
            for name in ("DATA_DIR", "CRM_GATEWAY_URL", "CRM_TOKEN_FILE", "WEBHOOK_SECRET_FILE")
            if not told.get(name)
        ]
        if lacking:
            sys.exit(f"The demo CRM needs {', '.join(lacking)} in its environment. `gdpr up` sets all of them.")
        try:
            return cls(
                data_dir=Path(told["DATA_DIR"]),
                crm_gateway_url=told["CRM_GATEWAY_URL"].rstrip("/"),
                crm_token_file=Path(told["CRM_TOKEN_FILE"]),
                webhook_secret_file=Path(told["WEBHOOK_SECRET_FILE"]),
                console_url=told.get("CONSOLE_URL", "").rstrip("/"),
                http_host=told.get("HTTP_HOST") or "127.0.0.1",
                http_port=int(told.get("HTTP_PORT") or 8410),
                demo_crm_url=told.get("DEMO_CRM_URL", "").rstrip("/"),
                time_zone=ZoneInfo(told.get("TIME_ZONE") or "Europe/Berlin"),
                log_level=told.get("LOG_LEVEL") or "info",
            )
        except (ValueError, OSError, KeyError) as error:  # an unknown zone is a KeyError with a path in it
            sys.exit(
                f"HTTP_PORT is a number and TIME_ZONE the name of a zone, such as Europe/Berlin. ({type(error).__name__})"
            )

    @property
    def names(self) -> frozenset[str]:
        """The host names under which its pages answer: a foreign page may let any other name point at this machine."""
        own = urlsplit(self.demo_crm_url).hostname
        return frozenset({"localhost", "127.0.0.1", "::1", *([own] if own else [])})

    @property
    def console_origin(self) -> str:
        """Scheme, host and port of the console, for the rule of what may be framed."""
        parts = urlsplit(self.console_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
