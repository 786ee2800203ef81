"""`gdpr databases`: the databases and roles of the services on a PostgreSQL server of yours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

import typer

from stack.answering import AsJson, answer, explained, out
from stack.secrets import Secrets
from stack.trouble import Exit, StackError

app = typer.Typer(help="The databases of the services, on a PostgreSQL server of yours.", no_args_is_help=True)


@app.callback()
def databases() -> None:
    """The databases of the services, on a PostgreSQL server of yours."""


@app.command()
@explained
def init(
    url: Annotated[str, typer.Option(help="The server, as a superuser: postgresql://postgres@host:5432/postgres")],
    directory: Annotated[Path, typer.Option("--secrets", help="The directory that `gdpr secrets init` made.")],
    password_file: Annotated[Path | None, typer.Option(help="The superuser's password, if not in the address.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make the databases, roles and tables of keys that are missing; what is there stays as it is."""
    import asyncpg

    from stack.databases import ensure_databases
    from stack.services import DATABASES

    passwords = Secrets(directory.expanduser().resolve()).database_passwords()
    if password_file is not None:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        secret = quote(password_file.read_text().strip(), safe="")
        url = parts._replace(netloc=f"{parts.username or 'postgres'}:{secret}@{host}").geturl()
    try:
        asyncio.run(ensure_databases(url, DATABASES, passwords))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StackError(
            "no-database", f"The database server refused or did not answer: {error}", code=Exit.UNREACHABLE
        ) from error
    names = [database.name for database in DATABASES]
    answer({"databases": [*names, "keys"]}, as_json, lambda: out.print(f"Ready: {', '.join(names)}, keys"))
