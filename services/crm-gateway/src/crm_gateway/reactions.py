"""What the CRM must be told: every change of a consent that did not come from the CRM itself."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

from crm_gateway.deciders.delivery import DELIVERY, InformCrm
from events.catalogue.consents import (
    ConsentExpired,
    ConsentGiven,
    ConsentInvalidated,
    ConsentRefused,
    ConsentRenewed,
    ConsentWithdrawn,
)
from events.catalogue.vocabulary import THE_SYSTEM, Event
from events.envelope import AnyRecorded
from events.projecting import reaction

MESSAGES = UUID("c0a5c3e4-8c54-5d0c-9a6f-3f0f6f1f2b77")
OWN_METHODS = frozenset({"crm", "import"})
"""What came from the CRM by any door: it knows that already."""

STATES: Mapping[type[Event], str] = {
    ConsentGiven: "given",
    ConsentRenewed: "given",
    ConsentWithdrawn: "withdrawn",
    ConsentRefused: "refused",
    ConsentExpired: "expired",
    ConsentInvalidated: "invalidated",
}


@reaction(name="consent_concerns_crm", to=tuple(STATES), decider=DELIVERY)
def consent_concerns_crm(e: AnyRecorded) -> InformCrm | None:
    """Tell the CRM what holds from now on. Nothing in the message is personal but whom it is about."""
    said = e.data
    method = getattr(said, "method", "system")
    if method in OWN_METHODS or e.subject is None:
        return None
    wording = getattr(said, "wording", None)
    return InformCrm(
        subject=e.subject,
        message=uuid5(MESSAGES, str(e.id)),
        about=e.id,
        what="consent",
        content={
            "kind": said.kind,
            "state": STATES[type(said)],
            "since": e.occurred.isoformat(),
            "recorded": e.recorded.isoformat(),
            "method": method,
            "wording": wording.model_dump(mode="json") if wording is not None else None,
        },
        at=e.recorded,
        by=THE_SYSTEM,
    )
