"""Which person a record of the CRM is, so that a check can name it as the CRM does. Kept as keyed hashes only."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from events.catalogue.persons import PersonAdmitted
from events.catalogue.vocabulary import ERASED, Event
from events.envelope import Recorded
from events.projecting import Terms, projection


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person whom the CRM knows. ``refs``: the CRM's own identifier of them."""

    subject: UUID
    refs: Terms


@projection(table="known_refs", of=(PersonAdmitted,), key=lambda e: e.subject)
def known_refs(row: KnownPerson | None, e: Recorded[Event]) -> KnownPerson | None:
    """Remember the person; once they are erased, no reference leads to them."""
    match e.data:
        case PersonAdmitted(crm_ref=crm_ref) if e.subject is not None:
            return KnownPerson(e.subject, Terms() if crm_ref is ERASED else Terms((str(crm_ref),)))
        case _:
            return row
