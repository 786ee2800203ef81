"""The portal on real PostgreSQL and Kafka, with what the other services would have recorded."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer

from events.catalogue import OWNERS
from events.catalogue.access import AccessLinkIssued
from events.catalogue.consents import ConsentGiven, KindDefined, PurposeDefined, WordingPublished, WordingRef
from events.catalogue.persons import PersonAdmitted, PersonChanged
from events.catalogue.vocabulary import THE_SYSTEM, Actor, Event
from events.envelope import HEADERS, Recorded, decode, encode, has_personal, key_of, partition_of
from events.runtime.transport import TransportKey
from events.testing import recorded
from subject_access import reading
from subject_access.main import SubjectAccess, build
from subject_access.projections.persons import persons
from subject_access.projections.standings import standings
from subject_access.settings import SubjectAccessSettings
from web.identity import Identity
from web.serving import start
from web.testing import Keys, somebody

LENA = somebody("staff", account="lena")
DORA = somebody("dpo", account="dora")
AXEL = somebody("auditor", account="axel")
THE_CRM = Actor(kind="crm", id="lime")
LONG_AGO = datetime(2024, 5, 3, 9, 30, tzinfo=UTC)

ERIKA = {
    "salutation": "Frau",
    "first_name": "Erika",
    "last_name": "Mustermann",
    "emails": [{"address": "erika@example.org", "label": "privat"}, {"address": "e.mustermann@firma.example"}],
    "phones": [{"number": "+4930901820"}],
    "addresses": [{"street": "Heidestraße 17", "postcode": "51147", "city": "Köln", "country": "DE"}],
    "birth_date": "1964-08-12",
    "language": "de",
    "customer_number": "K-4711",
}


@dataclass
class Portal:
    """The portal, running, and what it needs to be asked and to be fed."""

    access: SubjectAccess
    settings: SubjectAccessSettings
    address: str
    signer: Keys
    clock: Hands
    _versions: dict[str, int] = field(default_factory=dict)
    _producer: AIOKafkaProducer | None = None

    async def ask(
        self, who: Identity, method: str, path: str, body: Any = None, command_id: UUID | None = None
    ) -> tuple[int, Any]:
        """Ask as a programme of staff, each command under a new id."""
        headers = self.signer.header(who) | {"Idempotency-Key": str(command_id or uuid4())}
        async with (
            aiohttp.ClientSession(self.address) as http,
            http.request(method, path, json=body, headers=headers) as response,
        ):
            return response.status, await response.json(content_type=None)

    @contextlib.asynccontextmanager
    async def visitor(self, **headers: str) -> AsyncIterator[aiohttp.ClientSession]:
        """A browser without a script, and with cookies of its own."""
        jar = aiohttp.CookieJar(unsafe=True)
        headers = {"Accept": "text/html", "Accept-Language": "en", **headers}
        async with aiohttp.ClientSession(self.address, cookie_jar=jar, headers=headers) as browser:
            yield browser

    async def record(self, event: Event, subject: UUID | None = None, *, event_id: UUID | None = None) -> UUID:
        """Put an event of another service on its topic, as that service's relay would."""
        owner = OWNERS[event.topic]
        named = [getattr(event, name, None) for name in ("field", "purpose", "kind")]
        about = getattr(event, "record", None) or subject or next(filter(None, named), "")
        stream = f"{owner}-{about}" if subject else f"{owner}-{type(event).__name__}-{about}"
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        made = recorded(event, stream, version, subject, event_id=event_id)
        key = None
        if subject and has_personal(event):
            key = (await self.access.service.keys.for_writing([subject]))[subject]
        if self._producer is None:
            self._producer = AIOKafkaProducer(bootstrap_servers=self.settings.kafka_bootstrap_servers)
            await self._producer.start()
        key_text = key_of(stream, subject)
        await self._producer.send_and_wait(
            self.settings.topic_prefix + event.topic,
            encode(made, key),
            key=key_text.encode(),
            partition=partition_of(key_text),
            headers=HEADERS,
        )
        return made.id

    async def person(self, values: dict[str, Any] | None = None) -> UUID:
        """A person whom the CRM has sent, as soon as the portal knows them."""
        subject = uuid4()
        values = ERIKA if values is None else values
        await self.record(PersonAdmitted(at=LONG_AGO, by=THE_CRM, crm_ref=f"crm-{subject}"), subject)
        prints = {name: "x" if value is not None else "" for name, value in values.items()}
        await self.record(
            PersonChanged.model_validate(
                {"at": LONG_AGO, "by": THE_CRM, "fields": prints, "values": values, "full": True}
            ),
            subject,
        )
        await eventually(lambda: self._knows(subject, set(values)))
        return subject

    async def _knows(self, subject: UUID, fields: set[str]) -> bool:
        row = await self.access.service.reader(persons).get(subject)
        return row is not None and row.held.keys() >= fields

    async def offer(self) -> None:
        """What the consent service offers: a newsletter (marketing), and surveys (none)."""
        for purpose, marketing in (("newsletter", True), ("surveys", False)):
            await self.record(
                PurposeDefined(
                    at=LONG_AGO,
                    by=THE_SYSTEM,
                    purpose=purpose,
                    titles={"de": purpose, "en": purpose},
                    descriptions={
                        "de": f"Wofür wir {purpose} brauchen.",
                        "en": f"What we need {purpose} for.",
                    },
                    legal_basis="consent",
                    direct_marketing=marketing,
                )
            )
        titles = {
            "newsletter": {"de": "Newsletter per E-Mail", "en": "Newsletter by e-mail"},
            "surveys": {"de": "Umfragen per E-Mail", "en": "Surveys by e-mail"},
        }
        for kind, named in titles.items():
            await self.record(
                KindDefined(at=LONG_AGO, by=THE_SYSTEM, kind=kind, purpose=kind, titles=named, channels=("email",))
            )
            await self.publish(kind, 1)
        await eventually(self._offers)

    async def publish(self, kind: str, version: int) -> None:
        """A wording of a kind."""
        texts = {
            "de": f"Ja, ich möchte {kind}, wie in Fassung {version} beschrieben. Ich kann das jederzeit widerrufen.",
            "en": f"Yes, I would like {kind} as described in version {version}. I can withdraw this at any time.",
        }
        await self.record(WordingPublished(at=LONG_AGO, by=THE_SYSTEM, kind=kind, version=version, texts=texts))

    async def _offers(self) -> bool:
        offered = await reading.offer(self.access.service)
        return len(offered.kinds) == len(offered.wordings) == len(offered.purposes) == 2

    async def given(self, subject: UUID, kind: str = "newsletter", **more: Any) -> UUID:
        """The person agreed, long ago, on paper."""
        told = {"at": LONG_AGO, "by": THE_CRM, "kind": kind, "method": "paper", "strength": "documented"}
        told |= {"wording": WordingRef(version=1, language="de")}
        event = await self.record(ConsentGiven.model_validate(told | more), subject)
        await eventually(lambda: self.stands(subject, kind, "given"))
        return event

    async def stands(self, subject: UUID, kind: str, state: str) -> bool:
        """Whether the portal knows that this holds."""
        row = await self.access.service.reader(standings).get(subject, kind)
        return row is not None and row.state == state

    async def choice_of(self, subject: UUID) -> Recorded[Any]:
        """The choice that the person made in the portal, as it stands in the log."""
        rows = await self.access.service.pool.fetch(
            "SELECT value FROM events WHERE key = $1 ORDER BY position", str(subject)
        )
        made = [event for row in rows if (event := decode(row["value"], {})).type == "ConsentChosen"]
        assert len(made) == 1, "one choice"
        return made[0]

    async def link(self, subject: UUID, **more: Any) -> tuple[UUID, str]:
        """Issue a link; give its id, and its secret as the notifier reads it."""
        body = {"to": "erika@example.org", "reason": "asked-by-telephone", **more}
        status, told = await self.ask(LENA, "POST", f"/v1/persons/{subject}/links", body)
        assert status == 201, told
        return UUID(told["link"]), await self.secret_of(UUID(told["link"]))

    async def secret_of(self, link: UUID) -> str:
        """Open a link's secret out of the event, as the notifier does."""
        value = await self.access.service.pool.fetchval(
            "SELECT value FROM events WHERE stream = $1 AND version = 1", f"link-{link}"
        )
        issued = decode(value, {}).data
        assert isinstance(issued, AccessLinkIssued)
        assert issued.for_mail is not None
        return TransportKey.from_file(self.settings.transport_key_file).open(issued.for_mail, link)

    async def stop(self) -> None:
        """Stop the producer."""
        if self._producer is not None:
            await self._producer.stop()


@dataclass
class Hands:
    """The portal's clock: it goes, and can be put forward."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True)
class Secrets:
    """The files that the portal is given."""

    directory: Path
    signer: Keys

    @property
    def settings(self) -> dict[str, Path]:
        return {
            "key_encryption_key_file": self.directory / "kek",
            "identity_keys_file": self.directory / "jwks.json",
            "transport_key_file": self.directory / "transport.key",
        }


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Secrets:
    made = Secrets(tmp_path_factory.mktemp("secrets"), Keys())
    random = [base64.b64encode(os.urandom(32)).decode() for _ in range(2)]
    (made.directory / "kek").write_text(f"1:{random[0]}\n")
    (made.directory / "transport.key").write_text(f"{random[1]}\n")
    (made.directory / "jwks.json").write_text(json.dumps(made.signer.public))
    return made


@pytest.fixture(scope="module")
def installation(
    database: Callable[[], str], key_database: Callable[[], str], secrets: Secrets, kafka: Any
) -> Callable[..., SubjectAccessSettings]:
    """Make the settings of a new installation, with databases and topics of its own."""

    def make(**more: Any) -> SubjectAccessSettings:
        settings = {
            "database_url": database(),
            "keys_database_url": key_database(),
            "kafka_bootstrap_servers": kafka.bootstrap,
            "kafka_idempotence": kafka.is_apache,
            "topic_prefix": f"t{uuid4().hex[:8]}.",
            "fetch_max_wait_ms": 50,
            "lease_seconds": 1.5,
            "http_port": 1,
            "company_name": "Nordlicht Handel GmbH",
            "contact_mail": "datenschutz@nordlicht.example",
            "answer_seconds": 0.3,
            "link_openings_per_minute": 1000,
        }
        return SubjectAccessSettings(**{**settings, **secrets.settings, **more})

    return make


@contextlib.asynccontextmanager
async def running(settings: SubjectAccessSettings, signer: Keys) -> AsyncIterator[Portal]:
    """Run the portal and its HTTP door for as long as a block."""
    clock = Hands()
    access = build(settings, clock)
    task = asyncio.create_task(access.service.run())
    runner = await start(access.app, "127.0.0.1", 0, grace=1.0)
    portal = Portal(access, settings, f"http://127.0.0.1:{runner.port}", signer, clock)
    try:
        async with asyncio.timeout(60):
            while access.service.waits_for():
                if task.done():
                    task.result()
                await asyncio.sleep(0.01)
        yield portal
    finally:
        await portal.stop()
        await runner.cleanup()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture(scope="module")
async def portal(installation: Callable[..., SubjectAccessSettings], secrets: Secrets) -> AsyncIterator[Portal]:
    """A portal for the tests of a module, whose clock goes right again after each."""
    async with running(installation(), secrets.signer) as run:
        yield run


@pytest.fixture(autouse=True)
def _clock_goes_right_again(request: pytest.FixtureRequest) -> None:
    if "portal" in request.fixturenames:
        request.getfixturevalue("portal").clock.ahead = timedelta()


async def eventually(true: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until something holds; give it."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
