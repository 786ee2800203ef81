"""Signing in for the Actionpad in a window of its own.

A company's sign-in shows itself in nobody's frame, and in another site's frame no cookie of ours counts. So a window signs in and
hands the session over to the frame that opened it: by a word that is good once, for a minute, and from our own page only.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from aiohttp import web as http
from pydantic import BaseModel, StringConstraints, TypeAdapter

from console.desk import Desk, member_of
from console.routes.signing import FORM, begin, sign_in_page
from web.catalogues import N_
from web.identity import Identity
from web.problems import Problem
from web.reading import read_body, read_json
from web.sessions import key_of, session_of

AFTER_WINDOW = "/signed-in"


class HandedOver(BaseModel):
    """The word that a window gave to the frame."""

    word: Annotated[str, StringConstraints(min_length=20, max_length=100)]


HANDED_OVER: Final = TypeAdapter(HandedOver)


class Words:
    """The words by which a window hands its session over to the frame that opened it."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._kept: dict[bytes, tuple[datetime, Identity]] = {}

    def make(self, member: Identity) -> str:
        """Make a word for a member who has signed in."""
        now = self._clock()
        self._kept = {key: one for key, one in self._kept.items() if one[0] > now}
        word = secrets.token_urlsafe(32)
        self._kept[key_of(word)] = (now + timedelta(minutes=1), member)
        return word

    def take(self, word: str) -> Identity | None:
        """Give whose word it is, once."""
        until, member = self._kept.pop(key_of(word), (self._clock(), None))
        return member if until > self._clock() else None


def add_to(app: http.Application, desk: Desk) -> None:
    """Hang the window's pages, and where the frame asks, into the application."""
    words = Words(desk.clock)

    async def window(request: http.Request) -> http.StreamResponse:
        if session_of(request):
            raise http.HTTPSeeOther(AFTER_WINDOW)
        return sign_in_page(desk, request, FORM.blank(request, {"wanted": AFTER_WINDOW}), status=200)

    async def done(request: http.Request) -> http.StreamResponse:
        session = session_of(request)
        if session is None:
            raise http.HTTPSeeOther("/sign-in")
        member = member_of(session)
        return desk.page(request, "signed-in.html", member=member, word=words.make(member))

    async def is_there(request: http.Request) -> http.StreamResponse:
        return http.Response(status=204 if session_of(request) else 401)

    async def taken(request: http.Request) -> http.StreamResponse:
        if request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise Problem("form-outdated", N_("Your session has ended."), status=403)
        said = read_json(await read_body(request, 1000), HANDED_OVER)
        member = words.take(said.word)
        if member is None:
            raise Problem("not-signed-in", N_("Your session has ended."), status=401)
        response = await begin(desk, request, member, "/")
        del response.headers["Location"]
        response.set_status(204)
        return response

    app.router.add_get("/sign-in/window", window)
    app.router.add_get(AFTER_WINDOW, done)
    app.router.add_get("/session", is_there)
    app.router.add_post("/session", taken)
