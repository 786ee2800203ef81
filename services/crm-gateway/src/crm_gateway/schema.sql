-- The CRM's door. Applied at every start; every statement can be repeated.

-- Which record of the CRM is which person. The reference stands here as a keyed hash only; the row outlives an erasure,
-- so that somebody who comes back by an import is noticed.
CREATE TABLE IF NOT EXISTS identities (
    ref_hash bytea       PRIMARY KEY,
    subject  uuid        NOT NULL UNIQUE,
    since    timestamptz NOT NULL DEFAULT now()
);

-- Read model: persons as the CRM has them. `words` are keyed hashes of what they are found by.
CREATE TABLE IF NOT EXISTS persons (
    subject     uuid        PRIMARY KEY,
    state       text        NOT NULL,
    first_news  timestamptz NOT NULL,
    last_change timestamptz NOT NULL,
    heard       timestamptz,
    removed     timestamptz,
    words       bigint[]    NOT NULL,
    sealed      bytea,
    key_version bigint
);
CREATE INDEX IF NOT EXISTS persons_words ON persons USING gin (words);

-- Read model: records that belong to persons.
CREATE TABLE IF NOT EXISTS records (
    record      uuid        PRIMARY KEY,
    subject     uuid        NOT NULL,
    kind        text        NOT NULL,
    state       text        NOT NULL,
    first_news  timestamptz NOT NULL,
    last_change timestamptz NOT NULL,
    heard       timestamptz,
    removed     timestamptz,
    sealed      bytea,
    key_version bigint
);
CREATE INDEX IF NOT EXISTS records_by_subject ON records (subject);

-- Read model: the field catalogue, as far as it was discovered or described. The core fields' defaults are in the program.
CREATE TABLE IF NOT EXISTS fields (
    field      text        PRIMARY KEY,
    guessed    text,
    described  boolean     NOT NULL,
    type       text        NOT NULL,
    section    text        NOT NULL,
    labels     jsonb       NOT NULL,
    choices    jsonb,
    discovered timestamptz,
    changed    timestamptz NOT NULL
);

-- Read model, written with the append: what the CRM is told, and what it said to it.
CREATE TABLE IF NOT EXISTS deliveries (
    message     uuid        PRIMARY KEY,
    subject     uuid        NOT NULL,
    about       uuid        NOT NULL,
    what        text        NOT NULL,
    state       text        NOT NULL,
    informed    timestamptz NOT NULL,
    answered    timestamptz,
    sealed      bytea,
    key_version bigint
);
CREATE INDEX IF NOT EXISTS deliveries_by_time ON deliveries (informed);
CREATE INDEX IF NOT EXISTS deliveries_by_subject ON deliveries (subject);

-- The order in which the CRM is told. Sequences are given under one lock, so that whoever reads `sequence > last` misses nothing.
CREATE TABLE IF NOT EXISTS outbox (
    sequence  bigint      PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    message   uuid        NOT NULL UNIQUE,
    subject   uuid        NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    published timestamptz
);
CREATE INDEX IF NOT EXISTS outbox_to_publish ON outbox (sequence) WHERE published IS NULL;

-- The webhook's queue: one row for each message until the CRM has taken it.
CREATE TABLE IF NOT EXISTS webhooks (
    sequence  bigint      PRIMARY KEY,
    message   uuid        NOT NULL UNIQUE,
    subject   uuid        NOT NULL,
    state     text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'dead')),
    tries     integer     NOT NULL DEFAULT 0,
    next_try  timestamptz NOT NULL DEFAULT now(),
    last_try  timestamptz,
    last_fault text
);
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks (next_try) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS webhooks_open ON webhooks (subject, sequence) WHERE state <> 'delivered';

-- What arrived by the topic and could not be taken over, sealed under a key of its own, until somebody decides.
CREATE TABLE IF NOT EXISTS quarantine (
    id        uuid        PRIMARY KEY,
    received  timestamptz NOT NULL DEFAULT now(),
    door      text        NOT NULL,
    place     text        NOT NULL DEFAULT '',
    slug      text        NOT NULL,
    pointer   text        NOT NULL DEFAULT '',
    detail    text        NOT NULL,
    size      integer     NOT NULL,
    sealed    bytea,
    tries     integer     NOT NULL DEFAULT 0,
    state     text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'taken', 'discarded')),
    decided   timestamptz,
    decided_by text,
    reason    text
);
CREATE INDEX IF NOT EXISTS quarantine_open ON quarantine (received) WHERE state = 'open';

-- Who read what a quarantined message says, and why.
CREATE TABLE IF NOT EXISTS quarantine_openings (
    entry  uuid        NOT NULL REFERENCES quarantine (id),
    at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    by     text        NOT NULL,
    reason text        NOT NULL
);
CREATE INDEX IF NOT EXISTS quarantine_openings_by_entry ON quarantine_openings (entry);
