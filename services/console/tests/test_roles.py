"""Who may do what at the desk, line by line: as a table, and at every address."""

from __future__ import annotations

from uuid import uuid4

import pytest

from console.roles import MAY, may, places
from web.catalogues import check_complete
from web.testing import somebody

from .conftest import Desk
from .fakes import ERIKA

TABLE = """
                     staff  dpo  admin  auditor
search               yes    yes  -      -
open-person          yes    yes  -      -
send-link            yes    yes  -      -
record-consent       yes    yes  -      -
read-history         -      yes  -      yes
see-kinds            yes    yes  yes    yes
see-fields           -      yes  yes    -
describe-field       -      -    yes    -
see-read-models      -      yes  yes    yes
rebuild-read-model   -      -    yes    -
see-quarantine       -      yes  yes    -
decide-quarantine    -      -    yes    -
see-deliveries       -      yes  yes    -
retry-delivery       -      -    yes    -
"""
HEAD, *LINES = (line.split() for line in TABLE.strip().splitlines())
WHO = {"staff": "anna", "dpo": "dora", "admin": "adam", "auditor": "axel"}
ID = str(uuid4())
PERSON, PAD = f"/persons/{ERIKA}", f"/actionpad/{ERIKA}"

ADDRESSES = {
    "search": ["POST /", "POST /search"],
    "open-person": [f"GET {PERSON}", f"GET {PAD}", "GET /actionpad?crm_ref=K-225"],
    "send-link": [
        f"GET {PERSON}/links/new",
        f"POST {PAD}/links/new",
        f"GET {PAD}/links/{ID}",
        f"GET {PAD}/links/{ID}/status",
        f"GET {PAD}/links/{ID}/revoke",
        f"POST {PAD}/links/{ID}/revoke",
    ],
    "record-consent": [
        f"GET {PAD}/consents/newsletter",
        f"GET {PAD}/consents/newsletter/give",
        f"POST {PAD}/consents/newsletter/give",
        f"GET {PAD}/consents/newsletter/withdraw",
        f"POST {PAD}/consents/newsletter/withdraw",
    ],
    "read-history": ["GET /history", "POST /history", f"GET /history/{ERIKA}", f"POST /history/{ERIKA}"],
    "see-kinds": ["GET /kinds"],
    "see-fields": ["GET /fields"],
    "describe-field": ["GET /fields/custom.vip", "POST /fields/custom.vip"],
    "see-read-models": ["GET /read-models", "GET /read-models/status"],
    "rebuild-read-model": ["POST /read-models/rebuild"],
    "see-quarantine": ["GET /quarantine"],
    "decide-quarantine": [f"GET /quarantine/{ID}", f"POST /quarantine/{ID}"],
    "see-deliveries": ["GET /deliveries"],
    "retry-delivery": [f"POST /deliveries/{ID}/retry"],
}
OPEN = {
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/{name}",
    "/sign-in",
    "/sign-out",
    "/sign-in/window",
    "/signed-in",
    "/session",
}
"""What no act guards: signing in and out, what a machine asks, and the first page, which leads elsewhere."""


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
@pytest.mark.parametrize("role", HEAD)
def test_the_table_says_who_may(line: list[str], role: str) -> None:
    act, *cells = line
    assert may(somebody(role), act) is (cells[HEAD.index(role)] == "yes")  # type: ignore[arg-type]


def test_the_table_is_whole() -> None:
    assert [line[0] for line in LINES] == list(MAY) == list(ADDRESSES)


def test_a_machine_may_nothing() -> None:
    assert not places(somebody("crm"))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
async def test_every_address_opens_to_its_roles_only(desk: Desk, line: list[str]) -> None:
    act, *cells = line
    for role, cell in zip(HEAD, cells, strict=True):
        member = await desk.signed_in(WHO[role])
        for address in ADDRESSES[act]:
            method, path = address.split(" ", 1)
            html = await (member.get(path) if method == "GET" else member.post(path, {}))
            refused = member.status == 403 and "does not have the role" in html
            assert refused is (cell == "-"), f"{role} {address}: {member.status}"
            assert not (refused and "Try again" in html), "what a role forbids it forbids the next time, too"


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
async def test_nobody_sees_anything_before_signing_in(desk: Desk, line: list[str]) -> None:
    visitor = await desk.visitor()
    for address in ADDRESSES[line[0]]:
        method, path = address.split(" ", 1)
        html = await (visitor.get(path) if method == "GET" else visitor.post(path, {}))
        assert visitor.status == 401, address
        assert "Erika" not in html
    assert not desk.fakes.heard


def test_no_address_is_forgotten(desk: Desk) -> None:
    guarded = [address.split(" ", 1) for addresses in ADDRESSES.values() for address in addresses]
    for route in desk.app.router.routes():
        resource = route.resource
        assert resource is not None
        if resource.canonical in OPEN or route.method == "HEAD":
            continue
        hit = [path for method, path in guarded if method == route.method and _fits(resource.canonical, path)]
        assert hit, f"{route.method} {resource.canonical} is in no line of the table"


def _fits(pattern: str, path: str) -> bool:
    parts, given = pattern.split("/"), path.split("?", maxsplit=1)[0].split("/")
    return len(parts) == len(given) and all(p == g or p.startswith("{") for p, g in zip(parts, given, strict=True))


async def test_everybody_is_led_to_the_first_place_that_is_theirs(desk: Desk) -> None:
    for account, place in (("anna", ""), ("dora", ""), ("adam", "/kinds"), ("axel", "/history")):
        member = await desk.signed_in(account)
        await member.get("/")
        assert member.place == place, account


async def test_only_ones_own_places_are_offered(desk: Desk) -> None:
    axel = await desk.signed_in("axel")
    html = await axel.get("/kinds")
    assert 'href="/history"' in html
    assert 'href="/fields"' not in html
    assert 'href="/quarantine"' not in html


def test_every_word_is_said_in_both_languages() -> None:
    check_complete("console")
