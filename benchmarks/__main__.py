"""``python -m benchmarks [NAME ...]``: one table, and one line of JSON for each figure."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable

import uvloop
from rich.console import Console
from rich.table import Table

from events.runtime.logging import configure

from . import checking, importing, machinery, whole
from .figures import Figure
from .ground import Ground, ground

Measured = Callable[[Ground], AsyncIterator[Figure]]
ALL: dict[str, Measured] = {
    "append": machinery.append,
    "relay": machinery.relay,
    "replay": machinery.replay,
    "rebuild": machinery.rebuild,
    "check": checking.check,
    "visible": machinery.visible,
    "idle": whole.idle,
    "import": importing.importing,
}


async def measure(names: list[str]) -> list[Figure]:
    """Measure these figures, in their order."""
    figures = []
    with ground() as here:
        for name in names:
            async for figure in ALL[name](here):
                print(figure.line(), flush=True)
                figures.append(figure)
    return figures


def main() -> None:
    """Measure what was asked for, or everything."""
    names = sys.argv[1:] or list(ALL)
    if unknown := set(names) - set(ALL):
        sys.exit(f"No such figure: {', '.join(sorted(unknown))}. There are: {', '.join(ALL)}.")
    configure("bench", "error")
    figures = uvloop.run(measure(names))
    table = Table("figure", "value", "limit in the same run", "ratio", "goal", "")
    for f in figures:
        ratio = f"{f.ratio:.2f}" if f.ratio is not None else ""
        limit = f"{f.limit:,.0f} ({f.limit_is})" if f.limit else f.limit_is
        goal = "" if f.goal is None else f"{'<=' if f.lower_is_better else '>='} {f.goal}"
        table.add_row(
            f.name, f"{f.value:,.1f} {f.unit}", limit, ratio, goal, {True: "met", False: "missed", None: ""}[f.met]
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
