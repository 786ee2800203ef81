"""The walk: what the CRM says over HTTP is found by staff a moment later."""

from __future__ import annotations

from .conftest import STAFF, Running, changed, eventually

MUELLER = {
    "first_name": "Jörg",
    "last_name": "Müller-Lüdenscheidt",
    "emails": [{"address": "Joerg.Mueller@Example.org", "label": "work"}, "info@nord.example"],
    "phones": ["+49 (0)40 123 45 67"],
    "customer_number": "KD-10042",
    "company": "Straßenbau Nord",
    "Schuhgröße": 43,
    "birth_date": "1980-02-03",
}


async def test_what_the_crm_says_is_found_by_staff(gateway: Running) -> None:
    answers = await gateway.post("/v1/crm/events", changed("K-1", MUELLER))
    assert [a["status"] for a in answers] == ["accepted"]
    assert answers[0]["events"] == ["PersonAdmitted", "PersonChanged"]

    async def found() -> object:
        told = await gateway.post("/v1/persons/search", {"q": "mueller nord"}, who=STAFF)
        return told["persons"]

    (person,) = await eventually(found)
    assert person["display_name"] == "Jörg Müller-Lüdenscheidt"
    assert person["subject_id"] == answers[0]["subject_id"]
    assert person["phones"] == ["+49401234567"]
    whole = await gateway.get(f"/v1/persons/{person['subject_id']}")
    assert whole["values"]["custom.schuhgroesse"] == 43
    assert (await gateway.post("/v1/persons/by-ref", {"crm_ref": "K-1"}))["subject_id"] == person["subject_id"]
    fields = (await gateway.get("/v1/fields"))["fields"]
    assert {"field": "custom.schuhgroesse", "state": "discovered", "type": "number"}.items() <= fields[-1].items()
