"""Read models as tables: rows loaded, folded and written for a whole batch of events at once.

The columns follow from the row's dataclass. ``Personal`` fields of a row are one ciphertext in ``sealed``, under the key of the
person in its column ``subject``, bound to the table and the row's key; ``Terms`` are keyed hashes in a ``bigint[]``.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Generic, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import asyncpg
import msgspec
from pydantic import TypeAdapter

from events.catalogue.vocabulary import ERASED, Event
from events.envelope import Recorded
from events.errors import Unreadable
from events.projecting import Projection, Terms
from events.runtime.database import Connection, Pool
from events.runtime.keys import NO_KEYS, Keys, keyed_hash
from events.sealing import Key, open_sealed, seal

R = TypeVar("R")

SQL_TYPES: dict[Any, str] = {
    UUID: "uuid",
    str: "text",
    int: "bigint",
    float: "double precision",
    bool: "boolean",
    datetime: "timestamptz",
    date: "date",
    bytes: "bytea",
}


class Fold(Exception):
    """The fold of one event failed: a fault of the projection. ``event`` is where it stands."""

    def __init__(self, event: Recorded[Event], cause: Exception) -> None:
        super().__init__(f"cannot apply {event.type}: {type(cause).__name__}")
        self.event = event


@dataclasses.dataclass(frozen=True, slots=True)
class _Column:
    """One column: its SQL type, and how a value goes in (``write``) and comes out (``read``)."""

    name: str
    sql: str
    adapter: TypeAdapter[Any] | None = None
    terms: bool = False

    def write(self, value: Any) -> Any:
        return value if self.adapter is None or value is None else self.adapter.dump_json(value).decode()

    def read(self, value: Any) -> Any:
        if self.terms:
            return Terms()
        return value if self.adapter is None or value is None else self.adapter.validate_json(value)


def _column(name: str, hint: Any) -> _Column:
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, UnionType):
        alone = [a for a in get_args(hint) if a is not type(None)]
        hint = alone[0] if len(alone) == 1 else hint
    if hint is Terms:
        return _Column(name, "bigint[]", terms=True)
    if get_origin(hint) is not None and type(hint).__name__ == "_LiteralGenericAlias":
        return _Column(name, "text")
    sql = SQL_TYPES.get(hint)
    return _Column(name, sql) if sql else _Column(name, "jsonb", TypeAdapter(hint))


class Table(Generic[R]):
    """How the rows of one projection lie in their table, by which name it goes now."""

    def __init__(self, projection: Projection[R], name: str | None = None) -> None:
        self.projection = projection
        self.name = name or projection.table
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", self.name):
            raise ValueError(f"not a table name: {self.name!r}")
        hints = get_type_hints(projection.row, include_extras=True)
        personal = set(projection.personal)
        self.columns = [_column(n, h) for n, h in hints.items() if n not in personal]
        self.personal = {n: TypeAdapter[Any](hints[n]) for n in projection.personal}
        self.key = projection.key_columns

    @property
    def sealed(self) -> bool:
        """Whether rows have personal fields."""
        return bool(self.personal)

    @cached_property
    def selected(self) -> str:
        """The columns of a SELECT, in the order that ``read`` expects."""
        names = [f"{c.name}::text AS {c.name}" if c.adapter else c.name for c in self.columns if not c.terms]
        sealed = ["sealed", "key_version"] if self.sealed else []
        return ", ".join(f"t.{name}" for name in [*names, *sealed])

    @cached_property
    def load_sql(self) -> str:
        """Rows by key, from one array for each key column."""
        types = {c.name: c.sql for c in self.columns}
        arrays = ", ".join(f"${i}::{types[k]}[]" for i, k in enumerate(self.key, 1))
        # For each key a look into the index (OFFSET keeps the planner from joining): what a batch costs must not grow with the table.
        same = " AND ".join(f"{self.name}.{k} = k.{k}" for k in self.key)
        return (
            f"SELECT {self.selected} FROM unnest({arrays}) AS k ({', '.join(self.key)})"  # noqa: S608
            f" CROSS JOIN LATERAL (SELECT * FROM {self.name} WHERE {same} OFFSET 0) t"
        )

    @cached_property
    def upsert_sql(self) -> str:
        """All rows at once, from one array for each column."""
        columns = [
            *((c.name, c.sql) for c in self.columns),
            *([("sealed", "bytea"), ("key_version", "bigint")] if self.sealed else []),
        ]
        plain = {"jsonb": "text", "bigint[]": "text"}
        arrays = ", ".join(f"${i}::{plain.get(sql, sql)}[]" for i, (_, sql) in enumerate(columns, 1))
        names = ", ".join(name for name, _ in columns)
        chosen = ", ".join(f"{name}::{sql}" if sql in plain else name for name, sql in columns)
        changed = ", ".join(f"{name} = excluded.{name}" for name, _ in columns if name not in self.key)
        return (
            f"INSERT INTO {self.name} ({names}) SELECT {chosen} FROM unnest({arrays}) AS n ({names})"  # noqa: S608
            f" ON CONFLICT ({', '.join(self.key)}) DO {f'UPDATE SET {changed}' if changed else 'NOTHING'}"
        )

    @cached_property
    def delete_sql(self) -> str:
        """Rows by key."""
        types = {c.name: c.sql for c in self.columns}
        arrays = ", ".join(f"${i}::{types[k]}[]" for i, k in enumerate(self.key, 1))
        same = " AND ".join(f"{self.name}.{k} = k.{k}" for k in self.key)
        return (
            f"DELETE FROM {self.name} WHERE ctid = ANY(ARRAY(SELECT t.ctid FROM unnest({arrays}) AS k ({', '.join(self.key)})"  # noqa: S608
            f" CROSS JOIN LATERAL (SELECT ctid FROM {self.name} WHERE {same} OFFSET 0) t))"
        )

    def key_of(self, row: Any) -> tuple[Any, ...]:
        """Give the key of a row."""
        return tuple(getattr(row, k) for k in self.key)

    def read(self, record: asyncpg.Record, secrets: Mapping[int, bytes]) -> R:
        """Give the row of a record with the columns ``selected``; without its key its personal fields are ``ERASED``."""
        values: dict[str, Any] = {}
        at = 0
        for column in self.columns:
            if column.terms:
                values[column.name] = Terms()
            else:
                values[column.name] = column.read(record[at])
                at += 1
        if self.sealed:
            sealed, version = record[at], record[at + 1]
            secret = secrets.get(version) if version is not None else None
            opened = None if sealed is None or secret is None else _opened(secret, sealed, self._bound(values))
            for name, adapter in self.personal.items():
                values[name] = ERASED if opened is None or name not in opened else adapter.validate_python(opened[name])
        return self.projection.row(**values)

    def write(self, row: Any, key: Key | None, hashing: bytes) -> list[Any]:
        """Give the values of a row, in the order that ``upsert_sql`` expects."""
        out: list[Any] = []
        for column in self.columns:
            value = getattr(row, column.name)
            if column.terms:
                out.append("{" + ",".join(str(h) for h in sorted(keyed_hash(hashing, term) for term in value)) + "}")
            else:
                out.append(column.write(value))
        if self.sealed:
            known = {n: a for n, a in self.personal.items() if getattr(row, n) is not ERASED}
            if known and key is not None:
                plain = b",".join(b'"%s":%s' % (n.encode(), a.dump_json(getattr(row, n))) for n, a in known.items())
                bound = self._bound({k: getattr(row, k) for k in self.key})
                out += [seal(key.secret, b"{" + plain + b"}", bound), key.version]
            else:
                out += [None, None]
        return out

    def _bound(self, values: Mapping[str, Any]) -> bytes:
        return "|".join([self.projection.table, *(str(values[k]) for k in self.key)]).encode()


def _opened(secret: bytes, sealed: bytes, bound: bytes) -> dict[str, Any] | None:
    try:
        opened: dict[str, Any] = msgspec.json.decode(open_sealed(secret, sealed, bound))
    except Unreadable:
        return None
    return opened


class TableWriter(Generic[R]):
    """Applies events to one table."""

    def __init__(self, table: Table[R], keys: Keys, hashing: bytes) -> None:
        self.table = table
        self._keys = keys
        self._hashing = hashing

    async def write(self, connection: Connection, events: Iterable[Recorded[Event]]) -> None:
        """Load the rows that these events touch, fold, and write them back, in the caller's transaction.

        Raises ``Fold`` for the event that the fold cannot take; nothing is written then.
        """
        table, projection = self.table, self.table.projection
        mine: list[tuple[tuple[Any, ...], Recorded[Event]]] = []
        for event in events:
            if type(event.data) in projection.of:
                try:
                    key = projection.key(event)
                except Exception as error:
                    raise Fold(event, error) from error
                mine.append((key if isinstance(key, tuple) else (key,), event))
        if not mine:
            return
        touched = list({key for key, _ in mine})
        rows: dict[tuple[Any, ...], R | None] = {}
        records = await connection.fetch(table.load_sql, *(list(column) for column in zip(*touched, strict=True)))
        if records:
            secrets = await self._secrets(r["subject"] for r in records)
            for record in records:
                row = table.read(record, secrets.get(record["subject"], NO_KEYS) if table.sealed else NO_KEYS)
                rows[table.key_of(row)] = row
        existed = set(rows)
        for key, event in mine:
            try:
                rows[key] = projection.fold(rows.get(key), event)
            except Exception as error:
                raise Fold(event, error) from error
        await self._write(connection, {k: r for k, r in rows.items() if r is not None})
        gone = [k for k, r in rows.items() if r is None and k in existed]
        if gone:
            await connection.execute(table.delete_sql, *(list(column) for column in zip(*gone, strict=True)))

    async def _write(self, connection: Connection, rows: Mapping[tuple[Any, ...], R]) -> None:
        if not rows:
            return
        table = self.table
        secrets = await self._secrets(getattr(row, "subject") for row in rows.values()) if table.sealed else {}  # noqa: B009
        values = []
        for row in rows.values():
            versions = secrets.get(getattr(row, "subject"), NO_KEYS) if table.sealed else NO_KEYS  # noqa: B009
            newest = max(versions) if versions else None
            values.append(
                table.write(row, Key(newest, versions[newest]) if newest is not None else None, self._hashing)
            )
        await connection.execute(table.upsert_sql, *(list(column) for column in zip(*values, strict=True)))

    async def _secrets(self, subjects: Iterable[UUID | None]) -> Mapping[UUID, Mapping[int, bytes]]:
        return await self._keys.secrets(s for s in subjects if s is not None) if self.table.sealed else {}


AnyWriter: TypeAlias = TableWriter[Any]


class Reader(Generic[R]):
    """Reads the rows of one table, personal fields opened."""

    def __init__(self, table: Table[R], pool: Pool, keys: Keys, hashing: bytes) -> None:
        self.table = table
        self.pool = pool
        self._keys = keys
        self._hashing = hashing

    def hashed(self, term: str) -> int:
        """Give the look-up hash of a search term, as ``Terms`` are written."""
        return keyed_hash(self._hashing, term)

    async def get(self, *key: Any) -> R | None:
        """Give the row of this key."""
        same = " AND ".join(f"{k} = ${i}" for i, k in enumerate(self.table.key, 1))
        rows = await self.select(f"WHERE {same}", *key)
        return rows[0] if rows else None

    async def select(self, rest: str = "", *arguments: Any) -> list[R]:
        """Give the rows of ``SELECT ... FROM table t <rest>``; ``rest`` is SQL of the caller's own, never of a user's."""
        records = await self.pool.fetch(f"SELECT {self.table.selected} FROM {self.table.name} t {rest}", *arguments)  # noqa: S608
        secrets = await self._keys.secrets(r["subject"] for r in records) if self.table.sealed else {}
        return [
            self.table.read(record, secrets.get(record["subject"], NO_KEYS) if self.table.sealed else NO_KEYS)
            for record in records
        ]
