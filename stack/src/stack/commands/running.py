"""`gdpr up`, `down`, `status`, `logs`: the local stack as a whole."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from stack import starting
from stack.answering import AsJson, answer, err, explained, out, print_as_it_is, table
from stack.client import installation_at
from stack.home import DATA_VARIABLE, ChildState, Home, StackState
from stack.kafka import KAFKA_VERSION
from stack.processes import Birth
from stack.services import BrokerKind, Installation
from stack.supervisor import sweep
from stack.trouble import Exit, StackError

Data = Annotated[
    Path | None, typer.Option("--data", help="The data directory.", envvar=DATA_VARIABLE, show_default=".data")
]
START_LIMIT = 180.0
STOP_LIMIT = 60.0


@explained
def up(
    data: Data = None,
    kafka: Annotated[
        bool, typer.Option("--kafka", help="Run Apache Kafka itself (Java and Maven), not the embedded broker.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Start in the background and return when all is ready.")
    ] = False,
    port_base: Annotated[
        int | None, typer.Option(help="The first port; the others follow it.", show_default="8400")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Start only this service (may be repeated) with PostgreSQL, broker and mailbox."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start the whole stack on this machine, and keep it running until Ctrl-C."""
    home = Home.at(data)
    before = installation_at(home)
    broker: BrokerKind = "kafka" if kafka else "embedded"
    installation = Installation(home, port_base or before.port_base, broker, tuple(only or ()))
    started = time.monotonic()
    if detach:
        _start_in_background(installation)
        _print_places(installation, as_json, time.monotonic() - started)
        return
    progress = None if as_json else err.status(f"Starting in {home.directory} ...")

    def changed(child: ChildState) -> None:
        if child.state == "crashed":
            err.print(f"{child.name}: {child.note}. Its log: gdpr logs {child.name}", markup=False)

    def ready(state: StackState) -> None:
        if progress:
            progress.stop()
        for child in state.children:
            if child.state == "absent" and not installation.only:
                err.print(f"{child.name} is skipped: {child.note}.", markup=False)
        _print_places(installation, as_json, time.monotonic() - started)
        if not as_json:
            out.print("\nCtrl-C stops everything. What you enter is kept.", style="dim")

    if progress:
        progress.start()
    try:
        starting.run(installation, on_ready=ready, changed=changed)
    finally:
        if progress:
            progress.stop()


def _start_in_background(installation: Installation) -> None:
    home = installation.home
    with home.held():  # refuse at once, with the reason, what would be refused in the background
        sweep(home)
        starting.check(installation)
        home.state_file.unlink(missing_ok=True)
    words = [sys.executable, "-m", "stack", "up", "--json", "--data", str(home.directory)]
    words += ["--port-base", str(installation.port_base), *(("--kafka",) if installation.broker == "kafka" else ())]
    words += [word for name in installation.only for word in ("--only", name)]
    with home.log("stack").open("ab") as log:
        child = subprocess.Popen(  # noqa: S603 ourselves
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        state = home.state()
        if state is not None and state.ready:
            return
        if child.poll() is not None:
            why = state.failure if state and state.failure else "See `gdpr logs stack`."
            raise StackError("did-not-start", f"The stack did not start. {why}")
        time.sleep(0.1)
    waiting = [
        f"{c.name} ({c.note or c.state})"
        for c in (home.state() or StackState(0, 0, 0, "")).children
        if c.state != "ready"
    ]
    raise StackError(
        "not-ready-yet",
        f"Still not ready after {START_LIMIT:.0f} s: {', '.join(waiting)}. It goes on trying; see `gdpr status` and `gdpr logs`.",
        code=Exit.UNREACHABLE,
    )


def _print_places(installation: Installation, as_json: bool, seconds: float) -> None:
    places = starting.places(installation)
    passwords = installation.secrets.passwords_to_show()
    content = {
        "data": str(installation.home.directory),
        "broker": installation.broker,
        "seconds": round(seconds, 1),
        "places": places,
        "accounts": passwords,
    }

    def show() -> None:
        table(
            ("Address", "What it is", "Who signs in how"),
            [(place["url"], place["what"], place["sign_in"]) for place in places],
        )
        out.print()
        roles = {"anna": "staff", "dora": "data protection officer", "adam": "administrator", "axel": "auditor"}
        table(
            ("Account", "Role", "Password"),
            [(account, roles.get(account, ""), password) for account, password in passwords.items()],
        )
        out.print(f"\nReady after {seconds:.1f} s. Data: {installation.home.directory}", style="dim", markup=False)

    answer(content, as_json, show)
    sys.stdout.flush()


@explained
def down(data: Data = None, as_json: AsJson = False) -> None:
    """Stop the stack, wherever it was started."""
    home = Home.at(data)
    state = home.state()
    birth = Birth(state.pid, state.born) if state else None
    supervisor = birth.process() if birth else None
    if not home.is_held() or supervisor is None:
        left = sweep(home) if home.directory.exists() and not home.is_held() else []
        content = {"stopped": False, "left_over_processes_ended": left}
        answer(content, as_json, lambda: out.print(_nothing_ran(left)))
        return
    supervisor.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT
    while home.is_held():
        if time.monotonic() > deadline:
            supervisor.kill()
            supervisor.wait(5)
            sweep(home)
            break
        time.sleep(0.05)
    answer({"stopped": True}, as_json, lambda: out.print("Stopped. `gdpr up` starts it again with all its data."))


def _nothing_ran(left: list[int]) -> str:
    if left:
        return f"The stack did not run; {len(left)} left-over processes were ended."
    return "The stack does not run."


@explained
def status(data: Data = None, as_json: AsJson = False) -> None:
    """Say what runs, and what waits for what."""
    home = Home.at(data)
    state = home.state()
    if state is None or not home.is_held():
        content: dict[str, Any] = {"running": False, "data": str(home.directory)}
        last = state.failure if state else ""
        answer(
            content,
            as_json,
            lambda: out.print(f"The stack does not run in {home.directory}. {last}".strip(), markup=False),
        )
        raise typer.Exit(int(Exit.UNREACHABLE))
    children = [_with_health(child) for child in state.children]
    healthy = all(child["state"] in ("ready", "absent") for child in children)
    content = {
        "running": True,
        "ready": healthy,
        "data": str(home.directory),
        "broker": state.broker,
        "pid": state.pid,
        "started": state.started,
        "services": children,
    }

    def show() -> None:
        table(
            ("Service", "State", "Since", "Restarts", "Process", "Address", ""),
            [
                (c["name"], c["state"], _ago(c["since"]), c["restarts"] or "", c["pid"] or "", c["url"], c["note"])
                for c in children
            ],
        )
        broker = f"Apache Kafka {KAFKA_VERSION}" if state.broker == "kafka" else "embedded"
        out.print(f"\nBroker: {broker}. Data: {home.directory}", style="dim", markup=False)

    answer(content, as_json, show)
    if not healthy:
        raise typer.Exit(int(Exit.REFUSED))


def _with_health(child: ChildState) -> dict[str, Any]:
    """The supervisor's word, corrected by what the service says of itself now."""
    told = asdict(child)
    if child.state == "ready" and child.url.startswith("http"):
        try:
            with urllib.request.urlopen(f"{child.url}/readyz", timeout=3):  # noqa: S310 our own address
                pass
        except urllib.error.HTTPError as error:
            with error:
                told |= {"state": "degraded", "note": error.read(400).decode("utf-8", "replace")}
        except OSError as error:
            told |= {"state": "degraded", "note": f"no answer ({error})"}
    return told


def _ago(since: float) -> str:
    seconds = int(time.time() - since) if since else 0
    if seconds < 120:
        return f"{seconds} s" if since else ""
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


@explained
def logs(
    service: Annotated[
        str, typer.Argument(help="The service as `gdpr status` names it, or `stack` for the supervisor.")
    ],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many of the last lines.", min=0)] = 100,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Print a service's log."""
    home = Home.at(data)
    log = home.log(service)
    if not log.exists():
        known = ", ".join(sorted(file.stem for file in home.logs.glob("*.log"))) or "none yet"
        raise StackError("no-such-log", f"There is no log of {service!r}. There are: {known}.")
    last = log.read_text(errors="replace").splitlines()[-lines:] if lines else []
    text = "".join(f"{line}\n" for line in last)
    answer({"service": service, "lines": last}, as_json, lambda: print_as_it_is(text))
    if follow and not as_json:
        with suppress(KeyboardInterrupt):
            _follow(log)


def _follow(log: Path) -> None:
    position = log.stat().st_size
    while True:
        size = log.stat().st_size if log.exists() else 0
        if size < position:  # it was rotated
            position = 0
        if size > position:
            with log.open("rb") as text:
                text.seek(position)
                new = text.read(size - position)
            print_as_it_is(new.decode("utf-8", "replace"))
            position = size
        time.sleep(0.2)
