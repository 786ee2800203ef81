"""The whole stack, as `gdpr up` starts it: how long until everything is ready, and what it holds while nothing happens."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from stack.running_stack import RunningStack, start_stack

from .figures import Figure
from .ground import Ground

REST = 20.0


async def idle(_ground: Ground) -> AsyncIterator[Figure]:
    """Start in an empty directory, rest, stop, start again."""
    with tempfile.TemporaryDirectory(prefix="gdpr-bench-") as name:
        directory = Path(name)
        await asyncio.to_thread(directory.chmod, 0o755)
        first, stack = await _start(directory)
        try:
            await asyncio.sleep(REST)
            held = _held(stack)
            before = _processor(stack)
            await asyncio.sleep(REST)
            spent = (_processor(stack) - before) / REST
        finally:
            await asyncio.to_thread(stack.stop)
        second, stack = await _start(directory)
        await asyncio.to_thread(stack.stop)
    yield Figure("whole stack: first start", first, "s", goal=60, lower_is_better=True)
    yield Figure("whole stack: second start", second, "s", goal=15, lower_is_better=True)
    for what, bytes_ in sorted(held.items(), key=lambda one: -one[1]):
        yield Figure(f"idle memory: {what}", bytes_ / 1e6, "MB")
    yield Figure("idle memory: everything", sum(held.values()) / 1e6, "MB")
    yield Figure("idle processor: everything", 100 * spent, "% of a core")


async def _start(directory: Path) -> tuple[float, RunningStack]:
    began = time.perf_counter()
    stack = await asyncio.to_thread(start_stack, directory)
    return time.perf_counter() - began, stack


def _processes(stack: RunningStack) -> dict[str, list[psutil.Process]]:
    """Every process by the child it belongs to."""
    found = {"supervisor": [psutil.Process(stack.supervisor.pid)]}
    for name in stack.names():
        birth = stack.child(name).birth
        if birth is not None and (process := birth.process()) is not None:
            found[name] = [process, *process.children(recursive=True)]
    return found


def _held(stack: RunningStack) -> dict[str, int]:
    """Give the proportional set size of each child: what is shared between processes counts once."""
    return {
        name: sum(process.memory_full_info().pss for process in processes)
        for name, processes in _processes(stack).items()
    }


def _processor(stack: RunningStack) -> float:
    """Give the seconds of processor time that everything has used."""
    times = [process.cpu_times() for processes in _processes(stack).values() for process in processes]
    return float(sum(t.user + t.system for t in times))
