-- The event store of one service, which is its outbox too. Applied at every start; every statement can be repeated.

-- Every event this service ever recorded, as the final bytes that stand in Kafka.
-- (epoch, xid, position) is the order of the relay: see docs/decisions/0003.
CREATE TABLE IF NOT EXISTS events (
    stream    text        NOT NULL,
    version   integer     NOT NULL CHECK (version > 0),
    id        uuid        NOT NULL UNIQUE,
    topic     text        NOT NULL,
    partition smallint    NOT NULL,
    key       text        NOT NULL,
    value     bytea       NOT NULL,
    recorded  timestamptz NOT NULL,
    epoch     integer     NOT NULL DEFAULT 0,
    xid       bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    position  bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (stream, version)
);
CREATE INDEX IF NOT EXISTS events_to_relay ON events (topic, partition, epoch, xid, position);

-- The guard of each stream: its version is that of its last event.
CREATE TABLE IF NOT EXISTS streams (
    stream  text    PRIMARY KEY,
    version integer NOT NULL
);

-- Every command that was answered. Its events are the versions from first to last of its stream; none where last < first.
CREATE TABLE IF NOT EXISTS commands (
    id       uuid        PRIMARY KEY,
    stream   text        NOT NULL,
    first    integer     NOT NULL,
    last     integer     NOT NULL,
    recorded timestamptz NOT NULL DEFAULT now()
);

-- Append to one or many streams, or to none of them. The lock comes first, while the transaction has no xid, so that
-- within a stream a later version always has a later xid; it is taken in one order, so that nobody waits in a circle.
CREATE OR REPLACE FUNCTION append_events(
    s_stream text[], s_expected integer[], s_new integer[],
    c_id uuid[], c_stream text[], c_first integer[], c_last integer[],
    e_stream text[], e_version integer[], e_id uuid[], e_topic text[], e_partition smallint[], e_key text[], e_value bytea[],
    e_recorded timestamptz[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moved integer;
BEGIN
    IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
        RAISE EXCEPTION 'an append must be the first write of its transaction';
    END IF;
    PERFORM pg_advisory_xact_lock(lock)
       FROM (SELECT DISTINCT hashtextextended(s, 20161) AS lock FROM unnest(s_stream) s ORDER BY 1) locks;
    IF EXISTS (
        -- A subquery for each stream, not a join: a plan made while the table was small would read all of it for ever.
        SELECT FROM unnest(s_stream, s_expected) AS wanted (stream, version)
         WHERE coalesce((SELECT version FROM streams WHERE streams.stream = wanted.stream), 0) <> wanted.version
    ) THEN
        RAISE EXCEPTION 'a stream has moved on' USING ERRCODE = 'GD001';
    END IF;
    INSERT INTO commands (id, stream, first, last) SELECT * FROM unnest(c_id, c_stream, c_first, c_last);
    INSERT INTO streams AS guard (stream, version)
    SELECT stream, new FROM unnest(s_stream, s_expected, s_new) AS s (stream, expected, new) WHERE new > expected
        ON CONFLICT (stream) DO UPDATE SET version = excluded.version;
    INSERT INTO events (stream, version, id, topic, partition, key, value, recorded)
    SELECT * FROM unnest(e_stream, e_version, e_id, e_topic, e_partition, e_key, e_value, e_recorded);
END $$;

-- Where each projection or reaction stands in each partition: the next offset, and the id of the event before it.
CREATE TABLE IF NOT EXISTS positions (
    name        text    NOT NULL,
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint  NOT NULL,
    last_id     uuid,
    halted      text,
    PRIMARY KEY (name, topic, partition)
);

-- Which version of each stream a projection has applied.
CREATE TABLE IF NOT EXISTS applied (
    name    text    NOT NULL,
    stream  text    NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (name, stream)
);

-- Who works on which partition of what, and until when.
CREATE TABLE IF NOT EXISTS leases (
    name      text        NOT NULL,
    partition integer     NOT NULL,
    owner     uuid        NOT NULL,
    until     timestamptz NOT NULL,
    PRIMARY KEY (name, partition)
);
CREATE TABLE IF NOT EXISTS members (
    name  text        NOT NULL,
    owner uuid        NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (name, owner)
);

-- Which generation of each read model is the living one; a rebuild makes the next and swaps.
CREATE TABLE IF NOT EXISTS generations (
    name       text    PRIMARY KEY,
    generation integer NOT NULL
);
