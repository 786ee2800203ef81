"""The command line against a stack without pages for staff and a CRM: started once, when a test asks for it."""

import json
import time

import pytest
from typer.testing import CliRunner

from stack.cli import app
from stack.running_stack import start_stack


@pytest.fixture(scope="session")
def door(scratch):
    """A stack with the CRM's door, and what the commands ask besides."""
    stack = start_stack(scratch / "door", only=["crm-gateway", "consent", "audit", "subject-access", "notifier"])
    yield stack
    stack.stop()


@pytest.fixture
def gdpr(door, monkeypatch):
    """Run a command of `gdpr` against that stack; give its exit code and its answer, as JSON unless `text=True`."""
    monkeypatch.setenv("GDPR_DATA", str(door.home.directory))

    def run(*words, text=False, said=None):
        wanted = [str(word) for word in words] + ([] if text else ["--json"])
        done = CliRunner().invoke(app, wanted, input=said)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output if text else json.loads(done.stdout or "null")

    return run


def eventually(look, seconds=20.0):
    """Wait until something is there; give it."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return found
