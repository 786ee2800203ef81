-- The read models of the consent service. Every statement can be repeated. The columns are those of the row in `projections/`.

-- What holds now for each person and kind; the row of kind '*' is a person's objection to direct marketing.
CREATE TABLE IF NOT EXISTS current_consents (
    subject          uuid        NOT NULL,
    kind             text        NOT NULL,
    state            text        NOT NULL,
    since            timestamptz NOT NULL,
    recorded         timestamptz NOT NULL,
    decided_by       uuid        NOT NULL,
    method           text        NOT NULL,
    strength         text,
    wording_version  bigint,
    wording_language text,
    valid_until      timestamptz,
    sealed           bytea,
    key_version      bigint,
    PRIMARY KEY (subject, kind)
);

-- The persons whom the CRM knows, each found by the keyed hash of the CRM's own identifier.
CREATE TABLE IF NOT EXISTS known_refs (
    subject uuid     NOT NULL PRIMARY KEY,
    refs    bigint[] NOT NULL
);
CREATE INDEX IF NOT EXISTS known_refs_by_ref ON known_refs USING gin (refs) WITH (fastupdate = off);

-- What data is used for.
CREATE TABLE IF NOT EXISTS purposes (
    purpose          text        NOT NULL PRIMARY KEY,
    titles           jsonb       NOT NULL,
    descriptions     jsonb       NOT NULL,
    legal_basis      text        NOT NULL,
    direct_marketing boolean     NOT NULL,
    since            timestamptz NOT NULL
);

-- What can be consented to.
CREATE TABLE IF NOT EXISTS kinds (
    kind          text        NOT NULL PRIMARY KEY,
    purpose       text        NOT NULL,
    titles        jsonb       NOT NULL,
    channels      jsonb       NOT NULL,
    double_opt_in boolean     NOT NULL,
    validity_days bigint,
    since         timestamptz NOT NULL,
    retired       timestamptz
);

-- The texts that people agreed to.
CREATE TABLE IF NOT EXISTS wordings (
    kind      text        NOT NULL,
    version   bigint      NOT NULL,
    texts     jsonb       NOT NULL,
    published timestamptz NOT NULL,
    PRIMARY KEY (kind, version)
);
