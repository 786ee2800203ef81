"""Looking at a running installation from outside: the log by a Kafka client, the databases by SQL, the mailbox. No service is asked."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

from events.catalogue import PARTITIONS, TOPICS
from events.catalogue.vocabulary import ERASED
from events.projecting import Projection
from events.runtime.keys import NO_KEYS, keyed_hash, read_key_encryption_keys
from events.runtime.tables import Table
from stack.databases import KEYS_DATABASE
from stack.running_stack import RunningStack
from stack.services import BY_NAME

from .evidence import Applied, Evidence, Mail, Model, Move, Position, Record, Row, Spot, Store, Stored, Watch
from .ledger import Ledger


def databases(stack: RunningStack) -> dict[str, str]:
    """Give the running services that have a database, each with its name."""
    running = set(stack.names())
    return {s.name: s.database for s in BY_NAME.values() if s.name in running and s.database}


def projections_of(service: str) -> list[Projection[Any]]:
    """Give the read models of a service, as its own modules declare them."""
    module = f"{BY_NAME[service].module}.projections"
    try:
        package = importlib.import_module(module)
    except ModuleNotFoundError:
        return []
    found: dict[str, Projection[Any]] = {}
    for part in pkgutil.iter_modules(package.__path__, f"{module}."):
        for value in vars(importlib.import_module(part.name)).values():
            if isinstance(value, Projection):
                found[value.table] = value
    return list(found.values())


async def read_log(bootstrap: str, topics: Sequence[str] = TOPICS) -> dict[Spot, list[Record]]:
    """Read every record of these topics, to where they end now."""
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none")
    await client.start()
    try:
        present = await client.topics()
        places = [TopicPartition(t, p) for t in topics if t in present for p in range(PARTITIONS)]
        if not places:
            return {}
        client.assign(places)
        starts, ends = await client.beginning_offsets(places), await client.end_offsets(places)
        found: dict[Spot, list[Record]] = {(p.topic, p.partition): [] for p in places}
        left = {p for p in places if ends[p] > starts[p]}
        for place in places:
            client.seek(place, starts[place])
        while left:
            for place, records in (await client.getmany(timeout_ms=500)).items():
                spot = found[place.topic, place.partition]
                for r in records:
                    if r.offset < ends[place]:
                        spot.append(Record(r.topic, r.partition, r.offset, r.key, r.value or b"", tuple(r.headers)))
                if records[-1].offset >= ends[place] - 1:
                    left.discard(place)
        return found
    finally:
        await client.stop()


async def look_at_store(connection: asyncpg.Connection[Any]) -> Store:
    """Read a service's event store."""
    events = await connection.fetch("SELECT stream, version, id, topic, partition, key, value, xid FROM events")
    guards = await connection.fetch("SELECT stream, version FROM streams")
    commands = await connection.fetch("SELECT id, stream, first, last FROM commands")
    return Store(
        [Stored(*row) for row in events],
        {row["stream"]: row["version"] for row in guards},
        {row["id"]: (row["stream"], row["first"], row["last"]) for row in commands},
    )


async def look_at_watch(connection: asyncpg.Connection[Any]) -> Watch:
    """Read what the triggers wrote down."""
    moves = await connection.fetch("SELECT xid, name, topic, partition, before, after FROM chaos.moves ORDER BY number")
    applied = await connection.fetch("SELECT xid, name, stream, before, after FROM chaos.applied ORDER BY number")
    rows: dict[str, set[int]] = defaultdict(set)
    for model, xid in await connection.fetch("SELECT model, xid FROM chaos.rows"):
        rows[model].add(xid)
    positions = await connection.fetch("SELECT name, topic, partition, next_offset, last_id, halted FROM positions")
    return Watch([Move(*m) for m in moves], [Applied(*a) for a in applied], rows, [Position(*p) for p in positions])


async def look_at_model(
    connection: asyncpg.Connection[Any],
    service: str,
    projection: Projection[Any],
    hashing: bytes,
    secrets: Mapping[UUID, Mapping[int, bytes]],
) -> Model:
    """Read the rows of a read model, personal fields opened, search terms as their hashes."""
    row = await connection.fetchrow("SELECT generation FROM generations WHERE name = $1", projection.table)
    model = Model(service, projection, row["generation"] if row else 1, hashing)
    table = Table(projection)
    terms = [c.name for c in table.columns if c.terms]
    also = "".join(f", t.{name} AS _{name}" for name in terms)
    for record in await connection.fetch(f"SELECT {table.selected}{also} FROM {projection.table} t"):
        subject = record["subject"] if table.sealed else None
        read = table.read(record, secrets.get(subject, NO_KEYS) if subject else NO_KEYS)
        model.live[table.key_of(read)] = plain(table, read) | {name: sorted(record[f"_{name}"]) for name in terms}
    return model


def plain(table: Table[Any], row: Any, hashing: bytes = b"") -> Row:
    """Give a row as it can be compared: JSON for what is JSON in the table, hashes for search terms."""
    told: Row = {}
    for column in table.columns:
        value = getattr(row, column.name)
        if column.terms:
            told[column.name] = sorted(keyed_hash(hashing, term) for term in value)
        elif column.adapter is not None and value is not None:
            told[column.name] = json.loads(column.adapter.dump_json(value))
        else:
            told[column.name] = value
    for name, adapter in table.personal.items():
        value = getattr(row, name)
        told[name] = value if value is ERASED else json.loads(adapter.dump_json(value))
    return told


async def read_keys(stack: RunningStack) -> tuple[dict[UUID, dict[int, bytes]], dict[str, bytes]]:
    """Unwrap every key: those of persons by version, and those that have names."""
    wrapping = read_key_encryption_keys(stack.installation.secrets.key_encryption_key)
    connection = await asyncpg.connect(stack.database_url(KEYS_DATABASE))
    try:
        secrets: dict[UUID, dict[int, bytes]] = defaultdict(dict)
        for row in await connection.fetch("SELECT subject, version, epoch, wrapped FROM subject_keys"):
            secrets[row["subject"]][row["version"]] = aes_key_unwrap(wrapping[row["epoch"]], row["wrapped"])
        named = {
            row["name"]: aes_key_unwrap(wrapping[row["epoch"]], row["wrapped"])
            for row in await connection.fetch("SELECT name, epoch, wrapped FROM named_keys")
        }
    finally:
        await connection.close()
    return dict(secrets), named


def mails_of(stack: RunningStack) -> Iterator[Mail]:
    """Give the mails that were accepted."""
    for mail in stack.mailbox.mails():
        yield Mail(mail["message_id"], tuple(mail["recipients"]))


async def gather(stack: RunningStack, ledger: Ledger) -> Evidence:
    """Look at everything."""
    secrets, named = await read_keys(stack)
    evidence = Evidence(ledger=ledger, secrets=secrets, mails=list(mails_of(stack)))
    evidence.log = await read_log(stack.bootstrap)
    for service, database in databases(stack).items():
        connection = await asyncpg.connect(stack.database_url(database))
        try:
            evidence.stores[service] = await look_at_store(connection)
            evidence.watches[service] = await look_at_watch(connection)
            hashing = named.get(f"lookup-{service}", b"")
            for projection in projections_of(service):
                evidence.models.append(await look_at_model(connection, service, projection, hashing, secrets))
            if service == "crm-gateway":
                rows = await connection.fetch("SELECT place FROM quarantine")
                evidence.quarantined = {row["place"] for row in rows}
        finally:
            await connection.close()
    return evidence
