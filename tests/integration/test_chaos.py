"""A short storm over a stack of its own: ten kills, pauses that make zombies, services that run twice; then every invariant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stack import kafka as apache
from stack.services import BrokerKind
from stack.testing import forced_broker, say_broker
from tests.chaos.storm import Forecast, weather

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420)]

SEED = int(os.environ.get("GDPR_CHAOS_SEED", "7"))
KILLS = 10
ONLY = ("crm-gateway", "consent", "subject-access", "notifier")
"""The services that the promises of this storm are about; `make chaos` takes all."""


def test_ten_kills_lose_nothing_and_double_nothing(scratch: Path, request: pytest.FixtureRequest) -> None:
    embedded = forced_broker() == "embedded" or apache.is_possible() is not None
    say_broker(request.config, "embedded" if embedded else f"Apache Kafka {apache.KAFKA_VERSION}")
    broker: BrokerKind = "embedded" if embedded else "kafka"
    report = weather(scratch / "storm", Forecast(SEED, KILLS, broker, ONLY, pace=0.8, people=25))
    print(report.summary())
    assert report.holds, report.summary()
    assert report.weather.kills == KILLS
