"""A form loses nothing, acts once, cannot be forged, and says how to mend what does not fit."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

import aiohttp
import pytest
from aiohttp import web as http
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from web.catalogues import N_
from web.forgery import remember_visit
from web.forms import Form
from web.languages import Languages
from web.serving import application
from web.sessions import Sessions, SessionsInMemory
from web.testing import client_of


class Person(BaseModel):
    name: Annotated[str, Field(min_length=2, max_length=5)]
    born: date
    how: Literal["letter", "phone"]
    hours: Annotated[int, Field(ge=1, le=72)] = 24
    topics: list[Literal["a", "b"]] = []
    sure: bool = False
    mail: str | None = None

    @field_validator("mail")
    @classmethod
    def _mail(cls, typed: str) -> str:
        if "@" not in typed:
            raise PydanticCustomError("no_mail", N_("This cannot be read"))
        return typed


FORM = Form("person", Person, says={"how:missing": N_("Choose one of the options.")}, labels={"name": N_("Day")})
OTHER = Form("other", Person)


def tried(limit: int = 64 * 1024) -> http.Application:
    sessions = Sessions(SessionsInMemory(), absolute=timedelta(hours=1))
    app = application("tried", middlewares=[Languages(default="en").middleware, sessions.middleware])
    form = Form("person", Person, says=FORM._says, labels=FORM._labels, limit=limit)

    async def blank(request: http.Request) -> http.Response:
        shown = (OTHER if "other" in request.query else form).blank(request, {"born": date(1984, 3, 27), "sure": True})
        response = http.json_response({"hidden": str(shown.hidden), "day": shown.typed("born-day")})
        remember_visit(request, response, https=False)
        return response

    async def act(request: http.Request) -> http.Response:
        filled = await form.read(request)
        return http.json_response(
            {
                "value": filled.value.model_dump(mode="json") if filled.value else None,
                "errors": [[e.id, e.label, e.message] for e in filled.errors],
                "typed": filled.typed("name"),
                "chosen": filled.chosen("topics", "b"),
                "command": str(filled.command_id),
            }
        )

    async def sign_in(_request: http.Request) -> http.Response:
        response = http.Response()
        await sessions.begin(response, owner="lena")
        return response

    app.router.add_get("/form", blank)
    app.router.add_post("/form", act)
    app.router.add_post("/in", sign_in)
    return app


async def hidden(client: aiohttp.ClientSession, address: str = "/form") -> dict[str, str]:
    async with client.get(address) as answer:
        return dict(re.findall(r'name="([^"]+)" value="([^"]+)"', (await answer.json())["hidden"]))


GOOD = {"name": " Erika ", "born-day": "27", "born-month": "3", "born-year": "1984", "how": "letter"}


async def test_a_good_form_is_read() -> None:
    async with client_of(tried()) as client:
        carried = await hidden(client)
        sent = [*carried.items(), *GOOD.items(), ("topics", "a"), ("topics", "b"), ("sure", "true"), ("hours", "")]
        async with client.post("/form", data=sent) as answer:
            told = await answer.json()
    assert told["errors"] == []
    assert told["value"] == {
        "name": "Erika", "born": "1984-03-27", "how": "letter", "hours": 24, "topics": ["a", "b"], "sure": True, "mail": None,
    }  # fmt: skip
    assert UUID(told["command"]) == UUID(carried["command-id"])
    assert told["chosen"] is True


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"name": "  "}, [["name", "Day", "Fill this in."]]),
        ({"name": "E"}, [["name", "Day", "This is too short: use at least 2 characters."]]),
        ({"name": "Erika M"}, [["name", "Day", "This is too long: use at most 5 characters."]]),
        ({"born-day": "31", "born-month": "2"}, [["born-day", "", "Enter a date that exists, such as 27 3 1984."]]),
        ({"born-year": "84"}, [["born-day", "", "Enter a date that exists, such as 27 3 1984."]]),
        ({"born-day": ""}, [["born-day", "", "Enter day, month and year."]]),
        ({"born-day": "", "born-month": "", "born-year": ""}, [["born-day", "", "Fill this in."]]),
        ({"how": ""}, [["how", "", "Choose one of the options."]]),
        ({"how": "pigeon"}, [["how", "", "Choose one of the options."]]),
        ({"hours": "many"}, [["hours", "", "Enter a whole number, such as 24."]]),
        ({"hours": "0"}, [["hours", "", "Enter 1 or more."]]),
        ({"hours": "99"}, [["hours", "", "Enter 72 or less."]]),
        ({"mail": "erika"}, [["mail", "", "This cannot be read"]]),
        ({"topics": "z"}, [["topics", "", "Choose one of the options."]]),
        ({"name": "", "how": ""}, [["name", "Day", "Fill this in."], ["how", "", "Choose one of the options."]]),
        ({"name": "Eri\0ka"}, []),
    ],
)
async def test_each_error_says_how_to_mend_it(changes: dict[str, str], errors: list[list[str]]) -> None:
    async with (
        client_of(tried()) as client,
        client.post("/form", data={**await hidden(client), **GOOD, **changes}) as answer,
    ):
        told = await answer.json()
    assert told["errors"] == errors
    assert (told["value"] is None) == bool(errors)
    assert told["typed"] == {**GOOD, **changes}["name"].replace("\0", "")


async def test_errors_are_said_in_the_language_of_the_reader() -> None:
    async with client_of(tried(), headers={"Accept-Language": "de"}) as client:
        carried = await hidden(client)
        async with client.post("/form", data={**carried, **GOOD, "name": ""}) as answer:
            assert (await answer.json())["errors"] == [["name", "Tag", "Füllen Sie dieses Feld aus."]]


async def test_what_is_known_stands_in_the_form_already() -> None:
    async with client_of(tried()) as client, client.get("/form") as answer:
        assert (await answer.json())["day"] == "27"


async def test_a_forged_form_is_refused() -> None:
    async with client_of(tried()) as client, client_of(tried()) as stranger:
        mine = await hidden(client)
        theirs = await hidden(stranger)
        for forged in (
            {},
            {**mine, "form-token": ""},
            {**mine, "form-token": "nonsense"},
            {**mine, "form-token": "ä"},
            {**mine, "form-token": theirs["form-token"]},
            {**mine, "form-token": (await hidden(client, "/form?other"))["form-token"]},
            {**mine, "command-id": "7"},
        ):
            async with client.post("/form", data={**GOOD, **forged}) as answer:
                assert answer.status == 403, forged
        async with client.post("/form", data={**GOOD, **mine}, headers={"Sec-Fetch-Site": "cross-site"}) as answer:
            assert answer.status == 403
        async with client.post("/form", data={**GOOD, **mine}, headers={"Sec-Fetch-Site": "same-origin"}) as answer:
            assert answer.status == 200


async def test_a_form_of_the_session_is_no_form_of_the_visit() -> None:
    async with client_of(tried()) as client:
        before = await hidden(client)
        await client.post("/in")
        async with client.post("/form", data={**GOOD, **before}) as answer:
            assert answer.status == 403
        async with client.post("/form", data={**GOOD, **await hidden(client)}) as answer:
            assert answer.status == 200


async def test_what_is_no_form_or_too_much_of_one_is_refused() -> None:
    async with client_of(tried(limit=1000)) as client:
        carried = await hidden(client)
        async with client.post("/form", json=GOOD) as answer:
            assert answer.status == 415
        async with client.post("/form", data={**carried, **GOOD, "note": "x" * 2000}) as answer:
            assert answer.status == 413
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        for body in (b"\xff", b"a=%FF", b"a=%ED%A0%80", b"&".join([b"a="] * 301)):
            async with client.post("/form", data=body, headers=kind) as answer:
                assert answer.status == 400, body
