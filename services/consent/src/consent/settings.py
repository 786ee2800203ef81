"""What the consent service is told from outside, besides what all services are."""

from __future__ import annotations

from pathlib import Path

from events.runtime.settings import Settings


class ConsentSettings(Settings):
    """The settings of the consent service."""

    consent_configuration: Path | None = None
    """The purposes, kinds and wordings to begin with, in place of ``defaults.yaml``."""
