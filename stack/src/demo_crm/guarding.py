"""What stands before the CRM's pages: who may ask, from where, and the headers of each answer.

The CRM has no sign-in, since it is for trying out on one's own machine. So a foreign page must reach it neither by a name that it
lets point here (DNS rebinding) nor by a form of its own (cross-site request forgery).
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from demo_crm.settings import Settings

log = logging.getLogger(__name__)

Explain = Callable[[web.Request, int, str], web.Response]
FOR_MACHINES = ("/healthz", "/readyz", "/webhooks/")

EXPLANATIONS = {
    403: "This did not come from a page of the CRM. Go back, reload the page, and try again.",
    404: "There is no such page.",
    421: "This CRM does not answer under that name.",
}


class NoSuchCustomerPage(web.HTTPNotFound):
    """The address names a customer whom nobody knows."""


def headers(console_origin: str) -> dict[str, str]:
    """Give the headers of every answer: nothing from elsewhere but the Actionpad's frame."""
    framed = console_origin or "'none'"
    return {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self';"
        f" frame-src {framed}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def guard(settings: Settings, explain: Explain) -> Middleware:
    """Make the middleware. ``explain`` makes a page of a status and a sentence."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check(request, settings)
            answer = await handler(request)
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            if request.path.startswith(FOR_MACHINES):
                raise
            missing = "There is no such customer, or not any more."
            known = missing if isinstance(error, NoSuchCustomerPage) else EXPLANATIONS.get(error.status)
            answer = explain(request, error.status, known or "This cannot be done.")
            if isinstance(error, web.HTTPMethodNotAllowed):
                answer.headers["Allow"] = error.headers["Allow"]
        except Exception as error:
            # By its type only: its text may quote what a customer is called.
            log.error("a page failed: %s", type(error).__name__)
            answer = explain(request, 500, "Something went wrong here.")
        return answer

    return middleware


def careful(settings: Settings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Make the signal handler that puts the headers on every answer, streams too."""
    all_of_them = headers(settings.console_origin)

    async def add(_request: web.Request, answer: web.StreamResponse) -> None:
        for name, value in all_of_them.items():
            answer.headers.setdefault(name, value)

    return add


def _check(request: web.Request, settings: Settings) -> None:
    if request.path.startswith(FOR_MACHINES):
        return  # health says nothing of anybody, and a webhook is signed
    if _host(request) not in settings.names:
        raise web.HTTPMisdirectedRequest
    if request.method not in ("GET", "HEAD") and not _from_our_page(request):
        raise web.HTTPForbidden


def _host(request: web.Request) -> str | None:
    try:
        return urlsplit(f"//{request.host}").hostname
    except ValueError:  # a bracket without its other one
        return None


def _from_our_page(request: web.Request) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site != "same-origin":
        return False
    if origin is None:
        return site == "same-origin"
    return origin in (f"http://{request.host}", f"https://{request.host}")
