"""`gdpr consent`: a yes needs somebody who said so, a no is in effect when the command returns."""

from uuid import uuid4

import pytest

from .conftest import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def ref(door):
    """A customer of whom nobody has said anything about consents."""
    ref = uuid4().hex[:8]
    said = {"id": f"{ref}-0", "type": "crm.person.changed", "occurred": "2026-01-02T03:04:05Z", "crm_ref": ref}
    with door.client() as client:
        client.post("crm-gateway", "/v1/crm/events", said | {"fields": {"last_name": "Grün"}})

        def known():
            asked = {"crm_ref": ref, "kind": "newsletter"}
            return client.post("consent", "/v1/consents/check", asked)["reason"] == "no-consent"

        eventually(known)
    return ref


def test_kinds_are_listed_with_their_wordings(gdpr):
    code, kinds = gdpr("consent", "kinds")
    assert code == 0
    assert {"newsletter", "product-news-phone"} <= {kind["kind"] for kind in kinds}
    code, text = gdpr("consent", "kinds", text=True)
    assert code == 0
    assert "Newsletter by e-mail" in text
    assert "version 1 (de, en)" in text
    assert "--texts" in text
    assert "Ja, ich möchte den Newsletter" in gdpr("consent", "kinds", "--texts", text=True)[1]


def test_who_never_said_anything_is_a_no(gdpr, ref):
    code, verdict = gdpr("consent", "check", ref, "newsletter")
    assert (code, verdict["allowed"], verdict["reason"], verdict["event"]) == (1, False, "no-consent", None)
    code, text = gdpr("consent", "check", ref, "newsletter", text=True)
    assert code == 1
    assert text.startswith("no: the customer never said anything")


def test_a_consent_is_a_yes_until_it_is_withdrawn_and_the_history_tells_both(gdpr, ref):
    words = ("--method", "paper", "--evidence", "Ordner 7", "--wording", 1, "--language", "de")
    code, receipt = gdpr("consent", "give", ref, "newsletter", *words, "--at", "2026-01-05T10:00+01:00")
    assert (code, receipt["state"], receipt["since"]) == (0, "given", "2026-01-05T09:00:00Z")
    code, verdict = gdpr("consent", "check", ref, "newsletter")
    assert (code, verdict["allowed"], verdict["event"]) == (0, True, receipt["event"])
    assert verdict["wording"] == {"version": 1, "language": "de"}
    _, text = gdpr("consent", "check", ref, "newsletter", text=True)
    for told in ("yes: the customer agreed", "5 January 2026", "version 1, de", "documented", receipt["event"]):
        assert told in text

    code, text = gdpr("consent", "withdraw", ref, "newsletter", "--method", "telephone", text=True)
    assert code == 0
    assert "Withdrawn, and in effect" in text
    code, verdict = gdpr("consent", "check", ref, "newsletter")
    assert (code, verdict["reason"]) == (1, "withdrawn")
    assert verdict["event"] in text

    code, told = gdpr("consent", "history", ref)
    assert [one["type"] for one in told] == ["ConsentGiven", "ConsentWithdrawn"]
    _, text = gdpr("consent", "history", ref, text=True)
    for said in ("given", "withdrawn", "Ordner 7", "paper; wording version 1, de; documented", verdict["event"]):
        assert said in text


def test_the_same_again_changes_nothing_and_says_so(gdpr, ref):
    words = ("consent", "withdraw", ref, "newsletter", "--method", "paper", "--at", "2026-02-01T10:00Z")
    assert gdpr(*words)[1]["event"]
    code, receipt = gdpr(*words)
    assert (code, receipt["event"]) == (0, None)
    assert "Nothing changed" in gdpr(*words, text=True)[1]
    assert len(gdpr("consent", "history", ref)[1]) == 1


def test_what_cannot_be_is_said_with_what_to_do(gdpr, ref):
    code, told = gdpr("consent", "check", "nobody", "newsletter")
    assert (code, told["error"]["slug"]) == (1, "unknown-person")
    code, told = gdpr("consent", "check", ref, "carrier-pigeons")
    assert (code, told["error"]["slug"]) == (1, "unknown-kind")
    assert "newsletter" in told["error"]["message"]
    code, told = gdpr("consent", "give", ref, "newsletter", "--method", "paper", "--wording", 9, "--language", "de")
    assert (code, told["error"]["slug"]) == (1, "unknown-wording")
    code, told = gdpr("consent", "give", ref, "newsletter", "--method", "paper", "--wording", 1)
    assert (code, told["error"]["slug"]) == (2, "wording-half-said")
    code, told = gdpr("consent", "withdraw", ref, "newsletter", "--method", "paper", "--at", "2026-02-01T10:00")
    assert (code, told["error"]["slug"]) == (2, "no-offset")
    assert gdpr("consent", "withdraw", ref, "newsletter", "--method", "paper", "--at", "soon", text=True)[0] == 2
    assert gdpr("consent", "give", ref, "newsletter", "--method", "rumour", text=True)[0] == 2
    assert "never said anything" in gdpr("consent", "history", ref, text=True)[1]


def test_without_a_stack_it_says_how_to_start_one(gdpr, monkeypatch, tmp_path):
    monkeypatch.setenv("GDPR_DATA", str(tmp_path))
    code, told = gdpr("consent", "kinds")
    assert (code, told["error"]["slug"]) == (3, "no-installation")
