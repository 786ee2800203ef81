"""`gdpr` as a person uses it: up, status, logs, down; and what it says when it cannot."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest

from stack.home import Home
from stack.ports import is_listening
from stack.running_stack import free_port_base
from stack.services import POSTGRES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

FEW = ("--only", "export")
"""Enough to see the stack live and die, and quick."""


def gdpr(*words, data):
    """Run a command to its end: exit code, and what it said as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "stack", *words, "--json", "--data", str(data)],
        check=False,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture
def data(scratch, request):
    """A data directory, with nothing left running in it afterwards."""
    directory = scratch / request.node.name
    yield directory
    gdpr("down", data=directory)


def processes_of(directory):
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("GDPR_STACK_HOME") == str(directory):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_up_shows_where_everything_is_and_down_leaves_nothing(data):
    code, told = gdpr("up", "--detach", *FEW, "--port-base", str(base := free_port_base()), data=data)
    assert code == 0, told
    assert {"mailbox", "postgres", "broker"} <= {place["name"] for place in told["places"]}
    assert set(told["accounts"]) == {"anna", "dora", "adam", "axel"}

    code, status = gdpr("status", data=data)
    assert (code, status["ready"]) == (0, True)
    code, doctor = gdpr("doctor", data=data)
    assert {finding["what"]: finding["verdict"] for finding in doctor}["postgres"] == "well"
    code, log = gdpr("logs", "postgres", data=data)
    assert any("ready to accept connections" in line for line in log["lines"])
    code, refused = gdpr("logs", "nobody", data=data)
    assert (code, refused["error"]["slug"]) == (1, "no-such-log")

    code, refused = gdpr("up", data=data)
    assert (code, refused["error"]["slug"]) == (1, "already-running")

    assert gdpr("down", data=data) == (0, {"stopped": True})
    assert processes_of(data) == []
    assert not is_listening(base + POSTGRES)
    code, status = gdpr("status", data=data)
    assert (code, status["running"]) == (3, False)


def test_a_killed_supervisor_leaves_nothing_and_the_next_start_finds_all_data(data):
    base = free_port_base()
    assert gdpr("up", "--detach", *FEW, "--port-base", str(base), data=data)[0] == 0
    passwords = (data / "secrets" / "databases.json").read_text()
    state = Home(data).state()
    os.kill(state.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_listening(base + POSTGRES) or processes_of(data):
        assert time.monotonic() < deadline, processes_of(data)
        time.sleep(0.05)
    code, told = gdpr("up", "--detach", *FEW, data=data)  # the ports of last time
    assert code == 0, told
    assert (data / "secrets" / "databases.json").read_text() == passwords
    assert is_listening(base + POSTGRES)


def test_a_killed_child_comes_back(data):
    assert gdpr("up", "--detach", *FEW, "--port-base", str(free_port_base()), data=data)[0] == 0
    home = Home(data)
    first = {child.name: child.pid for child in home.state().children if child.pid}
    for pid in first.values():
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while True:
        now = {child.name: child for child in home.state().children if child.name in first}
        if all(child.state == "ready" and child.pid != first[child.name] for child in now.values()):
            break
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def test_a_port_that_is_taken_is_named_with_its_holder_and_a_way_out(data):
    base = free_port_base()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", base + POSTGRES))
        holder.listen()
        for words in (["up", *FEW], ["up", "--detach", *FEW]):
            code, refused = gdpr(*words, "--port-base", str(base), data=data)
            assert (code, refused["error"]["slug"]) == (1, "port-taken")
            assert f"port {base + POSTGRES} (PostgreSQL)" in refused["error"]["message"]
            assert f"(process {os.getpid()})" in refused["error"]["message"]
            assert "--port-base" in refused["error"]["message"]


def test_data_whose_key_is_lost_is_not_opened_with_a_new_key(data):
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("18")
    code, refused = gdpr("up", *FEW, "--port-base", str(free_port_base()), data=data)
    assert (code, refused["error"]["slug"]) == (1, "secret-lost")
    assert not (data / "secrets").exists()


def test_wrong_use_is_told_apart_from_a_refusal(data):
    done = subprocess.run(
        [sys.executable, "-m", "stack", "up", "--no-such"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2


def test_a_command_without_a_running_stack_is_not_reachable(data):
    done = subprocess.run(
        [sys.executable, "-m", "stack", "projection", "list", "--json"],
        check=False, capture_output=True, text=True, env={**os.environ, "GDPR_DATA": str(data)},
    )  # fmt: skip
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["slug"] == "no-installation"
