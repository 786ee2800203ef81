"""Apache Kafka itself, one node, from Maven Central: for tests and benchmarks, and for `gdpr up --kafka`.

Needs Java 17 or newer and Maven. The jars are fetched once into the user's cache; the node's files live in a data
directory, made aside and renamed when whole, so that an interrupted first start is simply done again.
"""

from __future__ import annotations

import base64
import fcntl
import os
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.broker import RunningBroker
from stack.ports import LOOPBACK, free_port, is_listening
from stack.processes import MARK, Program, kill
from stack.trouble import StackError

KAFKA_VERSION = "4.3.1"
LOG4J_VERSION = "2.24.3"
OLDEST_JAVA = 17

POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>kafka-node</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-core</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

LOGGING = """<Configuration status="warn">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %-5p %m (%c{1})%n"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka.server" level="info"/>
    <Root level="warn"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
"""

PROPERTIES = """process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.quorum.voters=1@{host}:{controller_port}
log.dirs={log_dir}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
# after a kill it serves again when its old session has lapsed
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300
"""


def java() -> Path:
    """The Java runtime, 17 or newer; a clear refusal otherwise."""
    home = os.environ.get("JAVA_HOME")
    candidates = [Path(home) / "bin" / "java"] if home else []
    candidates += [Path(found)] if (found := shutil.which("java")) else []
    for candidate in candidates:
        if candidate.exists() and (_java_version(candidate) or 0) >= OLDEST_JAVA:
            return candidate
    had = ", ".join(str(candidate) for candidate in candidates)
    raise StackError(
        "no-java",
        f"Apache Kafka needs Java {OLDEST_JAVA} or newer; "
        + (f"what is here is older ({had}). " if had else "there is none here. ")
        + "Install one (for example `apt-get install openjdk-17-jre-headless`) or set JAVA_HOME, "
        "or start without --kafka to use the embedded broker.",
    )


def _java_version(binary: Path) -> int | None:
    try:
        told = subprocess.run([str(binary), "-version"], capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r'version "(\d+)(?:\.(\d+))?', told.stderr)
    if not found:
        return None
    return int(found[2] or 0) if found[1] == "1" else int(found[1])


def jars() -> Path:
    """The directory of Kafka's jars, fetched through Maven the first time."""
    directory = _cache() / f"kafka-{KAFKA_VERSION}"
    if directory.is_dir():
        return directory
    with _only_one(directory.with_suffix(".lock")):
        if not directory.is_dir():
            _fetch(directory)
    return directory


def jars_are_here() -> bool:
    return (_cache() / f"kafka-{KAFKA_VERSION}").is_dir()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gdpr-stack"


def _fetch(directory: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError(
            "no-maven",
            f"Apache Kafka {KAFKA_VERSION} is fetched once by Maven, and there is no `mvn` here. Install it (for "
            "example `apt-get install maven`), or start without --kafka to use the embedded broker.",
        )
    building = directory.with_name(directory.name + ".fetching")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    (building / "pom.xml").write_text(POM)
    fetched = subprocess.run(  # noqa: S603 Maven as found on PATH, our own arguments
        [
            maven, "--batch-mode", "--quiet", "-f", str(building / "pom.xml"),
            "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={building / 'jars'}",
        ],
        check=False,
        capture_output=True,
        text=True,
    )  # fmt: skip
    if fetched.returncode or not list((building / "jars").glob("kafka_2.13-*.jar")):
        said = (fetched.stdout + fetched.stderr).strip()[-800:]
        shutil.rmtree(building, ignore_errors=True)
        raise StackError("kafka-not-fetched", f"Maven could not fetch Apache Kafka {KAFKA_VERSION}. It said:\n{said}")
    (building / "jars").rename(directory)
    shutil.rmtree(building, ignore_errors=True)


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def is_possible() -> str | None:
    """Nothing if Apache Kafka can run here, else why not."""
    try:
        java()
    except StackError as missing:
        return missing.message
    if not jars_are_here() and shutil.which("mvn") is None:
        return "Maven is missing, which fetches Apache Kafka the first time."
    return None


@dataclass(frozen=True, slots=True)
class Node:
    """A single node, broker and controller in one, with its files."""

    directory: Path
    port: int
    controller_port: int
    heap: str = "256m"

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Fetch the jars, format the storage once, write the settings."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "log4j2.xml").write_text(LOGGING)
        storage = self.directory / "storage"
        if not (storage / "meta.properties").exists():
            shutil.rmtree(storage, ignore_errors=True)
            self._format(storage)
        self._write_settings("server.properties", storage)

    def _format(self, storage: Path) -> None:
        building = self.directory / "storage.building"
        shutil.rmtree(building, ignore_errors=True)
        settings = self._write_settings("format.properties", building)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formatted = subprocess.run(  # noqa: S603 our own binary, our own arguments
            [
                *self._java("-XX:TieredStopAtLevel=1"), "kafka.tools.StorageTool",
                "format", "--cluster-id", cluster.replace("-", "A", 1) if cluster.startswith("-") else cluster,
                "--config", str(settings),
            ],
            check=False,
            capture_output=True,
            text=True,
        )  # fmt: skip
        if formatted.returncode:
            said = (formatted.stdout + formatted.stderr).strip()[-800:]
            raise StackError("kafka-not-formatted", f"Apache Kafka could not make its storage. It said:\n{said}")
        building.rename(storage)
        settings.unlink()

    def _write_settings(self, name: str, log_dir: Path) -> Path:
        path = self.directory / name
        path.write_text(
            PROPERTIES.format(host=LOOPBACK, port=self.port, controller_port=self.controller_port, log_dir=log_dir)
        )
        return path

    def _java(self, *options: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.xml'}"
        return [str(java()), *options, "-XX:+UseSerialGC", logging, "-cp", f"{jars()}/*"]

    def program(self, mark: Mapping[str, str] | None = None) -> Program:
        """The node itself, in the foreground. Prepare first."""
        argv = [
            *self._java(f"-Xmx{self.heap}", "-XX:TieredStopAtLevel=1"),
            "kafka.Kafka",
            str(self.directory / "server.properties"),
        ]
        passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return Program(argv=argv, env={**passed, **(mark or {})}, cwd=self.directory)


def start_kafka(
    directory: Path,
    port: int | None = None,
    *,
    controller_port: int | None = None,
    log: Path | None = None,
    limit: float = 60.0,
) -> RunningBroker:
    """Start Apache Kafka and return when it listens (for tests and benchmarks; `gdpr up` supervises its own)."""
    node = Node(directory.resolve(), port or free_port(), controller_port or free_port())
    node.prepare()
    log = log or node.directory / "kafka.log"
    process = node.program({MARK: str(node.directory)}).start(log)
    deadline = time.monotonic() + limit
    while not is_listening(node.port):
        if process.poll() is not None or time.monotonic() > deadline:
            kill(process)
            tail = log.read_text(errors="replace")[-800:] if log.exists() else ""
            raise StackError("kafka-did-not-start", f"Apache Kafka did not start on port {node.port}:\n{tail}")
        time.sleep(0.05)
    return RunningBroker(process, node.port, node.bootstrap, f"Apache Kafka {KAFKA_VERSION}")
