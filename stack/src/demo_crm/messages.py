"""What this CRM says at the gateway's door, as plain JSON objects. Pure: the caller gives ids and times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]


def person_changed(id: str, ref: str, at: str, by: str, fields: Mapping[str, Any], *, full: bool = False) -> Message:
    """Fields of a customer have new values; ``full``: these are all there are."""
    return _message("crm.person.changed", id, ref, at, by, full=full, fields=dict(fields))


def person_removed(id: str, ref: str, at: str, by: str) -> Message:
    """The customer was deleted here."""
    return _message("crm.person.removed", id, ref, at, by)


def record_changed(
    id: str, ref: str, at: str, by: str, *, kind: str, record: str, fields: Mapping[str, Any]
) -> Message:
    """An order, a note or a ticket was made or changed."""
    return _message("crm.record.changed", id, ref, at, by, kind=kind, record_ref=record, fields=dict(fields))


def consent_recorded(id: str, ref: str, at: str, by: str, *, kind: str, evidence: str | None) -> Message:
    """Somebody here recorded that the customer agreed; without evidence it is a mere tick."""
    return _message("crm.consent.recorded", id, ref, at, by, kind=kind, evidence=evidence)


def consent_withdrawn(id: str, ref: str, at: str, by: str, *, kind: str) -> Message:
    """Somebody here recorded that the customer withdrew."""
    return _message("crm.consent.withdrawn", id, ref, at, by, kind=kind)


def confirmed(ref: str, at: str, message: str) -> Message:
    """We took over what we were told."""
    return _message("crm.delivery.confirmed", f"taken-{message}", ref, at, None, message=message)


def refused(ref: str, at: str, message: str, reason: str) -> Message:
    """We did not take it over, and say why."""
    return _message("crm.delivery.refused", f"not-taken-{message}", ref, at, None, message=message, reason=reason)


def _message(what: str, id: str, ref: str, at: str, by: str | None, **more: Any) -> Message:
    said = {"type": what, "id": id, "occurred": at, "crm_ref": ref, **more}
    return {**said, "by": by} if by else said
