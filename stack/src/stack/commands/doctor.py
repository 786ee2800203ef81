"""`gdpr doctor`: look at everything that a stack needs, and say what to mend and how."""

from __future__ import annotations

import asyncio
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from stack import kafka
from stack.answering import AsJson, answer, explained, table
from stack.broker import broker_program
from stack.client import installation_at
from stack.home import DATA_VARIABLE, Home
from stack.ports import holders
from stack.postgres import binaries
from stack.services import SERVICES, Installation
from stack.starting import check_not_lost
from stack.trouble import Exit, StackError

Verdict = Literal["well", "note", "mend"]
LEAST_FREE = 2 * 1024**3

app = typer.Typer()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Only `mend` stands in the way."""

    what: str
    verdict: Verdict
    told: str


@app.command()
@explained
def doctor(
    data: Annotated[
        Path | None, typer.Option("--data", help="The data directory.", envvar=DATA_VARIABLE, show_default=".data")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything that the stack needs, and say what to mend."""
    home = Home.at(data)
    installation = installation_at(home)
    findings = [look(installation) for look in LOOKS]
    if home.is_held():
        findings += _running(installation)
    else:
        findings.append(_ports(installation))
    answer(
        [asdict(finding) for finding in findings],
        as_json,
        lambda: table(("", "Looked at", "Found"), [(f.verdict, f.what, f.told) for f in findings]),
    )
    if any(finding.verdict == "mend" for finding in findings):
        raise typer.Exit(int(Exit.REFUSED))


def _python(_: Installation) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("Python", "well", f"{version} in {sys.prefix}")


def _postgres(_: Installation) -> Finding:
    try:
        server = binaries() / "postgres"
    except StackError as missing:
        return Finding("PostgreSQL", "mend", missing.message)
    if not server.exists():
        return Finding("PostgreSQL", "mend", f"{server} is missing. Install the packages anew: make clean run")
    return Finding("PostgreSQL", "well", str(server))


def _embedded_broker(installation: Installation) -> Finding:
    try:
        binary = broker_program(1).argv[0]
    except StackError as missing:
        return Finding("embedded broker", "mend" if installation.broker == "embedded" else "note", missing.message)
    return Finding("embedded broker", "well", binary)


def _apache_kafka(installation: Installation) -> Finding:
    if (why_not := kafka.is_possible()) is not None:
        return Finding("Apache Kafka", "mend" if installation.broker == "kafka" else "note", why_not)
    fetched = "fetched" if kafka.jars_are_here() else "Maven fetches it at the first start"
    return Finding("Apache Kafka", "well", f"{kafka.KAFKA_VERSION} by {kafka.java()}; {fetched}")


def _services(_: Installation) -> Finding:
    absent = [service.name for service in SERVICES if not service.is_there]
    if absent:
        return Finding("services", "mend", f"not installed: {', '.join(absent)}. Install them: make install")
    return Finding("services", "well", f"{len(SERVICES)} installed")


def _data_directory(installation: Installation) -> Finding:
    directory = installation.home.directory
    there = next(parent for parent in (directory, *directory.parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if free < LEAST_FREE:
        return Finding("data directory", "mend", f"{directory}: only {free / 1024**3:.1f} GiB are free on that disk")
    state = "" if directory.exists() else " (made at the first start)"
    return Finding("data directory", "well", f"{directory}{state}, {free / 1024**3:.0f} GiB free")


def _secrets(installation: Installation) -> Finding:
    secrets = installation.secrets
    if not secrets.directory.exists():
        return Finding("secrets", "well", "made at the first start")
    open_files = [
        file.name
        for file in secrets.directory.iterdir()
        if stat.S_IMODE(file.stat().st_mode) & 0o077 and file.is_file()
    ]
    if open_files:
        files = ", ".join(sorted(open_files))
        return Finding("secrets", "mend", f"others can read {files}: chmod 600 {secrets.directory}/*")
    try:
        check_not_lost(installation)
    except StackError as lost:
        return Finding("secrets", "mend", lost.message)
    return Finding("secrets", "well", str(secrets.directory))


LOOKS: tuple[Callable[[Installation], Finding], ...] = (
    _python,
    _postgres,
    _embedded_broker,
    _apache_kafka,
    _services,
    _data_directory,
    _secrets,
)


def _ports(installation: Installation) -> Finding:
    taken = holders(installation.ports)
    if taken:
        who = "; ".join(f"{holder.port} by {holder}" for holder in taken)
        return Finding("ports", "mend", f"taken: {who}. End that, or choose others: gdpr up --port-base ...")
    return Finding("ports", "well", f"{min(installation.ports)} to {max(installation.ports)} are free")


def _running(installation: Installation) -> Iterator[Finding]:
    """What runs: does each part answer?"""
    from stack import composition

    async def ask() -> list[tuple[str, str | None]]:
        import aiohttp

        async with aiohttp.ClientSession() as http:
            children = composition.children(installation, http)
            waiting = await asyncio.gather(*(child.waits_for() for child in children))
            return [(child.name, why) for child, why in zip(children, waiting, strict=True)]

    for name, why in asyncio.run(ask()):
        if why is None:
            yield Finding(name, "well", "answers")
        else:
            yield Finding(name, "mend", f"{why}. Its log: gdpr logs {name}")
