"""The demo CRM's own fields have names that people read, and what an administrator wrote stays."""

from typing import Any

import pytest
from aiohttp import ClientSession, web

from demo_crm import customers
from events.catalogue.persons import CORE_FIELDS
from stack import demo_fields
from stack.home import Home
from stack.running_stack import free_port_base
from stack.services import BY_NAME, Installation


@pytest.fixture
def installation(tmp_path) -> Installation:
    made = Installation(Home(tmp_path), free_port_base(), "embedded")
    made.secrets.ensure(())
    return made


async def describe(installation: Installation, known: list[dict[str, Any]]) -> dict[str, Any]:
    """Let the fields be described at a door that knows these, and give what it was told."""
    told: dict[str, Any] = {}

    async def fields(_request: web.Request) -> web.Response:
        return web.json_response({"fields": known})

    async def field(request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("Bearer ")
        assert request.headers["Idempotency-Key"]
        told[request.match_info["field"]] = await request.json()
        return web.json_response({})

    app = web.Application()
    app.add_routes([web.get("/v1/fields", fields), web.put("/v1/fields/{field}", field)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", installation.port(BY_NAME["crm-gateway"].port)).start()
        async with ClientSession() as http:
            assert await demo_fields.describe(installation, http) is None
    finally:
        await runner.cleanup()
    return told


def test_every_field_that_the_demo_crm_begins_with_has_a_name():
    sent: set[str] = set()
    for customer in customers.read():
        sent |= {f"custom.{name}" for name in customer.fields if name not in CORE_FIELDS}
        sent |= {f"{record.kind}.{name}" for record in customer.records for name in record.fields}
    assert sent == set(demo_fields.FIELDS)


async def test_each_is_described_in_both_languages(installation):
    told = await describe(installation, [])
    assert set(told) == set(demo_fields.FIELDS)
    assert told["order.placed"] == {
        "type": "date", "labels": {"de": "Bestellt am", "en": "Placed on"}, "choices": None,
    }  # fmt: skip
    assert told["custom.loyalty_level"]["choices"]["silver"] == {"de": "Silber", "en": "Silver"}


async def test_what_was_described_already_is_left_as_it_is(installation):
    told = await describe(
        installation,
        [{"field": "order.total", "state": "described"}, {"field": "order.placed", "state": "discovered"}],
    )
    assert "order.total" not in told
    assert "order.placed" in told


async def test_a_door_that_does_not_answer_is_waited_for(installation):
    async with ClientSession() as http:
        assert "waits to describe" in str(await demo_fields.describe(installation, http))
