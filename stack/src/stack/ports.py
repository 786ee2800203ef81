"""Ports on this machine: a free one for a test, and who holds one that we wanted."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on now. Somebody else may take it before you do: try again then."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_taken(port: int, host: str = LOOPBACK) -> bool:
    """Whether we could not listen there. Connections of the past that linger (TIME_WAIT) do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return True
    return False


def is_listening(port: int, host: str = LOOPBACK) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


@dataclass(frozen=True, slots=True)
class Holder:
    """Who listens on a port, as far as we are allowed to know."""

    port: int
    pid: int | None
    command: str

    def __str__(self) -> str:
        if self.pid is None:
            return "a program of another user"
        return f"{self.command} (process {self.pid})"


def holders(ports: Iterable[int]) -> list[Holder]:
    """For each port that is taken, who has it."""
    taken = [port for port in ports if is_taken(port)]
    return [_holder(port) for port in taken]


def _holder(port: int) -> Holder:
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                if connection.pid is None:
                    break
                with suppress(psutil.Error):
                    words = psutil.Process(connection.pid).cmdline()
                    return Holder(port, connection.pid, " ".join(words)[:80] or "?")
    return Holder(port, None, "")
