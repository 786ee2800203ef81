"""What others record about consent, as commands of ours: choices made in the portal, and what the CRM says.

An act counts from when it was done, but never from later than it was recorded: a clock that is ahead must not outweigh a
withdrawal that comes afterwards.
"""

from __future__ import annotations

from datetime import datetime

from consent.deciders.consents import CONSENTS, GiveConsent, WithdrawConsent
from events.catalogue.access import ConsentChosen
from events.catalogue.persons import ConsentRecordedInCrm, WithdrawalRecordedInCrm
from events.catalogue.vocabulary import Event
from events.envelope import Recorded
from events.projecting import reaction


@reaction(name="choice_made_in_portal", to=(ConsentChosen,), decider=CONSENTS)
def choice_made_in_portal(e: Recorded[ConsentChosen]) -> GiveConsent | WithdrawConsent | None:
    """The person pressed a button: that is as strong as evidence gets, and they wait for an answer."""
    if e.subject is None:
        return None
    if e.data.choice == "withdraw":
        return WithdrawConsent(
            subject=e.subject, kind=e.data.kind, at=_acted(e), by=e.data.by, method="portal", answers=e.id
        )
    return GiveConsent(
        subject=e.subject,
        kind=e.data.kind,
        at=_acted(e),
        by=e.data.by,
        method="portal",
        strength="strong",
        wording=e.data.wording,
        answers=e.id,
    )


@reaction(name="consent_recorded_in_crm", to=(ConsentRecordedInCrm,), decider=CONSENTS)
def consent_recorded_in_crm(e: Recorded[ConsentRecordedInCrm]) -> GiveConsent | None:
    """The CRM says yes: as good as its evidence, which for a mere flag is weak."""
    if e.subject is None:
        return None
    return GiveConsent(
        subject=e.subject,
        kind=e.data.kind,
        at=_acted(e),
        by=e.data.by,
        method="crm",
        strength=e.data.strength,
        wording_claimed=e.data.wording,
        evidence=e.data.evidence if isinstance(e.data.evidence, str) else None,  # an erased person's evidence is none
    )


@reaction(name="withdrawal_recorded_in_crm", to=(WithdrawalRecordedInCrm,), decider=CONSENTS)
def withdrawal_recorded_in_crm(e: Recorded[WithdrawalRecordedInCrm]) -> WithdrawConsent | None:
    """The CRM says no, and is believed (Art. 7(3))."""
    if e.subject is None:
        return None
    return WithdrawConsent(subject=e.subject, kind=e.data.kind, at=_acted(e), by=e.data.by, method="crm")


def _acted(e: Recorded[Event]) -> datetime:
    return min(e.occurred, e.recorded)


REACTIONS = (choice_made_in_portal, consent_recorded_in_crm, withdrawal_recorded_in_crm)
