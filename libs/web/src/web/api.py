"""Typed routes: what goes in, what comes out, who may ask and what may be refused stand beside the handler.

The OpenAPI document is made from the same declarations (``web.openapi``), so that it cannot say anything else.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeAlias, TypeVar
from uuid import UUID

from aiohttp import web as http
from multidict import CIMultiDict
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypeVar as TypeVarWithDefault

from events.catalogue.vocabulary import Actor
from events.runtime.logging import logger
from web.identity import IDENTITY, NOBODY, VERIFIER, Identity, TokenVerifier
from web.limits import Limit
from web.problems import Problem
from web.reading import JSON, check_media_type, query_reader, read_body, read_command_id, read_json, read_path

log = logger(__name__)

B = TypeVarWithDefault("B", default=None)
Q = TypeVarWithDefault("Q", default=None)
P = TypeVarWithDefault("P", default=None)
F = TypeVar("F", bound=Callable[..., Any])

API_HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "gdpr",
    "X-Content-Type-Options": "nosniff",
}
"""What every JSON answer says to browsers."""

NDJSON = "application/x-ndjson"
BODY_LIMIT = 64 * 1024
HOT: Final = http.AppKey("web-hot-routes", dict)
"""Method and path of the hot routes, and what serves them."""


@dataclass(slots=True)
class Call(Generic[B, Q, P]):
    """One request, read: ``Call[Body, Query, Path]``; what the route does not declare is ``None``."""

    request: http.Request
    identity: Identity
    body: B
    query: Q
    path: P
    given_id: UUID | None

    @property
    def command_id(self) -> UUID:
        """The ``Idempotency-Key``: the id under which the command is carried out once."""
        assert self.given_id is not None, "only routes with command=True have a command id"
        return self.given_id

    @property
    def actor(self) -> Actor:
        """Whoever asks, as events name them."""
        return self.identity.actor


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with a status of its own, or with headers: ``return Answered(link, status=200)``."""

    value: Any
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Call[Any, Any, Any]], Awaitable[Any]]
LinesHandler: TypeAlias = Callable[[Call[Any, Any, Any]], AsyncIterator[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a route is declared to be. ``web.openapi`` writes it down."""

    method: str
    path: str
    handler: Callable[..., Any]
    body: Any = None
    query: type[BaseModel] | None = None
    params: type[BaseModel] | None = None
    answer: Any = None
    lines: Any = None
    status: int = 200
    statuses: tuple[int, ...] = ()
    roles: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    problems: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    command: bool = False
    accepts: tuple[str, ...] = (JSON,)
    body_limit: int = BODY_LIMIT
    limit: Limit | None = None
    hot: bool = False
    summary: str = ""
    description: str = ""


@dataclass(slots=True)
class Routes:
    """The JSON routes of a service. ``add_to`` hangs them into an application."""

    declared: list[Route] = field(default_factory=list)

    def get(self, path: str, **declared: Any) -> Callable[[F], F]:
        """Declare a question. See ``route``."""
        return self.route("GET", path, **declared)

    def post(self, path: str, **declared: Any) -> Callable[[F], F]:
        """Declare a command, or with ``command=False`` a question that needs a body. See ``route``."""
        return self.route("POST", path, **declared)

    def put(self, path: str, **declared: Any) -> Callable[[F], F]:
        """Declare a command. See ``route``."""
        return self.route("PUT", path, **declared)

    def delete(self, path: str, **declared: Any) -> Callable[[F], F]:
        """Declare a command. See ``route``."""
        return self.route("DELETE", path, **declared)

    def route(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: type[BaseModel] | None = None,
        params: type[BaseModel] | None = None,
        answer: Any = None,
        lines: Any = None,
        status: int | None = None,
        statuses: Iterable[int] = (),
        roles: Iterable[str] = (),
        refusals: Iterable[str] = (),
        problems: Mapping[int, Iterable[str]] | None = None,
        command: bool | None = None,
        accepts: Iterable[str] = (JSON,),
        body_limit: int = BODY_LIMIT,
        limit: Limit | None = None,
        hot: bool = False,
    ) -> Callable[[F], F]:
        """Declare a route; its summary and description are the handler's docstring.

        ``body``: a model or any type that pydantic reads; ``bytes`` hands the body over as it came, within ``body_limit``.
        ``query``, ``params``: models of the query and of the path's parts. ``answer``: a model or type; ``None`` is 204.
        ``lines``: the type of each line of an NDJSON stream; the handler is then an async generator.
        ``roles``: who may ask; none is everybody. ``refusals``: slugs of 409; ``problems``: slugs of other statuses.
        ``command``: needs an ``Idempotency-Key``; the default of all but GET. ``hot``: served
        before aiohttp's router and middlewares, and logged only when it fails; for literal paths, without ``request.app``.
        """

        if hot and "{" in path:
            raise ValueError("a hot route has a literal path")

        def declare(handler: F) -> F:
            summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n")
            self.declared.append(
                Route(
                    method=method,
                    path=path,
                    handler=handler,
                    body=body,
                    query=query,
                    params=params,
                    answer=answer,
                    lines=lines,
                    status=status or (200 if answer is not None or lines is not None else 204),
                    statuses=tuple(statuses),
                    roles=tuple(roles),
                    refusals=tuple(refusals),
                    problems={code: tuple(slugs) for code, slugs in (problems or {}).items()},
                    command=method != "GET" if command is None else command,
                    accepts=tuple(accepts),
                    body_limit=body_limit,
                    limit=limit,
                    hot=hot,
                    summary=summary.strip().rstrip("."),
                    description=description.strip(),
                )
            )
            return handler

        return declare

    def include(self, other: Routes) -> None:
        """Take in the routes of another module."""
        self.declared.extend(other.declared)

    def add_to(self, app: http.Application) -> None:
        """Hang the routes into an application."""
        hot = app.setdefault(HOT, {})
        for route in self.declared:
            serve = serving(route, app.get(VERIFIER))
            app.router.add_route(route.method, route.path, serve)
            if route.hot:
                hot[route.method, route.path] = serve


def serving(route: Route, verifier: TokenVerifier | None) -> Callable[[http.Request], Awaitable[http.StreamResponse]]:
    """Make the aiohttp handler of a route."""
    reads_body = _body_reader(route)
    answers = _lines_answer(route) if route.lines is not None else _answer(route)
    roles = frozenset(route.roles)
    roles_named = ", ".join(sorted(roles))
    reads_query = query_reader(route.query) if route.query is not None else None
    params, command, limit = route.params, route.command, route.limit

    async def serve(request: http.Request) -> http.StreamResponse:
        identity = NOBODY
        if verifier is not None and roles:
            identity = verifier.identity(request.headers.get("Authorization"))
            if identity.roles.isdisjoint(roles):
                raise Problem("role-missing", f"This needs one of the roles: {roles_named}.", status=403)
            request[IDENTITY] = identity
        if limit is not None:
            limit.take(identity.account or request.remote or "")
        path = read_path(request, params) if params is not None else None
        query = reads_query(request) if reads_query is not None else None
        command_id = read_command_id(request) if command else None
        body = await reads_body(request) if reads_body is not None else None
        return await answers(Call(request, identity, body, query, path, command_id))

    return serve


def _body_reader(route: Route) -> Callable[[http.Request], Awaitable[Any]] | None:
    if route.body is None:
        return None
    raw = route.body is bytes
    model: TypeAdapter[Any] = TypeAdapter(route.body)
    accepts, most = route.accepts, route.body_limit

    async def read(request: http.Request) -> Any:
        check_media_type(request, accepts)
        sent = await read_body(request, most)
        return sent if raw else read_json(sent, model)

    return read


Answers: TypeAlias = Callable[[Call[Any, Any, Any]], Awaitable[http.StreamResponse]]


def _answer(route: Route) -> Answers:
    handler: Handler = route.handler
    status = route.status
    if route.answer is None:

        async def silent(call: Call[Any, Any, Any]) -> http.StreamResponse:
            answer = await handler(call)
            return answer if isinstance(answer, http.StreamResponse) else http.Response(status=status)

        return silent
    serializer = TypeAdapter(route.answer).serializer
    as_json = CIMultiDict({"Content-Type": JSON, **API_HEADERS})

    async def answers(call: Call[Any, Any, Any]) -> http.StreamResponse:
        answer = await handler(call)
        if isinstance(answer, http.StreamResponse):
            return answer
        if isinstance(answer, Answered):
            written = serializer.to_json(answer.value, by_alias=True, warnings="error")
            headers = {"Content-Type": JSON, **API_HEADERS, **answer.headers}
            return http.Response(body=written, status=answer.status or status, headers=headers)
        written = serializer.to_json(answer, by_alias=True, warnings="error")
        return http.Response(body=written, status=status, headers=as_json)

    return answers


def _lines_answer(route: Route) -> Answers:
    """Stream lines. What goes wrong before the first is a problem; after it, the connection breaks off, so that nobody
    takes a part for the whole."""
    handler: LinesHandler = route.handler
    serializer = TypeAdapter(route.lines).serializer

    def written(line: Any) -> bytes:
        return line if isinstance(line, bytes) else serializer.to_json(line, by_alias=True, warnings="error") + b"\n"

    async def stream(call: Call[Any, Any, Any]) -> http.StreamResponse:
        lines = aiter(handler(call))
        first = await anext(lines, None)
        response = http.StreamResponse(headers={"Content-Type": NDJSON})
        await response.prepare(call.request)
        try:
            if first is not None:
                await response.write(written(first))
            async for line in lines:
                await response.write(written(line))
            await response.write_eof()
        except ConnectionError:
            log.info("stream left by its reader", route=route.path)
        except Exception as error:
            log.error("stream broken off", route=route.path, exc_info=error)
            if call.request.transport is not None:
                call.request.transport.abort()
        return response

    return stream
