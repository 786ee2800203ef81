"""A service runs until it is told to stop; what keeps it from starting is said in a sentence, and a failure is no success."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

PROGRAM = """
import asyncio, sys
from types import SimpleNamespace
from web.running import run
from web.serving import application

class Unusable(Exception):
    pass

class Service:
    async def run(self):
        if "fails" in sys.argv:
            raise ValueError("erika@example.org")
        await asyncio.sleep(60)

def build():
    if "unusable" in sys.argv:
        raise Unusable("Set THIS to that.")
    return SimpleNamespace(service=Service(), app=application("tried"))

settings = SimpleNamespace(http_host="127.0.0.1", http_port=int(sys.argv[1]), log_level="info", log_format="json")
run("tried", settings, build, unusable=(Unusable,))
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM, encoding="utf-8")
    return file


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def ended(program: Path, *words: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(program), *map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


def test_it_serves_until_it_is_told_to_stop(program: Path) -> None:
    port = free_port()
    running = subprocess.Popen([sys.executable, str(program), str(port)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.wait()


def test_what_keeps_it_from_starting_is_said(program: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, said = ended(program, port)
    assert (code, f"Port {port} on 127.0.0.1 cannot be used" in said, "Traceback" in said) == (1, True, False)
    assert ended(program, free_port(), "unusable") == (1, "Set THIS to that.\n")


def test_a_service_that_fails_ends_and_quotes_nobody(program: Path) -> None:
    code, said = ended(program, free_port(), "fails")
    assert (code, "ValueError" in said, "erika" in said) == (1, True, False)
