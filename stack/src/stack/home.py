"""The data directory of an installation: what lies where, who holds it, and what runs in it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stack.processes import Birth
from stack.trouble import StackError

DATA_VARIABLE = "GDPR_DATA"


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of one installation is kept. Delete the directory and nothing is left of it."""

    directory: Path

    @classmethod
    def at(cls, directory: Path | None) -> Home:
        return cls((directory or Path(os.environ.get(DATA_VARIABLE) or ".data")).expanduser().resolve())

    @property
    def secrets(self) -> Path:
        return self.directory / "secrets"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"

    @property
    def run(self) -> Path:
        return self.directory / "run"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def make(self) -> None:
        try:
            for directory in (self.directory, self.logs, self.run):
                directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StackError(
                "data-directory", f"{self.directory} cannot be used ({error.strerror}). Choose another by --data."
            ) from error

    # Who holds it

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory for us alone. The kernel lets go of it when we end, however we end: it is never stale."""
        self.make()
        with (self.run / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                running = self.state()
                whose = f"process {running.pid}" if running else "another process"
                raise StackError(
                    "already-running",
                    f"The stack already runs in {self.directory} ({whose}). See `gdpr status`, or end it by `gdpr down`.",
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def is_held(self) -> bool:
        try:
            with (self.run / "lock").open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    # What runs in it

    @property
    def state_file(self) -> Path:
        return self.run / "state.json"

    def state(self) -> StackState | None:
        """What the supervisor last wrote down, whether or not it still lives."""
        try:
            return StackState.parse(json.loads(self.state_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write_state(self, state: StackState) -> None:
        write_whole(self.state_file, json.dumps(asdict(state), indent=1))

    # What was chosen, so that the next start and every command find it

    @property
    def choice_file(self) -> Path:
        return self.directory / "stack.json"

    def choices(self) -> dict[str, Any]:
        try:
            found = json.loads(self.choice_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_choices(self, choices: dict[str, Any]) -> None:
        write_whole(self.choice_file, json.dumps(choices, indent=1))


@dataclass(slots=True)
class ChildState:
    """One supervised process, as others see it."""

    name: str
    state: str = "waiting"  # waiting, starting, ready, crashed, stopped, absent
    pid: int | None = None
    born: float | None = None
    restarts: int = 0
    since: float = 0.0
    url: str = ""
    note: str = ""

    @property
    def birth(self) -> Birth | None:
        return Birth(self.pid, self.born) if self.pid is not None and self.born is not None else None


@dataclass(slots=True)
class StackState:
    """The supervisor and its children."""

    pid: int
    born: float
    started: float
    broker: str
    ready: bool = False
    failure: str = ""
    children: list[ChildState] = field(default_factory=list)

    @classmethod
    def parse(cls, content: dict[str, Any]) -> StackState:
        children = [ChildState(**child) for child in content.pop("children")]
        return cls(**content, children=children)


def write_whole(file: Path, text: str, mode: int = 0o644) -> None:
    """Write a file so that a reader sees the old or the new one, never half of it, also after a crash."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    beside.rename(file)
