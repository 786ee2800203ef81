"""May this be done on this person's consent, now? The rule behind every check; where it does not know, it says no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from consent.acts import OWN_DOORS
from events.catalogue.consents import Method, Strength

Reason = Literal[
    "given", "withdrawn", "refused", "expired", "objection", "no-consent", "unknown-person", "unknown-kind"
]


class Standing(NamedTuple):
    """The act that decides about one person and kind, as the read model has it."""

    state: str
    since: datetime
    recorded: datetime
    event: UUID
    method: Method
    strength: Strength | None = None
    wording_version: int | None = None
    wording_language: str | None = None
    valid_until: datetime | None = None


class Objection(NamedTuple):
    """An objection to direct marketing that stands (Art. 21(2) GDPR)."""

    since: datetime
    recorded: datetime
    event: UUID
    method: Method


@dataclass(slots=True)
class ShownWording:
    """The text that was agreed to. ``language`` is missing where the source did not say it."""

    version: int
    language: str | None = None


@dataclass(slots=True)
class Verdict:
    """The answer to a check: yes or no, why, and the event that decides, with what it rests on.

    Not frozen, which would cost a check two microseconds more.
    """

    allowed: bool
    reason: Reason
    kind: str
    subject_id: UUID | None = None
    since: datetime | None = None
    recorded: datetime | None = None
    valid_until: datetime | None = None
    wording: ShownWording | None = None
    method: Method | None = None
    strength: Strength | None = None
    event: UUID | None = None


def judge(
    subject: UUID,
    kind: str,
    now: datetime,
    *,
    standing: Standing | None,
    objection: Objection | None,
    kind_known: bool,
    person_known: bool,
    direct_marketing: bool,
) -> Verdict:
    """Say whether it may be done. A retired kind is asked for no more, and what was given on it still counts."""
    if not kind_known:
        return Verdict(False, "unknown-kind", kind, subject)
    if direct_marketing and objection and not _newer_act_of_their_own(standing, objection):
        return Verdict(
            False,
            "objection",
            kind,
            subject,
            since=objection.since,
            recorded=objection.recorded,
            method=objection.method,
            event=objection.event,
        )
    if standing is None:
        return Verdict(False, "no-consent" if person_known or objection else "unknown-person", kind, subject)
    reason: Reason
    match standing.state:
        case "given":
            reason = "expired" if standing.valid_until and standing.valid_until <= now else "given"
        case "withdrawn" | "refused":
            reason = "withdrawn" if standing.state == "withdrawn" else "refused"
        case _:
            reason = "no-consent"
    return Verdict(
        reason == "given",
        reason,
        kind,
        subject,
        standing.since,
        standing.recorded,
        standing.valid_until,
        ShownWording(standing.wording_version, standing.wording_language) if standing.wording_version else None,
        standing.method,
        standing.strength,
        standing.event,
    )


def _newer_act_of_their_own(standing: Standing | None, objection: Objection) -> bool:
    return (
        standing is not None
        and standing.state == "given"
        and standing.method in OWN_DOORS
        and standing.since > objection.since
    )
