"""Every domain event, by owning service. ``EVENTS`` finds the class of a type, ``TOPICS`` who writes which topic."""

from __future__ import annotations

from types import ModuleType

from events.catalogue import access, audit, consents, erasures, exports, notifications, persons
from events.catalogue.vocabulary import Event

MODULES: dict[str, ModuleType] = {
    "crm-gateway": persons,
    "consent": consents,
    "subject-access": access,
    "notifier": notifications,
    "export": exports,
    "erasure": erasures,
    "audit": audit,
}
"""The module of each owning service."""


def _events(module: ModuleType) -> list[type[Event]]:
    """Give the events a module defines itself: those with a docstring of their own that nothing is derived from."""
    classes = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Event) and c.__module__ == module.__name__
    ]
    return [c for c in classes if not c.__subclasses__()]


EVENTS: dict[str, type[Event]] = {c.__name__: c for module in MODULES.values() for c in _events(module)}
"""Every event class, by its type."""

OWNERS: dict[str, str] = {c.topic: owner for owner, module in MODULES.items() for c in _events(module)}
"""The one writer of each event topic."""

TOPICS: tuple[str, ...] = tuple(OWNERS)
PARTITIONS = 6
"""Partitions of every event topic. Never changed: the order of a person's events hangs on it."""
