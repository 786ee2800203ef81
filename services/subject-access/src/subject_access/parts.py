"""What routes and pages work with: the running service, its sessions, its look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from events.runtime.service import Service
from events.runtime.transport import TransportKey
from subject_access.settings import SubjectAccessSettings
from web.languages import Languages
from web.pages import Pages
from web.sessions import Sessions


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the portal. One session is one visit; its owner is the link that it came by."""

    service: Service
    settings: SubjectAccessSettings
    transport: TransportKey
    languages: Languages
    pages: Pages
    sessions: Sessions
    clock: Callable[[], datetime]
