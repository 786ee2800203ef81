"""Real PostgreSQL, a real broker and a real mailbox for tests, started only when a test asks for one.

A pytest plugin (`pytest_plugins = ["stack.testing"]`). Fixtures, all for the whole session unless said otherwise:

- `postgres`: an embedded server without fsync (`RunningPostgres`; `.url` is the superuser's address).
- `database`: makes a new empty database at each call and answers its address. For the test module.
- `key_database`: the same with the tables of the key database in it.
- `kafka`: a broker (`RunningBroker`: `.bootstrap`, `.kind`, `.is_apache`): Apache Kafka by testcontainers where a Docker
  engine answers, else by Java and Maven, else the embedded broker. `GDPR_TEST_BROKER` forces one of `docker`, `maven`,
  `embedded`.
- `topic`: makes a new topic name at each call, so that tests do not read each other's records.
- `mail`: a mail server with a mailbox page (`Mailbox`: `.smtp_port`, `.url`, `.mails()`, `.behave(mode)`, `.clear()`).

The last lines of the run say which broker it was.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from events.runtime.keys import KEYS_SQL
from stack import kafka as apache
from stack.broker import RunningBroker, start_broker
from stack.mailbox import Mailbox, start_mailbox
from stack.ports import free_port, is_listening
from stack.postgres import RunningPostgres, start_postgres
from stack.trouble import StackError

FORCE = "GDPR_TEST_BROKER"


@dataclass(slots=True)
class TestBroker:
    """The broker that the tests run on."""

    __test__ = False

    kind: str
    bootstrap: str
    running: RunningBroker | None = None
    container: Any = field(default=None, repr=False)

    @property
    def is_apache(self) -> bool:
        return self.kind.startswith("Apache Kafka")

    def stop(self) -> None:
        if self.running is not None:
            self.running.stop()
        if self.container is not None:
            self.container.stop()


_said = pytest.StashKey[set[str]]()


def forced_broker() -> str | None:
    """The kind of broker that the environment demands, if it does."""
    return os.environ.get(FORCE) or None


def say_broker(config: pytest.Config, kind: str) -> None:
    """Have the last lines of the run say that tests ran on this broker."""
    config.stash.setdefault(_said, set()).add(kind)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory for servers' files, gone afterwards (pytest keeps its own; these are large)."""
    directory = Path(tempfile.mkdtemp(prefix="gdpr-tests-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(scratch: Path) -> Iterator[RunningPostgres]:
    running = start_postgres(scratch / "postgres", durable=False)
    yield running
    running.kill()


@pytest.fixture(scope="session")
def _database_numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture(scope="module")
def database(postgres: RunningPostgres, _database_numbers: Iterator[int]) -> Callable[[], str]:
    """Each call makes a new empty database and answers its address (as superuser). Safe inside a running loop."""

    def make() -> str:
        name = f"test_{next(_database_numbers)}"
        _in_a_loop_of_its_own(postgres.url, f"CREATE DATABASE {name} STRATEGY file_copy")
        return postgres.cluster.url(name)

    return make


@pytest.fixture(scope="module")
def key_database(database: Callable[[], str]) -> Callable[[], str]:
    """Each call makes a new key database, without a key, and answers its address."""

    def make() -> str:
        url = database()
        _in_a_loop_of_its_own(url, KEYS_SQL.read_text(encoding="utf-8"))
        return url

    return make


def _in_a_loop_of_its_own(url: str, sql: str) -> None:
    failed: list[BaseException] = []

    async def work() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    def run() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:  # handed to the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


@pytest.fixture(scope="session")
def kafka(scratch: Path, request: pytest.FixtureRequest) -> Iterator[TestBroker]:
    broker = start_test_broker(scratch / "kafka")
    say_broker(request.config, broker.kind)
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def _topic_numbers() -> Iterator[int]:
    return itertools.count(1)


@pytest.fixture(scope="session")
def topic(_topic_numbers: Iterator[int]) -> Callable[[], str]:
    """Each call answers a topic name that nobody has used in this session (the topic itself is not made)."""
    return lambda: f"test.topic-{next(_topic_numbers)}"


@pytest.fixture(scope="session")
def mail(scratch: Path) -> Iterator[Mailbox]:
    running = start_mailbox(scratch / "mails.sqlite", log=scratch / "mailbox.log")
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _mail_behaves_again(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "mail" in request.fixturenames:
        request.getfixturevalue("mail").behave("ok")


def start_test_broker(directory: Path) -> TestBroker:
    """The best broker that this machine offers, or the one that the environment forces."""
    kind = forced_broker() or best_broker()
    match kind:
        case "docker":
            return _in_docker()
        case "maven":
            running = apache.start_kafka(directory)
            return TestBroker(running.kind, running.bootstrap, running)
        case "embedded":
            running = start_broker(log=directory.with_suffix(".log"))
            return TestBroker(running.kind, running.bootstrap, running)
    raise StackError("unknown-test-broker", f"{FORCE} is {kind!r}; it may be docker, maven or embedded.")


def best_broker() -> str:
    if _docker_answers():
        return "docker"
    return "embedded" if apache.is_possible() else "maven"


def _docker_answers() -> bool:
    """An engine that answers and has, or can fetch, Kafka's image; without an image Maven is the better way."""
    if not _docker_listens():
        return False
    import docker  # type: ignore[import-untyped]

    try:
        client = docker.from_env(timeout=5)
        try:
            client.ping()
            try:
                client.images.get(IMAGE)
            except docker.errors.ImageNotFound:
                client.images.pull(IMAGE)
        finally:
            client.close()
    except Exception:  # whatever is wrong with Docker, there is another way
        return False
    return True


def _docker_listens() -> bool:
    """Looked at by hand first: the client library leaves a socket open when nobody answers."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(host.removeprefix("unix://"))
        return True
    return False


IMAGE = f"apache/kafka:{apache.KAFKA_VERSION}"


def _in_docker() -> TestBroker:
    """One node in a container. Its host port is chosen beforehand, because a broker must advertise it."""
    from testcontainers.core.container import DockerContainer

    port = free_port()
    container = DockerContainer(IMAGE).with_bind_ports(9092, port)
    address = f"{container.get_container_host_ip()}:{port}"
    for name, value in {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{address}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }.items():
        container = container.with_env(name, value)
    container.start()
    deadline = time.monotonic() + 60
    while not is_listening(port):
        if time.monotonic() > deadline:
            container.stop()
            raise StackError("kafka-did-not-start", f"The container of {IMAGE} did not start on port {port}.")
        time.sleep(0.1)
    return TestBroker(f"Apache Kafka {apache.KAFKA_VERSION} (Docker)", address, None, container)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    said = config.stash.get(_said, None) or set()
    for kind in sorted(said):
        terminalreporter.write_line(f"Broker: {kind}")
