"""The whole stack for journeys and chaos: started once, on Apache Kafka where that is possible, through public doors only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import kafka as apache
from stack.running_stack import RunningStack, start_stack
from stack.testing import forced_broker, say_broker


@pytest.fixture(scope="session")
def running_stack(scratch: Path, request: pytest.FixtureRequest) -> Iterator[RunningStack]:
    """`gdpr up`, with Apache Kafka unless it cannot be had (or `GDPR_TEST_BROKER=embedded`)."""
    embedded = forced_broker() == "embedded" or apache.is_possible() is not None
    stack = start_stack(scratch / "stack", broker="embedded" if embedded else "kafka")
    say_broker(request.config, "embedded" if embedded else f"Apache Kafka {apache.KAFKA_VERSION}")
    yield stack
    stack.stop()
