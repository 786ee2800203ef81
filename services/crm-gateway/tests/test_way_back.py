"""The way back: a change of ours reaches the CRM by topic, webhook and feed; it says what it did with it; its echo changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from crm_gateway.settings import Settings
from crm_gateway.webhooks import pause
from events.catalogue.consents import ConsentGiven, ConsentWithdrawn
from events.catalogue.vocabulary import THE_PERSON, THE_SYSTEM, Event
from events.envelope import HEADERS, Recorded, encode, partition_of
from events.runtime.kafka import make_topics
from web.testing import Keys

from .conftest import CRM, STAFF, Running, changed, eventually, running

SECRET = "a secret between the two"
NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)


class Receiver:
    """The CRM's end of the webhook. ``answers`` are the next statuses; then it takes everything."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.posts: list[tuple[int, dict[str, str], bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        status = self.answers.pop(0) if self.answers else 204
        self.posts.append((status, dict(request.headers), await request.read()))
        return web.Response(status=status)

    def bodies(self, message: str) -> list[dict[str, Any]]:
        return [said for _, _, body in self.posts if (said := json.loads(body))["message"] == message]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    crm = Receiver()
    app = web.Application()
    app.router.add_post("/webhooks/gdpr", crm.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield crm, f"http://127.0.0.1:{port}/webhooks/gdpr"
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway(
    settings_of: Callable[..., Settings],
    kafka: Any,
    signing: Keys,
    receiver: tuple[Receiver, str],
    tmp_path_factory: Any,
) -> AsyncIterator[Running]:
    secret = tmp_path_factory.mktemp("webhook") / "secret"
    secret.write_text(SECRET + "\n")
    settings = settings_of(
        kafka.bootstrap,
        kafka_idempotence=kafka.is_apache,
        webhook_url=receiver[1],
        webhook_secret_file=secret,
        webhook_first_pause=0.05,
        webhook_tries=4,
    )
    async with running(settings, signing) as up:
        yield up


@pytest_asyncio.fixture(loop_scope="session")
async def tell(gateway: Running) -> AsyncIterator[Callable[..., Any]]:
    """Record an event of the consent service, as its relay would."""
    topic = gateway.settings.topic_prefix + "gdpr.consents"
    await make_topics(gateway.settings, [topic])
    producer = AIOKafkaProducer(bootstrap_servers=gateway.settings.kafka_bootstrap_servers)
    await producer.start()
    versions: dict[UUID, int] = {}

    async def record(subject: str, event: Event) -> UUID:
        who = UUID(subject)
        versions[who] = versions.get(who, 0) + 1
        recorded: Recorded[Event] = Recorded(
            id=uuid4(), type=type(event).__name__, stream=f"consents-{who}", version=versions[who], subject=who,
            occurred=event.at, recorded=datetime.now(UTC), source="/consent", correlation=None, causation=None, data=event,
        )  # fmt: skip
        await producer.send_and_wait(
            topic, encode(recorded, None), key=str(who).encode(), headers=HEADERS, partition=partition_of(str(who))
        )
        return recorded.id

    yield record
    await producer.stop()


def withdrawn(at: datetime = NOON, **more: Any) -> ConsentWithdrawn:
    return ConsentWithdrawn(**{"at": at, "by": THE_PERSON, "kind": "newsletter", "method": "portal", **more})


async def admitted(gateway: Running, ref: str) -> str:
    (answer,) = await gateway.post("/v1/crm/events", changed(ref, {"last_name": "Rückweg"}))
    return str(answer["subject_id"])


async def told(gateway: Running, ref: str, count: int = 1) -> list[dict[str, Any]]:
    """Wait until the feed has so many messages about a record; give them."""

    async def there() -> Any:
        feed = await gateway.get("/v1/crm/outbox?limit=1000", who=CRM)
        mine = [one for one in feed["messages"] if one["crm_ref"] == ref]
        return mine if len(mine) >= count else None

    found: list[dict[str, Any]] = await eventually(there)
    return found


async def answer(gateway: Running, what: str, ref: str, message: str, **more: Any) -> dict[str, Any]:
    said = {"type": f"crm.delivery.{what}", "id": str(uuid4()), "occurred": "2026-05-03T12:00:05Z", "crm_ref": ref}
    (outcome,) = await gateway.post("/v1/crm/events", {**said, "message": message, **more})
    return dict(outcome)


async def test_a_change_of_ours_reaches_topic_webhook_and_feed(
    gateway: Running, tell: Any, receiver: tuple[Receiver, str]
) -> None:
    crm, _ = receiver
    subject = await admitted(gateway, "W-1")
    topic = gateway.settings.topic_prefix + "crm.outbound"
    listening = AIOKafkaConsumer(
        topic, bootstrap_servers=gateway.settings.kafka_bootstrap_servers, auto_offset_reset="earliest"
    )
    await listening.start()
    crm.answers = [500, 503]
    waiting = asyncio.create_task(gateway.get("/v1/crm/outbox?wait=20", who=CRM))
    event = await tell(subject, withdrawn())
    feed = await waiting
    (said,) = feed["messages"]
    assert (said["crm_ref"], said["kind"], said["state"], said["method"]) == (
        "W-1",
        "newsletter",
        "withdrawn",
        "portal",
    )
    assert (said["event"], said["since"], feed["next"]) == (str(event), "2026-05-03T12:00:00Z", said["sequence"])
    assert (await gateway.get(f"/v1/crm/outbox?after={feed['next']}", who=CRM))["messages"] == []

    async with asyncio.timeout(20):
        record = await listening.getone()
    await listening.stop()
    assert json.loads(record.value) == said
    assert record.key == subject.encode()

    await eventually(lambda: [status for status, _, _ in crm.posts] == [500, 503, 204])
    for number, (_, headers, body) in enumerate(crm.posts, 1):
        assert json.loads(body) == said
        stamp, _, given = headers["X-GDPR-Signature"].partition(",v1=")
        signed = f"{stamp.removeprefix('t=')}.".encode() + body
        assert hmac.compare_digest(hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest(), given)
        assert abs(datetime.now(UTC).timestamp() - int(stamp.removeprefix("t="))) < 60
        assert (headers["X-GDPR-Message"], headers["X-GDPR-Try"]) == (said["message"], str(number))

    async def delivered() -> Any:
        posts = await gateway.get("/v1/crm/webhooks?state=delivered", who=STAFF)
        return [one for one in posts if one["message"] == said["message"]]

    (post,) = await eventually(delivered)
    assert (post["tries"], post["last_fault"]) == (3, None)
    await tell(subject, withdrawn(NOON + timedelta(hours=2)))

    async def newest_first() -> bool:
        posts = await gateway.get("/v1/crm/webhooks?state=delivered&limit=2", who=STAFF)
        return len(posts) == 2 and posts[1]["message"] == said["message"]

    assert await eventually(newest_first)


async def test_a_post_that_nobody_takes_is_dead_and_visible_until_somebody_tries_it_again(
    gateway: Running, tell: Any, receiver: tuple[Receiver, str]
) -> None:
    crm, _ = receiver
    subject = await admitted(gateway, "W-2")
    crm.answers = [500] * 4
    await tell(subject, withdrawn())
    (said,) = await told(gateway, "W-2")

    async def dead() -> Any:
        return await gateway.get("/v1/crm/webhooks?state=dead", who=STAFF)

    (post,) = await eventually(dead)
    assert (post["message"], post["tries"], post["last_fault"]) == (said["message"], 4, "status 500")
    await gateway.post(f"/v1/crm/webhooks/{said['message']}/retries", who=STAFF, status=204)
    await eventually(lambda: len(crm.bodies(said["message"])) == 5)

    async def nothing_open() -> bool:
        return await gateway.get("/v1/crm/webhooks", who=STAFF) == []

    assert await eventually(nothing_open)
    await gateway.post(f"/v1/crm/webhooks/{said['message']}/retries", who=STAFF, status=404)


async def test_what_concerns_one_record_is_posted_in_order(
    gateway: Running, tell: Any, receiver: tuple[Receiver, str]
) -> None:
    crm, _ = receiver
    subject = await admitted(gateway, "W-3")
    crm.answers = [500, 500]
    for hour in range(4):
        await tell(subject, withdrawn(NOON + timedelta(hours=hour)))
    said = await told(gateway, "W-3", 4)
    await eventually(lambda: all(crm.bodies(one["message"]) for one in said))
    taken = [json.loads(body)["message"] for status, _, body in crm.posts if status == 204]
    assert [m for m in taken if m in {one["message"] for one in said}] == [one["message"] for one in said]
    assert [one["sequence"] for one in said] == sorted(one["sequence"] for one in said)


async def test_the_crm_confirms_or_refuses_each_at_any_door(gateway: Running, tell: Any) -> None:
    subject = await admitted(gateway, "A-1")
    await admitted(gateway, "A-2")
    await tell(subject, withdrawn())
    await tell(subject, withdrawn(NOON + timedelta(hours=1)))
    first, second = (one["message"] for one in await told(gateway, "A-1", 2))
    assert (await answer(gateway, "confirmed", "A-2", first))["slug"] == "other-record"
    assert (await answer(gateway, "confirmed", "A-1", str(uuid4())))["slug"] == "unknown-message"
    assert (await answer(gateway, "confirmed", "A-1", first))["events"] == ["CrmConfirmed"]
    assert (await answer(gateway, "confirmed", "A-1", first))["status"] == "unchanged"
    assert (await answer(gateway, "refused", "A-1", first, reason="gone"))["slug"] == "already-confirmed"

    producer = AIOKafkaProducer(bootstrap_servers=gateway.settings.kafka_bootstrap_servers)
    await producer.start()
    refusal = {"type": "crm.delivery.refused", "id": "no-2", "occurred": "2026-05-03T12:00:05Z", "crm_ref": "A-1"}
    said = json.dumps({**refusal, "message": second, "reason": "no such field"}).encode()
    await producer.send_and_wait(gateway.settings.topic_prefix + "crm.inbound", said)
    await producer.stop()

    async def seen() -> Any:
        return [one for one in await gateway.get("/v1/crm/refusals", who=STAFF) if one["message"] == second]

    (refused,) = await eventually(seen)
    assert (refused["subject_id"], refused["what"]) == (subject, "consent")
    assert "no such field" not in str(refused), "the reason may speak of the customer: it stands in their history"


async def test_what_came_from_the_crm_is_not_told_back(gateway: Running, tell: Any) -> None:
    subject = await admitted(gateway, "N-1")
    for method in ("crm", "import"):
        await tell(subject, withdrawn(method=method))
    await tell(subject, withdrawn(method="telephone"))
    (only,) = await told(gateway, "N-1")
    assert only["method"] == "telephone"


async def test_our_own_echo_changes_nothing(gateway: Running, tell: Any) -> None:
    subject = await admitted(gateway, "Y-1")
    await tell(subject, withdrawn())
    given = ConsentGiven(
        at=NOON + timedelta(hours=1), by=THE_SYSTEM, kind="newsletter", wording=None, method="portal", strength="strong"
    )
    await tell(subject, given)
    assert [one["state"] for one in await told(gateway, "Y-1", 2)] == ["withdrawn", "given"]
    echo = {"id": "e1", "occurred": "2026-05-03T14:00:00Z", "crm_ref": "Y-1", "kind": "newsletter", "by": "gdpr"}
    answers = await gateway.post(
        "/v1/crm/events",
        [{**echo, "type": "crm.consent.withdrawn"}, {**echo, "type": "crm.consent.recorded", "id": "e2"}],
    )
    assert [(one["status"], one["events"]) for one in answers] == [("unchanged", [])] * 2
    (by_hand,) = await gateway.post(
        "/v1/crm/events", {**echo, "type": "crm.consent.withdrawn", "id": "e3", "by": "mia"}
    )
    assert by_hand["events"] == ["WithdrawalRecordedInCrm"]


async def test_whom_the_crm_does_not_know_it_is_told_nothing_about(gateway: Running, tell: Any) -> None:
    stranger = str(uuid4())
    await tell(stranger, withdrawn())
    subject = await admitted(gateway, "S-1")
    await tell(subject, withdrawn())
    await told(gateway, "S-1")
    feed = await gateway.get("/v1/crm/outbox?limit=1000", who=CRM)
    assert stranger not in json.dumps(feed)


def test_pauses_double_up_to_an_hour_and_half_of_each_is_chance() -> None:
    assert [pause(tries, 2.0, lambda: 1.0) for tries in (1, 2, 3, 20)] == [2.0, 4.0, 8.0, 3600.0]
    assert pause(3, 2.0, lambda: 0.0) == 4.0
