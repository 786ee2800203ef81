"""One process that replays: started by the benchmark, with its settings as an argument."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from events.runtime.logging import configure
from events.runtime.settings import Settings

from .ground import running
from .model import standing


async def main() -> None:
    """Replay until stopped."""
    async with running(Settings.model_validate_json(sys.argv[1]), projections=[standing]):
        await asyncio.Event().wait()


configure("bench", "error")
uvloop.run(main())
