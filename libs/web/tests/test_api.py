"""Routes take what they declare, answer what they declare, and refuse the rest with a pointer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Literal
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web as http
from pydantic import BaseModel, ConfigDict, Field

from events.deciding import Refused
from web.api import Answered, Call, Routes
from web.limits import Limit
from web.serving import application
from web.testing import Keys, somebody

Running = Callable[[http.Application], Awaitable[aiohttp.ClientSession]]

LENA = somebody("staff", account="lena")
CRM = somebody("crm")


routes = Routes()


class Mail(BaseModel):
    kind: Literal["mail"]
    address: str


class Phone(BaseModel):
    kind: Literal["phone"]
    number: Annotated[int, Field(ge=0, lt=10**15)]


class NewLink(BaseModel):
    model_config = ConfigDict(extra="forbid")
    subject_id: UUID
    hours: Annotated[int, Field(ge=1, le=720)] = 24
    reach: list[Annotated[Mail | Phone, Field(discriminator="kind")]] = []
    note: str | None = None


class Link(BaseModel):
    link: UUID
    hours: int
    by: str


class Place(BaseModel):
    subject_id: UUID


class Page(BaseModel):
    q: str = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    kind: list[str] = []


class Line(BaseModel):
    n: int


@routes.post("/v1/links", body=NewLink, answer=Link, roles=("staff",), refusals=("erased", "link-refused"))
async def issue_link(call: Call[NewLink]) -> Link | Answered:
    """Issue a link.

    It is limited in time.
    """
    if call.body.note == "refuse":
        raise Refused("link-refused", "Ask for another.")
    if call.body.note == "crash":
        raise RuntimeError("the secret of erika@example.org")
    if call.body.note == "offline":
        raise ConnectionRefusedError("10.0.0.1")
    if call.body.note == "made":
        return Answered(Link(link=call.command_id, hours=1, by="x"), status=201, headers={"Location": "/v1/links/1"})
    return Link(link=call.command_id, hours=call.body.hours, by=str(call.actor))


@routes.get("/v1/persons/{subject_id}/links", query=Page, params=Place, answer=list[Line], roles=("staff", "dpo"))
async def links(call: Call[None, Page, Place]) -> list[Line]:
    """List links."""
    return [Line(n=call.query.limit), Line(n=len(call.query.kind))]


@routes.get("/v1/lines", lines=Line, query=Page)
async def lines(call: Call[None, Page]) -> AsyncIterator[Line | bytes]:
    """Stream lines."""
    if call.query.q == "refuse":
        raise Refused("no-lines", "There are none.")
    for n in range(call.query.limit):
        if call.query.q == "break" and n == 2:
            raise RuntimeError("erika@example.org")
        yield Line(n=n) if n % 2 == 0 else b'{"n":%d}\n' % n


@routes.post("/v1/raw", body=bytes, answer=Line, command=False, accepts=("application/x-ndjson",), body_limit=1000)
async def raw(call: Call[bytes]) -> Line:
    """Count bytes."""
    return Line(n=len(call.body))


@routes.delete("/v1/slow", limit=Limit(burst=1, per_minute=1))
async def slow(_call: Call) -> None:
    """Do nothing, slowly."""


@routes.get("/v1/wrong", answer=Line, hot=True)
async def wrong(_call: Call) -> Line:
    """Answer what was not declared."""
    return "nonsense"  # type: ignore[return-value]


SUBJECT = "0b0f5d7e-2c9b-4f0e-9a51-0e3c1e2d4f5a"


@pytest.fixture
async def client(keys: Keys, running: Running) -> aiohttp.ClientSession:
    return await running(application("tried", routes=routes, verifier=keys.verifier))


@pytest.fixture
def sent(keys: Keys) -> dict[str, str]:
    return {**keys.header(LENA), "Idempotency-Key": str(uuid4()), "Content-Type": "application/json"}


async def problem(response: aiohttp.ClientResponse, status: int, slug: str) -> dict[str, object]:
    told: dict[str, object] = await response.json(content_type="application/problem+json")
    assert (response.status, told["status"], told["type"]) == (status, status, f"urn:gdpr:problem:{slug}")
    return told


async def test_a_command_is_read_and_answered(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    async with client.post("/v1/links", json={"subject_id": SUBJECT}, headers=sent) as answer:
        assert answer.status == 200
        assert await answer.json() == {"link": sent["Idempotency-Key"], "hours": 24, "by": "staff:lena"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_an_answer_may_have_a_status_of_its_own(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    async with client.post("/v1/links", json={"subject_id": SUBJECT, "note": "made"}, headers=sent) as answer:
        assert (answer.status, answer.headers["Location"]) == (201, "/v1/links/1")


async def test_a_quoted_idempotency_key_is_the_same(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    key = sent["Idempotency-Key"]
    sent["Idempotency-Key"] = f'"{key}"'
    async with client.post("/v1/links", json={"subject_id": SUBJECT}, headers=sent) as answer:
        assert (await answer.json())["link"] == key


async def test_a_command_without_an_id_is_refused(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    for bad in (None, "", "7", "not-a-uuid", SUBJECT + "0", "{" + SUBJECT[1:]):
        headers = {k: v for k, v in sent.items() if k != "Idempotency-Key"} | ({"Idempotency-Key": bad} if bad else {})
        async with client.post("/v1/links", json={"subject_id": SUBJECT}, headers=headers) as answer:
            await problem(answer, 400, "idempotency-key")


async def test_who_has_no_token_or_no_role_is_refused_first(
    client: aiohttp.ClientSession, keys: Keys, sent: dict[str, str]
) -> None:
    async with client.post("/v1/links", data=b"{") as answer:
        await problem(answer, 401, "token-missing")
        assert "WWW-Authenticate" in answer.headers
    async with client.post("/v1/links", data=b"{", headers={**sent, **keys.header(CRM)}) as answer:
        await problem(answer, 403, "role-missing")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"a": "\xed\xa0\x80"}',
        b'"\\ud800"',
        b"{'a': 1}",
        b"NaN x",
        b"[" * 3000,
        b'{"a":"\x00"}',
    ],
)
async def test_what_is_not_json_is_refused(client: aiohttp.ClientSession, sent: dict[str, str], body: bytes) -> None:
    async with client.post("/v1/links", data=body, headers=sent) as answer:
        await problem(answer, 400, "invalid-json")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/subject_id"]),
        ([], [""]),
        ({"subject_id": "x"}, ["/subject_id"]),
        ({"subject_id": SUBJECT, "hours": "5"}, ["/hours"]),
        ({"subject_id": SUBJECT, "hours": 10**30}, ["/hours"]),
        ({"subject_id": SUBJECT, "hours": 1.5}, ["/hours"]),
        ({"subject_id": SUBJECT, "more/less~": 1}, ["/more~1less~0"]),
        (
            {"subject_id": SUBJECT, "reach": [{"kind": "mail", "address": "a"}, {"kind": "phone", "number": -1}]},
            ["/reach/1/number"],
        ),
        ({"subject_id": SUBJECT, "reach": [{"kind": "phone"}]}, ["/reach/0/number"]),
        ({"subject_id": SUBJECT, "reach": [{"kind": "pigeon"}]}, ["/reach/0"]),
        ({"subject_id": SUBJECT, "note": "a\0b"}, ["/note"]),
        ({"subject_id": SUBJECT, "reach": [{"kind": "mail", "address": "\0"}]}, ["/reach/0/address"]),
    ],
)
async def test_what_does_not_fit_is_pointed_at(
    client: aiohttp.ClientSession, sent: dict[str, str], body: object, pointers: list[str]
) -> None:
    async with client.post("/v1/links", data=json.dumps(body), headers=sent) as answer:
        told = await problem(answer, 422, "invalid-input")
        assert [error["pointer"] for error in told["errors"]] == pointers  # type: ignore[attr-defined]


async def test_an_escaped_backslash_before_u0000_is_no_nul(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    async with client.post("/v1/links", json={"subject_id": SUBJECT, "note": "\\u0000"}, headers=sent) as answer:
        assert answer.status == 200


async def test_a_number_of_ten_thousand_digits_is_refused(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    body = b'{"subject_id": "%s", "hours": %s}' % (SUBJECT.encode(), b"9" * 10_000)
    async with client.post("/v1/links", data=body, headers=sent) as answer:
        assert answer.status in {400, 422}


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; charset=latin-1", "nonsense"])
async def test_another_media_type_is_refused(client: aiohttp.ClientSession, sent: dict[str, str], kind: str) -> None:
    async with client.post("/v1/links", data=b"{}", headers={**sent, "Content-Type": kind}) as answer:
        await problem(answer, 415, "media-type")


async def test_a_large_body_is_refused_declared_or_chunked(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 1000

    async with client.post("/v1/links", data=b" " * 70_000, headers=sent) as answer:
        await problem(answer, 413, "too-large")
    async with client.post("/v1/links", data=chunks(), headers=sent) as answer:
        await problem(answer, 413, "too-large")


async def test_a_refusal_of_a_decider_is_a_409_with_its_slug(
    client: aiohttp.ClientSession, sent: dict[str, str]
) -> None:
    async with client.post("/v1/links", json={"subject_id": SUBJECT, "note": "refuse"}, headers=sent) as answer:
        assert (await problem(answer, 409, "link-refused"))["detail"] == "Ask for another."


async def test_a_crash_says_nothing_of_what_was_sent(
    client: aiohttp.ClientSession, sent: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    async with client.post("/v1/links", json={"subject_id": SUBJECT, "note": "crash"}, headers=sent) as answer:
        await problem(answer, 500, "unexpected")
        assert "erika" not in await answer.text()


async def test_a_database_that_is_away_is_a_503_that_may_be_repeated(
    client: aiohttp.ClientSession, sent: dict[str, str]
) -> None:
    async with client.post("/v1/links", json={"subject_id": SUBJECT, "note": "offline"}, headers=sent) as answer:
        await problem(answer, 503, "not-ready")
        assert answer.headers["Retry-After"] == "2"


async def test_an_answer_that_was_not_declared_is_no_answer(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/wrong") as answer:
        await problem(answer, 500, "unexpected")


async def test_path_and_query_are_read(client: aiohttp.ClientSession, sent: dict[str, str]) -> None:
    async with client.get(f"/v1/persons/{SUBJECT}/links?limit=7&kind=a&kind=b", headers=sent) as answer:
        assert await answer.json() == [{"n": 7}, {"n": 2}]
    async with client.get(f"/v1/persons/{SUBJECT}/links", headers=sent) as answer:
        assert await answer.json() == [{"n": 20}, {"n": 0}]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=1&limit=2", "q=%00", "kind=a&kind=%00", "limit=" + "9" * 5000]
)
async def test_a_query_that_does_not_fit_is_pointed_at(
    client: aiohttp.ClientSession, sent: dict[str, str], query: str
) -> None:
    async with client.get(f"/v1/persons/{SUBJECT}/links?{query}", headers=sent) as answer:
        told = await problem(answer, 422, "invalid-input")
        assert told["errors"][0]["pointer"] == "/" + query.split("=", maxsplit=1)[0]  # type: ignore[index]


@pytest.mark.parametrize("part", ["x", "%00", "%FF", "%2F", "1" * 36])
async def test_a_path_that_cannot_be_is_not_found(
    client: aiohttp.ClientSession, sent: dict[str, str], part: str
) -> None:
    from yarl import URL

    url = URL(f"{client._base_url}/v1/persons/{part}/links", encoded=True)
    async with aiohttp.ClientSession() as bare, bare.get(url, headers=sent) as answer:
        await problem(answer, 404, "unknown-address")


async def test_unknown_addresses_and_methods_are_problems_too(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/nowhere") as answer:
        await problem(answer, 404, "unknown-address")
    async with client.put("/v1/links") as answer:
        await problem(answer, 405, "method-not-allowed")
        assert answer.headers["Allow"] == "POST"


async def test_lines_are_streamed(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/lines?limit=4") as answer:
        assert answer.content_type == "application/x-ndjson"
        assert [json.loads(line)["n"] for line in (await answer.read()).splitlines()] == [0, 1, 2, 3]


async def test_a_refusal_before_the_first_line_is_a_problem(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/lines?q=refuse") as answer:
        await problem(answer, 409, "no-lines")


async def test_a_stream_that_breaks_off_is_seen_to_be_broken(client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with client.get("/v1/lines?q=break&limit=9") as answer:
            await answer.read()


async def test_a_raw_body_is_handed_over_as_it_came(client: aiohttp.ClientSession) -> None:
    kind = {"Content-Type": "application/x-ndjson"}
    async with client.post("/v1/raw", data=b"{\n\xff", headers=kind) as answer:
        assert await answer.json() == {"n": 3}
    async with client.post("/v1/raw", data=b"x" * 1001, headers=kind) as answer:
        await problem(answer, 413, "too-large")


async def test_too_many_at_once_are_asked_to_wait(client: aiohttp.ClientSession) -> None:
    async with client.delete("/v1/slow", headers={"Idempotency-Key": SUBJECT}) as answer:
        assert answer.status == 204
    async with client.delete("/v1/slow", headers={"Idempotency-Key": SUBJECT}) as answer:
        await problem(answer, 429, "too-many")
        assert int(answer.headers["Retry-After"]) >= 50


async def test_the_openapi_document_tells_all_this(client: aiohttp.ClientSession) -> None:
    async with client.get("/openapi.json") as answer:
        told = await answer.json()
    issue = told["paths"]["/v1/links"]["post"]
    assert sorted(issue["responses"]) == ["200", "400", "401", "403", "409", "413", "415", "422", "503"]
    assert issue["summary"] == "Issue a link"
    assert issue["x-roles"] == ["staff"]
    assert "`link-refused`" in issue["responses"]["409"]["description"]
    assert told["components"]["schemas"]["Mail"]["properties"]["address"]["pattern"] == r"^[^\u0000]*$"


async def test_a_role_needs_somebody_to_verify_it() -> None:
    with pytest.raises(ValueError, match="verifier"):
        application("tried", routes=routes)
    assert isinstance(application("tried"), http.Application)
