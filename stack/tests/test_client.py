"""Asking a service: signed, and with its refusals told as reasons."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stack.client import Client
from stack.home import Home
from stack.services import DATABASE_ROLES, Installation
from stack.trouble import Exit, StackError
from web.identity import TokenVerifier

ANSWERS = {
    "/ok": (200, "application/json", b'{"fine": true}'),
    "/nothing": (204, "application/json", b""),
    "/lines": (200, "application/x-ndjson", b'{"n": 1}\n\n{"n": 2}\n'),
    "/refused": (
        409,
        "application/problem+json",
        json.dumps(
            {
                "type": "urn:gdpr:problem:unknown-kind",
                "detail": "There is no such kind.",
                "errors": [{"pointer": "/kind", "detail": "Choose another."}],
            }
        ).encode(),
    ),
    "/waiting": (503, "application/problem+json", b'{"type": "urn:gdpr:problem:not-ready", "detail": "Later."}'),
    "/broken": (500, "text/plain", b"oh"),
}


@pytest.fixture
def service(monkeypatch):
    """A service that remembers what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append((self.command, self.path, dict(self.headers), body, self.client_address))
            status, kind, content = ANSWERS[self.path.split("?")[0]]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            if "close" in self.path:  # without telling the client
                self.close_connection = True

        do_GET = do_POST = do_PUT = answer  # noqa: N815 the library's names

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("CONSENT_URL", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def installation(tmp_path):
    installation = Installation(Home(tmp_path))
    installation.secrets.ensure(DATABASE_ROLES)
    return installation


@pytest.fixture
def client(installation):
    with Client(installation) as client:
        yield client


def test_a_question_is_signed_by_the_operator(service, client, installation):
    assert client.get("consent", "/ok", q="ü b", flag=True, left_out=None) == {"fine": True}
    _, path, headers, _, _ = service[0]
    assert path == "/ok?q=%C3%BC+b&flag=true"
    who = TokenVerifier.from_file(installation.secrets.identity_keys).identity(headers["Authorization"])
    assert who.roles == {"staff", "dpo", "admin", "auditor", "crm"}


def test_a_command_carries_its_id(service, client):
    command = uuid.uuid4()
    client.post("consent", "/ok", {"kind": "news"}, command_id=command)
    client.put("consent", "/ok", {"kind": "news"})
    assert service[0][2]["Idempotency-Key"] == str(command)
    assert json.loads(service[0][3]) == {"kind": "news"}
    assert uuid.UUID(service[1][2]["Idempotency-Key"])


def test_a_connection_is_kept_and_one_that_was_closed_is_made_anew(service, client):
    for path in ("/ok", "/ok", "/ok?close", "/ok"):
        assert client.get("consent", path) == {"fine": True}
    addresses = [asked[4] for asked in service]
    assert addresses[0] == addresses[1] == addresses[2] != addresses[3]


def test_lines_are_read_one_by_one_and_an_empty_answer_is_nothing(service, client):
    assert list(client.lines("consent", "/lines")) == [{"n": 1}, {"n": 2}]
    assert client.get("consent", "/nothing") is None


def test_a_problem_is_a_reason(service, client):
    with pytest.raises(StackError) as refused:
        client.get("consent", "/refused")
    assert (refused.value.slug, refused.value.code) == ("unknown-kind", Exit.REFUSED)
    assert refused.value.message == "There is no such kind.\n  /kind: Choose another."


def test_a_service_that_is_not_ready_is_not_reachable_and_a_broken_one_is_said(service, client):
    with pytest.raises(StackError) as refused:
        client.get("consent", "/waiting")
    assert refused.value.code == Exit.UNREACHABLE
    with pytest.raises(StackError) as refused:
        client.get("consent", "/broken")
    assert (refused.value.slug, refused.value.message, refused.value.code) == ("http-500", "oh", Exit.REFUSED)


def test_a_service_that_is_not_there_is_said_with_what_to_do(monkeypatch, client):
    monkeypatch.setenv("CONSENT_URL", "http://127.0.0.1:1")
    with pytest.raises(StackError, match="gdpr up") as refused:
        client.get("consent", "/ok")
    assert (refused.value.slug, refused.value.code) == ("unreachable", Exit.UNREACHABLE)


def test_a_token_from_outside_is_used_as_it_is(service, client, monkeypatch):
    monkeypatch.setenv("GDPR_TOKEN", "theirs")
    client.get("consent", "/ok")
    assert service[0][2]["Authorization"] == "Bearer theirs"
