"""Who may do what at the desk. The services decide again for themselves; this table only hides what they would refuse.

Administrators and auditors see no customers here: the one describes fields, the other reads the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from web.catalogues import N_
from web.identity import Identity, Role
from web.problems import Problem

Act: TypeAlias = Literal[
    "search",
    "open-person",
    "send-link",
    "record-consent",
    "read-history",
    "see-kinds",
    "see-fields",
    "describe-field",
    "see-read-models",
    "rebuild-read-model",
    "see-quarantine",
    "decide-quarantine",
    "see-deliveries",
    "retry-delivery",
]

MAY: Final[Mapping[Act, frozenset[Role]]] = {
    "search": frozenset(("staff", "dpo")),
    "open-person": frozenset(("staff", "dpo")),
    "send-link": frozenset(("staff", "dpo")),
    "record-consent": frozenset(("staff", "dpo")),
    "read-history": frozenset(("dpo", "auditor")),
    "see-kinds": frozenset(("staff", "dpo", "admin", "auditor")),
    "see-fields": frozenset(("dpo", "admin")),
    "describe-field": frozenset(("admin",)),
    "see-read-models": frozenset(("dpo", "admin", "auditor")),
    "rebuild-read-model": frozenset(("admin",)),
    "see-quarantine": frozenset(("dpo", "admin")),
    "decide-quarantine": frozenset(("admin",)),
    "see-deliveries": frozenset(("dpo", "admin")),
    "retry-delivery": frozenset(("admin",)),
}

ROLES: Final[frozenset[str]] = frozenset(("staff", "dpo", "admin", "auditor"))
"""What a person can be; ``crm`` is for machines, and no sign-in gives it."""

PLACES: Final[tuple[tuple[Act, str, str], ...]] = (
    ("search", "/", N_("Search")),
    ("read-history", "/history", N_("History")),
    ("see-kinds", "/kinds", N_("Consents and wordings")),
    ("see-fields", "/fields", N_("Fields")),
    ("see-read-models", "/read-models", N_("Read models")),
    ("see-quarantine", "/quarantine", N_("Quarantine")),
    ("see-deliveries", "/deliveries", N_("To the CRM")),
)
"""The places of the desk: what one must be allowed to do there, where it is, what it is called."""


def may(member: Identity, act: Act) -> bool:
    """Whether a member may do it."""
    return member.may(*MAY[act])


def must(member: Identity, act: Act) -> None:
    """See that a member may do it. Raises ``Problem`` 403."""
    if not may(member, act):
        raise Problem("role-missing", N_("Your account does not have the role that this needs."), status=403)


def places(member: Identity) -> list[tuple[str, str]]:
    """Give where a member may go: address and name."""
    return [(address, name) for act, address, name in PLACES if may(member, act)]
