"""Keeping the processes of the stack alive: started in order, watched, restarted, and all ended when we end.

A child that ends by itself is started again, at once the first time and then after longer and longer pauses; one that
held out for a while has its slate wiped. Children start as soon as all that they depend on are ready, and stop only
when all that depend on them have stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack.home import ChildState, Home, StackState
from stack.processes import Birth, Program, end, ended, kill, marked
from stack.trouble import StackError

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
HELD_OUT = 20.0
"""A child that lived this long has recovered: its next crash counts as the first."""

LARGEST_LOG = 10 * 1024 * 1024
KEPT_LOGS = 3


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep alive."""

    name: str
    program: Callable[[], Program]
    """Prepares and says what to start; called before every start, in a thread. May raise StackError."""
    waits_for: Callable[[], Awaitable[str | None]]
    """Nothing if it is ready, else what it waits for."""
    after: tuple[str, ...] = ()
    once_ready: Callable[[], Awaitable[None]] | None = None
    """Done each time it has become ready, before those that depend on it start."""
    url: str = ""
    stop_limit: float = 12.0


class Supervisor:
    """Runs the children of one installation until told to stop."""

    def __init__(
        self,
        home: Home,
        children: Sequence[Child],
        *,
        broker: str = "",
        absent: Sequence[ChildState] = (),
        first_pause: float = FIRST_PAUSE,
        changed: Callable[[ChildState], None] = lambda _state: None,
    ) -> None:
        self._home = home
        self._children = {child.name: child for child in children}
        self._first_pause = first_pause
        self._changed = changed
        self._stopping = asyncio.Event()
        self._all_ready = asyncio.Event()
        self._ready = {child.name: asyncio.Event() for child in children}
        self._gone = {child.name: asyncio.Event() for child in children}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        me = Birth.of(os.getpid())
        self.state = StackState(
            pid=os.getpid(), born=me.born if me else 0.0, started=time.time(), broker=broker,
            children=[*(ChildState(child.name, url=child.url) for child in children), *absent],
        )  # fmt: skip
        self._failure: StackError | None = None

    def stop(self) -> None:
        """Stop everything; said a second time, without waiting for anybody."""
        if self._stopping.is_set():
            for process in list(self._running.values()):
                kill(process)
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    async def until_ready(self) -> bool:
        """Wait until every child is ready (yes) or the stack stops before (no)."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._all_ready, self._stopping)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        return self._all_ready.is_set()

    async def run(self) -> None:
        """Run until `stop`; the directory must be held by us. Raises what made a start impossible."""
        self._write()
        keepers = [asyncio.create_task(self._keep(child), name=child.name) for child in self._children.values()]
        rotating = asyncio.create_task(self._rotate_logs())
        watching = asyncio.create_task(self._watch_readiness())
        try:
            await asyncio.gather(*keepers)
        finally:
            self._stopping.set()
            for task in (rotating, watching, *keepers):
                task.cancel()
            await asyncio.gather(rotating, watching, *keepers, return_exceptions=True)
            for process in self._running.values():
                kill(process)
            self.state.ready = False
            self._write()
        if self._failure is not None:
            raise self._failure

    # One child

    async def _keep(self, child: Child) -> None:
        try:
            if await self._until_all_ready(child.after):
                await self._keep_running(child)
        except StackError as impossible:
            self._failure = self._failure or impossible
            self.state.failure = impossible.message
            self._set(child, "crashed", note=impossible.message)
            self._stopping.set()
        finally:
            self._gone[child.name].set()

    async def _keep_running(self, child: Child) -> None:
        pause = self._first_pause
        while not self._stopping.is_set():
            started = time.monotonic()
            code = await self._run_once(child)
            if self._stopping.is_set():
                self._set(child, "stopped")
                return
            if time.monotonic() - started > HELD_OUT:
                pause = self._first_pause
            state = self._state_of(child.name)
            state.restarts += 1
            self._set(child, "crashed", note=f"{_how_it_ended(code)}; again in {pause:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self._set(child, "stopped")

    async def _run_once(self, child: Child) -> int:
        self._set(child, "starting")
        program = await asyncio.to_thread(child.program)
        process = program.start(self._home.log(child.name))  # in this thread: the child lives as long as it does
        self._running[child.name] = process
        try:
            birth = Birth.of(process.pid)
            state = self._state_of(child.name)
            state.pid, state.born = process.pid, birth.born if birth else None
            self._write()
            return await self._watch(child, process, program.stop_signal)
        finally:
            kill(process)
            del self._running[child.name]
            self._ready[child.name].clear()

    async def _watch(self, child: Child, process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> int:
        """Until it has ended: by itself, or because the stack stops and nobody needs it any more."""
        ending = asyncio.create_task(ended(process))
        readying = asyncio.create_task(self._until_ready(child))
        stopping = asyncio.create_task(self._until_nobody_needs(child))
        try:
            await asyncio.wait((ending, stopping, readying), return_when=asyncio.FIRST_COMPLETED)
            if readying.done():
                readying.result()  # what cannot get ready for a reason that a new try does not change
                await asyncio.wait((ending, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                process.send_signal(stop_signal)
                await asyncio.wait((ending,), timeout=child.stop_limit)
                if not ending.done():
                    self._set(child, "stopping", note=f"killed: it did not end within {child.stop_limit:.0f} s")
                    kill(process)
            return await ending
        finally:
            for task in (ending, readying, stopping):
                task.cancel()
            await asyncio.gather(ending, readying, stopping, return_exceptions=True)

    async def _until_ready(self, child: Child) -> None:
        while (waiting := await self._waits_for(child)) is not None:
            if self._state_of(child.name).note != waiting:
                self._set(child, "starting", note=waiting)
            await asyncio.sleep(0.05)
        self._set(child, "ready")
        self._ready[child.name].set()

    async def _waits_for(self, child: Child) -> str | None:
        if (waiting := await child.waits_for()) is not None or child.once_ready is None:
            return waiting
        try:
            await child.once_ready()
        except StackError:
            raise
        except Exception as error:  # it may have been killed meanwhile: look again
            return f"{type(error).__name__}: {error}"
        return None

    async def _until_nobody_needs(self, child: Child) -> None:
        await self._stopping.wait()
        needed_by = [other.name for other in self._children.values() if child.name in other.after]
        await asyncio.gather(*(self._gone[name].wait() for name in needed_by))

    async def _until_all_ready(self, names: Sequence[str]) -> bool:
        ready = asyncio.gather(*(self._ready[name].wait() for name in names))
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((ready, stopping), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        stopping.cancel()
        with suppress(asyncio.CancelledError):
            await ready
        return not self._stopping.is_set()

    async def _watch_readiness(self) -> None:
        await asyncio.gather(*(event.wait() for event in self._ready.values()))
        self.state.ready = True
        self._write()
        self._all_ready.set()

    # What others see

    def _state_of(self, name: str) -> ChildState:
        return next(state for state in self.state.children if state.name == name)

    def _set(self, child: Child, what: str, note: str = "") -> None:
        state = self._state_of(child.name)
        if state.state != what:
            state.since = time.time()
        state.state, state.note = what, note
        if what in ("crashed", "stopped"):
            state.pid = state.born = None
        self._write()
        self._changed(state)

    def _write(self) -> None:
        self._home.write_state(self.state)

    # Logs

    async def _rotate_logs(self) -> None:
        while True:
            for name in self._children:
                with suppress(OSError):
                    rotate(self._home.log(name))
            await asyncio.sleep(5)


def rotate(log: Path, largest: int = LARGEST_LOG, kept: int = KEPT_LOGS) -> bool:
    """Copy a log that has grown too large aside and empty it: the child goes on writing to the same file (it appends)."""
    if not log.exists() or log.stat().st_size <= largest:
        return False
    for number in range(kept - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)
    return True


def sweep(home: Home) -> list[int]:
    """End what an earlier supervisor left over, if it was killed. Only processes that are surely ours."""
    known: list[Birth] = []
    if (state := home.state()) is not None:
        known = [birth for child in state.children if (birth := child.birth) is not None]
    return end({*known, *marked(home.directory)})


def _how_it_ended(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
