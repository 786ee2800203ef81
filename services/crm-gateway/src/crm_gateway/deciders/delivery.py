"""One thing that the CRM is told, and what it says to it: taken over, or refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Literal, TypeAlias
from uuid import UUID

from pydantic import JsonValue

from events.catalogue.persons import CrmConfirmed, CrmInformed, CrmRefused
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state


@command
class InformCrm:
    """A change of ours concerns the CRM. ``about`` is the event that made it."""

    subject: UUID
    message: UUID
    about: UUID
    what: str
    content: Mapping[str, JsonValue]
    at: datetime
    by: Actor


@command
class ConfirmDelivery:
    """The CRM took the message over."""

    subject: UUID
    message: UUID
    at: datetime
    by: Actor


@command
class RefuseDelivery:
    """The CRM did not take the message over."""

    subject: UUID
    message: UUID
    reason: str
    at: datetime
    by: Actor


Command: TypeAlias = InformCrm | ConfirmDelivery | RefuseDelivery


@state
class Delivery:
    """How far the message is."""

    stage: Literal["none", "informed", "confirmed", "refused"] = "none"


def decide(delivery: Delivery, wanted: Command) -> Iterator[Event]:
    """What was taken over stays taken over; what was refused may still be taken over."""
    at, by, message = wanted.at, wanted.by, wanted.message
    match wanted:
        case InformCrm():
            if delivery.stage == "none":
                yield CrmInformed(
                    at=at, by=by, message=message, about=wanted.about, what=wanted.what, content=dict(wanted.content)
                )
        case _ if delivery.stage == "none":
            raise Refused("unknown-message", "No such message was sent to the CRM. Give the id from the outbox.")
        case ConfirmDelivery():
            if delivery.stage != "confirmed":
                yield CrmConfirmed(at=at, by=by, message=message)
        case RefuseDelivery(reason=reason):
            if delivery.stage == "confirmed":
                raise Refused("already-confirmed", "The CRM has already taken this message over.")
            if delivery.stage != "refused":
                yield CrmRefused(at=at, by=by, message=message, reason=reason)


def evolve(delivery: Delivery, event: Event) -> Delivery:
    """Fold."""
    match event:
        case CrmInformed():
            return replace(delivery, stage="informed")
        case CrmConfirmed():
            return replace(delivery, stage="confirmed")
        case CrmRefused():
            return replace(delivery, stage="refused")
        case _:
            return delivery


DELIVERY: Decider[Command, Delivery] = Decider(
    name="delivery",
    initial=Delivery(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"delivery-{c.message}",
    subject=lambda c: c.subject,
)
