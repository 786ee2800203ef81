"""`gdpr person`: found by what one knows of them; everything that is held is shown."""

from uuid import uuid4

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def ref(door):
    """Somebody with a name that nobody else has, an order, and a field that nobody has described."""
    ref = f"CRM-{uuid4().hex[:8]}"
    about = {"occurred": "2026-05-03T10:00:00Z", "crm_ref": ref}
    fields = {
        "first_name": "Änne",
        "last_name": f"Groß{ref[4:]}",
        "emails": [{"address": f"{ref}@example.org", "label": "work"}, "info@shared.example"],
        "phones": ["+49 40 7654321"],
        "Lieblingsfarbe": "grün [dunkel]",
        "geprüft": True,
    }
    order = {"type": "crm.record.changed", "kind": "order", "record_ref": "O-1", "fields": {"total": 12.5}}
    with door.client() as client:
        client.post(
            "crm-gateway",
            "/v1/crm/events",
            [
                {"type": "crm.person.changed", "id": ref, "fields": fields, **about},
                {**order, "id": f"{ref}-o", **about},
            ],
        )
    return ref


def test_a_customer_is_found_by_part_of_a_name_mail_telephone_or_number(gdpr, ref):
    for words in ([f"gross{ref[4:]}"], ["anne", f"groß{ref[4:8]}"], [f"{ref}@EXAMPLE.org"]):
        code, found = gdpr("person", "find", *words)
        assert code == 0, words
        assert [one["crm_ref"] for one in found["persons"]] == [ref]
    code, text = gdpr("person", "find", f"Groß{ref[4:]}", text=True)
    assert f"Änne Groß{ref[4:]}" in text
    assert "gdpr person show REFERENCE" in text


def test_nobody_is_said_with_what_to_do(gdpr):
    code, text = gdpr("person", "find", uuid4().hex, text=True)
    assert (code, "Nobody fits" in text) == (1, True)
    code, told = gdpr("person", "show", "nobody-has-this")
    assert (code, told["error"]["slug"]) == (1, "unknown-person")
    assert "gdpr person find" in told["error"]["message"]
    assert gdpr("person", "show", str(uuid4()))[1]["error"]["slug"] == "unknown-person"


def test_the_look_is_on_record_before_anything_is_shown(gdpr, door, ref):
    _, person = gdpr("person", "show", ref)
    gdpr("consent", "history", ref)
    with door.client() as client:
        looks = client.get("subject-access", f"/v1/persons/{person['subject_id']}/looks")
    assert [look["where"] for look in looks] == ["command-line"] * 2


def test_everything_that_is_held_is_shown(gdpr, ref):
    code, person = gdpr("person", "show", ref)
    assert code == 0
    assert person["values"]["custom.lieblingsfarbe"] == "grün [dunkel]"
    assert gdpr("person", "show", person["subject_id"])[1] == person
    _, text = gdpr("person", "show", ref, text=True)
    for said in (
        f"Änne Groß{ref[4:]}, reference {ref}",
        "(work)",
        "+49407654321",
        "grün [dunkel]",
        "not described yet",
    ):
        assert said in text
    assert "yes" in text
    assert "total: 12.5" in text
