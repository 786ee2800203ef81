"""Every real service process starts where there is no database and no broker, says so, and goes on by itself once they are there."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stack.broker import start_broker
from stack.databases import ensure_databases
from stack.home import Home
from stack.mailbox import start_mailbox
from stack.postgres import RunningPostgres, start_postgres
from stack.processes import Program, kill
from stack.running_stack import free_port_base
from stack.services import DATABASE_ROLES, DATABASES, KAFKA, MAILBOX, POSTGRES, SERVICES, SMTP, Installation, Service
from stack.testing import say_broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

THERE = [service for service in SERVICES if service.is_there and service.database]
LIMIT = 90.0


@dataclass
class Told:
    """What one service said of itself at each stage: status and words of ``/readyz``, and whether it lived."""

    stages: dict[str, tuple[int, str]] = field(default_factory=dict)
    log: str = ""
    ended: int | None = None


def ready(installation: Installation, service: Service) -> tuple[int, str]:
    """Ask ``/readyz``; no status while nobody listens."""
    try:
        with urllib.request.urlopen(f"{installation.url(service)}/readyz", timeout=5) as answer:
            return answer.status, " ".join(json.load(answer)["waits_for"])
    except urllib.error.HTTPError as error:
        return error.code, " ".join(json.load(error)["waits_for"])
    except OSError:
        return 0, ""


@pytest.fixture(scope="module")
def told(scratch: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, Told]]:
    """Let every service live through it once: nothing there, the database, the broker too, the database lost and back."""
    say_broker(request.config, "embedded (services that wait for one)")
    installation = Installation(Home.at(scratch / "waiting"), free_port_base())
    installation.home.make()
    installation.secrets.ensure(DATABASE_ROLES)
    _postgres_with_databases(installation).stop()
    running = {
        service.name: Program([sys.executable, "-m", service.module], installation.environment(service)).start(
            installation.home.log(service.name)
        )
        for service in THERE
    }
    found = {service.name: Told() for service in THERE}

    def stage(name: str, fits: Callable[[int, str], bool]) -> None:
        """Ask each service until it says what fits, or for long enough; write down what it said last."""
        deadline = time.monotonic() + LIMIT
        for service in THERE:
            while not fits(*(said := ready(installation, service))) and time.monotonic() < deadline:
                time.sleep(0.1)
            found[service.name].stages[name] = said

    servers: list[RunningPostgres] = []
    broker = mailbox = None
    try:
        stage("nothing there", lambda status, said: status == 503 and "database" in said)
        servers.append(_postgres(installation))
        stage("no broker", lambda status, said: status == 503 and "broker" in said and "database:" not in said)
        mailbox = start_mailbox(
            installation.home.directory / "mails.sqlite", installation.port(SMTP), installation.port(MAILBOX)
        )
        broker = start_broker(installation.port(KAFKA), log=installation.home.log("broker"))
        stage("all there", lambda status, _: status == 200)
        servers.pop().kill()
        stage("database lost", lambda status, said: status == 503 and "database" in said)
        servers.append(_postgres(installation))
        stage("database back", lambda status, _: status == 200)
        for name, process in running.items():
            found[name].ended = process.poll()
            found[name].log = installation.home.log(name).read_text()
        yield found
    finally:
        for process in running.values():
            kill(process)
        for other in (broker, mailbox):
            if other is not None:
                other.stop()
        for server in servers:
            server.kill()


def _postgres(installation: Installation) -> RunningPostgres:
    cluster = installation.cluster
    return start_postgres(cluster.directory, installation.port(POSTGRES), password=cluster.password, durable=False)


def _postgres_with_databases(installation: Installation) -> RunningPostgres:
    server = _postgres(installation)
    asyncio.run(ensure_databases(server.url, DATABASES, installation.secrets.database_passwords()))
    return server


EVERY = pytest.mark.parametrize("service", [service.name for service in THERE])


@EVERY
def test_without_a_database_it_starts_and_says_what_it_waits_for(told: dict[str, Told], service: str) -> None:
    status, said = told[service].stages["nothing there"]
    assert status == 503
    assert "database" in said
    assert "database not reachable, waiting" in told[service].log


@EVERY
def test_without_a_broker_it_starts_and_says_what_it_waits_for(told: dict[str, Told], service: str) -> None:
    status, said = told[service].stages["no broker"]
    assert status == 503
    assert "the broker" in said
    assert "broker not reachable" in told[service].log or "KafkaConnectionError" in told[service].log


@EVERY
def test_it_goes_on_by_itself_when_both_are_there(told: dict[str, Told], service: str) -> None:
    assert told[service].stages["all there"] == (200, "")
    assert told[service].ended is None


@EVERY
def test_a_database_that_is_lost_is_waited_for_again(told: dict[str, Told], service: str) -> None:
    assert told[service].stages["database lost"][0] == 503
    assert "database" in told[service].stages["database lost"][1]
    assert told[service].stages["database back"] == (200, "")
