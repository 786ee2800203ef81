-- The CRM's own data, in one SQLite file. Every statement can be repeated.

CREATE TABLE IF NOT EXISTS customers (
    ref     TEXT PRIMARY KEY,
    fields  TEXT NOT NULL,
    changed TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS records (
    customer TEXT NOT NULL,
    kind     TEXT NOT NULL,
    ref      TEXT NOT NULL,
    at       TEXT NOT NULL,
    fields   TEXT NOT NULL,
    PRIMARY KEY (customer, kind, ref)
) STRICT;

-- What this CRM believes of a consent, and whom it has that from: `crm` for its own staff, `gdpr` for what it was told.
CREATE TABLE IF NOT EXISTS ticks (
    customer TEXT NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    since    TEXT NOT NULL,
    source   TEXT NOT NULL,
    method   TEXT,
    evidence TEXT,
    wording  INTEGER,
    event    TEXT,
    PRIMARY KEY (customer, kind)
) STRICT;

-- What happened here and is to be said at the gateway's door, in this order; written together with what it is about.
CREATE TABLE IF NOT EXISTS news (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    customer TEXT NOT NULL,
    message  TEXT NOT NULL,
    made     TEXT NOT NULL,
    state    TEXT NOT NULL DEFAULT 'waiting',
    answer   TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS news_waiting ON news (n) WHERE state = 'waiting';

-- What we were told, by webhook or by the feed: the same message twice is taken over once.
CREATE TABLE IF NOT EXISTS told (
    message  TEXT PRIMARY KEY,
    customer TEXT NOT NULL,
    kind     TEXT,
    state    TEXT,
    door     TEXT NOT NULL,
    at       TEXT NOT NULL,
    result   TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS notes_to_self (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
