"""The one path behind the three doors: read, identify, fingerprint, decide, answer; for many messages at once.

The messages are handled in their order, a few hundred in one transaction. A message that cannot be taken over has an answer of
its own and holds up nobody else's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from prometheus_client import Counter

from crm_gateway import identity, shapes
from crm_gateway.deciders.field import FIELD, DiscoverField
from crm_gateway.messages import Incoming, News, Refusal, read
from crm_gateway.outcomes import Outcome, Status, refused
from crm_gateway.translating import COMMANDS, actor, commands_of, is_echo, occurred
from events.catalogue.crm import (
    CrmMessage,
    DeliveryConfirmed,
    DeliveryRefused,
    PersonRemovedInCrm,
    RecordChangedInCrm,
    RecordRemovedInCrm,
    WithdrawalRecordedInCrmMessage,
)
from events.catalogue.persons import CORE_FIELDS, FieldsConfirmed
from events.deciding import Refused
from events.errors import Conflict, EventError, Fenced, TooLarge
from events.runtime.handling import Answer, Wanted
from events.runtime.service import Service

RECEIVED = Counter("gdpr_crm_messages", "Messages of the CRM, by door and what became of them", ["door", "status"])
AT_ONCE: Final = 200
UNSEALED: Final = (WithdrawalRecordedInCrmMessage, RecordRemovedInCrm, PersonRemovedInCrm, DeliveryConfirmed)
"""Messages that say nothing personal: they are recorded of an erased person too."""


@dataclass(slots=True)
class _Case:
    """One message on its way."""

    news: News
    subject: UUID | None = None
    refusal: Refusal | None = None

    @property
    def message(self) -> CrmMessage:
        return self.news.message

    def refuse(self, slug: str, message: str, place: str = "") -> None:
        self.refusal = Refusal(slug, message, place, about=self.message.id)


class Door:
    """The way in."""

    def __init__(self, service: Service, *, own_account: str) -> None:
        self._service = service
        self._own_account = own_account
        self._fields: set[str] = set(CORE_FIELDS)

    async def receive(self, incoming: Sequence[Incoming], *, door: str) -> list[Outcome]:
        """Take messages over and give an answer for each. Raises what the loss of the database raises: then nothing is
        known, and the same again is safe."""
        outcomes: list[Outcome] = []
        for start in range(0, len(incoming), AT_ONCE):
            outcomes += await self._receive(incoming[start : start + AT_ONCE])
        for outcome in outcomes:
            RECEIVED.labels(door, outcome.status).inc()
        return outcomes

    async def _receive(self, incoming: Sequence[Incoming]) -> list[Outcome]:
        now = self._service.handler.clock()
        cases: list[_Case | Refusal] = []
        for one in incoming:
            try:
                cases.append(_Case(read(one, now)))
            except Refusal as refusal:
                cases.append(refusal)
        read_ones = [c for c in cases if isinstance(c, _Case)]
        await self._identify(read_ones)
        secrets = await self._secrets([c for c in read_ones if c.refusal is None])
        going = [c for c in read_ones if c.refusal is None]
        key = await self._service.keys.named(identity.KEY)
        groups = [
            commands_of(c.news, s, key, secrets.get(s), echo=is_echo(c.message, self._own_account))
            for c in going
            if (s := c.subject)
        ]
        answered = dict(zip(map(id, going), await self._handle(groups), strict=True))
        # Also of what was known before: who was killed in between is asked again.
        await self._discover([c for c in going if not isinstance(answered[id(c)], Refused)])
        return [
            refused(c)
            if isinstance(c, Refusal)
            else refused(c.refusal, c.subject)
            if c.refusal
            else _outcome(c, answered[id(c)])
            for c in cases
        ]

    async def _identify(self, cases: Sequence[_Case]) -> None:
        """Find whose message it is; an answer to one of ours must come from the record that was told."""
        answers = [c for c in cases if isinstance(c.message, DeliveryConfirmed | DeliveryRefused)]
        others = [c for c in cases if not isinstance(c.message, DeliveryConfirmed | DeliveryRefused)]
        subjects = await identity.resolved(self._service, {c.message.crm_ref for c in others}) if others else {}
        for case in others:
            case.subject = subjects[case.message.crm_ref]
        if not answers:
            return
        known = await identity.known(self._service, {c.message.crm_ref for c in answers})
        rows = await self._service.pool.fetch(
            "SELECT message, subject FROM deliveries WHERE message = ANY($1)",
            [c.message.message for c in answers if isinstance(c.message, DeliveryConfirmed | DeliveryRefused)],
        )
        told = {row["message"]: row["subject"] for row in rows}
        for case in answers:
            assert isinstance(case.message, DeliveryConfirmed | DeliveryRefused)
            case.subject = known.get(case.message.crm_ref)
            if case.message.message not in told:
                case.refuse("unknown-message", "No such message was sent. Give the id from the outbox.", "/message")
            elif told[case.message.message] != case.subject:
                case.refuse("other-record", "That message was about another record of the CRM.", "/crm_ref")

    async def _secrets(self, cases: Sequence[_Case]) -> dict[UUID, bytes]:
        """Give each person's key, made now for those who have none; refuse what would be recorded of the erased."""
        wanted = {c.subject for c in cases if c.subject and not isinstance(c.message, UNSEALED)}
        if not wanted:
            return {}
        keys = self._service.keys
        try:
            return {s: k.secret for s, k in (await keys.for_writing(wanted)).items()}
        except Fenced:
            # Whoever has no key now is fenced: the others' have just been made.
            found = await keys.secrets(wanted)
        for case in cases:
            if case.subject in wanted and case.subject not in found:
                _refuse_erased(case)
        return {s: versions[max(versions)] for s, versions in found.items()}

    async def _discover(self, cases: Sequence[_Case]) -> None:
        """Put fields that nobody has seen before into the field catalogue."""
        fresh: dict[str, DiscoverField] = {}
        for case in cases:
            for field, value in case.news.values.items():
                name = (
                    shapes.catalogued(case.message.kind, field)
                    if isinstance(case.message, RecordChangedInCrm)
                    else field
                )
                if name not in self._fields and value is not None:
                    fresh[name] = DiscoverField(
                        field=name, guessed=shapes.guess(value), at=occurred(case.message), by=actor(case.message)
                    )
        for start in range(0, len(fresh), AT_ONCE):
            part = list(fresh.values())[start : start + AT_ONCE]
            await self._service.handler.handle_many(
                [Wanted(decider=FIELD, command=c, id=uuid5(COMMANDS, f"field:{c.field}")) for c in part]
            )
            self._fields.update(c.field for c in part)

    async def _handle(self, groups: Sequence[list[Wanted]]) -> list[list[Answer] | Refused]:
        """Handle the commands of several messages in one transaction; where that fails because of one of them, in smaller ones."""
        if not groups:
            return []
        flat = [w for group in groups for w in group]
        try:
            answers = await self._service.handler.handle_many(flat)
        except (Fenced, TooLarge, Conflict) as error:
            if len(groups) == 1:
                return [_as_refusal(error)]
            half = len(groups) // 2
            return [*await self._handle(groups[:half]), *await self._handle(groups[half:])]
        given = iter(answers)
        found: list[list[Answer] | Refused] = []
        for group in groups:
            mine = [next(given) for _ in group]
            refusal = next((a for a in mine if isinstance(a, Refused)), None)
            found.append(refusal or [a for a in mine if isinstance(a, Answer)])
        return found


def _outcome(case: _Case, answer: list[Answer] | Refused) -> Outcome:
    if isinstance(answer, Refused):
        return refused(Refusal(answer.slug, answer.message, about=case.message.id), case.subject)
    happened = [e for a in answer if not a.repeated for e in a.events]
    status: Status = "accepted" if any(not isinstance(e.data, FieldsConfirmed) for e in happened) else "unchanged"
    return Outcome(
        id=case.message.id,
        status="repeated" if answer[-1].repeated else status,
        subject_id=case.subject,
        events=[e.type for e in happened],
    )


def _refuse_erased(case: _Case) -> None:
    case.refuse("erased", "This person has been erased. Nothing new is recorded about them.", "/crm_ref")


def _as_refusal(error: EventError) -> Refused:
    match error:
        case Fenced():
            return Refused("erased", "This person has been erased. Nothing new is recorded about them.")
        case TooLarge():
            return Refused("too-large", "The message does not fit into one event. Send fewer fields in it.")
        case _:
            return Refused("busy", "Others change the same record at this moment. Send the message again.")
