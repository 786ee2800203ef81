"""A short storm over a stack of its own: ten kills, pauses that make zombies, services that run twice; then every invariant.

As a process of its own, as `make chaos` is: what its clients leave behind when their broker dies is nothing to this one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import kafka as apache
from stack.testing import forced_broker, say_broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

ROOT = Path(__file__).parents[2]
SEED = os.environ.get("GDPR_CHAOS_SEED", "7")
ONLY = ("crm-gateway", "consent", "subject-access", "notifier")
"""The services that the promises of this storm are about; `make chaos` takes all."""


def test_ten_kills_lose_nothing_and_double_nothing(request: pytest.FixtureRequest) -> None:
    embedded = forced_broker() == "embedded" or apache.is_possible() is not None
    say_broker(request.config, "embedded" if embedded else f"Apache Kafka {apache.KAFKA_VERSION}")
    words = ["--kills", "10", "--seed", SEED, "--pace", "0.8", "--people", "25", *(["--embedded"] if embedded else [])]
    words += [word for service in ONLY for word in ("--only", service)]
    storm = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    print(storm.stdout)
    assert storm.returncode == 0, storm.stdout + storm.stderr[-3000:]
    assert ": 10 kills" in storm.stdout
