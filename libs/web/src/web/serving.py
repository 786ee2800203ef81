"""A service's HTTP door: health, metrics, problems, security headers, logs without personal data, and a graceful stop."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from aiohttp import web as http
from aiohttp.abc import AbstractAccessLogger
from aiohttp.typedefs import Handler, Middleware
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from events.runtime.logging import logger
from web import openapi
from web.api import API_HEADERS, HOT, Routes
from web.identity import VERIFIER, TokenVerifier
from web.measuring import REQUESTS
from web.problems import Problem, problem_of, problem_response

log = logger(__name__)

HTTPS: Final = http.AppKey("web-https", bool)
GRACE_SECONDS = 10.0

Waits: TypeAlias = Callable[[], Sequence[str] | Awaitable[Sequence[str]]]
_Lane: TypeAlias = Callable[[http.BaseRequest], Awaitable[http.StreamResponse]]
ProblemPage: TypeAlias = Callable[[http.Request, Problem], http.StreamResponse]


class PortTaken(Exception):
    """The port is in use; the text is one sentence for whoever starts the service."""


def application(
    name: str,
    *,
    version: str = "1",
    routes: Routes | None = None,
    verifier: TokenVerifier | None = None,
    waits_for: Waits = list,
    public_url: str = "",
    problem_page: ProblemPage | None = None,
    middlewares: Sequence[Middleware] = (),
) -> http.Application:
    """Build the application of a service.

    ``waits_for`` tells what the service still waits for; nothing is ready. ``public_url`` turns HSTS on where it is https.
    ``problem_page`` renders problems for browsers. ``middlewares`` run inside the door's own.
    """
    declared = routes or Routes()
    app = http.Application(middlewares=(_door(problem_page), *middlewares))
    if verifier is not None:
        app[VERIFIER] = verifier
    elif any(route.roles for route in declared.declared):
        raise ValueError("routes that need a role need a verifier")
    app[HTTPS] = public_url.startswith("https://")
    app.on_response_prepare.append(_security_headers(https=app[HTTPS]))
    declared.add_to(app)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", _readyz(waits_for))
    app.router.add_get("/metrics", _metrics)
    if declared.declared:
        written = json.dumps(openapi.document(name, version, declared, url=public_url or None), ensure_ascii=False)

        async def openapi_json(_request: http.Request) -> http.Response:
            return http.Response(text=written, content_type="application/json")

        app.router.add_get("/openapi.json", openapi_json)
    return app


async def _healthz(_request: http.Request) -> http.Response:
    return http.json_response({"status": "alive"})


def _readyz(waits_for: Waits) -> Callable[[http.Request], Awaitable[http.StreamResponse]]:
    async def readyz(_request: http.Request) -> http.StreamResponse:
        told = waits_for()
        waits = list(await told if inspect.isawaitable(told) else told)
        if waits:
            return http.json_response(
                {"status": "waiting", "waits_for": waits}, status=503, headers={"Retry-After": "1"}
            )
        return http.json_response({"status": "ready", "waits_for": []})

    return readyz


async def _metrics(_request: http.Request) -> http.Response:
    return http.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _security_headers(*, https: bool) -> Callable[[http.Request, http.StreamResponse], Awaitable[None]]:
    async def add(_request: http.Request, response: http.StreamResponse) -> None:
        headers = response.headers
        for name, value in API_HEADERS.items():
            if name not in headers or name == "Server":
                headers[name] = value
        if https:
            headers["Strict-Transport-Security"] = "max-age=31536000"

    return add


def route_pattern(request: http.Request) -> str:
    """Give the pattern that the address matched, never the address: it may name a person."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _wants_page(request: http.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/v1/")


def _refusal(
    request: http.Request, error: Exception, problem_page: ProblemPage | None
) -> tuple[http.StreamResponse, str]:
    problem = problem_of(error)
    if problem.status in {413, 500}:
        # What is left of the body is not worth reading.
        problem.headers["Connection"] = "close"
    if problem_page is not None and _wants_page(request):
        return problem_page(request, problem), problem.slug
    return problem_response(problem), problem.slug


def _note(request: http.Request, pattern: str, status: int, seconds: float, slug: str | None) -> None:
    """Count and log a request, by its route's pattern."""
    method = request.method if request.method in _METHODS else "OTHER"
    REQUESTS.count(method, pattern, status, seconds)
    if pattern not in _PROBES or status >= 400:
        told = {"slug": slug} if slug else {}
        log.info("request", method=method, route=pattern, status=status, ms=round(seconds * 1000, 1), **told)


def _door(problem_page: ProblemPage | None) -> Middleware:
    @http.middleware
    async def door(request: http.Request, handler: Handler) -> http.StreamResponse:
        start = time.perf_counter()
        slug: str | None = None
        try:
            response = await handler(request)
        except http.HTTPRedirection as redirect:
            _note(request, route_pattern(request), redirect.status, time.perf_counter() - start, None)
            raise
        except Exception as error:
            response, slug = _refusal(request, error, problem_page)
        _note(request, route_pattern(request), response.status, time.perf_counter() - start, slug)
        return response

    return door


def _hot_lane(app: http.Application, router: _Lane, *, https: bool) -> _Lane:
    """Serve the hot routes straight away, and hand the rest to aiohttp's router and middlewares."""
    hot = app.get(HOT, {})
    add_headers = _security_headers(https=https)

    async def lane(request: http.BaseRequest) -> http.StreamResponse:
        assert isinstance(request, http.Request)
        path = request.rel_url.raw_path
        serve = hot.get((request.method, path))
        if serve is None:
            return await router(request)
        start = time.perf_counter()
        try:
            response: http.StreamResponse = await serve(request)
        except Exception as error:
            response, slug = _refusal(request, error, None)
            _note(request, path, response.status, time.perf_counter() - start, slug)
            await add_headers(request, response)
        else:
            REQUESTS.count(request.method, path, response.status, time.perf_counter() - start)
            if https:
                await add_headers(request, response)
        return response

    return lane


_PROBES = frozenset(("/healthz", "/readyz", "/metrics"))
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class _Connection(RequestHandler):
    """A connection whose complaints quote nothing: aiohttp's own would log the request line and the exception's text."""

    __slots__ = ()

    def log_exception(self, *_args: Any, **kw: Any) -> None:
        log.warning("connection failed", error_type=type(kw.get("exc_info")).__name__)

    def handle_error(
        self,
        request: http.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> http.StreamResponse:
        log.info("request not understood", status=status, error_type=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer had begun")
        told = (
            Problem("unexpected", "Something went wrong here, and it has been logged.", status=500)
            if status >= 500
            else Problem("bad-request", "This is not a request that HTTP/1.1 knows.", status=HTTPStatus(status).value)
        )
        response = problem_response(told)
        response.headers["Cache-Control"] = "no-store"
        response.force_close()
        return response


class _Server(Server):
    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _NoAccessLog(AbstractAccessLogger):
    @property
    def enabled(self) -> bool:
        return False

    def log(self, request: http.BaseRequest, response: http.StreamResponse, time: float) -> None:
        """Log nothing: the door does."""


class Runner(http.AppRunner):
    """Runs an application with connections that keep what they hear to themselves. For tests and for ``serve``."""

    __slots__ = ()

    def __init__(self, app: http.Application, *, grace: float = GRACE_SECONDS) -> None:
        super().__init__(
            app,
            access_log_class=_NoAccessLog,
            shutdown_timeout=grace,
            logger=logging.getLogger("web.connections"),
            keepalive_timeout=75.0,
        )

    async def _make_server(self) -> Server:
        made = await super()._make_server()
        https = self.app.get(HTTPS, False)
        return _Server(
            _hot_lane(self.app, made.request_handler, https=https),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=asyncio.get_running_loop(),
            **made._kwargs,
        )

    @property
    def port(self) -> int:
        """The port it listens on; for those who asked for any (0)."""
        return int(self.addresses[0][1])


async def start(app: http.Application, host: str, port: int, *, grace: float = GRACE_SECONDS) -> Runner:
    """Start to serve and return; ``await runner.cleanup()`` ends it. Raises ``PortTaken``."""
    runner = Runner(app, grace=grace)
    await runner.setup()
    try:
        await http.TCPSite(runner, host, port, reuse_address=True, backlog=1024).start()
    except OSError as error:
        await runner.cleanup()
        raise PortTaken(
            f"Port {port} on {host} cannot be used ({error.strerror or 'it is taken'}): "
            "stop what listens there, or set HTTP_PORT to another one."
        ) from None
    log.info("serving", host=host, port=runner.port)
    return runner


async def serve(
    app: http.Application, host: str, port: int, *, stop: asyncio.Event | None = None, grace: float = GRACE_SECONDS
) -> None:
    """Serve until SIGTERM, SIGINT or ``stop``; requests under way have ``grace`` seconds to end. Raises ``PortTaken``."""
    stopping = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    runner = await start(app, host, port, grace=grace)
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stopping.set)
    try:
        await stopping.wait()
    finally:
        log.info("stopping")
        await runner.cleanup()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)
