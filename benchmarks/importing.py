"""`gdpr import` from end to end: rows of a file, read, sent, decided, sealed, appended, and found; and what memory that takes."""

from __future__ import annotations

import asyncio
import csv
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack.running_stack import RunningStack, start_stack

from .figures import Figure
from .ground import Ground

SMALL, LARGE = 10_000, 100_000
HEADERS = ("Id", "Vorname", "Nachname", "E-Mail", "Telefon", "Straße", "PLZ", "Ort", "Land", "Geburtsdatum", "Firma")
FIRST = ("Anna", "Erika", "Jörg", "Max", "Sophie", "Paul", "Özlem", "Søren", "Zoë", "Karl")
LAST = ("Müller", "Schmidt", "Köhler", "Weiß", "Ångström", "Öztürk", "Nowak", "Meyer", "Wagner", "Becker")


@dataclass(frozen=True)
class Run:
    """One import: how long it took, and the most memory that the importer and the gateway held, in MB."""

    seconds: float
    importer: float
    gateway: float


async def importing(_ground: Ground) -> AsyncIterator[Figure]:
    """Ten thousand rows, then a hundred thousand others, into one installation."""
    with tempfile.TemporaryDirectory(prefix="gdpr-bench-") as name:
        directory = Path(name)
        await asyncio.to_thread(directory.chmod, 0o755)
        stack = await asyncio.to_thread(start_stack, directory / "stack", only=["crm-gateway", "consent"])
        try:
            small = await _run(stack, await asyncio.to_thread(_write, directory / "small.csv", SMALL))
            large = await _run(stack, await asyncio.to_thread(_write, directory / "large.csv", LARGE))
        finally:
            await asyncio.to_thread(stack.stop)
    here = f"the same with {SMALL:,} rows"
    yield Figure("import", LARGE / large.seconds, "rows/s", SMALL / small.seconds, here)
    yield Figure("import memory: gdpr import", large.importer, "MB", small.importer, here, 1.1, lower_is_better=True)
    yield Figure("import memory: crm-gateway", large.gateway, "MB", small.gateway, here, 1.5, lower_is_better=True)


def _write(file: Path, rows: int) -> Path:
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out, delimiter=";")
        writer.writerow(HEADERS)
        for n in range(rows):
            writer.writerow(
                (
                    f"{file.stem}-{n}", FIRST[n % 10], LAST[n // 10 % 10], f"{file.stem}.{n}@example.org", f"+49 40 {1_000_000 + n}",
                    f"Weg {n % 200}", f"{20_000 + n % 999}", "Hamburg", "Deutschland",
                    f"{n % 28 + 1:02}.{n % 12 + 1:02}.{1950 + n % 50}", f"Firma {n % 997}" if n % 3 else "",
                )
            )  # fmt: skip
    return file


async def _run(stack: RunningStack, file: Path) -> Run:
    birth = stack.child("crm-gateway").birth
    assert birth is not None
    gateway = birth.process()
    assert gateway is not None
    environment = {**os.environ, "GDPR_DATA": str(stack.home.directory)}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stack", "import", str(file), "--yes", "--json"),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    importer = psutil.Process(process.pid)
    ended = asyncio.create_task(process.wait())
    most = [0, 0]
    while not ended.done():
        for number, one in enumerate((importer, gateway)):
            try:
                most[number] = max(most[number], one.memory_info().rss)
            except psutil.Error:
                continue
        await asyncio.wait({ended}, timeout=0.1)
    seconds = time.perf_counter() - began
    assert await ended == 0, "the import was refused"
    return Run(seconds, most[0] / 1e6, most[1] / 1e6)
