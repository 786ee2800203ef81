"""Asking the services in a member's name: each call carries a token that the console signs for a minute.

A service that does not answer is ``Unreachable``: the page shows what it has without it. What a service refuses is a
``Refusal`` with its slug.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import aiohttp
from pydantic import TypeAdapter, ValidationError

from events.runtime.logging import logger
from web.api import NDJSON
from web.identity import Identity, TokenSigner
from web.problems import URN

log = logger(__name__)

T = TypeVar("T")
LIFETIME: Final = timedelta(minutes=1)
CONNECT_SECONDS = 1.5
SILENT: Final = frozenset((401, 500, 502, 503, 504))
"""Answers that say nothing to the reader but that it does not work now."""

NO_SUCH_ROUTE: Final = frozenset(("unknown-address", "refused"))
"""What stands at an address that a service does not serve (yet)."""


class Unreachable(Exception):
    """A service gives no answer, or none that can be used."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self.service = service


class Refusal(Exception):
    """A service said no, and why."""

    def __init__(self, slug: str, detail: str, status: int, pointers: tuple[str, ...] = ()) -> None:
        super().__init__(slug)
        self.slug = slug
        self.detail = detail
        self.status = status
        self.pointers = pointers


class Calls:
    """The services, as a member of staff may ask them."""

    def __init__(self, urls: Mapping[str, str], signer: TokenSigner, *, seconds: float = 5.0) -> None:
        self._urls = {name: url.rstrip("/") for name, url in urls.items()}
        self._signer = signer
        self._timeout = aiohttp.ClientTimeout(total=seconds, connect=min(seconds, CONNECT_SECONDS))
        self._http: aiohttp.ClientSession | None = None

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services."""
        return tuple(self._urls)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep connections to the services while this lasts."""
        async with aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()) as self._http:
            yield
        self._http = None

    async def get(self, who: Identity, service: str, path: str, answer: type[T], **query: str | int) -> T:
        """Ask a question."""
        return cast(T, await self._call(who, service, "GET", path, answer, query=query))

    async def lines(self, who: Identity, service: str, path: str, line: type[T], **query: str | int) -> list[T]:
        """Ask for a list that is sent line by line; ``line`` is the type of each."""
        return cast(list[T], await self._call(who, service, "GET", path, line, query=query))

    async def post(
        self,
        who: Identity,
        service: str,
        path: str,
        answer: type[T] | None,
        body: Any = None,
        *,
        command: UUID | None = None,
        method: str = "POST",
    ) -> T:
        """Send a command; the same ``command`` again is done once."""
        return cast(T, await self._call(who, service, method, path, answer, body=body, command=command))

    async def _call(
        self,
        who: Identity,
        service: str,
        method: str,
        path: str,
        answer: Any,
        *,
        body: Any = None,
        command: UUID | None = None,
        query: Mapping[str, str | int] | None = None,
    ) -> Any:
        assert self._http is not None, "ask within running()"
        headers = {"Authorization": f"Bearer {self._signer.sign(who, LIFETIME)}", "Accept": "application/json"}
        if command is not None:
            headers["Idempotency-Key"] = str(command)
        try:
            async with self._http.request(
                method, self._urls[service] + path, headers=headers, json=body, params=query, allow_redirects=False
            ) as told:
                raw = await told.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            log.info("service not reachable", service=service, error_type=type(error).__name__)
            raise Unreachable(service) from None
        if told.status in SILENT:
            log.warning("service does not answer properly", service=service, status=told.status)
            raise Unreachable(service)
        if told.status >= 300:
            refusal = _refusal(raw, told.status)
            if told.status == 404 and refusal.slug in NO_SUCH_ROUTE:
                raise Unreachable(service)
            raise refusal
        return _read(service, raw, answer, told.content_type)


def _read(service: str, raw: bytes, answer: Any, kind: str) -> Any:
    if answer is None:
        return None
    try:
        if kind == NDJSON:
            return [_adapter(answer).validate_json(line) for line in raw.split(b"\n") if line.strip()]
        return _adapter(answer).validate_json(raw)
    except ValidationError as error:
        places = [".".join(str(part) for part in one["loc"] if isinstance(part, str)) for one in error.errors()[:5]]
        log.error("answer not understood", service=service, places=places)
        raise Unreachable(service) from None


@lru_cache
def _adapter(answer: Any) -> TypeAdapter[Any]:
    return TypeAdapter(answer)


def _refusal(raw: bytes, status: int) -> Refusal:
    try:
        told = _adapter(dict[str, Any]).validate_json(raw)
    except ValidationError:
        told = {}
    slug = str(told.get("type", "")).removeprefix(URN) or "refused"
    pointers = tuple(str(one.get("pointer", "")) for one in told.get("errors", ()) if isinstance(one, dict))
    return Refusal(slug, str(told.get("detail", "")), status, pointers)


async def part(asked: Awaitable[T]) -> T | None:
    """Give an answer, or nothing where the service is not reachable: that part of the page then says so."""
    try:
        return await asked
    except Unreachable:
        return None
