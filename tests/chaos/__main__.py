"""``python -m tests.chaos``: have a storm over a whole stack and say what held. Ends with 1 where something did not."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from events.runtime.logging import configure

from .storm import Forecast, weather


def main() -> None:
    """Have the storm that was asked for."""
    asked = argparse.ArgumentParser(prog="make chaos ARGS=...", description=__doc__.partition("\n")[0])
    asked.add_argument("--kills", type=int, default=50, help="so many processes are killed (50)")
    asked.add_argument(
        "--seed", type=int, default=None, help="the faults and their order; drawn and printed if left out"
    )
    asked.add_argument("--pace", type=float, default=1.5, help="seconds between two faults, on the average (1.5)")
    asked.add_argument("--rate", type=float, default=1.0, help="how hard the load is (1.0)")
    asked.add_argument("--people", type=int, default=40, help="so many persons are known to the CRM (40)")
    asked.add_argument("--embedded", action="store_true", help="on the embedded broker, which is not killed")
    asked.add_argument("--only", action="append", default=[], metavar="SERVICE", help="just these services")
    asked.add_argument("--keep", type=Path, default=None, metavar="DIR", help="put the data here and leave them")
    given = asked.parse_args()
    configure("chaos", "error")
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    forecast = Forecast(
        seed,
        given.kills,
        broker="embedded" if given.embedded else "kafka",
        only=tuple(given.only),
        pace=given.pace,
        people=given.people,
        rate=given.rate,
    )
    print(f'Storm with seed {seed}, {given.kills} kills (again: make chaos ARGS="--seed {seed} --kills {given.kills}")')
    directory = given.keep or Path(tempfile.mkdtemp(prefix="gdpr-chaos-"))
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    try:
        report = weather(directory, forecast)
    finally:
        if given.keep is None:
            shutil.rmtree(directory, ignore_errors=True)
    print(report.summary())
    sys.exit(0 if report.holds else 1)


if __name__ == "__main__":
    main()
