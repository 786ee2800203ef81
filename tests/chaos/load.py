"""Steady load through the public doors only: what CRMs, staff and whoever checks a consent do all day, written down in the ledger.

Whoever gets no answer asks again under the same id until there is one, as every client should; now and then somebody asks again
although there was one.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

import aiohttp
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from crm_gateway.translating import COMMANDS
from events.catalogue.crm import INBOUND
from events.runtime.kafka import stopped

from .doors import Doors
from .ledger import Answer, Check, Command, Door, Ledger
from .portal import choose, link_in_mail

OVER_HTTP, OVER_CRM, IN_PORTAL = "newsletter", "satisfaction-survey", "personal-offers"
"""Each way in has a kind of consent of its own, so that it is clear whose word the last one is."""
WORDING = {"version": 1, "language": "de"}


class Load:
    """Everybody who is at the doors."""

    def __init__(self, doors: Doors, ledger: Ledger, *, seed: int, people: int = 40, rate: float = 1.0) -> None:
        self._doors = doors
        self._stack = doors.stack
        self.ledger = ledger
        self._chance = random.Random(seed)
        self._refs = [f"K-{seed}-{n}" for n in range(people)]
        self.subjects: dict[str, UUID] = {}
        self._linked: set[str] = set()
        self._rate = rate
        self._stop = asyncio.Event()
        self._numbers = iter(range(1_000_000))
        self._at_work: list[asyncio.Task[None]] = []
        self._producer: AIOKafkaProducer | None = None

    # --- coming and going ---------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Have the CRM tell of everybody once; then everybody goes to work."""
        for start in range(0, len(self._refs), 10):
            await self._tell_over_http([self._changed(ref) for ref in self._refs[start : start + 10]])
        work: list[tuple[Callable[[], Awaitable[None]], float]] = [
            (self._crm_over_http, 0.25),
            (self._crm_over_topic, 0.2),
            (self._consents, 0.08),
            (self._consents, 0.08),
            (self._burst, 1.0),
            (self._refused, 0.5),
            (self._repeat, 0.4),
            (self._check, 0.04),
            (self._check, 0.04),
            (self._read_feed, 0.5),
        ]
        if "subject-access" in self._stack.names():
            for ref in self._refs[:5]:
                await self._send_link(ref)
            await self._first_choice()
            work += [(self._link, 0.5), *([(self._choose, 0.4)] * 2)]
        self._at_work = [asyncio.create_task(self._again_and_again(what, pause)) for what, pause in work]

    async def end(self, limit: float) -> None:
        """Send everybody home once they have the answer they wait for; after ``limit`` seconds whatever they wait for."""
        self._stop.set()
        if self._at_work:
            _, late = await asyncio.wait(self._at_work, timeout=limit)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for task in self._at_work:
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error
        await self._give_up_producer()

    async def _again_and_again(self, what: Callable[[], Awaitable[None]], pause: float) -> None:
        while not self._stop.is_set():
            await what()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), self._chance.uniform(0.5, 1.5) * pause / self._rate)

    # --- the CRM ------------------------------------------------------------------------------------------------

    def _message(self, type_: str, ref: str, **more: Any) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        return {"type": type_, "id": f"storm-{uuid4()}", "occurred": now, "by": "storm", "crm_ref": ref, **more}

    def _changed(self, ref: str) -> dict[str, Any]:
        number = next(self._numbers)
        fields = {
            "first_name": self._chance.choice(["Erika", "Jörg", "Ayşe", "Zoë", "Łukasz"]),
            "last_name": f"Sturm {number}",
            "emails": [_address(ref)],
            "phones": [f"+49 30 {number:06}"],
            "Notiz": f"n {number}",
        }
        some = self._chance.sample(sorted(fields), self._chance.randint(1, len(fields)))
        return self._message("crm.person.changed", ref, fields={n: fields[n] for n in {*some, "emails", "last_name"}})

    def _news(self) -> dict[str, Any]:
        ref = self._chance.choice(self._refs)
        match self._chance.randrange(6):
            case 0 | 1:
                return self._changed(ref)
            case 2:
                order = f"A-{self._chance.randrange(5)}"
                total = self._chance.randrange(10_000)
                return self._message("crm.record.changed", ref, kind="order", record_ref=order, fields={"total": total})
            case 3:
                return self._message("crm.record.removed", ref, kind="order", record_ref="A-1")
            case 4:
                return self._message("crm.consent.recorded", ref, kind=OVER_CRM, evidence="a form in the cupboard")
            case _:
                return self._message("crm.consent.withdrawn", ref, kind=OVER_CRM)

    def _note(self, message: dict[str, Any], door: Door) -> Command:
        what = {"crm.consent.recorded": "give", "crm.consent.withdrawn": "withdraw"}.get(
            message["type"], message["type"]
        )
        return self.ledger.add(
            Command(
                door,
                "crm-gateway",
                uuid5(COMMANDS, message["id"]),
                what,
                time.time(),
                subject=self.subjects.get(message["crm_ref"]),
                kind=message.get("kind") if "consent" in message["type"] else None,
            )
        )

    async def _crm_over_http(self) -> None:
        await self._tell_over_http([self._news() for _ in range(self._chance.randint(1, 4))])

    async def _tell_over_http(self, messages: list[dict[str, Any]]) -> None:
        commands = [self._note(message, "crm-http") for message in messages]
        await self._send_over_http(messages, commands)

    async def _send_over_http(self, messages: list[dict[str, Any]], commands: list[Command]) -> None:
        """Send messages, and beside them one that must be refused and holds up none of them."""
        told = [*messages, self._message("crm.person.changed", "", fields={})]
        busy = True
        while busy:
            answer = await self._doors.ask_until_answered(
                "POST", "crm-gateway", "/v1/crm/events", told, roles=("crm",), on_try=_tried(*commands)
            )
            if answer.status != 200 or answer.body[-1]["status"] != "refused":
                raise AssertionError(f"the CRM's door answered {answer.status}, and must refuse only what is bad")
            busy = any(outcome["slug"] == "busy" for outcome in answer.body)
        for message, command, outcome in zip(messages, commands, answer.body[:-1], strict=True):
            command.answers.append(Answer(answer.at, 422 if outcome["status"] == "refused" else 200, outcome))
            if outcome["subject_id"]:
                self.subjects[message["crm_ref"]] = command.subject = UUID(outcome["subject_id"])

    async def _crm_over_topic(self) -> None:
        """Publish a message; now and then one that nobody can take over."""
        if self._chance.random() < 0.1:
            sent = await self._published(b'{"type": "crm.person', b"bad")
            self.ledger.garbage.add(f"{sent.topic}/{sent.partition}/{sent.offset}")
        message = self._news()
        command = self._note(message, "crm-topic")
        await self._published(json.dumps(message).encode(), message["crm_ref"].encode(), _tried(command))
        command.answers.append(Answer(time.time(), 202))

    async def _published(self, value: bytes, key: bytes, on_try: Callable[[], None] = lambda: None) -> RecordMetadata:
        """Publish until the broker says that it has the record; on doubt with another producer."""
        while True:
            on_try()
            try:
                async with asyncio.timeout(10):
                    if self._producer is None:
                        self._producer = AIOKafkaProducer(bootstrap_servers=self._stack.bootstrap)
                        await self._producer.start()
                    return await self._producer.send_and_wait(INBOUND, value, key=key)
            except (KafkaError, TimeoutError, OSError):
                await self._give_up_producer()
                await asyncio.sleep(0.3)

    async def _give_up_producer(self) -> None:
        if self._producer is not None:
            await stopped(self._producer)
        self._producer = None

    async def _read_feed(self) -> None:
        """Read on in the feed, and confirm what was read."""
        with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            after = max(self.ledger.fed.values(), default=0)
            path = f"/v1/crm/outbox?after={after}&limit=50"
            answer = await self._doors.ask("GET", "crm-gateway", path, roles=("crm",))
            if answer.status != 200:
                return
            for told in answer.body["messages"]:
                self.ledger.fed[UUID(told["message"])] = told["sequence"]
            confirmed = [
                self._message("crm.delivery.confirmed", told["crm_ref"], message=told["message"])
                for told in answer.body["messages"]
            ]
            if confirmed:
                await self._tell_over_http(confirmed)

    # --- consents -----------------------------------------------------------------------------------------------

    def _somebody(self) -> UUID:
        return self.subjects[self._chance.choice(sorted(self.subjects))]

    async def _consents(self) -> None:
        await self._act(self._somebody(), self._chance.choice(["give", "withdraw"]))

    async def _act(
        self, subject: UUID, what: str, *, kind: str = OVER_HTTP, at: str | None = None, **noted: Any
    ) -> None:
        body: dict[str, Any] = {"kind": kind, "method": "telephone"}
        if what == "give":
            body |= {"evidence": f"call {uuid4()}", "wording": WORDING}
        if at:
            body["at"] = at
        command = self.ledger.add(
            Command("consent", "consent", uuid4(), what, time.time(), subject=subject, kind=kind, **noted)
        )
        await self._send(command, body)

    async def _send(self, command: Command, body: dict[str, Any]) -> None:
        path = f"/v1/persons/{command.subject}/{'consents' if command.what == 'give' else 'withdrawals'}"
        command.answers.append(
            await self._doors.ask_until_answered(
                "POST", "consent", path, body, roles=("staff",), key=command.id, on_try=_tried(command)
            )
        )
        if self._chance.random() < 0.05:  # and once more, as if the answer had been lost
            command.answers.append(
                await self._doors.ask_until_answered("POST", "consent", path, body, roles=("staff",), key=command.id)
            )

    async def _burst(self) -> None:
        """Five at once say that the same person agreed at the same moment."""
        subject, at, burst = self._somebody(), datetime.now(UTC).isoformat(), str(uuid4())
        await asyncio.gather(*(self._act(subject, "give", at=at, burst=burst) for _ in range(5)))

    async def _refused(self) -> None:
        marker = f"never-{next(self._numbers)}"
        await self._act(self._somebody(), self._chance.choice(["give", "withdraw"]), kind=marker, marker=marker)

    async def _repeat(self) -> None:
        """Send a message again that has been taken over."""
        message = self._changed(self._chance.choice(self._refs))
        command = self._note(message, "crm-http")
        for _ in range(2):
            await self._send_over_http([message], [command])

    async def change(self, subject: UUID) -> None:
        """Have the CRM say something new of a person, off the record."""
        ref = next(ref for ref, known in self.subjects.items() if known == subject)
        command = Command("crm-http", "crm-gateway", uuid4(), "change", time.time())
        await self._send_over_http([self._changed(ref)], [command])

    async def _check(self) -> None:
        subject, asked = self._somebody(), time.time()
        kind = self._chance.choice([OVER_HTTP, OVER_HTTP, OVER_CRM, IN_PORTAL])
        with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
            path = f"/v1/consents/check?subject_id={subject}&kind={kind}"
            answer = await self._doors.ask("GET", "consent", path, roles=("crm",))
            if answer.status == 200:
                said = answer.body
                event = UUID(said["event"]) if said["event"] else None
                self.ledger.checks.append(Check(subject, kind, asked, answer.at, said["allowed"], event))

    # --- links and the portal -----------------------------------------------------------------------------------

    async def _link(self) -> None:
        await self._send_link(self._chance.choice(sorted(self.subjects)))

    async def _send_link(self, ref: str) -> None:
        """Issue a link to somebody's own address."""
        subject = self.subjects[ref]
        body = {"to": _address(ref), "language": "de", "reason": "storm"}
        command = self.ledger.add(Command("link", "subject-access", uuid4(), "link", time.time(), subject=subject))
        path = f"/v1/persons/{subject}/links"
        how: dict[str, Any] = {"roles": ("staff",), "key": command.id, "on_try": _tried(command)}
        answer = await self._doors.ask_until_answered("POST", "subject-access", path, body, **how)
        while answer.status == 404 and not self._stop.is_set():  # the portal has not heard of the person yet
            await asyncio.sleep(0.2)
            answer = await self._doors.ask_until_answered("POST", "subject-access", path, body, **how)
        command.answers.append(answer)
        self._linked.add(ref)

    async def _first_choice(self) -> None:
        """Wait for the first mail, where there is somebody to send it, and press the first button."""
        while "notifier" in self._stack.names() and not any(c.door == "portal" for c in self.ledger.commands):
            await self._choose()
            await asyncio.sleep(0.2)

    async def _choose(self) -> None:
        """Press a button in the portal, as somebody whose link has arrived."""
        ref = self._chance.choice(sorted(self._linked))
        if (path := await link_in_mail(self._stack, _address(ref))) is not None:
            await choose(self._stack, self.ledger, self.subjects[ref], path, IN_PORTAL)


def _address(ref: str) -> str:
    return f"{ref.lower()}@storm.example"


def _tried(*commands: Command) -> Callable[[], None]:
    def count() -> None:
        for command in commands:
            command.tries += 1

    return count
