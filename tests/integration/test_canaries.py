"""Planted values go in by every door, well and badly formed, and stand nowhere in the clear afterwards; nor anywhere once a key is gone."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from events.catalogue.crm import INBOUND
from events.runtime.keys import Keys, read_key_encryption_keys
from stack.databases import KEYS_DATABASE
from stack.running_stack import RunningStack
from stack.services import BY_NAME
from tests.chaos.portal import Forms, link_in_mail
from tests.chaos.scanning import OUTSIDE, Canaries, among, in_databases, in_files, in_topics, is_exempt
from tests.chaos.storm import on_its_way

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EVERYBODY = ("staff", "dpo", "admin", "auditor", "crm")
HURRY = aiohttp.ClientTimeout(total=30)


@dataclass
class Person:
    """One planted person: what the CRM says of them."""

    name: str
    canaries: Canaries
    ref: str = ""
    mail: str = ""
    said: dict[str, Any] = field(default_factory=dict)
    subject: UUID | None = None

    def __post_init__(self) -> None:
        def planted(what: str, form: str = "{}") -> str:
            return self.canaries.plant(f"{self.name}'s {what}", form)

        self.ref, self.mail = planted("reference", "K-{}"), planted("mail", "{}@canary.example")
        self.said = {
            "first_name": planted("first name"),
            "last_name": planted("last name"),
            "emails": [self.mail],
            "phones": [f"+49 30 {self.canaries.plant_number('a phone')}"],
            "addresses": [{"street": planted("street", "{} 7"), "city": planted("city")}],
            "company": planted("company", "{} GmbH"),
            "customer_number": planted("customer number"),
            "Lieblingsfarbe": planted("custom field"),
        }
        self.note, self.own_id = planted("note"), planted("record of theirs")
        self.evidence, self.reason = planted("evidence"), planted("reason")

    def messages(self) -> list[dict[str, Any]]:
        """Give what the CRM says of them, one message of each type that carries something."""
        common = {"occurred": "2026-01-02T10:00:00Z", "by": "canary", "crm_ref": self.ref}
        return [
            {"type": "crm.person.changed", "fields": self.said, **common},
            {"type": "crm.record.changed", "kind": "note", "record_ref": self.own_id, "fields": {"text": self.note}, **common},
            {"type": "crm.consent.recorded", "kind": "newsletter", "evidence": self.evidence, **common},
        ]  # fmt: skip


@dataclass
class Doors:
    """The running stack, what was planted, and everything that was answered to bad input."""

    stack: RunningStack
    http: aiohttp.ClientSession
    canaries: Canaries
    refusals: list[tuple[str, bytes]] = field(default_factory=list)

    async def ask(self, method: str, service: str, path: str, body: Any = None, **how: Any) -> tuple[int, bytes]:
        """Ask as somebody who may do everything."""
        headers = {"Authorization": f"Bearer {self.stack.token('canary', *EVERYBODY)}", **how.pop("headers", {})}
        headers.setdefault("Idempotency-Key", str(uuid4()))
        content = {"json": body} if not isinstance(body, bytes) else {"data": body}
        if isinstance(body, bytes):
            headers.setdefault("Content-Type", "application/json")
        async with self.http.request(
            method, self.stack.url(service) + path, headers=headers, timeout=HURRY, **content, **how
        ) as answer:
            return answer.status, await answer.read()

    async def refused(self, method: str, service: str, path: str, body: Any = None, **how: Any) -> None:
        """Ask for what must be refused, and keep the answer to look through it."""
        status, answer = await self.ask(method, service, path, body, **how)
        assert 400 <= status < 500, (method, service, urlsplit(path).path[:20], status, answer)
        self.refusals.append((f"answer {status} of {service}", answer))

    async def told(self, method: str, service: str, path: str, body: Any = None) -> Any:
        """Ask for what must be answered."""
        status, answer = await self.ask(method, service, path, body)
        assert status < 300, (method, service, status, answer)
        return json.loads(answer) if answer else None


@pytest.fixture(scope="module")
async def doors(running_stack: RunningStack) -> Any:
    async with aiohttp.ClientSession() as http:
        yield Doors(running_stack, http, Canaries())


def ours(stack: RunningStack) -> list[str]:
    """Give the services; the demo CRM stands for somebody else's."""
    return sorted(set(stack.names()) & set(BY_NAME) - set(OUTSIDE))


async def at_rest(doors: Doors) -> None:
    async with asyncio.timeout(60):
        while await on_its_way(doors.stack):
            await asyncio.sleep(0.3)


async def publish(doors: Doors, *values: bytes, headers: list[tuple[str, bytes]] | None = None) -> None:
    client = AIOKafkaProducer(bootstrap_servers=doors.stack.bootstrap)
    await client.start()
    for value in values:
        await client.send_and_wait(INBOUND, value, headers=headers or [])
    await client.stop()


async def let_in(doors: Doors, person: Person, *, by_topic: bool = False) -> None:
    """Have the CRM tell of a person; then staff and the person themselves do what they do."""
    messages = [{"id": str(uuid4()), **message} for message in person.messages()]
    if by_topic:
        await publish(doors, *(json.dumps(message).encode() for message in messages))
    else:
        outcomes = await doors.told("POST", "crm-gateway", "/v1/crm/events", messages)
        assert {outcome["status"] for outcome in outcomes} == {"accepted"}
    await at_rest(doors)
    person.subject = UUID(
        (await doors.told("POST", "crm-gateway", "/v1/persons/by-ref", {"crm_ref": person.ref}))["subject_id"]
    )
    own = f"/v1/persons/{person.subject}"
    given = {"kind": "product-news-phone", "method": "paper", "evidence": person.evidence}
    await doors.told("POST", "consent", f"{own}/consents", given)
    withdrawn = {"kind": "newsletter", "method": "telephone", "reason": person.reason}
    await doors.told("POST", "consent", f"{own}/withdrawals", withdrawn)
    for words in (person.said["last_name"], person.mail, person.said["phones"][0]):
        assert (await doors.told("POST", "crm-gateway", "/v1/persons/search", {"q": words}))["persons"]
    link = {"to": person.mail, "language": "de", "reason": "canary"}
    await doors.told("POST", "subject-access", f"{own}/links", link)
    await doors.told("POST", "subject-access", f"{own}/looks", {"where": "canary"})
    await at_rest(doors)


async def portal_shows(doors: Doors, person: Person) -> bytes:
    """Open the link from the mail and read every page behind it."""
    path = await link_in_mail(doors.stack, person.mail)
    assert path
    base = doors.stack.url("subject-access")
    pages = b""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=HURRY) as browser:
        for page in (path, "/me", "/me/data", "/me/consents", "/me/history", "/me/looks"):
            async with browser.get(base + page) as answer:
                pages += await answer.read()
        forms = Forms()
        async with browser.get(f"{base}/me/consents") as answer:
            forms.feed(await answer.text())
        for action, form in forms.found.items():
            if action.startswith("/me/consents/"):  # a field that nobody asked for, filled with something personal
                async with browser.post(base + action, data={**form, "choice": person.note}) as answer:
                    doors.refusals.append(("a form of the portal", b"" if answer.status < 400 else await answer.read()))
                break
    return pages


async def bad_input(doors: Doors, person: Person) -> None:
    """Say personal things badly, at every door."""
    name, subject = person.said["last_name"], person.subject
    good = {"id": str(uuid4()), **person.messages()[0]}
    broken = json.dumps(good)[:-20].encode()
    bad: list[bytes] = [
        broken,
        json.dumps({**good, "id": "1", "fields": {"emails": 7, "first_name": {"deep": name}}}).encode(),
        json.dumps({**good, "id": "2", "occurred": name}).encode(),
        json.dumps({**good, "id": "3", "unexpected": name}).encode(),
        json.dumps({**good, "id": "4", "type": name}).encode(),
        json.dumps({**good, "id": "5", "fields": {"first_name": f"{name}\0"}}).encode(),
        json.dumps({**good, "id": "6", "fields": {"birth_date": name}}).encode(),
        b"\xff\xfe" + name.encode("utf-16-le"),
        name.encode(),
    ]
    for one in bad:
        status, answer = await doors.ask("POST", "crm-gateway", "/v1/crm/events", one)
        said = json.loads(answer)
        assert status >= 400 or said[0]["status"] == "refused", answer
        # The id is what the sender gave it, to know which message is meant.
        doors.refusals.append(("outcome of the CRM's door", answer))
    await publish(doors, *bad)
    await publish(
        doors, broken, headers=[("ce_specversion", b"1.0"), ("ce_type", name.encode()), ("ce_subject", b"\xff")]
    )

    own = f"/v1/persons/{subject}"
    await doors.refused("POST", "consent", f"{own}/consents", {"kind": "newsletter", "method": name})
    await doors.refused(
        "POST", "consent", f"{own}/consents", {"kind": "newsletter", "method": "paper", "evidence": [name]}
    )
    await doors.refused("POST", "consent", f"{own}/consents", {"kind": "nothing", "method": "paper", "evidence": name})
    await doors.refused(
        "POST", "consent", f"{own}/withdrawals", {"kind": "newsletter", "method": "paper", "reason": f"{name}\0"}
    )
    await doors.refused("POST", "consent", f"{own}/withdrawals", broken)
    await doors.refused("GET", "consent", f"/v1/persons/{name}/consents")
    await doors.refused("GET", "consent", f"/v1/consents/check?subject_id={name}&kind=newsletter")
    await doors.refused("GET", "crm-gateway", f"/v1/crm/outbox?after={name}")
    await doors.refused("POST", "crm-gateway", "/v1/persons/search", {"q": [name]})
    await doors.refused("POST", "crm-gateway", "/v1/persons/by-ref", {"crm_ref": f"{person.ref}-{name}"})
    await doors.refused("GET", "crm-gateway", f"/v1/{name}")
    await doors.refused(
        "POST", "subject-access", f"{own}/links", {"to": f"{name}@elsewhere.example", "reason": "canary"}
    )
    await doors.refused("POST", "subject-access", f"{own}/links", {"to": person.mail, "reason": name + " Ä"})
    await doors.refused("GET", "subject-access", f"/l/{name}")
    await doors.refused("GET", "audit", f"/v1/history/{subject}?decrypt=true&reason={person.mail}")
    await doors.refused("GET", "audit", f"/v1/replay?topic={name}")
    await doors.refused("GET", "notifier", f"/v1/persons/{name}/mails")
    for service in ours(doors.stack):
        headers = {
            "Authorization": f"Bearer {name}",
            "X-Forwarded-For": name,
            "Referer": f"http://x/{name}",
            "Cookie": f"a={name}",
        }
        status, answer = await doors.ask("GET", service, f"/v1/persons/{name}?q={name}", headers=headers)
        doors.refusals.append((f"answer {status} of {service}", answer if status >= 400 else b""))
        doors.refusals.append((f"{service} on a broken request", await _raw(doors.stack.url(service), name)))
    await sign_in_badly(doors, name)


async def sign_in_badly(doors: Doors, name: str) -> None:
    """Type a name and a password that nobody has at the staff's desk."""
    base = doors.stack.url("console")
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=HURRY) as browser:
        forms = Forms()
        async with browser.get(f"{base}/sign-in") as answer:
            forms.feed(await answer.text())
        form = next(f for f in forms.found.values() if "password" in f)
        async with browser.post(f"{base}/sign-in", data={**form, "account": name, "password": name}) as answer:
            assert answer.status >= 400


async def _raw(url: str, name: str) -> bytes:
    """Send what is no HTTP."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"GET /{name} {name} HTTP/9.9\r\n{name}: {name}\r\nContent-Length: {name}\r\n\r\n".encode())
    await writer.drain()
    try:
        async with asyncio.timeout(5):
            return await reader.read(65536)
    except TimeoutError:
        return b""
    finally:
        writer.close()


async def said_by_the_services(doors: Doors) -> list[tuple[str, bytes]]:
    """What services say of themselves."""
    said = []
    for service in ours(doors.stack):
        said += [(f"{service}{path}", (await doors.ask("GET", service, path))[1]) for path in OF_THEMSELVES]
    said.append(("quarantine", (await doors.ask("GET", "crm-gateway", "/v1/quarantine"))[1]))
    said.append(("webhooks", (await doors.ask("GET", "crm-gateway", "/v1/crm/webhooks"))[1]))
    return said


async def test_what_is_personal_stands_nowhere_in_the_clear(doors: Doors) -> None:
    paula, peter = Person("Paula", doors.canaries), Person("Peter", doors.canaries)
    await let_in(doors, paula)
    await let_in(doors, peter, by_topic=True)
    assert paula.said["last_name"].encode() in await portal_shows(doors, paula)
    await bad_input(doors, paula)
    await at_rest(doors)

    assert list(among(doors.refusals, doors.canaries)) == []
    assert list(among(await said_by_the_services(doors), doors.canaries)) == []
    records, in_the_log = await in_topics(doors.stack, doors.canaries)
    tables, in_tables = await in_databases(doors.stack, doors.canaries)
    assert (in_the_log, in_tables) == ([], [])
    assert records > 20
    assert tables > 30
    in_the_files = list(in_files(doors.stack, doors.canaries))
    assert [find for find in in_the_files if not is_exempt(find[0])] == []
    assert {where.split("/")[0] for where, _ in in_the_files} >= {"mail"}, "whoever looks sees what is there"


async def test_once_a_key_is_destroyed_nobody_reads_a_value_any_more(doors: Doors) -> None:
    gone, other = Canaries(), Canaries()
    paula, peter = Person("Paula", gone), Person("Peter", other)
    await let_in(doors, paula)
    await let_in(doors, peter)
    assert set(await seen(doors, paula, gone)) == set(PLACES)

    await destroy_key(doors.stack, paula)
    await asyncio.sleep(1.0)
    assert await seen(doors, paula, gone) == []
    for service in sorted({"crm-gateway", "consent", "subject-access", "notifier", "audit"}):
        await asyncio.to_thread(doors.stack.kill, service)
    await asyncio.to_thread(doors.stack.wait_until_ready)
    assert await seen(doors, paula, gone) == []

    await rebuild_everything(doors)
    assert await seen(doors, paula, gone) == []
    assert set(await seen(doors, peter, other)) == set(PLACES)
    outcomes = await doors.told("POST", "crm-gateway", "/v1/crm/events", {"id": str(uuid4()), **paula.messages()[0]})
    assert (outcomes[0]["status"], outcomes[0]["slug"]) == ("refused", "erased")


OF_THEMSELVES = ("/metrics", "/readyz", "/healthz", "/openapi.json", "/ops/projections")
PLACES = ("person", "search", "consents", "history of consents", "history in the log", "replay", "mails", "portal")


async def seen(doors: Doors, person: Person, canaries: Canaries) -> list[str]:
    """Say at which places something of a person can be read by those who may."""
    own = f"/v1/persons/{person.subject}"
    why = "decrypt=true&reason=canary"
    answers = {
        "person": (await doors.ask("GET", "crm-gateway", own))[1],
        "search": (await doors.ask("POST", "crm-gateway", "/v1/persons/search", {"q": person.said["last_name"]}))[1],
        "consents": (await doors.ask("GET", "consent", f"{own}/consents"))[1],
        "history of consents": (await doors.ask("GET", "consent", f"{own}/consents/history"))[1],
        "history in the log": (await doors.ask("GET", "audit", f"/v1/history/{person.subject}?{why}"))[1],
        "replay": (await doors.ask("GET", "audit", f"/v1/replay?subject_id={person.subject}&{why}"))[1],
        "mails": (await doors.ask("GET", "notifier", f"{own}/mails"))[1],
        "portal": await portal_shows(doors, person),
    }
    assert answers["replay"].count(b"\n") > 5
    return [place for place in PLACES if list(canaries.found_in(place, answers[place]))]


async def destroy_key(stack: RunningStack, person: Person) -> None:
    """Destroy a person's key, as the erasure service's role may."""
    assert person.subject is not None
    wrapping = read_key_encryption_keys(stack.installation.secrets.key_encryption_key)
    async with asyncpg.create_pool(stack.installation.database_url(KEYS_DATABASE, "erasure"), min_size=1) as pool:
        assert await Keys(pool, wrapping).destroy({person.subject: uuid4()}) == 1


async def rebuild_everything(doors: Doors) -> None:
    """Build every read model of every service anew, and wait until the last one is there."""
    services = [s for s in doors.stack.names() if s in BY_NAME and BY_NAME[s].database]
    for service in services:
        for model in (await doors.told("GET", service, "/ops/projections"))["projections"]:
            await doors.told("POST", service, f"/ops/projections/{model['name']}/rebuild")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told = [await doors.told("GET", service, "/ops/projections") for service in services]
        if not any(model["rebuilding"] for one in told for model in one["projections"]):
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the read models were not rebuilt in time")
