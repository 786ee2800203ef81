"""Asking the services over HTTP as the operator of this installation.

The operator may do everything that any role may; each request carries a token signed by the installation's own key,
valid for a few minutes. Elsewhere than on the local stack, say where the services are (`CONSENT_URL` and so on) and
give a token (`GDPR_TOKEN`).

    with Client.here() as client:
        kinds = client.get("consent", "/v1/kinds")
        client.post("subject-access", "/v1/links", {"subject_id": ...})
        for line in client.lines("audit", f"/v1/history/{subject}", decrypt=True, reason="..."):
            ...

A refusal (problem+json) is a StackError with its slug and exit code 1, a service that is not there one with code 3.
"""

from __future__ import annotations

import getpass
import http.client
import json
import os
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from stack.home import Home
from stack.secrets import TOKEN_LIFE
from stack.services import BY_NAME, PORT_BASE, Installation
from stack.trouble import Exit, StackError

OPERATOR_ROLES = ("staff", "dpo", "admin", "auditor", "crm")
TIMEOUT = 60.0


class Client:
    """Connections to the services, kept open between requests. One for each thread."""

    def __init__(self, installation: Installation, *, timeout: float = TIMEOUT) -> None:
        self.installation = installation
        self._timeout = timeout
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self._token = ""
        self._token_until = 0.0

    @classmethod
    def here(cls, data: Path | None = None, *, timeout: float = TIMEOUT) -> Client:
        """For the installation in the data directory (default: `GDPR_DATA`, else `.data`)."""
        return cls(installation_at(Home.at(data)), timeout=timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    # Requests: the service by its name in `stack.services`, the path, and the query by keyword

    def get(self, service: str, path: str, **query: Any) -> Any:
        return self.request("GET", service, path, query=query)

    def post(
        self, service: str, path: str, body: Any = None, *, command_id: uuid.UUID | None = None, **query: Any
    ) -> Any:
        """Post a command. Without a command id it is a new one: keep the id to try the same command again."""
        return self.request("POST", service, path, body=body, command_id=command_id or uuid.uuid4(), query=query)

    def put(
        self, service: str, path: str, body: Any = None, *, command_id: uuid.UUID | None = None, **query: Any
    ) -> Any:
        return self.request("PUT", service, path, body=body, command_id=command_id or uuid.uuid4(), query=query)

    def request(
        self,
        method: str,
        service: str,
        path: str,
        *,
        body: Any = None,
        content: bytes | None = None,
        content_type: str = "application/json",
        command_id: uuid.UUID | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """The JSON of the answer (nothing for an empty one). `content` sends bytes as they are, such as NDJSON."""
        answer = self._send(method, service, path, _bytes(body, content), content_type, command_id, query or {})
        raw = answer.read()
        return json.loads(raw) if raw.strip() else None

    def lines(self, service: str, path: str, **query: Any) -> Iterator[Any]:
        """Each line of an NDJSON answer, as it arrives. Raises a `StackError` where it breaks off before its end."""
        answer = self._send("GET", service, path, None, "", None, query)
        try:
            while line := answer.readline():
                if line.strip():
                    yield json.loads(line)
        except (OSError, http.client.HTTPException) as error:
            raise StackError(
                "broken-off",
                f"{service} broke the answer off: what came is not all of it. Ask again; `gdpr logs {service}` says why.",
                code=Exit.UNREACHABLE,
            ) from error

    def url(self, service: str) -> str:
        known = BY_NAME[service]
        return (os.environ.get(known.url_variable) or self.installation.url(known)).rstrip("/")

    def _send(
        self,
        method: str,
        service: str,
        path: str,
        content: bytes | None,
        content_type: str,
        command_id: uuid.UUID | None,
        query: Mapping[str, Any],
    ) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
        if content is not None:
            headers["Content-Type"] = content_type
        if command_id is not None:
            headers["Idempotency-Key"] = str(command_id)
        target = urllib.parse.urlsplit(self.url(service)).path + path + _query(query)
        answer = self._exchange(service, method, target, content, headers)
        if answer.status >= 400:
            raise _refusal(service, answer)
        return answer

    def _exchange(
        self, service: str, method: str, target: str, content: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """One request. A kept connection may have been closed meanwhile: then once more on a new one.

        That is safe for commands too: they carry a command id, and the same id is done once.
        """
        for kept in (service in self._connections, False):
            connection = self._connections.pop(service, None) or self._connect(service)
            try:
                connection.request(method, target, body=content, headers=dict(headers))
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if kept:
                    continue
                raise self._unreachable(service, error) from error
            self._connections[service] = connection
            return answer
        raise AssertionError("the second try ends the loop")

    def _connect(self, service: str) -> http.client.HTTPConnection:
        parts = urllib.parse.urlsplit(self.url(service))
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self._timeout)

    def _unreachable(self, service: str, error: Exception) -> StackError:
        why = str(error) or type(error).__name__
        hint = "See `gdpr status`." if self.installation.home.is_held() else "Start it by `gdpr up`."
        return StackError(
            "unreachable", f"{service} does not answer at {self.url(service)} ({why}). {hint}", code=Exit.UNREACHABLE
        )

    def token(self) -> str:
        """The operator's token: given by `GDPR_TOKEN`, or signed here and renewed in time."""
        if given := os.environ.get("GDPR_TOKEN"):
            return given
        if time.monotonic() > self._token_until:
            secrets = self.installation.secrets
            if not secrets.identity_key.exists():
                raise StackError(
                    "no-installation",
                    f"There is no installation in {self.installation.home.directory}. Start one by `gdpr up`, name its "
                    "directory by GDPR_DATA, or give a token by GDPR_TOKEN.",
                    code=Exit.UNREACHABLE,
                )
            user = _user()
            self._token = secrets.token(user, OPERATOR_ROLES, name=f"Operator {user}")
            self._token_until = time.monotonic() + TOKEN_LIFE / 2
        return self._token


def installation_at(home: Home) -> Installation:
    """The installation as it was last started."""
    choices = home.choices()
    return Installation(home, int(choices.get("port_base", PORT_BASE)), choices.get("broker", "embedded"))


def _user() -> str:
    with suppress(Exception):
        return getpass.getuser()
    return "operator"


def _bytes(body: Any, content: bytes | None) -> bytes | None:
    if content is not None:
        return content
    return None if body is None else json.dumps(body, default=str).encode()


def _query(query: Mapping[str, Any]) -> str:
    given = [
        (name, str(one).lower() if isinstance(one, bool) else str(one))
        for name, value in query.items()
        if value is not None
        for one in (value if isinstance(value, list) else [value])
    ]
    return f"?{urllib.parse.urlencode(given)}" if given else ""


def _refusal(service: str, answer: http.client.HTTPResponse) -> StackError:
    """A problem document (RFC 9457) as the reason why a command was refused."""
    raw = answer.read()
    problem: Any = None
    with suppress(ValueError):
        problem = json.loads(raw)
    if not isinstance(problem, dict):
        problem = {"detail": raw.decode("utf-8", "replace")[:400].strip()}
    slug = str(problem.get("type", "")).rpartition(":")[2] or f"http-{answer.status}"
    message = str(problem.get("detail") or problem.get("title") or f"{service} answered {answer.status}.")
    for fault in problem.get("errors") or []:
        if isinstance(fault, dict):
            where = fault.get("pointer") or fault.get("field") or ""
            message += f"\n  {where}: {fault.get('detail') or fault.get('message') or ''}"
    unavailable = answer.status in (502, 503, 504)
    return StackError(slug, message, code=Exit.UNREACHABLE if unavailable else Exit.REFUSED)
