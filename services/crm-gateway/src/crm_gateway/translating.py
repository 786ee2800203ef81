"""What a message asks of the deciders. The command's id follows from the message's, so that a repeat does nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from crm_gateway import identity
from crm_gateway.deciders.delivery import DELIVERY, ConfirmDelivery, RefuseDelivery
from crm_gateway.deciders.person import (
    PERSON,
    AdmitPerson,
    ChangePerson,
    RecordConsent,
    RecordWithdrawal,
    RemovePerson,
)
from crm_gateway.deciders.record import RECORD, ChangeRecord, RemoveRecord
from crm_gateway.fingerprints import fingerprints
from crm_gateway.messages import News
from events.catalogue.crm import (
    ConsentRecordedInCrmMessage,
    CrmMessage,
    DeliveryConfirmed,
    DeliveryRefused,
    PersonChangedInCrm,
    PersonRemovedInCrm,
    RecordChangedInCrm,
    RecordRemovedInCrm,
    WithdrawalRecordedInCrmMessage,
)
from events.catalogue.vocabulary import Actor
from events.runtime.handling import Wanted

COMMANDS: Final = UUID("1f0b8c62-5d0e-5b58-8a5c-0f6c5e9b7a21")


def is_echo(message: CrmMessage, own_account: str) -> bool:
    """Tell whether the CRM only says what we told it.

    It matters when it comes late: after a withdrawal and a new consent, the echo of the withdrawal would end that consent.
    """
    consents = ConsentRecordedInCrmMessage | WithdrawalRecordedInCrmMessage
    return isinstance(message, consents) and message.by == own_account


def commands_of(news: News, subject: UUID, key: bytes, secret: bytes | None, *, echo: bool = False) -> list[Wanted]:
    """Give the commands that a message amounts to: its own, and for a related record one that admits its person.

    ``echo``: it is of our own making and says nothing but that there is such a person. ``key`` makes the ids of records,
    ``secret`` is the person's own key; it is there where the message has fields.
    """
    message = news.message
    its_own: dict[str, Any] = {"subject": subject, "at": occurred(message), "by": actor(message)}
    whose: dict[str, Any] = {"crm_ref": message.crm_ref, **its_own}
    command_id = uuid5(COMMANDS, message.id)
    if echo:
        return [Wanted(decider=PERSON, command=AdmitPerson(**whose), id=command_id)]
    match message:
        case PersonChangedInCrm(full=full):
            assert secret is not None
            prints = fingerprints(secret, news.values)
            change = ChangePerson(values=news.values, prints=prints, full=full, **whose)
            return [Wanted(decider=PERSON, command=change, id=command_id)]
        case PersonRemovedInCrm():
            return [Wanted(decider=PERSON, command=RemovePerson(**whose), id=command_id)]
        case ConsentRecordedInCrmMessage(kind=kind, wording=wording, evidence=evidence):
            said = RecordConsent(
                kind=kind,
                strength="documented" if evidence else "weak",
                wording=wording,
                evidence=evidence,
                **whose,
            )
            return [Wanted(decider=PERSON, command=said, id=command_id)]
        case WithdrawalRecordedInCrmMessage(kind=kind):
            return [Wanted(decider=PERSON, command=RecordWithdrawal(kind=kind, **whose), id=command_id)]
        case RecordChangedInCrm(kind=kind, record_ref=ref):
            assert secret is not None
            record = identity.record_id(key, message.crm_ref, kind, ref)
            changed = ChangeRecord(
                record=record,
                kind=kind,
                record_ref=ref,
                values=news.values,
                prints=fingerprints(secret, news.values),
                **its_own,
            )
            return [_admission(command_id, whose), Wanted(decider=RECORD, command=changed, id=command_id)]
        case RecordRemovedInCrm(kind=kind, record_ref=ref):
            record = identity.record_id(key, message.crm_ref, kind, ref)
            removed = RemoveRecord(record=record, kind=kind, **its_own)
            return [_admission(command_id, whose), Wanted(decider=RECORD, command=removed, id=command_id)]
        case DeliveryConfirmed(message=told):
            return [Wanted(decider=DELIVERY, command=ConfirmDelivery(message=told, **its_own), id=command_id)]
        case DeliveryRefused(message=told, reason=reason):
            no = RefuseDelivery(message=told, reason=reason, **its_own)
            return [Wanted(decider=DELIVERY, command=no, id=command_id)]
    raise AssertionError(f"a message of type {type(message).__name__} has no command")


def _admission(command_id: UUID, whose: dict[str, Any]) -> Wanted:
    admit = AdmitPerson(**whose)
    return Wanted(decider=PERSON, command=admit, id=uuid5(command_id, "admit"))


def occurred(message: CrmMessage) -> datetime:
    return message.occurred.astimezone(UTC)


def actor(message: CrmMessage) -> Actor:
    return Actor(kind="crm", id=message.by)
