"""Starting a program as our own child, and knowing it again later.

A child must not outlive us, however we end: it gets a signal from the kernel when its parent dies (Linux), and it is
written down with the moment of its birth, so that the next start finds it and is sure that the number is not by now
somebody else's (everywhere). Start children from a thread that lives as long as they should: the kernel's signal
comes with the death of the starting *thread*.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

MARK = "GDPR_STACK_HOME"
"""Every child carries this variable with the data directory it belongs to, so that a left-over is recognised."""

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, and how it wants to be ended."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    user: str | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL

    def start(self, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Start it in a session of its own (Ctrl-C reaches only us), its output appended to `log`."""
        with _appending(log) as out:
            return subprocess.Popen(  # noqa: S603 the programs of the stack, never a shell
                list(self.argv),
                env=dict(self.env),
                cwd=self.cwd,
                user=self.user,
                group=self.user,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_DieWithParent(self.orphan_signal) if _libc else None,  # noqa: PLW1509 one system call
            )


@contextmanager
def _appending(log: Path | None) -> Iterator[int]:
    if log is None:
        yield subprocess.DEVNULL
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    try:
        yield out
    finally:
        os.close(out)


class _DieWithParent:
    """Runs in the child between fork and exec; does nothing but one system call and one look at who the parent is."""

    def __init__(self, how: signal.Signals) -> None:
        self.parent = os.getpid()
        self.how = int(how)

    def __call__(self) -> None:
        assert _libc is not None
        _libc.prctl(_PR_SET_PDEATHSIG, self.how)
        if os.getppid() != self.parent:  # it died before the request was made
            os._exit(1)


@dataclass(frozen=True, slots=True)
class Birth:
    """A process by number and moment of birth: a number alone is given to others later."""

    pid: int
    born: float

    @classmethod
    def of(cls, pid: int) -> Birth | None:
        with suppress(psutil.Error):
            return cls(pid, psutil.Process(pid).create_time())
        return None

    def process(self) -> psutil.Process | None:
        """The process itself if it still lives, nothing if the number is free, a zombie's or another's."""
        with suppress(psutil.Error):
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.born) < 1.0 and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


def marked(home: Path) -> Iterator[Birth]:
    """Living processes that carry our mark for this data directory, except ourselves and our parents."""
    family = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    wanted = str(home)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid not in family and process.environ().get(MARK) == wanted:
                yield Birth(process.pid, process.create_time())


def end(births: Iterable[Birth], grace: float = 5.0) -> list[int]:
    """End these processes: asked first, killed after `grace` seconds. Answers the numbers that were still alive."""
    living = [process for birth in births if (process := birth.process()) is not None]
    for process in living:
        with suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(living, timeout=grace)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return [process.pid for process in living]


async def ended(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child without a thread: the kernel tells by a file descriptor (Linux), else by looking often."""
    if hasattr(os, "pidfd_open"):
        loop = asyncio.get_running_loop()
        with suppress(OSError):
            descriptor = os.pidfd_open(child.pid)
            gone = asyncio.Event()
            loop.add_reader(descriptor, gone.set)
            try:
                await gone.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
    while (code := child.poll()) is None:
        await asyncio.sleep(0.05)
    return code


def stop(child: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, limit: float = 10.0) -> int:
    """End a child now: asked by `how`, killed with its whole session after `limit` seconds."""
    if child.poll() is None:
        child.send_signal(how)
        deadline = time.monotonic() + limit
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    return kill(child)


def kill(child: subprocess.Popen[bytes]) -> int:
    """Kill a child at once, with everything in its session."""
    if child.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    return child.wait()
