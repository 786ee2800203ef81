"""Looking for planted values wherever a running installation writes: files, topics, tables, answers; however they are written down.

A value that is found as it is, in hexadecimal, UTF-16 or base64 has been let out. What is exempt says so where it is left out.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from events.catalogue import PARTITIONS
from stack.databases import KEYS_DATABASE
from stack.running_stack import RunningStack

from .looking import databases

Find = tuple[str, str]
"""Where something was found, and which value it was."""

BOUNDARY = ("crm.inbound", "crm.outbound")
"""What the CRM says and is told, in the clear and for three days."""
OUTSIDE = ("mail", "demo-crm")
"""Directories that stand for the world outside: the mailbox that mails go to, and a CRM."""
CHUNK = 8 * 1024 * 1024


class Canaries:
    """Planted values. Each carries one of two marks that nothing else in the world does: looking for these finds all of them."""

    def __init__(self) -> None:
        self._letters, self._digits = f"zq{secrets.token_hex(6)}", str(secrets.randbelow(9 * 10**9) + 10**9)
        self._values: dict[str, str] = {}
        marks = (self._letters, self._digits)
        self._in_any_case = [form for mark in marks for form in (mark.encode(), mark.encode().hex().encode())]
        self._in_any_case += [mark.encode("utf-16-le") for mark in marks]
        self._exactly = [form for mark in marks for form in _in_base64(mark.encode())]

    def plant(self, name: str, form: str = "{}") -> str:
        """Make a value in this form, and remember it by its name."""
        value = form.format(f"{self._letters}{len(self._values):02}")
        self._values[name] = value
        return value

    def plant_number(self, name: str) -> str:
        """Make ten digits."""
        self._values[name] = self._digits
        return self._digits

    def found_in(self, where: str, text: bytes) -> Iterator[Find]:
        """Say which values stand in a text, in any case, in hexadecimal, UTF-16 or base64."""
        lower = text.lower()
        if any(form in lower for form in self._in_any_case):
            named = [name for name, value in self._values.items() if value.lower().encode() in lower]
            yield from ((where, name) for name in named or ["some value"])
        if any(form in text for form in self._exactly):
            yield where, "some value in base64"


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """Give what is sure to stand in the base64 of any text that holds this: it looks different at each of three places."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")
        yield encoded[(0, 2, 3)[shift] : len(encoded) - (0 if (shift + len(raw)) % 3 == 0 else 1)]


def in_files(stack: RunningStack, canaries: Canaries) -> Iterator[Find]:
    """Look through every file of the installation, the servers' own included: tables, write-ahead log, segments of topics."""
    home = stack.home.directory
    for file in sorted(home.rglob("*")):
        if file.is_file():
            yield from _in_file(file, str(file.relative_to(home)), canaries)


def is_exempt(where: str) -> bool:
    """Whether a file stands for the world outside, or holds a topic of the boundary."""
    parts = where.split("/")
    return parts[0] in OUTSIDE or any(part.startswith(BOUNDARY) for part in parts)


def _in_file(file: Path, where: str, canaries: Canaries) -> Iterator[Find]:
    try:
        with file.open("rb") as content:
            before = b""
            while chunk := content.read(CHUNK):
                yield from canaries.found_in(where, before + chunk)
                before = chunk[-256:]
    except FileNotFoundError:
        return  # a server has put it away meanwhile


async def in_topics(stack: RunningStack, canaries: Canaries) -> tuple[int, list[Find]]:
    """Look through keys, headers and values of every topic but the boundary's; give how many records those were."""
    client = AIOKafkaConsumer(bootstrap_servers=stack.bootstrap, enable_auto_commit=False, auto_offset_reset="none")
    await client.start()
    found: list[Find] = []
    records = 0
    try:
        topics = sorted(t for t in await client.topics() if not t.startswith(("__", *BOUNDARY)))
        places = [TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)]
        starts, ends = await client.beginning_offsets(places), await client.end_offsets(places)
        client.assign(places)
        left = {p for p in places if ends[p] > starts[p]}
        for place in places:
            client.seek(place, starts[place])
        while left:
            for batch in (await client.getmany(timeout_ms=500)).values():
                for r in batch:
                    records += 1
                    headers = b"".join(name.encode() + b"=" + (value or b"") for name, value in r.headers)
                    whole = b"\n".join((r.key or b"", headers, r.value or b""))
                    found += canaries.found_in(f"{r.topic}/{r.partition}/{r.offset}", whole)
            left = {place for place in left if await client.position(place) < ends[place]}
    finally:
        await client.stop()
    return records, found


async def in_databases(stack: RunningStack, canaries: Canaries) -> tuple[int, list[Find]]:
    """Look through every row of every table of every database, byte by byte; give how many tables those were."""
    found: list[Find] = []
    tables = 0
    for database in (*databases(stack).values(), KEYS_DATABASE, "postgres"):
        connection = await asyncpg.connect(stack.database_url(database))
        try:
            rows = await connection.fetch(
                "SELECT quote_ident(schemaname) AS schema, quote_ident(tablename) AS name FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            )
            for schema, name in rows:
                tables += 1
                content = bytearray()

                async def take(data: bytes, into: bytearray = content) -> None:
                    into.extend(data)

                await connection.copy_from_query(f"SELECT * FROM {schema}.{name}", output=take, format="binary")
                found += canaries.found_in(f"{database}.{schema}.{name}", bytes(content))
        finally:
            await connection.close()
    return tables, found


def among(answers: Iterable[tuple[str, bytes]], canaries: Canaries) -> Iterator[Find]:
    """Look through answers of services, each with what was asked."""
    for asked, answer in answers:
        yield from canaries.found_in(asked, answer)
