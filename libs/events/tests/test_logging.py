"""What a program says when it fails holds nothing of what somebody wrote, also where Python itself would quote it."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import asyncio, gc
from events.runtime import logging
from pydantic import BaseModel

class Person(BaseModel):
    born: int

async def fails(*_said):
    Person.model_validate({"born": "erika@example.org"})

async def main():
    asyncio.get_running_loop().call_soon(lambda said: 1 / 0, "erika@example.org")
    forgotten = asyncio.create_task(fails())
    await asyncio.sleep(0.01)
    del forgotten
    gc.collect()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(fails())

logging.configure("tried")
asyncio.run(main())
"""


def test_a_forgotten_task_and_the_end_of_the_program_quote_nobody() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert ended.returncode == 1
    assert "erika" not in ended.stderr
    assert [(line["logger"], line["error"]) for line in lines] == [
        ("asyncio", "ZeroDivisionError"),
        ("asyncio", "ValidationError"),
        ("program", "ValidationError"),
    ]
    assert all(line["trace"] for line in lines)
