"""Who is meant: by the CRM's reference, or by the person's own id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from stack.client import Client
from stack.trouble import StackError


def person_of(client: Client, ref: str) -> dict[str, Any]:
    """The person, as a list shows them. A reference of the CRM comes first: some CRMs use UUIDs too."""
    try:
        found: dict[str, Any] = client.post("crm-gateway", "/v1/persons/by-ref", {"crm_ref": ref})
    except StackError as error:
        if error.slug not in ("unknown-person", "invalid-input"):
            raise
        subject = _as_id(ref)
        if subject is None:
            raise unknown(ref) from None
        try:
            found = client.get("crm-gateway", f"/v1/persons/{subject}")
        except StackError as second:
            raise unknown(ref) if second.slug == "unknown-person" else second from None
    return found


def subject_of(client: Client, ref: str) -> str:
    """The id under which all services know the person."""
    return str(person_of(client, ref)["subject_id"])


def look_at(client: Client, subject: str) -> None:
    """Put on record that the operator looks at this person, before anything is shown: the person can see it in the portal.
    Raises ``StackError``: without the record nothing is shown."""
    try:
        client.post("subject-access", f"/v1/persons/{subject}/looks", {"where": "command-line"})
    except StackError as error:
        if error.slug != "erased":  # of them nothing is left to be looked at
            raise


def unknown(ref: str) -> StackError:
    return StackError(
        "unknown-person",
        f"Nobody has the reference {ref!r}. Find them by name, mail, telephone or number: gdpr person find ...",
    )


def _as_id(ref: str) -> str | None:
    try:
        return str(UUID(ref))
    except ValueError:
        return None
