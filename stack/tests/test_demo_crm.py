"""The demo CRM: what it says arrives once, what it is told shows at once, and nothing is lost while either is away."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import re
import sqlite3
import time
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

from demo_crm import customers, forms, messages
from demo_crm.main import Crm
from demo_crm.receiving import Forged, Strange, understand, verify
from demo_crm.settings import Settings
from demo_crm.store import NoSuchCustomer, Store, Told
from demo_crm.words import ENGLISH, GERMAN, Words, chosen
from stack.ports import free_port

pytestmark = pytest.mark.timeout(120)

WHEN = "2026-03-04T05:06:07+00:00"


# Its own data


def test_it_begins_with_a_few_dozen_customers_of_all_sorts():
    known = customers.read()
    assert len(known) == len({one.ref for one in known}) == 36
    mails = [mail["address"] for one in known for mail in one.fields.get("emails", ())]
    assert len(mails) > len(set(mails))  # shared by several
    assert any("emails" not in one.fields for one in known)
    assert any(len(one.fields.get("emails", ())) > 1 for one in known)
    assert {record.kind for one in known for record in one.records} == set(customers.KINDS)
    assert {tick.kind for one in known for tick in one.ticks} == set(customers.CONSENT_KINDS)
    # Only domains that nobody can own (RFC 2606).
    assert all(re.search(r"@(?:[\w.-]+\.example|example\.(?:org|com|net))$", mail) for mail in mails)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "crm.sqlite")
    store.begin_with(customers.read())
    yield store
    store.close()


def test_it_fills_itself_once_also_when_all_were_deleted(store):
    said = len(store.waiting(1000))
    assert not store.begin_with(customers.read())
    for one in store.customers():
        store.delete(str(uuid4()), one.ref, WHEN, "vogt")
    assert not store.begin_with(customers.read())
    assert store.customers() == []
    assert len(store.waiting(1000)) == said + 36


def told(state="withdrawn", since=WHEN, customer="K-1001", kind="newsletter", message=None):
    return Told(message or str(uuid4()), customer, kind, state, since, "portal", None, str(uuid4()))


def test_the_newest_act_counts_in_whichever_order_it_is_told(store):
    newer, older = told("withdrawn", "2026-03-04T05:06:07+00:00"), told("given", "2026-03-04T05:06:06+00:00")
    assert store.take_over(newer, "webhook", WHEN)
    assert store.take_over(older, "feed", WHEN)
    assert store.customer("K-1001").ticks["newsletter"].state == "withdrawn"
    assert [row["result"] for row in store.heard(2)] == ["overtaken", "taken"]
    at_once = told("given", newer.since)
    store.take_over(at_once, "webhook", WHEN)
    assert store.customer("K-1001").ticks["newsletter"].state == "withdrawn"  # at one moment, a no comes before a yes


def test_the_same_message_twice_is_taken_over_and_answered_once(store):
    once, before = told(), store.count_waiting()
    assert [store.take_over(once, door, WHEN) for door in ("webhook", "feed", "webhook")] == [True, False, False]
    assert store.count_waiting() == before + 1
    assert store.waiting(1000)[-1][1] == messages.confirmed("K-1001", WHEN, once.message)


def test_a_customer_whom_it_does_not_know_is_refused_with_the_reason(store):
    store.take_over(told(customer="K-9999"), "webhook", WHEN)
    _, answer = store.waiting(1000)[-1]
    assert (answer["type"], answer["reason"]) == ("crm.delivery.refused", "There is no such customer here.")


def test_only_what_changed_is_said(store):
    before = store.count_waiting()
    typed = forms.typed_of(store.customer("K-1036").fields)
    assert store.change("1", "K-1036", forms.fields_of(typed, store.customer("K-1036").fields), WHEN, "vogt") == []
    assert store.count_waiting() == before
    typed |= {"phones": "", "city": "Wien"}
    assert set(store.change("2", "K-1036", forms.fields_of(typed, store.customer("K-1036").fields), WHEN, "vogt")) == {
        "phones",
        "addresses",
    }
    _, message = store.waiting(1000)[-1]
    assert message["fields"]["phones"] is None
    assert [one["city"] for one in message["fields"]["addresses"]] == ["Wien", "Graz"]  # the second one stays


def test_a_form_sent_twice_is_one_customer_and_a_number_is_never_given_again(store):
    first = store.admit("form-1", {"last_name": "Neu"}, WHEN, "vogt")
    assert store.admit("form-1", {"last_name": "Neu"}, WHEN, "vogt") == first == "K-1037"
    store.delete("form-2", first, WHEN, "vogt")
    with pytest.raises(NoSuchCustomer):
        store.customer(first)
    assert store.admit("form-3", {"last_name": "Neu"}, WHEN, "vogt") == "K-1038"


def test_of_a_deleted_customer_nothing_stays_but_that_it_was_said(store, tmp_path):
    store.answered({n: None for n, _ in store.waiting(1000)})
    store.delete(str(uuid4()), "K-1033", WHEN, "vogt")
    store.answered({n: None for n, _ in store.waiting(1000)})
    store.close()
    raw = sqlite3.connect(tmp_path / "crm.sqlite")
    with contextlib.closing(raw):
        dump = "\n".join(raw.iterdump())
    assert "elif.celik" not in dump
    assert "K-1033" in dump


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"last_name": "", "company": ""}, "last_name"),
        ({"birth_date": "3.2.1980"}, "birth_date"),
        ({"discount_percent": "viel"}, "discount_percent"),
        ({"discount_percent": "nan"}, "discount_percent"),
        ({"first_name": "x" * 201}, "first_name"),
    ],
)
def test_what_was_typed_wrong_is_said_at_its_place(typed, fault):
    with pytest.raises(forms.Unfit) as unfit:
        forms.fields_of({"last_name": "Grün", **typed})
    assert set(unfit.value.faults) == {fault}
    assert all(sentence in GERMAN for sentence in unfit.value.faults.values())


def test_every_word_is_there_in_german():
    files = [customers.files("demo_crm") / "templates" / name for name in (
        "layout.html", "list.html", "customer.html", "form.html", "delete.html", "connection.html", "problem.html",
    )]  # fmt: skip
    used = {text for file in files for text in re.findall(r'_\("([^"]+)"', file.read_text(encoding="utf-8"))}
    stored = {*customers.TEXT_FIELDS, *customers.OWN_FIELDS, *customers.CONSENT_KINDS, *forms.ADDRESS_PARTS}
    assert used
    assert (used | stored | ENGLISH.keys()) - GERMAN.keys() == set()
    assert stored - ENGLISH.keys() == set()


def test_the_readers_language_is_the_one_they_chose_else_their_browsers():
    assert chosen(None, "fr-CH, de;q=0.7, en;q=0.3") == "de"
    assert chosen("en", "de") == "en"
    assert chosen("xx", "") == "en"
    german = Words("de", Settings.__dataclass_fields__["time_zone"].default_factory())
    assert german.moment("2026-11-24T22:30:00+00:00") == "24. November 2026, 23:30"
    assert german.amount(1234.5) == "1.234,50 EUR"


# Who may tell it something


def signed(body, at=None, secret=b"secret"):
    stamp = str(int(time.time() if at is None else at))
    return f"t={stamp},v1={hmac.new(secret, stamp.encode() + b'.' + body, hashlib.sha256).hexdigest()}"


def test_a_webhook_counts_if_it_is_signed_and_from_just_now():
    verify(b"secret", signed(b"{}", 1000), b"{}", 1299)
    verify(b"secret", signed(b"{}", 1000) + ",v1=00", b"{}", 800)
    for header, body in (
        (signed(b"{}", 1000, b"other"), b"{}"),
        (signed(b"{}", 1000), b"{ }"),
        (signed(b"{}", 699), b"{}"),
        (signed(b"{}", 1301), b"{}"),
        (signed(b"{}", 1000).replace("t=1000", "t=1001"), b"{}"),
        ("", b"{}"),
        ("t=1000", b"{}"),
        ("t=,v1=", b"{}"),
        ("t=²,v1=00", b"{}"),
        (f"t={'9' * 5000},v1=ä", b"{}"),
    ):
        with pytest.raises(Forged):
            verify(b"secret", header, body, 1000)


SAID = {
    "type": "gdpr.consent.changed",
    "message": str(uuid4()),
    "sequence": 1,
    "crm_ref": "K-1001",
    "kind": "newsletter",
    "state": "withdrawn",
    "since": "2026-03-04T06:06:07+01:00",
    "recorded": "2026-03-04T05:06:08Z",
    "method": "portal",
    "wording": None,
    "event": str(uuid4()),
}


@pytest.mark.parametrize(
    "change", [{"type": "other"}, {"state": "perhaps"}, {"since": "soon"}, {"message": 7}, {"wording": 1}]
)
def test_a_message_that_it_does_not_know_is_not_guessed_at(change):
    assert understand(SAID).since == WHEN
    with pytest.raises(Strange):
        understand(SAID | change)


# A gateway of our own, that can be away


class Gateway:
    """Takes every message over, and remembers; away until it is opened."""

    def __init__(self):
        self.port, self.heard, self.outbox, self.answer = free_port(), [], [], "accepted"
        self.runner = None

    async def events(self, request):
        if request.headers.get("Authorization") != "Bearer token":
            return web.Response(status=401)
        said = [json.loads(line) for line in (await request.read()).splitlines()]
        self.heard += said
        detail = {"detail": "Correct it.", "pointer": "/fields/emails/0"} if self.answer == "refused" else {}
        return web.json_response([{"id": one["id"], "status": self.answer, **detail} for one in said])

    async def feed(self, request):
        after = int(request.query["after"])
        found = [one for one in self.outbox if one["sequence"] > after][:2]
        return web.json_response({"messages": found, "next": found[-1]["sequence"] if found else after})

    async def open(self):
        app = web.Application()
        app.router.add_post("/v1/crm/events", self.events)
        app.router.add_get("/v1/crm/outbox", self.feed)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def close(self):
        if self.runner:
            await self.runner.cleanup()


@pytest.fixture
async def gateway():
    gateway = Gateway()
    yield gateway
    await gateway.close()


class Here:
    """The CRM, running in this process, and a browser without a screen."""

    def __init__(self, crm, http, url):
        self.crm, self.http, self.url = crm, http, url

    async def get(self, path, **more):
        async with self.http.get(self.url + path, **more) as answer:
            return answer.status, await answer.text()

    async def post(self, path, form, **headers):
        headers = headers or {"Origin": self.url}
        async with self.http.post(self.url + path, data=form, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def ready(self):
        return (await self.get("/readyz"))[0] == 200

    async def webhook(self, said, **headers):
        body = json.dumps(said).encode()
        headers = {"X-GDPR-Signature": signed(body), **headers}
        async with self.http.post(f"{self.url}/webhooks/gdpr", data=body, headers=headers) as answer:
            return answer.status


@contextlib.asynccontextmanager
async def crm_at(directory, gateway):
    settings = Settings(
        data_dir=directory,
        crm_gateway_url=f"http://127.0.0.1:{gateway.port}",
        crm_token_file=directory / "token",
        webhook_secret_file=directory / "secret",
        console_url="http://127.0.0.1:1",
    )
    async with aiohttp.ClientSession() as http:
        crm = Crm(settings, http)
        runner = web.AppRunner(crm.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        working = asyncio.create_task(crm.work())
        try:
            yield Here(crm, http, f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            crm.stream.close()
            await runner.cleanup()
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
            crm.store.close()


@pytest.fixture
async def crm(tmp_path, gateway):
    (tmp_path / "token").write_text("token\n")
    (tmp_path / "secret").write_text("secret\n")
    await gateway.open()
    async with crm_at(tmp_path, gateway) as here:
        await until(here.ready)
        yield here


async def until(true, seconds=10.0):
    async with asyncio.timeout(seconds):
        while not (found := await true() if asyncio.iscoroutinefunction(true) else true()):
            await asyncio.sleep(0.02)
    return found


async def test_with_the_gateway_away_it_works_and_says_so_and_sends_everything_later(tmp_path, gateway):
    (tmp_path / "secret").write_text("secret")
    async with crm_at(tmp_path, gateway) as here:  # not even its token is there yet
        assert (await here.get("/healthz"))[0] == 200
        status, waits = await here.get("/readyz")
        assert status == 503
        assert "messages wait to be taken over" in json.loads(waits)["waits_for"][0]
        await until(lambda: here.crm.sender.fault)
        assert "Erika Mustermann" in (await here.get("/"))[1]
        assert (await here.post("/customers/K-1001/notes", {"text": "angerufen"}))[0] == 303
        assert "cannot be reached" in (await here.get("/customers/K-1001"))[1]
    (tmp_path / "token").write_text("token")
    async with crm_at(tmp_path, gateway) as here:  # started again, and the gateway comes
        await gateway.open()
        await until(here.ready)
        assert "Everything is sent and answered." in (await here.get("/"))[1]
    ids = [one["id"] for one in gateway.heard]
    assert len(ids) == len(set(ids))
    assert [one["fields"].get("text") for one in gateway.heard if one["type"] == "crm.record.changed"][
        -1
    ] == "angerufen"
    async with crm_at(tmp_path, gateway) as here:  # and a third time: nothing is said again
        await until(here.ready)
        await until(lambda: here.crm.store.count_waiting() == 0)
    assert len(gateway.heard) == len(ids)


async def test_a_webhook_is_taken_over_once_and_answered(crm, gateway):
    said = SAID | {"message": str(uuid4())}
    assert [await crm.webhook(said), await crm.webhook(said)] == [204, 204]
    answers = await until(lambda: [one for one in gateway.heard if one["type"].startswith("crm.delivery")])
    assert [(one["type"], one["message"]) for one in answers] == [("crm.delivery.confirmed", said["message"])]
    _, page = await crm.get("/customers/K-1001")
    assert "told by the privacy service" in page
    _, page = await crm.get("/connection")
    assert page.count("webhook") == 1


async def test_a_webhook_may_come_in_pieces(crm):
    said = SAID | {"message": str(uuid4())}
    body = json.dumps(said).encode()

    async def pieces():
        for start in range(0, len(body), 100):
            yield body[start : start + 100]
            await asyncio.sleep(0.02)

    headers = {"X-GDPR-Signature": signed(body)}
    async with crm.http.post(f"{crm.url}/webhooks/gdpr", data=pieces(), headers=headers) as answer:
        assert answer.status == 204


async def test_a_forged_or_old_or_broken_webhook_changes_nothing(crm, gateway):
    said = SAID | {"message": str(uuid4())}
    old = signed(json.dumps(said).encode(), time.time() - 301)
    assert await crm.webhook(said, **{"X-GDPR-Signature": "t=1,v1=00"}) == 401
    assert await crm.webhook(said, **{"X-GDPR-Signature": old}) == 401
    assert await crm.webhook(["no object"]) == 400
    assert await crm.webhook(said | {"more": "x" * 70_000}) == 413
    assert crm.crm.store.heard(10) == []
    strange = said | {"type": "gdpr.something.new"}
    assert await crm.webhook(strange) == 204
    (answer,) = await until(lambda: [one for one in gateway.heard if one["type"].startswith("crm.delivery")])
    assert (answer["type"], answer["message"]) == ("crm.delivery.refused", said["message"])


async def test_what_came_while_it_was_away_is_read_from_the_feed(tmp_path, gateway):
    (tmp_path / "token").write_text("token")
    gateway.outbox = [SAID | {"message": str(uuid4()), "sequence": n, "crm_ref": f"K-100{n}"} for n in range(1, 6)]
    await gateway.open()
    for _ in range(2):
        async with crm_at(tmp_path, gateway) as here:
            await until(lambda: here.crm.store.position == 5)
            await until(lambda: here.crm.store.count_waiting() == 0)
            states = {one.ref: one.ticks["newsletter"].state for one in here.crm.store.customers()[:5]}
            assert set(states.values()) == {"withdrawn"}
    confirmed = [one["message"] for one in gateway.heard if one["type"] == "crm.delivery.confirmed"]
    assert confirmed == [one["message"] for one in gateway.outbox]


async def test_what_the_gateway_refuses_is_shown_with_the_reason(crm, gateway):
    gateway.answer = "refused"
    typed = forms.typed_of(crm.crm.store.customer("K-1002").fields) | {"emails": "no address"}
    assert (await crm.post("/customers/K-1002/edit", typed))[0] == 303
    await until(lambda: crm.crm.store.said(1)[0]["state"] == "refused")
    _, page = await crm.get("/customers/K-1002")
    assert "/fields/emails/0 Correct it." in page


async def test_open_pages_hear_of_a_change(crm):
    async with crm.http.get(f"{crm.url}/stream") as stream:
        assert stream.content_type == "text/event-stream"
        assert await stream.content.readline() == b"retry: 1000\n"
        await crm.webhook(SAID | {"message": str(uuid4())})
        async with asyncio.timeout(5):
            while (line := await stream.content.readline()) != b"event: changed\n":
                assert line
            assert await stream.content.readline() == b'data: {"customer": "K-1001"}\n'


async def test_a_foreign_page_reaches_nothing(crm):
    note = {"text": "von anderswo"}
    for headers in (
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": crm.url},
        {"Accept": "text/html"},
    ):
        status, page = await crm.post("/customers/K-1001/notes", note, **headers)
        assert status == 403
        assert "did not come from a page of the CRM" in page
    assert (await crm.get("/", headers={"Host": "rebound.example"}))[0] == 421
    assert (await crm.get("/", headers={"Host": "[::1"}))[0] in (400, 421)
    assert (await crm.get("/stream", headers={"Host": "rebound.example"}))[0] == 421
    assert "von anderswo" not in (await crm.get("/customers/K-1001"))[1]


async def test_pages_load_nothing_from_elsewhere_and_frame_only_the_actionpad(crm):
    async with crm.http.get(f"{crm.url}/customers/K-1001") as answer:
        policy = answer.headers["Content-Security-Policy"]
        page = await answer.text()
        assert "script-src 'self'" in policy
        assert "frame-src http://127.0.0.1:1;" in policy
        assert (answer.headers["Cache-Control"], answer.headers["Referrer-Policy"]) == ("no-store", "same-origin")
    assert 'src="http://127.0.0.1:1/actionpad?crm_ref=K-1001"' in page
    assert re.findall(r"<(?:script|style)(?![^>]*src=)|\son\w+=|style=", page) == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/customers/K-9999", 404),
        ("/nowhere", 404),
        ("/static/../main.py", 404),
        ("/customers/%00", 404),
        ("/customers", 200),
    ],
)
async def test_what_is_not_there_is_said_on_a_page(crm, path, status):
    got, page = await crm.get(path)
    assert got == status
    assert "Kontor" in page


async def test_garbage_in_a_form_is_a_page_and_not_a_fault(crm):
    for path, form in (
        ("/customers/K-1001/orders", {"items": "", "total": "1"}),
        ("/customers/K-1001/orders", {"items": "Lampe", "total": "1e9"}),
        ("/customers/K-1001/orders", {"items": "Lampe\n" * 60, "total": "٣"}),
        ("/customers/K-1001/notes", {"text": "x" * 2001}),
        ("/customers/K-1001/consents", {"kind": "carrier-pigeons", "state": "given"}),
        ("/customers/K-1001/edit", {"last_name": "\0", "birth_date": "9999-99-99"}),
        ("/customers/new", {}),
    ):
        status, page = await crm.post(path, form)
        assert status == 422, path
        assert "Kontor" in page
    assert (await crm.post("/customers/new", {"id": "no id", "last_name": "<b>=1+1</b>"}))[0] == 303
    assert "&lt;b&gt;=1+1&lt;/b&gt;" in (await crm.get("/"))[1]
    assert (await crm.post("/language", {"to": "de", "back": "//elsewhere.example"}))[0] == 303
