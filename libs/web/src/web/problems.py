"""Refusals over HTTP: ``application/problem+json`` (RFC 9457) with a stable slug, a pointer to each field, and no text that leaks.

Whatever an exception says may quote what somebody wrote; only what was written for the reader leaves the house.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pydantic_core
from aiohttp import web as http
from pydantic import BaseModel, Field, ValidationError

from events.deciding import Refused
from events.errors import Conflict, EventError, Fenced, TooLarge
from events.runtime.database import UNREACHABLE
from events.runtime.logging import logger

log = logger(__name__)

CONTENT_TYPE = "application/problem+json"
URN = "urn:gdpr:problem:"
TRY_AGAIN_SECONDS = 2


@dataclass(frozen=True, slots=True)
class At:
    """One thing to mend: a JSON pointer (RFC 6901) into what was sent, and how to mend it."""

    pointer: str
    detail: str


class Problem(Exception):
    """What could not be done, and what to do. Raise it anywhere below a route or a page."""

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        status: int = 409,
        title: str | None = None,
        errors: Iterable[At] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.detail = detail
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Give the problem as RFC 9457 writes it."""
        told: dict[str, Any] = {
            "type": URN + self.slug,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            told["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in self.errors]
        return told


class ProblemError(BaseModel):
    """One thing to mend."""

    pointer: str = Field(description="JSON pointer into the body, the query or the path.")
    detail: str


class ProblemDocument(BaseModel):
    """A refusal as RFC 9457 writes it: the schema that OpenAPI documents show."""

    type: str = Field(description="`urn:gdpr:problem:` and a stable slug.")
    title: str
    status: int
    detail: str = Field(description="What to do.")
    errors: list[ProblemError] = []


def problem_response(problem: Problem) -> http.Response:
    """Give the answer that says the problem."""
    return http.Response(
        body=json.dumps(problem.document(), ensure_ascii=False).encode("utf-8", "replace"),
        status=problem.status,
        headers={**problem.headers, "Content-Type": CONTENT_TYPE},
    )


def pointer(parts: Iterable[str | int]) -> str:
    """Give a JSON pointer: ``/mails/0/address``."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def located(error: ValidationError, sent: Any) -> list[At]:
    """Give the errors of a model, each with the place in what was sent.

    Pydantic's locations name the members of unions too, which no reader sent: parts that cannot be followed in ``sent``
    are left out, but for the name of a field that is missing.
    """
    found: list[At] = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        place: list[str | int] = []
        here = sent
        *before, last = one["loc"] or ("",)
        for part in [*before, last] if one["type"] != "missing" else before:
            inside = isinstance(here, Mapping) and part in here
            if not inside and not (isinstance(part, int) and isinstance(here, list | tuple) and part < len(here)):
                continue
            here = here[part]
            place.append(part)
        if one["type"] == "missing":
            place.append(last)
        at = At(pointer(place), one["msg"])
        if at not in found:
            found.append(at)
    return found[:50]


def invalid(error: ValidationError, sent: Any) -> Problem:
    """Give the problem of input that does not fit its model."""
    return Problem(
        "invalid-input",
        "What was sent does not fit. Mend what the pointers name and send it again.",
        status=422,
        errors=located(error, sent),
    )


def _of_http(error: http.HTTPException) -> Problem:
    match error:
        case http.HTTPNotFound():
            return Problem("unknown-address", "There is nothing at this address.", status=404)
        case http.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            return Problem("method-not-allowed", f"Here one can: {allowed}.", status=405, headers={"Allow": allowed})
        case http.HTTPRequestEntityTooLarge():
            return too_large(None)
        case http.HTTPUnsupportedMediaType():
            return Problem("media-type", "The content type is not understood here.", status=415)
        case _ if error.status >= 500:
            return unexpected()
        case _:
            return Problem("bad-request", "The request cannot be understood.", status=error.status)


def too_large(limit: int | None) -> Problem:
    """Give the problem of a body over its limit."""
    most = f"{limit} bytes at the most" if limit else "less"
    return Problem("too-large", f"This is too much at once: send {most}.", status=413)


def unexpected() -> Problem:
    """Give the problem that nobody thought of; the log has its kind and its place, nobody has its text."""
    return Problem("unexpected", "Something went wrong here, and it has been logged. Try again later.", status=500)


def not_ready() -> Problem:
    """Give the problem of a service whose database or broker cannot be reached."""
    return Problem(
        "not-ready",
        "The service cannot reach what it needs. The same request, with the same Idempotency-Key, is safe to repeat.",
        status=503,
        headers={"Retry-After": str(TRY_AGAIN_SECONDS)},
    )


def problem_of(error: Exception) -> Problem:
    """Give the problem that an exception is to whoever asked; what nobody expected is logged, without its text."""
    match error:
        case Problem():
            return error
        case Refused():
            return Problem(error.slug, error.message)
        case ValidationError():
            return invalid(error, None)
        case http.HTTPException():
            return _of_http(error)
        case Conflict():
            return Problem("busy", "Somebody else was faster. Send the same request again.")
        case Fenced():
            return Problem("erased", "This person has been erased; nothing new is recorded about them.")
        case TooLarge():
            return too_large(None)
        case _ if isinstance(error, UNREACHABLE) or _is_not_ready(error):
            return not_ready()
        case _:
            log.error("request failed", exc_info=error)
            return unexpected()


def _is_not_ready(error: Exception) -> bool:
    return isinstance(error, EventError) and type(error).__name__ == "NotReady"


def parse_json(raw: bytes) -> Any:
    """Read JSON as it was sent, to look for places in it. Raises ``Problem`` where it is none."""
    try:
        return pydantic_core.from_json(raw)
    except ValueError:
        raise invalid_json() from None


def invalid_json() -> Problem:
    """Give the problem of a body that is not JSON in UTF-8."""
    return Problem("invalid-json", "The body is not valid JSON in UTF-8.", status=400)
