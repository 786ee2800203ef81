"""What the demo CRM logs holds nothing of what somebody typed."""

import json
import os
import subprocess
import sys


def test_what_the_program_dies_of_is_logged_without_its_text(tmp_path):
    program = """
import asyncio, gc
from demo_crm import main

async def fails(*_):
    raise ValueError("erika@example.org")

async def run(settings):
    forgotten = asyncio.create_task(fails())
    await asyncio.sleep(0.01)
    del forgotten
    gc.collect()
    await fails()

main.run = run
main.main()
"""
    names = ("DATA_DIR", "CRM_TOKEN_FILE", "WEBHOOK_SECRET_FILE")
    environment = {
        **os.environ,
        "CRM_GATEWAY_URL": "http://127.0.0.1:1",
        **{name: str(tmp_path / name) for name in names},
    }
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False
    )
    assert (ended.returncode, "erika" in ended.stderr) == (1, False)
    assert [json.loads(line)["error"] for line in ended.stderr.splitlines()] == ["ValueError"] * 2
