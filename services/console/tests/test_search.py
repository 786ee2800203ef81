"""The search: what is typed stands in no address, and is there again when one comes back."""

from __future__ import annotations

from .conftest import Desk
from .fakes import ERIKA


async def test_hits_show_who_it_is(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get("/")
    html = await anna.send("/", q="  erika   muster ")
    for said in ("Erika Mustermann", "Straßenbau Nord GmbH &amp; Co. KG", "erika.mustermann@example.org", "KD-10042"):
        assert said in html
    assert "Possibly a duplicate" in html
    assert "1 customer" in html


async def test_a_script_gets_the_hits_alone(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get("/")
    html = await anna.post("/search", {**anna.hidden("/"), "q": "jörg"})
    assert "<html" not in html
    assert html.count("<li>") == 25
    assert "More than 25" in html


async def test_the_search_is_there_again_when_one_comes_back(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get("/")
    await anna.send("/", q="erika")
    await anna.get(f"/persons/{ERIKA}")
    html = await anna.get("/")
    assert 'value="erika"' in html
    assert "Erika Mustermann" in html
    dora = await desk.signed_in("dora")
    assert "erika" not in await dora.get("/")


async def test_nothing_typed_asks_nobody(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get("/")
    await anna.send("/", q="   ")
    assert anna.status == 200
    assert not desk.fakes.heard
    html = await anna.send("/", q="nobody at all")
    assert "Nobody was found." in html


async def test_records_that_are_not_reachable_are_said(desk: Desk) -> None:
    desk.fakes.down.add("crm-gateway")
    anna = await desk.signed_in("anna")
    await anna.get("/")
    fields = {**anna.hidden("/"), "q": "erika"}
    for path in ("/", "/search"):
        html = await anna.post(path, fields)
        assert anna.status == 200
        assert "The customers' records are not reachable" in html
        assert 'value="erika"' in html or path == "/search"


async def test_too_long_a_search_is_no_error(desk: Desk) -> None:
    anna = await desk.signed_in("anna")
    await anna.get("/")
    await anna.send("/", q="x" * 500)
    assert anna.status == 200
