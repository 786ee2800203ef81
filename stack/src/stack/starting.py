"""`gdpr up`: from a data directory to a running stack."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from stack import composition, kafka
from stack.home import ChildState, Home, StackState
from stack.ports import holders, reserved
from stack.services import BY_NAME, DATABASE_ROLES, MAILBOX, SMTP, Installation
from stack.supervisor import Supervisor, sweep
from stack.trouble import StackError

PATIENCE = 1.0


def check(installation: Installation) -> None:
    """Say what would make a start impossible before anything is started."""
    if not 1024 <= installation.port_base <= 65435:
        raise StackError("port-base", f"--port-base may be 1024 to 65435, not {installation.port_base}.")
    if unknown := set(installation.only) - set(BY_NAME):
        raise StackError("unknown-service", f"--only {min(unknown)}: there are {', '.join(BY_NAME)}.")
    if installation.broker == "kafka":
        kafka.java()
        kafka.jars()
    taken = holders(installation.ports)
    if taken:
        lines = [f"  port {holder.port} ({installation.ports[holder.port]}): {holder}" for holder in taken]
        raise StackError(
            "port-taken",
            "The stack cannot start, since somebody else listens on its ports:\n"
            + "\n".join(lines)
            + f"\nEnd that program, or choose other ports: gdpr up --port-base {_other_base(installation)}",
        )


def check_not_lost(installation: Installation) -> None:
    """Data without the secrets it was made with: new ones would not open it, and would hide the loss."""
    if not (installation.home.directory / "postgres" / "PG_VERSION").exists():
        return
    secrets = installation.secrets
    for file, what in (
        (secrets.key_encryption_key, "no person's data can be read"),
        (secrets.databases, "nobody can sign in to the databases"),
    ):
        if not file.exists():
            raise StackError(
                "secret-lost",
                f"{file} is gone, and without it {what}. Put it back from your backup, or move "
                f"{installation.home.directory} away to begin with an empty installation.",
            )


def _other_base(installation: Installation) -> int:
    """The next base, by hundreds, of which every port is free."""
    for base in range(installation.port_base + 100, 65000, 100):
        other = Installation(installation.home, base, installation.broker)
        if not holders(other.ports):
            return base
    return installation.port_base + 100


def run(
    installation: Installation,
    *,
    on_ready: Callable[[StackState], None],
    changed: Callable[[ChildState], None] = lambda _state: None,
) -> None:
    """Start everything, keep it alive, and return when it was told to stop and has stopped."""
    home = installation.home
    with home.held():
        try:
            sweep(home)
            home.state_file.unlink(missing_ok=True)
            check_not_lost(installation)
            installation.secrets.ensure(DATABASE_ROLES)
            check(installation)
            home.write_choices({"port_base": installation.port_base, "broker": installation.broker})
            with reserved(installation.ports):
                asyncio.run(_supervise(installation, on_ready, changed))
        except StackError as error:
            _leave_word(home, error)
            raise


def _leave_word(home: Home, error: StackError) -> None:
    """Whoever started us in the background reads here why we ended."""
    state = home.state() or StackState(pid=0, born=0.0, started=time.time(), broker="")
    state.failure, state.ready = error.message, False
    home.write_state(state)


async def _supervise(
    installation: Installation, on_ready: Callable[[StackState], None], changed: Callable[[ChildState], None]
) -> None:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it shouts while a broker is still starting
    async with aiohttp.ClientSession() as http:
        supervisor = Supervisor(
            installation.home,
            composition.children(installation, http),
            broker=installation.broker,
            absent=composition.absent(installation),
            changed=changed,
        )
        loop = asyncio.get_running_loop()
        for told in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(told, _patiently(supervisor.stop))
        running = asyncio.create_task(supervisor.run())
        if await supervisor.until_ready():
            on_ready(supervisor.state)
        await running


def _patiently(stop: Callable[[], None]) -> Callable[[], None]:
    """One wish to stop may arrive as two signals at once (a terminal's, and that of a program around us)."""
    last = -PATIENCE

    def told() -> None:
        nonlocal last
        now, before = time.monotonic(), last
        if now - before >= PATIENCE:
            last = now
            stop()

    return told


def places(installation: Installation) -> list[dict[str, Any]]:
    """What a person can go to: address, what it is, who signs in how."""
    rows = [
        {"name": service.name, "url": installation.url(service), "what": service.what, "sign_in": service.sign_in}
        for service in installation.services
    ]
    rows.append(
        {"name": "mailbox", "url": installation.url(MAILBOX), "what": "Every mail that was sent", "sign_in": "open"}
    )
    rows.append(
        {
            "name": "mail server",
            "url": f"smtp://127.0.0.1:{installation.port(SMTP)}",
            "what": "Takes every mail, delivers none",
            "sign_in": "open",
        }
    )
    rows.append(
        {
            "name": "postgres",
            "url": f"127.0.0.1:{installation.cluster.port}",
            "what": "PostgreSQL, a database for each service",
            "sign_in": f"{_shown(installation)}/databases.json",
        }
    )
    broker = f"Apache Kafka {kafka.KAFKA_VERSION}" if installation.broker == "kafka" else "Embedded broker, in memory"
    rows.append({"name": "broker", "url": installation.bootstrap, "what": broker, "sign_in": "open"})
    return rows


def _shown(installation: Installation) -> str:
    directory = installation.secrets.directory
    here = Path.cwd()
    return str(directory.relative_to(here)) if directory.is_relative_to(here) else str(directory)
