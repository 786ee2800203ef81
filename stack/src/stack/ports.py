"""Ports on this machine: a free one for a test, and who holds one that we wanted."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
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


@contextmanager
def reserved(ports: Iterable[int]) -> Iterator[None]:
    """Keep the system from giving these ports to outgoing connections; whoever we start may still listen on them.

    High ports (on Linux those from 32768) are given away like that: a service that connects to its database would
    sit on the port of another one that is about to start. A socket that is bound and does not listen prevents it,
    on Linux without being in the way of the one that does. Elsewhere it would be.
    """
    with ExitStack() as kept:
        for port in ports if sys.platform == "linux" else ():
            placeholder = kept.enter_context(socket.socket())
            placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):  # taken after all: its program will say so
                placeholder.bind((LOOPBACK, port))
        yield


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a port, as far as we are allowed to know."""

    port: int
    pid: int | None
    command: str
    listens: bool = True
    """Else it only has a connection from there, to somewhere."""

    def __str__(self) -> str:
        who = "a program of another user" if self.pid is None else f"{self.command} (process {self.pid})"
        return who if self.listens else f"a connection of {who}"


def holders(ports: Iterable[int]) -> list[Holder]:
    """For each port that is taken, who has it."""
    taken = [port for port in ports if is_taken(port)]
    return [_holder(port) for port in taken]


def _holder(port: int) -> Holder:
    listens = True
    with suppress(psutil.Error, OSError):
        here = [one for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port]
        listeners = [one for one in here if one.status == psutil.CONN_LISTEN]
        listens = bool(listeners) or not here
        for pid in (one.pid for one in listeners or here if one.pid is not None):
            with suppress(psutil.Error):
                words = psutil.Process(pid).cmdline()
                return Holder(port, pid, " ".join(words)[:80] or "?", listens)
    return Holder(port, None, "", listens)
