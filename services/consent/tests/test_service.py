"""The service as others meet it: over HTTP and Kafka, on real servers."""

from __future__ import annotations

from uuid import uuid4

from .conftest import LENA, Running


async def test_a_consent_counts_and_a_withdrawal_ends_it_at_once(consent: Running) -> None:
    ask, anna = consent.ask, uuid4()
    assert await ask.check(anna) | {"subject_id": None} == {
        "allowed": False, "reason": "unknown-person", "kind": "newsletter", "subject_id": None, "since": None, "recorded": None,
        "valid_until": None, "wording": None, "method": None, "strength": None, "event": None,
    }  # fmt: skip
    given = {
        "kind": "newsletter", "method": "paper", "evidence": "form 4711", "wording": {"version": 1, "language": "de"},
    }  # fmt: skip
    status, receipt = await ask(LENA, "POST", f"/v1/persons/{anna}/consents", given)
    assert (status, receipt["state"]) == (200, "given")
    told = await ask.check(anna)
    assert (told["allowed"], told["reason"], told["event"]) == (True, "given", receipt["event"])
    assert (told["wording"], told["strength"], told["method"]) == (
        {"version": 1, "language": "de"}, "documented", "paper",
    )  # fmt: skip

    withdrawn = {"kind": "newsletter", "method": "telephone", "reason": "too many mails"}
    status, receipt = await ask(LENA, "POST", f"/v1/persons/{anna}/withdrawals", withdrawn)
    assert (status, receipt["state"]) == (200, "withdrawn")
    told = await ask.check(anna)
    assert (told["allowed"], told["reason"], told["event"]) == (False, "withdrawn", receipt["event"])

    _, history = await ask(LENA, "GET", f"/v1/persons/{anna}/consents/history")
    assert [(e["type"], e["by"]) for e in history] == [
        ("ConsentGiven", "staff:lena"), ("ConsentWithdrawn", "staff:lena"),
    ]  # fmt: skip
    assert history[0]["data"]["evidence"] == "form 4711"
    assert history[1]["data"]["reason"] == "too many mails"
