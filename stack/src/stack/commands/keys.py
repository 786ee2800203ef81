"""`gdpr keys`: the key-encryption keys, under which every person's key lies wrapped, and the change to a new one.

The order is: `gdpr keys new`, restart all services, `gdpr keys rewrap`, `gdpr keys remove EPOCH`, restart again. After that no old
dump, WAL segment or dead row of the key database can be read with the key file of today.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from stack.answering import AsJson, answer, explained, out, table
from stack.client import installation_at
from stack.databases import KEYS_DATABASE
from stack.home import Home, write_whole
from stack.trouble import Exit, StackError

if TYPE_CHECKING:
    from events.runtime.database import Pool

app = typer.Typer(help="The keys that wrap every person's key, and the change to a new one.", no_args_is_help=True)

R = TypeVar("R")
KeyFile = Annotated[
    Path | None,
    typer.Option(help="Lines epoch:base64.", envvar="KEY_ENCRYPTION_KEY_FILE", show_default="of this installation"),
]
Url = Annotated[
    str | None,
    typer.Option(
        help="The key database, as the role erasure.", envvar="KEYS_DATABASE_URL", show_default="of this installation"
    ),
]
UNDER_EACH = """
SELECT epoch, count(*) FILTER (WHERE person) AS persons, count(*) FILTER (WHERE NOT person) AS named
  FROM (SELECT epoch, true AS person FROM subject_keys UNION ALL SELECT epoch, false FROM named_keys) k GROUP BY epoch
"""


@app.command("list")
@explained
def list_epochs(key_file: KeyFile = None, url: Url = None, as_json: AsJson = False) -> None:
    """Say how many keys are wrapped under each epoch, and whether its key is in the file."""
    held = _held(_file(key_file))
    under = _asked(url, _count)
    rows = [
        {"epoch": epoch, "in_file": epoch in held, "persons": persons, "named": named}
        for epoch in sorted({*held, *under})
        for persons, named in [under.get(epoch, (0, 0))]
    ]
    answer(
        rows,
        as_json,
        lambda: table(
            ("Epoch", "In the file", "Persons' keys", "Other keys"),
            [(r["epoch"], "yes" if r["in_file"] else "NO", r["persons"], r["named"]) for r in rows],
        ),
    )


@app.command()
@explained
def new(key_file: KeyFile = None, as_json: AsJson = False) -> None:
    """Add a key-encryption key of a new epoch to the file. Keep a copy of the file apart from the databases."""
    file = _file(key_file)
    epoch = max(_held(file)) + 1
    line = f"{epoch}:{base64.b64encode(secrets.token_bytes(32)).decode()}\n"
    write_whole(file, file.read_text(encoding="ascii").rstrip("\n") + "\n" + line, mode=0o600)
    then = f"Epoch {epoch} is in {file}. Back the file up, restart all services, then: gdpr keys rewrap"
    answer({"epoch": epoch, "file": str(file)}, as_json, lambda: out.print(then, markup=False))


@app.command()
@explained
def rewrap(key_file: KeyFile = None, url: Url = None, as_json: AsJson = False) -> None:
    """Wrap every key under the newest epoch, while the services run."""
    held = _held(_file(key_file))

    async def work(pool: Pool) -> int:
        from events.runtime.keys import Keys

        return await Keys(pool, held).rewrap()

    moved = _asked(url, work)
    newest = max(held)
    then = f"{moved} keys are now wrapped under epoch {newest}. `gdpr keys list` says whether an old epoch can go."
    answer({"epoch": newest, "rewrapped": moved}, as_json, lambda: out.print(then))


@app.command()
@explained
def remove(
    epoch: Annotated[int, typer.Argument(help="The epoch whose key is to be destroyed.")],
    key_file: KeyFile = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Take the key of an old epoch out of the file; refused while anything is still wrapped under it."""
    file = _file(key_file)
    held = _held(file)
    if epoch not in held or epoch == max(held):
        raise StackError("no-old-epoch", f"{epoch} is no old epoch of {file}. `gdpr keys list` shows those there are.")
    persons, named = _asked(url, _count).get(epoch, (0, 0))
    if persons or named:
        raise StackError(
            "epoch-in-use",
            f"{persons + named} keys are still wrapped under epoch {epoch}, and would be lost. First: gdpr keys rewrap",
        )
    kept = [line for line in file.read_text(encoding="ascii").split() if line.partition(":")[0] != str(epoch)]
    write_whole(file, "".join(f"{line}\n" for line in kept), mode=0o600)
    then = f"Epoch {epoch} is gone from {file}. Restart all services, and destroy the copies of the old file."
    answer({"removed": epoch, "file": str(file)}, as_json, lambda: out.print(then, markup=False))


def _file(given: Path | None) -> Path:
    file = given or installation_at(Home.at(None)).secrets.key_encryption_key
    if not file.exists():
        raise StackError("no-key-file", f"There is no {file}. Name it by --key-file.", code=Exit.UNREACHABLE)
    return file


def _held(file: Path) -> Mapping[int, bytes]:
    from events.runtime.keys import read_key_encryption_keys

    try:
        return read_key_encryption_keys(file)
    except ValueError as error:
        raise StackError("bad-key-file", f"{file}: {error}.") from error


async def _count(pool: Pool) -> Mapping[int, tuple[int, int]]:
    return {row["epoch"]: (row["persons"], row["named"]) for row in await pool.fetch(UNDER_EACH)}


def _asked(url: str | None, work: Callable[[Pool], Awaitable[R]]) -> R:
    """Do something with the key database, as the only role that may change keys."""
    import asyncpg

    async def ask() -> R:
        address = url or installation_at(Home.at(None)).database_url(KEYS_DATABASE, "erasure")
        async with asyncpg.create_pool(address, min_size=1, max_size=1, timeout=10) as pool:
            return await work(pool)

    try:
        return asyncio.run(ask())
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        why = type(error).__name__
        raise StackError("no-database", f"The key database does not answer ({why}).", code=Exit.UNREACHABLE) from error
    except LookupError as error:
        raise StackError("key-missing", f"{error}. Put it back from your backup before anything else.") from error
