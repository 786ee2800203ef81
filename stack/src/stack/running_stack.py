"""The whole stack under a test's or a tool's control: started by `gdpr up` as anybody would, then looked into and hurt.

stack = start_stack(directory, broker="kafka")
stack.url("console"), stack.passwords["anna"], stack.mailbox.wait_for("erika@example.org")
with stack.client() as client:
    client.get("consent", "/v1/kinds")
stack.kill("consent"); stack.freeze("audit"); stack.thaw("audit"); stack.wait_until_ready()
stack.stop()
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.client import Client
from stack.home import ChildState, Home
from stack.mailbox import Mailbox
from stack.ports import holders
from stack.processes import Program, kill, stop
from stack.services import BY_NAME, MAILBOX, SMTP, BrokerKind, Installation
from stack.trouble import StackError


def free_port_base() -> int:
    """A port base of which every port is free now.

    Below the ports that the system gives to outgoing connections: one of those could sit on a service's port while it restarts.
    """
    for _ in range(100):
        base = random.randrange(10_000, 32_000, 100)  # noqa: S311 no secret
        if not holders(Installation(Home(Path()), base, "kafka").ports):
            return base
    raise StackError("no-free-ports", "No hundred free ports in a row were found.")


@dataclass(slots=True)
class RunningStack:
    """A stack that we started."""

    installation: Installation
    supervisor: subprocess.Popen[bytes]

    @property
    def home(self) -> Home:
        return self.installation.home

    @property
    def bootstrap(self) -> str:
        return self.installation.bootstrap

    @property
    def mailbox(self) -> Mailbox:
        return Mailbox(self.installation.url(MAILBOX), self.installation.port(SMTP))

    @property
    def passwords(self) -> dict[str, str]:
        return self.installation.secrets.passwords_to_show()

    def url(self, service: str) -> str:
        return self.installation.url(BY_NAME[service])

    def token(self, account: str, *roles: str) -> str:
        return self.installation.secrets.token(account, roles)

    def client(self) -> Client:
        return Client(self.installation)

    def database_url(self, database: str) -> str:
        """The superuser's address of a database: for those who check from outside."""
        return self.installation.cluster.url(database)

    def environment(self, service: str) -> dict[str, str]:
        """What the supervisor tells this service: to run a second copy of it beside the first (set another HTTP_PORT)."""
        return self.installation.environment(BY_NAME[service])

    # Looking

    def child(self, name: str) -> ChildState:
        """A process by its name: a service, `postgres`, `broker` or `mailbox`."""
        state = self.home.state()
        for child in state.children if state else ():
            if child.name == name:
                return child
        raise StackError("no-such-child", f"There is no process {name!r} in {self.home.directory}.")

    def names(self) -> list[str]:
        state = self.home.state()
        return [child.name for child in state.children if child.state != "absent"] if state else []

    def is_ready(self, name: str) -> bool:
        child = self.child(name)
        return child.state == "ready" and (birth := child.birth) is not None and birth.process() is not None

    def wait_until_ready(self, *names: str, limit: float = 90.0) -> None:
        """Until these (all, if none is named) are ready. Blocks: in a running loop use a thread."""
        deadline = time.monotonic() + limit
        while not (known := names or self.names()) or not all(self.is_ready(name) for name in known):
            state = self.home.state()
            if self.supervisor.poll() is not None:
                said = self.home.log("stack").read_text(errors="replace")[-1500:]
                raise StackError("stack-ended", f"The stack ended. {state.failure if state else ''}\n{said}")
            if time.monotonic() > deadline:
                waiting = [
                    f"{c.name}: {c.state} {c.note}" for c in (state.children if state else ()) if c.state != "ready"
                ]
                raise StackError("stack-not-ready", f"Not ready after {limit:.0f} s: {'; '.join(waiting)}")
            time.sleep(0.05)

    # Hurting

    def kill(self, name: str) -> int:
        """Kill a process at once, and answer its number when it is dead. The supervisor starts it again."""
        birth = self.child(name).birth
        pid = self._signal(name, signal.SIGKILL)
        while birth is not None and birth.process() is not None:
            time.sleep(0.005)
        return pid

    def freeze(self, name: str) -> int:
        """Stop a process where it stands: it holds its connections and wakes as a zombie of its former self."""
        return self._signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> int:
        return self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, what: signal.Signals) -> int:
        birth = self.child(name).birth
        if birth is None or birth.process() is None:
            raise StackError("not-running", f"{name} does not run just now.")
        os.kill(birth.pid, what)
        return birth.pid

    def stop(self) -> None:
        """Stop everything, as Ctrl-C would."""
        stop(self.supervisor, signal.SIGTERM, limit=60.0)


def start_stack(
    directory: Path,
    *,
    broker: BrokerKind = "embedded",
    only: Sequence[str] = (),
    port_base: int | None = None,
    limit: float = 120.0,
) -> RunningStack:
    """`gdpr up` in this directory, on free ports, until all is ready. It ends when the process that started it ends."""
    installation = Installation(Home.at(directory), port_base or free_port_base(), broker, tuple(only))
    installation.home.make()
    installation.home.state_file.unlink(missing_ok=True)
    words = [sys.executable, "-m", "stack", "up", "--json", "--data", str(installation.home.directory)]
    words += ["--port-base", str(installation.port_base)]
    words += ["--kafka"] if broker == "kafka" else []
    words += [word for name in only for word in ("--only", name)]
    program = Program(words, dict(os.environ), orphan_signal=signal.SIGTERM)
    running = RunningStack(installation, program.start(installation.home.log("stack")))
    try:
        running.wait_until_ready(limit=limit)
    except BaseException:
        kill(running.supervisor)
        raise
    return running
