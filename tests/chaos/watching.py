"""A second memory beside the services' own: triggers write down every move of a position, every version that was applied, and in
which transaction rows changed. The services cannot see it, and it sees only what was committed."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

SQL = """
CREATE SCHEMA IF NOT EXISTS chaos;
CREATE TABLE IF NOT EXISTS chaos.moves (
    number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    backend integer NOT NULL DEFAULT pg_backend_pid(), name text, topic text, partition integer, before bigint, after bigint
);
CREATE TABLE IF NOT EXISTS chaos.applied (
    number bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    name text, stream text, before integer, after integer
);
CREATE TABLE IF NOT EXISTS chaos.rows (
    model text, xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint, PRIMARY KEY (model, xid)
);

CREATE OR REPLACE FUNCTION chaos.moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO chaos.moves (name, topic, partition, before, after)
        VALUES (NEW.name, NEW.topic, NEW.partition, NULL, NEW.next_offset);
    ELSIF NEW.next_offset <> OLD.next_offset THEN
        INSERT INTO chaos.moves (name, topic, partition, before, after)
        VALUES (NEW.name, NEW.topic, NEW.partition, OLD.next_offset, NEW.next_offset);
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION chaos.applied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos.applied (name, stream, before, after)
    VALUES (NEW.name, NEW.stream, CASE WHEN TG_OP = 'INSERT' THEN 0 ELSE OLD.version END, NEW.version);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION chaos.changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos.rows (model) VALUES (TG_TABLE_NAME) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER chaos_moved AFTER INSERT OR UPDATE ON positions FOR EACH ROW EXECUTE FUNCTION chaos.moved();
CREATE OR REPLACE TRIGGER chaos_applied AFTER INSERT OR UPDATE ON applied FOR EACH ROW EXECUTE FUNCTION chaos.applied();
"""

SO_FAR = """
INSERT INTO chaos.moves (name, topic, partition, before, after) SELECT name, topic, partition, NULL, next_offset FROM positions;
INSERT INTO chaos.applied (name, stream, before, after) SELECT name, stream, 0, version FROM applied;
"""
"""Where everything stood when the watch began; making the triggers has locked both tables."""

ROWS = """
CREATE OR REPLACE TRIGGER chaos_changed AFTER INSERT OR UPDATE OR DELETE ON {table}
   FOR EACH STATEMENT EXECUTE FUNCTION chaos.changed()
"""


async def watch(url: str, tables: Iterable[str]) -> None:
    """Begin to watch the positions of a service's database, and these read models in it. ``url`` is a superuser's."""
    connection = await asyncpg.connect(url)
    try:
        while True:
            try:
                async with connection.transaction():
                    await connection.execute(SQL)
                    await connection.execute(SO_FAR)
                break
            except asyncpg.DeadlockDetectedError:
                continue  # the services lock the two tables in another order
        for table in tables:
            await connection.execute(ROWS.format(table=table))
    finally:
        await connection.close()
