"""One person's erasure: what may happen, and what then has happened (Art. 17 to 19 GDPR, §35 BDSG).

Asked for on a ground, final with the end of a day, held up by duties to retain, and from the fence on without a way back. It is
complete only when the key is destroyed and every system that took part has said that it holds nothing any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from uuid import UUID

from erasure.retention import Rule
from events.catalogue.erasures import (
    ErasureAcknowledged,
    ErasureBlocked,
    ErasureCompleted,
    ErasureFenced,
    ErasureRecalled,
    ErasureRequested,
    ErasureScheduled,
    Ground,
    KeyDestroyed,
    PersonReadmitted,
)
from events.catalogue.vocabulary import Actor, Event
from events.deciding import Decider, Refused, command, state

NOTHING: Final[Mapping[str, date]] = MappingProxyType({})


@command
class RequestErasure:
    """The person asks, or it is due without being asked, on one of the grounds of Art. 17(1)."""

    subject: UUID
    erasure: UUID
    ground: Ground
    at: datetime
    by: Actor


@command
class ScheduleErasure:
    """It becomes final with the end of the day ``final``. ``today`` is the day in the controller's time zone."""

    subject: UUID
    erasure: UUID
    final: date
    today: date
    at: datetime
    by: Actor


@command
class RecallErasure:
    """The person changes their mind."""

    subject: UUID
    erasure: UUID
    today: date
    at: datetime
    by: Actor


@command
class BlockErasure:
    """A document of the day ``came_about`` must be kept by this rule (Art. 17(3)(b))."""

    subject: UUID
    erasure: UUID
    rule: Rule
    came_about: date
    today: date
    at: datetime
    by: Actor


@command
class FenceErasure:
    """The final day is over: from here on nothing new is recorded. ``systems`` are those registered to take part today."""

    subject: UUID
    erasure: UUID
    systems: frozenset[str]
    today: date
    at: datetime
    by: Actor


@command
class AcknowledgeErasure:
    """One system holds nothing of the person any more (Art. 19)."""

    subject: UUID
    erasure: UUID
    system: str
    at: datetime
    by: Actor


@command
class ConfirmKeyDestroyed:
    """The person's key has been destroyed in the key database."""

    subject: UUID
    erasure: UUID
    at: datetime
    by: Actor


@command
class ReadmitPerson:
    """Somebody lets an erased person in again, for a reason: never silently, by an import."""

    subject: UUID
    reason: str
    at: datetime
    by: Actor


BeforeTheFence: TypeAlias = ScheduleErasure | RecallErasure | BlockErasure | FenceErasure
BehindTheFence: TypeAlias = AcknowledgeErasure | ConfirmKeyDestroyed
Command: TypeAlias = RequestErasure | BeforeTheFence | BehindTheFence | ReadmitPerson


@state
class Erasure:
    """How far the person's erasure is. After a recall or a re-admission it is as if none had been asked for.

    ``duties`` are the rules that stand in the way, each with the last day of its period.
    """

    stage: Literal["none", "open", "fenced", "completed"] = "none"
    erasure: UUID | None = None
    recalled: UUID | None = None
    final: date | None = None
    duties: Mapping[str, date] = field(default_factory=lambda: NOTHING)
    systems: frozenset[str] = frozenset()
    acknowledged: frozenset[str] = frozenset()
    key_destroyed: bool = False

    @property
    def last_day(self) -> date | None:
        """The last day on which the person can change their mind; a duty to retain moves it to the duty's end."""
        return max((self.final, *self.duties.values()), default=None) if self.final else None

    @property
    def missing(self) -> frozenset[str]:
        """The systems that have not acknowledged yet."""
        return self.systems - self.acknowledged


def decide(erasure: Erasure, wanted: Command) -> Iterator[Event]:
    """Say what happens to the person's erasure."""
    match wanted:
        case RequestErasure():
            yield from _request(erasure, wanted)
        case ReadmitPerson():
            yield from _readmit(erasure, wanted)
        case RecallErasure() if erasure.recalled == wanted.erasure:
            return
        case _ if erasure.erasure != wanted.erasure:
            raise Refused("unknown-erasure", "No erasure is open under this id. Look up the person's open request.")
        case AcknowledgeErasure() | ConfirmKeyDestroyed():
            yield from _behind_the_fence(erasure, wanted)
        case _:
            yield from _before_the_fence(erasure, wanted)


def _request(erasure: Erasure, wanted: RequestErasure) -> Iterator[Event]:
    if erasure.stage == "none":
        if erasure.recalled == wanted.erasure:
            raise Refused("erasure-recalled", "This request was recalled. Make a new one under a new id.")
        yield ErasureRequested(at=wanted.at, by=wanted.by, erasure=wanted.erasure, ground=wanted.ground)
    elif erasure.erasure != wanted.erasure:
        if erasure.stage == "open":
            raise Refused("erasure-open", "An erasure of this person is already under way. Carry that one on.")
        raise Refused("already-erased", "This person has been erased, or is being erased at this moment.")


def _before_the_fence(erasure: Erasure, wanted: BeforeTheFence) -> Iterator[Event]:
    at, by, id_ = wanted.at, wanted.by, wanted.erasure
    if erasure.stage != "open":
        if isinstance(wanted, FenceErasure):
            return
        raise Refused("already-erased", "The final day is over, and the erasure cannot be changed any more.")
    match wanted:
        case ScheduleErasure(final=final, today=today):
            if final == erasure.final:
                return
            if final < today:
                raise Refused("final-day-past", "The final day must still be to come. Choose today or a later day.")
            yield ErasureScheduled(at=at, by=by, erasure=id_, final=final)
        case RecallErasure(today=today):
            if erasure.last_day and today > erasure.last_day:
                raise Refused("final-day-past", "The day until which the request could be recalled is over.")
            yield ErasureRecalled(at=at, by=by, erasure=id_)
        case BlockErasure(rule=rule, came_about=came_about, today=today):
            until = rule.until(came_about)
            if until < today or until <= erasure.duties.get(rule.slug, date.min):
                return  # the period is over, or a later document is kept by the same rule
            yield ErasureBlocked(at=at, by=by, erasure=id_, rule=rule.slug, until=until)
        case FenceErasure(systems=systems, today=today):
            _refuse_too_early(erasure, today)
            if not systems:
                raise Refused("no-systems", "No system is registered to take part. Register those that hold data.")
            yield ErasureFenced(at=at, by=by, erasure=id_, systems=tuple(sorted(systems)))


def _refuse_too_early(erasure: Erasure, today: date) -> None:
    if erasure.final is None:
        raise Refused("not-scheduled", "The erasure has no final day yet. Schedule it first.")
    if today <= erasure.final:
        raise Refused("not-final", "The person can still change their mind. Wait until the final day is over.")
    running = sorted(rule for rule, until in erasure.duties.items() if today <= until)
    if running:
        raise Refused(
            "retention-duty",
            f"A duty to retain is still running ({', '.join(running)}). Until its end the data is restricted.",
        )


def _behind_the_fence(erasure: Erasure, wanted: BehindTheFence) -> Iterator[Event]:
    at, by, id_ = wanted.at, wanted.by, wanted.erasure
    if erasure.stage == "open":
        raise Refused("not-fenced", "The erasure is not final yet; nothing may be erased before.")
    if erasure.stage == "completed":
        return
    happened: Event
    match wanted:
        case AcknowledgeErasure(system=system) if system not in erasure.systems:
            raise Refused(
                "unknown-system", "This system was not registered to take part when the erasure became final."
            )
        case AcknowledgeErasure(system=system):
            if system in erasure.acknowledged:
                return
            happened = ErasureAcknowledged(at=at, by=by, erasure=id_, system=system)
        case ConfirmKeyDestroyed():
            if erasure.key_destroyed:
                return
            happened = KeyDestroyed(at=at, by=by, erasure=id_)
    yield happened
    after = evolve(erasure, happened)
    if after.key_destroyed and not after.missing:
        yield ErasureCompleted(at=at, by=by, erasure=id_, systems=tuple(sorted(after.systems)))


def _readmit(erasure: Erasure, wanted: ReadmitPerson) -> Iterator[Event]:
    match erasure.stage:
        case "fenced":
            raise Refused("erasure-incomplete", "The erasure is not complete. Let the person in again afterwards.")
        case "completed":
            yield PersonReadmitted(at=wanted.at, by=wanted.by, reason=wanted.reason)
        case _:
            return  # nobody to let in again


def evolve(erasure: Erasure, event: Event) -> Erasure:
    """Fold."""
    match event:
        case ErasureRequested(erasure=id_):
            return Erasure(stage="open", erasure=id_)
        case ErasureScheduled(final=final):
            return replace(erasure, final=final)
        case ErasureRecalled(erasure=id_):
            return Erasure(recalled=id_)
        case ErasureBlocked(rule=rule, until=until):
            return replace(erasure, duties=MappingProxyType({**erasure.duties, rule: until}))
        case ErasureFenced(systems=systems):
            return replace(erasure, stage="fenced", systems=frozenset(systems))
        case ErasureAcknowledged(system=system):
            return replace(erasure, acknowledged=erasure.acknowledged | {system})
        case KeyDestroyed():
            return replace(erasure, key_destroyed=True)
        case ErasureCompleted():
            return replace(erasure, stage="completed")
        case PersonReadmitted():
            return Erasure()
        case _:
            return erasure


ERASURES: Decider[Command, Erasure] = Decider(
    name="erasures",
    initial=Erasure(),
    decide=decide,
    evolve=evolve,
    stream=lambda c: f"erasure-{c.subject}",
    subject=lambda c: c.subject,
)
