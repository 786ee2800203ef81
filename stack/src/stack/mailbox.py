"""Reading the local mailbox from a test or a tool, and telling the mail server to behave badly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.ports import LOOPBACK, free_port, is_listening
from stack.processes import MARK, Program, kill, stop
from stack.trouble import StackError


@dataclass(slots=True)
class Mailbox:
    """A mail server's page, by its address."""

    url: str
    smtp_port: int
    process: subprocess.Popen[bytes] | None = None

    def mails(self, to: str = "", message_id: str = "") -> list[dict[str, Any]]:
        """Accepted mails, newest first: id, received, sender, recipients, message_id, subject, text, html, headers."""
        query = urllib.parse.urlencode({"to": to, "message_id": message_id, "limit": 100000})
        found: list[dict[str, Any]] = self._ask("GET", f"/api/mails?{query}")["mails"]
        return found

    def wait_for(self, to: str = "", count: int = 1, limit: float = 15.0) -> list[dict[str, Any]]:
        """The mails to an address, as soon as there are `count` of them. Blocks: in a running loop use a thread."""
        deadline = time.monotonic() + limit
        while len(found := self.mails(to)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} mails to {to or 'anybody'} after {limit} s, not {count}.")
            time.sleep(0.05)
        return found

    def behave(self, mode: str, *, seconds: float = 5.0, times: int | None = None, recipient: str = "") -> None:
        """`ok`, `temporary`, `permanent`, `slow`, `drop` (hangs up, not accepted), `lost-answer` (accepted, hangs up)."""
        wanted = {"mode": mode, "seconds": seconds, "times": times, "recipient": recipient}
        self._ask("POST", "/api/behaviour", wanted)

    def clear(self) -> None:
        self._ask("DELETE", "/api/mails")

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)

    def _ask(self, method: str, path: str, content: Any = None, limit: float = 30.0) -> Any:
        request = urllib.request.Request(  # noqa: S310 our own address
            self.url + path,
            method=method,
            data=None if content is None else json.dumps(content).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=limit) as answer:  # noqa: S310 our own address
            return json.load(answer)


def mailserver_program(smtp_port: int, http_port: int, file: Path, env: dict[str, str] | None = None) -> Program:
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "TZ") if name in os.environ}
    settings = {
        "SMTP_PORT": str(smtp_port),
        "HTTP_PORT": str(http_port),
        "HTTP_HOST": LOOPBACK,
        "MAILBOX_FILE": str(file),
    }
    return Program(argv=[sys.executable, "-m", "stack.mailserver"], env={**passed, **settings, **(env or {})})


def start_mailbox(
    file: Path, smtp_port: int | None = None, http_port: int | None = None, *, log: Path | None = None
) -> Mailbox:
    """Start a mail server and return when it listens (for tests; `gdpr up` supervises its own)."""
    smtp_port, http_port = smtp_port or free_port(), http_port or free_port()
    process = mailserver_program(smtp_port, http_port, file, {MARK: str(file)}).start(log)
    deadline = time.monotonic() + 15
    while not (is_listening(smtp_port) and is_listening(http_port)):
        if process.poll() is not None or time.monotonic() > deadline:
            kill(process)
            raise StackError("mailserver-did-not-start", f"The mail server did not start on port {smtp_port}.")
        time.sleep(0.03)
    return Mailbox(f"http://{LOOPBACK}:{http_port}", smtp_port, process)
