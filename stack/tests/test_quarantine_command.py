"""`gdpr quarantine`: what came by the topic and could not be taken over is listed, opened, tried again, or given up."""

import asyncio
import json
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from .conftest import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def entry(gdpr, door):
    """A message with a mail address that is none, in quarantine."""
    ref = uuid4().hex

    async def publish():
        producer = AIOKafkaProducer(bootstrap_servers=door.bootstrap)
        await producer.start()
        said = {"type": "crm.person.changed", "id": ref, "occurred": "2026-05-03T10:00:00Z", "crm_ref": ref}
        await producer.send_and_wait("crm.inbound", json.dumps({**said, "fields": {"emails": ["Stern"]}}).encode())
        await producer.stop()

    asyncio.run(publish())

    def listed():
        found = gdpr("quarantine", "list")[1]
        return found[-1] if found else None

    return eventually(listed)


def test_a_message_is_listed_opened_tried_again_and_given_up(gdpr, entry):
    assert (entry["slug"], entry["pointer"], entry["state"]) == ("not-an-email", "/fields/emails/0", "open")
    _, text = gdpr("quarantine", "list", text=True)
    assert entry["id"] in text
    assert "This is not an e-mail address" in text
    assert "gdpr quarantine retry ID" in text

    code, shown = gdpr("quarantine", "show", entry["id"][:13])
    assert (code, shown["openings"], "content" in shown) == (0, [], False)
    code, told = gdpr("quarantine", "show", entry["id"], "--content")
    assert (code, told["error"]["slug"]) == (2, "reason-missing")
    code, opened = gdpr("quarantine", "show", entry["id"], "--content", "--reason", "to see what the CRM sends")
    assert json.loads(opened["content"]["text"])["fields"] == {"emails": ["Stern"]}
    assert opened["openings"][0]["reason"] == "to see what the CRM sends"
    _, text = gdpr("quarantine", "show", entry["id"], "--content", "--reason", "again", text=True)
    assert '"emails": ["Stern"]' in text

    code, told = gdpr("quarantine", "retry", entry["id"])
    assert (code, told["slug"]) == (1, "not-an-email")
    code, told = gdpr("quarantine", "discard", entry["id"], "--reason", "mended in the CRM")
    assert (code, told["state"]) == (0, "discarded")
    code, told = gdpr("quarantine", "discard", entry["id"], "--reason", "twice")
    assert (code, told["error"]["slug"]) == (1, "not-open")
    assert gdpr("quarantine", "list")[1] == []
    discarded = gdpr("quarantine", "list", "--state", "discarded")[1]
    assert [one["reason"] for one in discarded if one["id"] == entry["id"]] == ["mended in the CRM"]


def test_what_is_not_there_is_said(gdpr):
    code, told = gdpr("quarantine", "show", "0000")
    assert (code, told["error"]["slug"]) == (1, "unknown-entry")
    assert gdpr("quarantine", "discard", str(uuid4()), "--reason", "x")[1]["error"]["slug"] == "unknown-entry"
