"""The faults of a storm, drawn from a seed before it begins: the same seed gives the same faults in the same order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stack.ports import free_port
from stack.processes import Program, kill
from stack.running_stack import RunningStack
from stack.services import BY_NAME
from stack.trouble import StackError

LEASE = 6.0
"""How long a partition stays with a process that is not heard of: whoever sleeps longer wakes as a zombie."""
SERVERS = ("broker", "postgres")
WAIT_FOR_TARGET = 45.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: ``wait`` seconds after the one before, something happens to ``target``; a pause or a copy lasts ``seconds``."""

    wait: float
    what: Literal["kill", "freeze", "copy"]
    target: str
    seconds: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.0f} s" if self.seconds else ""
        verb = {"kill": "kill", "freeze": "freeze", "copy": "run a second copy of"}[self.what]
        return f"{verb} {self.target}{lasting}"


def plan(
    seed: int, kills: int, services: Sequence[str], *, pace: float = 1.5, servers: Sequence[str] = SERVERS
) -> list[Fault]:
    """Draw the faults of a storm with so many kills. Every process is killed at least once where the kills suffice; beside every
    four kills somebody is frozen, beside every five somebody runs twice."""
    chance = random.Random(seed)
    everybody = [*services, *servers]
    chance.shuffle(everybody)
    # A server takes everybody down with it for seconds: a service is hit four times as often.
    weights = [1 if name in servers else 4 for name in everybody]
    targets = (everybody + chance.choices(everybody, weights, k=kills))[:kills]
    faults: list[Fault] = []

    def wait() -> float:
        return round(chance.uniform(0.2, 2 * pace), 2)

    for number, target in enumerate(targets):
        if number % 4 == 1:
            sleeper = chance.choice([*services, *(s for s in servers if s == "broker")])
            lasts = chance.uniform(3, 6) if sleeper == "broker" else chance.uniform(1.2, 1.8) * LEASE
            faults.append(Fault(wait(), "freeze", sleeper, round(lasts, 1)))
        if number % 5 == 0:
            faults.append(Fault(wait(), "copy", chance.choice(list(services)), round(chance.uniform(8, 16), 1)))
        faults.append(Fault(wait(), "kill", target))
    return faults


@dataclass(slots=True)
class Weather:
    """Makes the faults happen, and in the end takes them all back."""

    stack: RunningStack
    kills: int = 0
    frozen: int = 0
    copied: int = 0
    missed: list[Fault] = field(default_factory=list)
    _copies: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _asleep: set[int] = field(default_factory=set)
    _lasting: set[asyncio.Task[None]] = field(default_factory=set)

    async def go(self, faults: Sequence[Fault]) -> None:
        """Make these faults happen, one after the other."""
        began = time.monotonic()
        for fault in faults:
            await asyncio.sleep(fault.wait)
            print(f"  {time.monotonic() - began:6.1f} s  {fault}", flush=True)
            if not await self._happen(fault):
                self.missed.append(fault)

    async def _happen(self, fault: Fault) -> bool:
        if fault.what == "copy":
            self._later(self._copy(fault))
            return True
        deadline = time.monotonic() + WAIT_FOR_TARGET
        while time.monotonic() < deadline:
            # The name stands for whoever bears it now; between death and restart nobody does.
            with contextlib.suppress(StackError, ProcessLookupError):
                if fault.what == "kill":
                    await asyncio.to_thread(self.stack.kill, fault.target)
                    self.kills += 1
                else:
                    self._later(self._sleep(self.stack.freeze(fault.target), fault.seconds))
                    self.frozen += 1
                return True
            await asyncio.sleep(0.1)
        return False

    async def _sleep(self, pid: int, seconds: float) -> None:
        self._asleep.add(pid)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._wake(pid)

    def _wake(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        self._asleep.discard(pid)

    async def _copy(self, fault: Fault) -> None:
        environment = {**self.stack.environment(fault.target), "HTTP_PORT": str(free_port())}
        program = Program([sys.executable, "-m", BY_NAME[fault.target].module], environment)
        copy = program.start(self.stack.home.log(f"{fault.target}-copy"))
        self._copies.append(copy)
        self.copied += 1
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            kill(copy)

    def _later(self, what: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(what)
        self._lasting.add(task)
        task.add_done_callback(self._lasting.discard)

    async def clear(self) -> None:
        """Wake the sleeping, end the copies: from here on nothing is wrong any more."""
        for task in list(self._lasting):
            task.cancel()
        await asyncio.gather(*self._lasting, return_exceptions=True)
        for pid in list(self._asleep):
            self._wake(pid)
        for copy in self._copies:
            kill(copy)
