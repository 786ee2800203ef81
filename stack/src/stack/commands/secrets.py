"""`gdpr secrets`: the secrets of an installation, for those who run it by other means than `gdpr up`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stack.answering import AsJson, answer, explained, out
from stack.secrets import Secrets
from stack.services import DATABASE_ROLES, SERVICES

app = typer.Typer(help="The secrets of an installation.", no_args_is_help=True)


@app.callback()
def secrets() -> None:
    """The secrets of an installation."""


@app.command()
@explained
def init(
    directory: Annotated[Path, typer.Option("--dir", help="Where to keep them; only their owner may read it.")],
    each_service: Annotated[
        bool, typer.Option("--each-service", help="Also a directory for each service with only what it needs.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the secrets that are missing; what is there stays as it is."""
    kept = Secrets(directory.expanduser().resolve())
    kept.ensure(DATABASE_ROLES)
    if each_service:
        for service in SERVICES:
            kept.hand_out(service.name, service.role)
        kept.hand_out_to_postgres()
    files = sorted(file.name for file in kept.directory.iterdir() if file.is_file())
    content = {"directory": str(kept.directory), "files": files}
    answer(content, as_json, lambda: out.print(f"{kept.directory}: {', '.join(files)}", markup=False))
