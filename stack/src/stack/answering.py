"""How every command of `gdpr` answers: a readable text or, with `--json`, one JSON document; and with which exit code."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from stack.trouble import Exit, StackError

P = ParamSpec("P")
R = TypeVar("R")

AsJson = Annotated[bool, typer.Option("--json", help="Answer as one JSON document.")]
"""The option that every command has: `as_json: AsJson = False`."""

WIDE = 200
"""Where the reader is a file or a program, tables are not squeezed into a terminal's width."""

out = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
err = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else WIDE)


def answer(content: Any, as_json: bool, show: Callable[[], None]) -> None:
    """Print the content as JSON, or let `show` print it for a person."""
    if as_json:
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2, default=str) + "\n")
    else:
        show()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """A plain table for a person; cells are text, never markup."""
    drawn = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        drawn.add_column(column, overflow="fold", no_wrap=number == 0)  # an address that is cut short is none
    for row in rows:
        drawn.add_row(*(_cell(cell) for cell in row))
    out.print(drawn)


def print_as_it_is(text: str) -> None:
    """Text that is not ours, such as a log: no markup, no folding."""
    sys.stdout.write(text)
    sys.stdout.flush()


def _cell(value: object) -> str:
    from rich.markup import escape

    return "" if value is None else escape(str(value))


def explained(command: Callable[P, R]) -> Callable[P, R]:
    """Turn a StackError into its message on stderr (as JSON with `--json`) and its exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except StackError as error:
            say_why(error, as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(int(error.code)) from None
        except BrokenPipeError:
            sys.stderr.close()
            raise typer.Exit(int(Exit.DONE)) from None

    return run


def say_why(error: StackError, *, as_json: bool) -> None:
    if as_json:
        content = {"error": {"slug": error.slug, "message": error.message}}
        sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    else:
        err.print(error.message, markup=False)
