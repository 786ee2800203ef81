"""One person's consents: what may happen, and what then has happened (Art. 7 and 21 GDPR, §7 UWG).

Consent is given to a wording, is as easy to withdraw as to give, and no news of the past overrides what the person said since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from consent.acts import OWN_DOORS, Act, outweighs
from events.catalogue.consents import (
    ChoiceDeclined,
    ConsentGiven,
    ConsentRefused,
    ConsentWithdrawn,
    Method,
    ObjectionLifted,
    ObjectionRaised,
    Strength,
    WordingRef,
)
from events.catalogue.vocabulary import THE_SYSTEM, Actor, Event
from events.deciding import Decider, Refused, command, state


@state
class KindTerms:
    """What a kind of consent asks for today, as it was looked up for a command."""

    wordings: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """The versions that were published, each with its languages."""
    retired: bool = False
    direct_marketing: bool = False
    validity_days: int | None = None


@command
class GiveConsent:
    """The person agrees. ``terms`` are those of the kind when it was looked up, ``None`` where there is no such kind."""

    subject: UUID
    kind: str
    at: datetime
    by: Actor
    method: Method
    strength: Strength
    wording: WordingRef | None = None
    wording_claimed: int | None = None
    evidence: str | None = None
    terms: KindTerms | None = None
    answers: UUID | None = None


@command
class RefuseConsent:
    """The person was asked and says no."""

    subject: UUID
    kind: str
    at: datetime
    by: Actor
    method: Method
    wording: WordingRef | None = None


@command
class WithdrawConsent:
    """The person takes it back. ``just_now``: they say so at this moment, which ends everything said before, whatever two
    machines' clocks make of it; otherwise ``at`` tells what it ends."""

    subject: UUID
    kind: str
    at: datetime
    by: Actor
    method: Method
    reason: str | None = None
    just_now: bool = False
    answers: UUID | None = None


@command
class RaiseObjection:
    """The person objects to direct marketing of every sort (Art. 21(2))."""

    subject: UUID
    at: datetime
    by: Actor
    method: Method


@command
class LiftObjection:
    """The person takes the objection back."""

    subject: UUID
    at: datetime
    by: Actor
    method: Method


Command: TypeAlias = GiveConsent | RefuseConsent | WithdrawConsent | RaiseObjection | LiftObjection


@state
class Consents:
    """What one person said so far."""

    decided: Mapping[str, Act] = field(default_factory=dict)
    """For each kind the act that decides."""
    last_no: Mapping[str, datetime] = field(default_factory=dict)
    """For each kind when the person last said no to it."""
    objected: datetime | None = None
    lifted: datetime | None = None
    answered: frozenset[UUID] = frozenset()
    """The choices made elsewhere that have their answer."""

    @property
    def objection(self) -> datetime | None:
        """Since when an objection to direct marketing stands."""
        return None if self.objected and self.lifted and self.lifted > self.objected else self.objected


def decide(consents: Consents, command: Command) -> Iterable[Event]:
    """Say what happens."""
    match command:
        case GiveConsent(answers=UUID() as choice) | WithdrawConsent(answers=UUID() as choice) if (
            choice in consents.answered
        ):
            return

        case GiveConsent():
            act = Act(True, command.at, command.strength)
            hindrance = _hindrance(consents, command)
            if not hindrance and outweighs(act, consents.decided.get(command.kind)):
                yield _given(command)
            elif command.answers:
                # The person waits for an answer: it is recorded, whatever it is.
                slug = hindrance.slug if hindrance else "overtaken"
                yield ChoiceDeclined(
                    at=command.at, by=THE_SYSTEM, kind=command.kind, answers=command.answers, reason=slug
                )
            elif hindrance:
                raise hindrance
            # Else it is old news: the person has said as much, or something newer.

        case RefuseConsent(kind=kind, at=at):
            if _is_news(consents, kind, at):
                yield ConsentRefused(at=at, by=command.by, kind=kind, wording=command.wording, method=command.method)

        case WithdrawConsent(kind=kind, at=at):
            # Art. 7(3): accepted from everybody and always, also before the grant that it overtakes, and with nothing to end.
            standing = consents.decided.get(kind)
            if command.just_now and standing and standing.yes:
                at = max(at, standing.at)
            if command.answers or _is_news(consents, kind, at):
                yield ConsentWithdrawn(
                    at=at,
                    by=command.by,
                    kind=kind,
                    method=command.method,
                    reason=command.reason,
                    answers=command.answers,
                )

        case RaiseObjection(at=at):
            if consents.objected is None or at > consents.objected:
                yield ObjectionRaised(at=at, by=command.by, method=command.method)

        case LiftObjection(at=at):
            if command.method in ("crm", "import"):
                raise Refused(
                    "not-the-persons-act",
                    "Only the person can take the objection back: in the portal, on a form, or by a letter or call of theirs.",
                )
            if consents.objection and at > consents.objection:
                yield ObjectionLifted(at=at, by=command.by, method=command.method)


def _hindrance(consents: Consents, wanted: GiveConsent) -> Refused | None:
    """Give the rule that forbids a grant, if there is one."""
    terms, shown, standing = wanted.terms, wanted.wording, consents.decided.get(wanted.kind)
    if terms is None:
        return Refused(
            "unknown-kind", f"There is no kind of consent {wanted.kind!r}. `gdpr consent kinds` lists those there are."
        )
    if terms.retired:
        return Refused("kind-retired", "Nobody is asked for this consent any more. Choose a kind that is in use.")
    if shown and shown.language not in terms.wordings.get(shown.version, ()):
        return Refused(
            "unknown-wording",
            f"Version {shown.version} of the wording in {shown.language!r} was never published. {_published(terms)}",
        )
    if wanted.wording_claimed is not None and wanted.wording_claimed not in terms.wordings:
        return Refused("unknown-wording", f"Version {wanted.wording_claimed} was never published. {_published(terms)}")
    if shown is None and wanted.method in OWN_DOORS:
        return Refused("wording-missing", "Say which wording the person saw: its version and its language.")
    objection = consents.objection
    if terms.direct_marketing and objection and (wanted.method not in OWN_DOORS or wanted.at <= objection):
        return Refused(
            "objection-stands",
            "The person objected to direct marketing. Only their own new act lifts that: a choice in the portal or on a form.",
        )
    if wanted.strength == "weak" and standing and not standing.yes:
        return Refused(
            "weak-evidence",
            "The person said no to this before, and a mere flag does not show that they agreed since."
            " Record how they agreed, as `evidence`, or send them the link to the portal.",
        )
    return None


def _published(terms: KindTerms) -> str:
    versions = ", ".join(f"{v} ({', '.join(sorted(languages))})" for v, languages in sorted(terms.wordings.items()))
    return f"Published: {versions}." if versions else "No wording has been published yet."


def _given(wanted: GiveConsent) -> ConsentGiven:
    days = wanted.terms.validity_days if wanted.terms else None
    return ConsentGiven(
        at=wanted.at,
        by=wanted.by,
        kind=wanted.kind,
        wording=wanted.wording,
        wording_claimed=wanted.wording_claimed,
        method=wanted.method,
        strength=wanted.strength,
        evidence=wanted.evidence,
        valid_until=wanted.at + timedelta(days=days) if days else None,
        answers=wanted.answers,
    )


def _is_news(consents: Consents, kind: str, no_at: datetime) -> bool:
    last = consents.last_no.get(kind)
    return last is None or no_at > last


def evolve(consents: Consents, event: Event) -> Consents:
    """Give what holds once this has happened."""
    match event:
        case ConsentGiven(kind=kind, at=at, strength=strength, answers=answers):
            return _answered(_acted(consents, kind, Act(True, at, strength)), answers)
        case ConsentWithdrawn(kind=kind, at=at, answers=answers):
            return _answered(_acted(consents, kind, Act(False, at)), answers)
        case ConsentRefused(kind=kind, at=at, answers=answers):
            return _answered(_acted(consents, kind, Act(False, at)), answers)
        case ChoiceDeclined(answers=answers):
            return _answered(consents, answers)
        case ObjectionRaised(at=at):
            return replace(consents, objected=max(at, consents.objected or at))
        case ObjectionLifted(at=at):
            return replace(consents, lifted=max(at, consents.lifted or at))
        case _:
            return consents


def _acted(consents: Consents, kind: str, act: Act) -> Consents:
    if not act.yes and _is_news(consents, kind, act.at):
        consents = replace(consents, last_no={**consents.last_no, kind: act.at})
    if outweighs(act, consents.decided.get(kind)):
        consents = replace(consents, decided={**consents.decided, kind: act})
    return consents


def _answered(consents: Consents, choice: UUID | None) -> Consents:
    return replace(consents, answered=consents.answered | {choice}) if choice else consents


CONSENTS: Decider[Command, Consents] = Decider(
    name="consents",
    initial=Consents(),
    decide=decide,
    evolve=evolve,
    stream=lambda command: f"consents-{command.subject}",
    subject=lambda command: command.subject,
)
