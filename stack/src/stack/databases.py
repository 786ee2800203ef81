"""The databases of the services, and who may do what in them.

Each service signs in as its own role and owns its own database. The keys of persons live in a database apart, where a
service may add and read keys and only the role `erasure` may destroy one.
"""

from __future__ import annotations

import asyncio
import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import asyncpg

KEYS_DATABASE = "keys"
KEYS_ROLE = "keys"


@dataclass(frozen=True, slots=True)
class Database:
    """A service's own database, owned by the service's own role."""

    name: str
    role: str


async def ensure_databases(url: str, databases: Sequence[Database], passwords: Mapping[str, str]) -> None:
    """Make the roles and databases that are missing, and the tables of keys. Harmless to repeat.

    `url` is a superuser's; the server may be any. Each role may sign in to its own database and to the keys.
    """
    await _ensure_roles(url, databases, passwords)
    owner = urlsplit(url)._replace(netloc=f"{KEYS_ROLE}:{quote(passwords[KEYS_ROLE], safe='')}@{_host(url)}")
    await _ensure_key_tables(owner._replace(path=f"/{KEYS_DATABASE}").geturl())


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


async def _ensure_roles(url: str, databases: Sequence[Database], passwords: Mapping[str, str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        roles = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
        wanted = {database.role for database in databases} | {KEYS_ROLE}
        for role in sorted(wanted):
            verb = "ALTER" if role in roles else "CREATE"
            await connection.execute(f"{verb} ROLE {_name(role)} LOGIN PASSWORD {_text(passwords[role])}")
        if "services" not in roles:
            await connection.execute("CREATE ROLE services NOLOGIN")
        for database in databases:
            await connection.execute(f"GRANT services TO {_name(database.role)}")
        there = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
        for database in (*databases, Database(KEYS_DATABASE, KEYS_ROLE)):
            if database.name not in there:
                await connection.execute(f"CREATE DATABASE {_name(database.name)} OWNER {_name(database.role)}")
            await connection.execute(f"REVOKE ALL ON DATABASE {_name(database.name)} FROM PUBLIC")
        await connection.execute(f"GRANT CONNECT ON DATABASE {_name(KEYS_DATABASE)} TO services")
    finally:
        await connection.close()


async def _ensure_key_tables(url: str) -> None:
    """Make the tables of the key database, and say who may do what there. `url` is its owner's."""
    async with asyncio.timeout(30):
        await run_sql(url, (importlib.resources.files("events.runtime") / "keys.sql").read_text(encoding="utf-8"))
        await run_sql(url, (importlib.resources.files("stack") / "sql" / "keys_rights.sql").read_text(encoding="utf-8"))


async def run_sql(url: str, sql: str) -> None:
    """Run a script, as the role that the address names."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
