"""`gdpr audit` and `gdpr link`: a customer's whole way, as the log has it."""

import json
import threading
import time
from uuid import uuid4

import pytest

from .conftest import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
REASON = ("--decrypt", "--reason", "case 2026-17")


@pytest.fixture(scope="module")
def customer(door):
    """A customer whom the portal knows, with a consent; give the reference and the mail address."""
    ref, mail = uuid4().hex[:8], f"{uuid4().hex[:8]}@example.org"
    said = {"id": f"{ref}-0", "type": "crm.person.changed", "occurred": "2026-01-02T03:04:05Z", "crm_ref": ref}
    fields = {"last_name": "Grün", "emails": [{"address": mail}], "language": "de"}
    with door.client() as client:
        client.post("crm-gateway", "/v1/crm/events", said | {"fields": fields})
        subject = eventually(lambda: client.post("crm-gateway", "/v1/persons/by-ref", {"crm_ref": ref}))["subject_id"]
        given = {"kind": "newsletter", "method": "paper", "wording": {"version": 1, "language": "de"}}
        client.post("consent", f"/v1/persons/{subject}/consents", given | {"evidence": "Ordner 7"})
    return ref, mail, subject


def history(gdpr, ref, *types, words=()):
    """Give the history, as soon as these types are in it."""

    def there():
        code, told = gdpr("audit", "history", ref, *words)
        assert code == 0, told
        return told if {line["type"] for line in told} >= set(types) else None

    return eventually(there)


def test_a_link_is_sent_and_the_history_tells_it_to_the_mail(gdpr, door, customer):
    ref, mail, subject = customer

    def sent():
        code, told = gdpr("link", ref, "--language", "en", "--hours", 24)
        return told if code == 0 else None  # the portal hears of the customer a moment later

    told = eventually(sent)
    assert (told["to"], told["language"], told["state"]) == (mail, "en", "open")
    (arrived,) = door.mailbox.wait_for(mail)
    assert "/l/" in arrived["text"]
    lines = history(gdpr, ref, "PersonAdmitted", "ConsentGiven", "AccessLinkIssued", "MailQueued", "MailAccepted")
    assert {line["subject"] for line in lines} == {subject}
    assert {line["personal"] for line in lines} <= {"none", "sealed"}
    assert mail not in json.dumps(lines)
    opened = history(gdpr, ref, words=REASON)
    (given,) = [line for line in opened if line["type"] == "ConsentGiven"]
    assert given["data"]["evidence"] == "Ordner 7"
    assert given["wording"] == {"kind": "newsletter", "version": 1, "language": "de", "text": given["wording"]["text"]}
    assert [line["data"]["to"] for line in opened if line["type"] == "MailQueued"] == [mail]
    assert history(gdpr, subject) == history(gdpr, ref)


def test_the_history_is_read_as_a_table(gdpr, customer):
    ref, *_ = customer
    history(gdpr, ref, "ConsentGiven")
    code, text = gdpr("audit", "history", ref, text=True)
    assert code == 0
    words = " ".join(text.split())  # cells are folded
    for said in ("Happened", "Recorded", "ConsentGiven", "gdpr.consents, ", "staff", "1, de", "evidence: (sealed)"):
        assert said in words
    assert "Ja, ich möchte" in text
    assert "--decrypt --reason" in text
    assert "Ordner 7" in gdpr("audit", "history", ref, *REASON, text=True)[1]


def test_the_log_is_replayed_line_by_line_and_filtered(gdpr, customer):
    ref, _, subject = customer
    history(gdpr, ref, "ConsentGiven")

    def replayed(*words):
        code, text = gdpr("audit", "replay", *words, "--json", text=True)
        assert code == 0, text
        return [json.loads(line) for line in text.splitlines()]

    (given,) = replayed("--type", "ConsentGiven", "--subject", ref)
    assert given["subject"] == subject
    place = given["place"]
    at = ("--topic", place["topic"], "--partition", place["partition"], "--from-offset", place["offset"])
    assert replayed(*at, "--limit", 1) == [given]
    assert replayed(*at, "--to-offset", place["offset"]) == [given]
    two = replayed("--topic", "gdpr.consents", "--topic", "gdpr.persons", "--subject", ref)
    assert {line["place"]["topic"] for line in two} == {"gdpr.consents", "gdpr.persons"}
    assert replayed("--subject", ref, "--to-time", "2026-01-01T00:00+01:00") == []
    assert replayed("--subject", ref, "--from-time", "2026-01-01T00:00Z", "--type", "ConsentGiven") == [given]
    code, text = gdpr("audit", "replay", "--type", "ConsentGiven", "--subject", subject, text=True)
    assert code == 0
    assert f"{place['topic']}/{place['partition']} {place['offset']}" in text
    assert len(text.strip().splitlines()) == 1
    code, text = gdpr("audit", "replay", "--subject", uuid4(), text=True)
    assert code == 0
    assert "Nothing fits" in text


def test_a_followed_log_shows_what_comes(door, customer):
    *_, subject = customer
    seen = []
    with door.client() as client, door.client() as other:

        def follow():
            for line in client.lines("audit", "/v1/replay", subject_id=subject, type=["ConsentWithdrawn"], follow=True):
                seen.append(line)
                return

        following = threading.Thread(target=follow, daemon=True)
        following.start()
        time.sleep(0.5)
        other.post("consent", f"/v1/persons/{subject}/withdrawals", {"kind": "newsletter", "method": "telephone"})
        following.join(20)
    assert [line["type"] for line in seen] == ["ConsentWithdrawn"]


def test_each_look_is_in_the_log(gdpr, customer):
    ref, _, subject = customer
    gdpr("audit", "history", ref, *REASON)

    def looks():
        _, text = gdpr("audit", "replay", "--type", "LogRead", "--json", text=True)
        told = [json.loads(line)["data"] for line in text.splitlines()]
        return [look for look in told if look["of"] == subject and look["reason"] == "case 2026-17"]

    assert eventually(looks)[0]["decrypted"] is True


def test_what_cannot_be_is_said_with_what_to_do(gdpr, customer):
    ref, mail, _ = customer
    code, told = gdpr("audit", "history", ref, "--decrypt")
    assert (code, told["error"]["slug"]) == (2, "reason-missing")
    code, told = gdpr("audit", "history", ref, "--decrypt", "--reason", mail)
    assert (code, told["error"]["slug"]) == (1, "reason-names-a-person")
    code, told = gdpr("audit", "history", "nobody")
    assert (code, told["error"]["slug"]) == (1, "unknown-person")
    code, told = gdpr("audit", "replay", "--from-offset", 3)
    assert code == 1
    assert "/from_offset" in told["error"]["message"]
    assert gdpr("audit", "replay", "--from-time", "2026-01-01T00:00", text=True)[0] == 2
    assert gdpr("audit", "history", uuid4(), text=True)[1].startswith("The log holds nothing")
    code, told = gdpr("link", ref, "--to", "somebody.else@example.org")
    assert (code, told["error"]["slug"]) == (1, "unknown-address")
    code, told = gdpr("link", "nobody")
    assert (code, told["error"]["slug"]) == (1, "unknown-person")


def test_a_customer_with_several_addresses_or_none_is_asked_for_one(gdpr, door):
    refs = {n: uuid4().hex[:8] for n in (0, 2)}
    with door.client() as client:
        for n, ref in refs.items():
            emails = [{"address": f"{i}-{ref}@example.org"} for i in range(n)]
            said = {"id": f"{ref}-0", "type": "crm.person.changed", "occurred": "2026-01-02T03:04:05Z", "crm_ref": ref}
            client.post("crm-gateway", "/v1/crm/events", said | {"fields": {"last_name": "Grün", "emails": emails}})

    def slug_of(ref):
        code, told = gdpr("link", ref)
        assert code == 1
        return None if told["error"]["slug"] == "unknown-person" else told["error"]

    assert eventually(lambda: slug_of(refs[0]))["slug"] == "no-address"
    several = eventually(lambda: slug_of(refs[2]))
    assert several["slug"] == "several-addresses"
    assert f"--to 1-{refs[2]}@example.org" in several["message"]


def test_without_a_stack_it_says_how_to_start_one(gdpr, monkeypatch, tmp_path):
    monkeypatch.setenv("GDPR_DATA", str(tmp_path))
    for words in (("audit", "history", "1"), ("audit", "replay"), ("link", "1")):
        code, told = gdpr(*words)
        assert (code, told["error"]["slug"]) == (3, "no-installation")
