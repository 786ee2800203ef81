"""One process that projects: started by a benchmark, with its settings and the service's name as arguments."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from events.runtime.logging import configure
from events.runtime.settings import Settings

from .ground import running
from .model import standing


async def main() -> None:
    """Project until stopped."""
    async with running(Settings.model_validate_json(sys.argv[1]), sys.argv[2], projections=[standing]):
        await asyncio.Event().wait()


configure("bench", "error")
uvloop.run(main())
