"""README.md is true: its walk is walked on a running stack, command by command, and what it names is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.main import get_command

from stack import cli
from stack.running_stack import RunningStack

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
WALK = README.partition("\n## A walk\n")[2].partition("\n## ")[0]
STEPS = re.findall(r"^```sh\n(.*?)^```", WALK, flags=re.MULTILINE | re.DOTALL)
PORT = re.compile(r"127\.0\.0\.1:84(\d\d)")
GDPR = re.compile(r"(?:^|`|\|\| )gdpr ([^`\n|]*)", flags=re.MULTILINE)


class Shell:
    """Runs the README's commands as a reader would, in a directory of its own, against the stack of the tests."""

    def __init__(self, stack: RunningStack, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        (directory / ".data").symlink_to(stack.home.directory)
        binaries = Path(sys.executable).parent
        self._environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}", "GDPR_DATA": ".data"}

    def run(self, commands: str) -> str:
        """Run some lines; give what they print. Fails where the last of them fails, or any before it."""
        here = PORT.sub(lambda found: f"127.0.0.1:{self._stack.installation.port(int(found[1]))}", commands)
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", here],
            cwd=self._directory,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def shell(running_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(running_stack, tmp_path_factory.mktemp("readme"))


def step(word: str) -> str:
    """Give the step of the walk that this word stands in."""
    found = [block for block in STEPS if word in block]
    assert len(found) == 1, f"{len(found)} steps of the walk have {word!r}"
    return found[0]


def test_the_walk_is_as_long_as_what_is_tried_here() -> None:
    tried = ("gdpr import", "kcat", "gdpr link", "gdpr consent check", "gdpr projection rebuild")
    assert [step(word) for word in tried] == STEPS


def test_customers_come_from_the_file_that_is_shown(shell: Shell) -> None:
    said = shell.run(step("gdpr import"))
    assert "2 rows taken over" in said
    assert "Ohnenummer" in said, "the rejected row is shown with its reason"
    assert "Zoë Albers" in said


def test_one_event_comes_by_kcat_and_again_by_curl(shell: Shell) -> None:
    if shutil.which("kcat") is None:
        pytest.fail("kcat is missing: apt-get install kcat")
    said = shell.run(step("kcat").replace("sleep 2", "sleep 4"))
    assert '"status":"repeated"' in said.replace(" ", "")
    assert "Reederei Albers" in said


def test_a_link_is_mailed(shell: Shell, running_stack: RunningStack) -> None:
    shell.run(step("gdpr link"))
    mail = running_stack.mailbox.wait_for("zoe.albers@example.org")
    assert running_stack.url("subject-access") in str(mail)


def test_the_check_answers_and_the_history_is_read_back_from_the_log(shell: Shell) -> None:
    said = shell.run(step("gdpr consent check"))
    assert said.startswith("yes")
    assert "ConsentGiven" in said
    shell.run("gdpr consent withdraw 70501 newsletter --method telephone")
    deadline = time.monotonic() + 20
    while "ConsentWithdrawn" not in (said := shell.run(step("gdpr consent check"))):
        assert time.monotonic() < deadline
    assert said.startswith("no")
    assert "no mail to this customer" in said


def test_a_read_model_is_built_anew(shell: Shell) -> None:
    assert "rebuilt" in shell.run(step("gdpr projection rebuild"))
    assert shell.run("gdpr consent check 70501 newsletter || true").startswith("no")


def test_every_command_that_is_named_is_there() -> None:
    program = get_command(cli.app)
    named = {tuple(words.split()) for words in GDPR.findall(README)}
    assert len(named) > 8
    for words in named:
        found = program
        for word in words:
            inner = getattr(found, "commands", {})
            if word not in inner:
                break
            found = inner[word]
        assert found is not program, f"gdpr {' '.join(words)}"


def test_every_target_of_make_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    documents = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    for document in documents:
        named = set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", document.read_text(encoding="utf-8"), re.MULTILINE))
        assert {one or other for one, other in named} <= targets, document.name


def test_every_local_link_leads_somewhere() -> None:
    for document in [ROOT / "README.md", *ROOT.glob("[!.]*/**/*.md")]:
        if any(part.startswith(".") for part in document.relative_to(ROOT).parts):
            continue
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.relative_to(ROOT)}: {target}"


def test_the_addresses_are_those_of_the_local_stack(running_stack: RunningStack) -> None:
    ports = {port - running_stack.installation.port_base for port in running_stack.installation.ports}
    assert {int(number) for number in PORT.findall(README)} <= ports
