"""Keeping processes alive, and leaving none behind."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress

import psutil
import pytest

from stack.home import ChildState, Home, StackState
from stack.processes import MARK, Birth, Program, end
from stack.supervisor import Child, Supervisor, rotate, sweep
from stack.trouble import StackError


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "data")
    home.make()
    return home


def script(text, home=None):
    """A program of a few lines, marked as the home's own."""
    mark = {MARK: str(home.directory)} if home else {}
    return Program([sys.executable, "-c", text], {"PATH": os.environ["PATH"], **mark})


async def nothing():
    return None


def sleeper(name, after=(), **settings):
    return Child(name, lambda: script("import time; time.sleep(600)"), nothing, after=after, **settings)


@asynccontextmanager
async def supervised(home, *children, **settings):
    supervisor = Supervisor(home, children, first_pause=0.02, **settings)
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
    finally:
        supervisor.stop()
        await asyncio.wait_for(running, 20)


async def until(condition, limit=10.0):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def state_of(supervisor, name):
    return next(child for child in supervisor.state.children if child.name == name)


async def test_a_child_that_was_killed_is_started_again(home):
    async with supervised(home, sleeper("a")) as supervisor:
        assert await supervisor.until_ready()
        first = state_of(supervisor, "a").pid
        os.kill(first, signal.SIGKILL)
        await until(
            lambda: state_of(supervisor, "a").pid not in (None, first) and state_of(supervisor, "a").state == "ready"
        )
        assert state_of(supervisor, "a").restarts == 1


async def test_pauses_between_the_starts_of_a_crashing_child_grow(home):
    starts = []

    def program():
        starts.append(time.monotonic())
        return script("raise SystemExit(3)")

    async def never():
        return "itself"

    async with supervised(home, Child("crashing", program, never)) as supervisor:
        await until(lambda: len(starts) >= 7, limit=30.0)
        state = state_of(supervisor, "crashing")
        assert state.restarts >= 6
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses[5] >= 0.02 * 2**5  # however long a start itself takes on a busy machine


async def test_a_child_says_how_it_ended(home):
    told = []

    def program():
        return script("raise SystemExit(3)")

    async with supervised(home, Child("crashing", program, nothing), changed=lambda s: told.append((s.state, s.note))):
        await until(lambda: any(state == "crashed" for state, _ in told))
    assert any("exit code 3" in note for state, note in told if state == "crashed")


async def test_a_child_starts_only_when_what_it_needs_is_ready_and_stops_before_it(home):
    order = []
    ready = asyncio.Event()

    async def when_told():
        return None if ready.is_set() else "the test"

    def noting(name):
        def program():
            order.append(f"start {name}")
            return script("import time; time.sleep(600)")

        return program

    def changed(state):
        if state.state == "stopped":
            order.append(f"stop {state.name}")

    children = (Child("upper", noting("upper"), nothing, after=("lower",)), Child("lower", noting("lower"), when_told))
    async with supervised(home, *children, changed=changed) as supervisor:
        await until(lambda: order == ["start lower"])
        await asyncio.sleep(0.1)
        assert order == ["start lower"]
        assert state_of(supervisor, "lower").note == "the test"
        ready.set()
        assert await supervisor.until_ready()
    assert order == ["start lower", "start upper", "stop upper", "stop lower"]


async def test_a_child_that_does_not_listen_is_killed_after_the_limit(home):
    deaf = script(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    async with supervised(home, Child("deaf", lambda: deaf, nothing, stop_limit=0.2)) as supervisor:
        await until(lambda: "deaf" in (home.log("deaf").read_text() if home.log("deaf").exists() else ""))
        pid = state_of(supervisor, "deaf").pid
    assert not psutil.pid_exists(pid)


async def test_what_makes_a_start_impossible_stops_everything_and_is_told(home):
    def impossible():
        raise StackError("no-java", "There is no Java.")

    supervisor = Supervisor(home, [sleeper("fine"), Child("impossible", impossible, nothing)])
    with pytest.raises(StackError, match="no Java"):
        await asyncio.wait_for(supervisor.run(), 10)
    assert home.state().failure == "There is no Java."
    assert all(child.pid is None for child in home.state().children)


async def test_a_step_after_readiness_that_fails_is_tried_again(home):
    tries = []

    async def fragile():
        tries.append(1)
        if len(tries) < 3:
            raise OSError("gone")

    async with supervised(home, sleeper("a", once_ready=fragile)) as supervisor:
        assert await supervisor.until_ready()
    assert len(tries) == 3


async def test_the_output_of_a_child_is_in_its_log(home):
    async with supervised(
        home, Child("talking", lambda: script("import time; print('hello', flush=True); time.sleep(600)"), nothing)
    ):
        await until(lambda: home.log("talking").exists() and "hello" in home.log("talking").read_text())


def test_a_log_that_grew_too_large_is_put_aside_and_only_a_few_are_kept(tmp_path):
    log = tmp_path / "a.log"
    for number in range(5):
        log.write_text(f"{number}" * 100)
        assert rotate(log, largest=50, kept=3)
        assert log.read_text() == ""
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2", "a.log.3"]
    assert log.with_name("a.log.1").read_text().startswith("4")
    assert not rotate(log, largest=50)


# Nothing is left over

SUPERVISING = """
import asyncio, os, sys
from pathlib import Path
from stack.home import Home
from stack.processes import MARK, Program
from stack.supervisor import Child, Supervisor

home = Home(Path(sys.argv[1]))
sleeping = Program([sys.executable, "-c", "import time; time.sleep(600)"], {"PATH": os.environ["PATH"], MARK: sys.argv[1]})

async def ready():
    return None

asyncio.run(Supervisor(home, [Child("sleeping", lambda: sleeping, ready)]).run())
"""


def test_when_the_supervisor_is_killed_the_kernel_kills_its_children(home):
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISING, str(home.directory)])
    deadline = time.monotonic() + 15
    while not ((state := home.state()) and state.children[0].state == "ready"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    birth = state.children[0].birth
    assert birth.process() is not None
    supervisor.kill()
    supervisor.wait()
    while birth.process() is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def left_over():
    """Processes that nobody watches any more."""
    started = []

    def start(env):
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, **env})
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def written_down(home, pid, born):
    child = ChildState("lost", "ready", pid, born)
    home.write_state(StackState(pid=1, born=0.0, started=0.0, broker="embedded", children=[child]))


def test_a_left_over_that_is_written_down_is_ended(home, left_over):
    lost = left_over({})
    written_down(home, lost.pid, Birth.of(lost.pid).born)
    assert sweep(home) == [lost.pid]
    lost.wait(5)


def test_a_left_over_that_nobody_wrote_down_is_known_by_its_mark(home, left_over):
    lost = left_over({MARK: str(home.directory)})
    assert sweep(home) == [lost.pid]
    lost.wait(5)


def test_a_process_that_got_the_number_of_one_of_ours_is_left_alone(home, left_over):
    other = left_over({MARK: "/another/installation"})
    written_down(home, other.pid, Birth.of(other.pid).born - 3600)
    assert sweep(home) == []
    assert other.poll() is None


def test_a_process_that_ignores_the_request_is_killed(left_over):
    deaf = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal,time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(600)",
        ],
        stdout=subprocess.PIPE,
    )
    with deaf:
        deaf.stdout.readline()
        end([Birth.of(deaf.pid)], grace=0.2)
        deaf.wait(5)


# One at a time

HOLDING = """
import sys, time
from pathlib import Path
from stack.home import Home
with Home(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_start_in_the_same_directory_is_refused_and_a_stale_lock_is_not_one(home):
    other = subprocess.Popen([sys.executable, "-c", HOLDING, str(home.directory)], stdout=subprocess.PIPE)
    with other:
        other.stdout.readline()
        assert home.is_held()
        with pytest.raises(StackError) as refused, home.held():
            pass
        assert refused.value.slug == "already-running"
        other.kill()
    assert (home.run / "lock").read_text().strip() == str(other.pid)
    assert not home.is_held()
    with home.held():
        pass


def test_a_state_that_was_half_written_reads_as_none(home):
    home.state_file.write_text('{"pid": 1, "chil')
    assert home.state() is None
    with suppress(FileNotFoundError):
        home.state_file.unlink()
    assert home.state() is None
