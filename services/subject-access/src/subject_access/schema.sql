-- The read models of the portal. Every statement can be repeated. The columns are those of the row in `projections/`.

-- The links, each found by the hash of its secret.
CREATE TABLE IF NOT EXISTS links (
    link        uuid        NOT NULL PRIMARY KEY,
    subject     uuid        NOT NULL,
    token_hash  text        NOT NULL,
    issued      timestamptz NOT NULL,
    issued_by   text        NOT NULL,
    expires     timestamptz NOT NULL,
    language    text        NOT NULL,
    reason      text        NOT NULL,
    revoked     timestamptz,
    opened      timestamptz,
    last_opened timestamptz,
    visits      bigint      NOT NULL,
    sealed      bytea,
    key_version bigint
);
CREATE INDEX IF NOT EXISTS links_by_token ON links (token_hash);
CREATE INDEX IF NOT EXISTS links_by_subject ON links (subject, issued);

-- Who of staff looked at whom.
CREATE TABLE IF NOT EXISTS looks (
    look    uuid        NOT NULL PRIMARY KEY,
    subject uuid        NOT NULL,
    at      timestamptz NOT NULL,
    place   text        NOT NULL,
    by      text        NOT NULL
);
CREATE INDEX IF NOT EXISTS looks_by_subject ON looks (subject, at);

-- Who read the log about whom.
CREATE TABLE IF NOT EXISTS readings (
    look    uuid        NOT NULL PRIMARY KEY,
    subject uuid        NOT NULL,
    at      timestamptz NOT NULL,
    place   text        NOT NULL,
    by      text        NOT NULL
);
CREATE INDEX IF NOT EXISTS readings_by_subject ON readings (subject, at);

-- What people chose here.
CREATE TABLE IF NOT EXISTS choices (
    choice_id        uuid        NOT NULL PRIMARY KEY,
    subject          uuid        NOT NULL,
    link             uuid,
    kind             text        NOT NULL,
    choice           text        NOT NULL,
    at               timestamptz NOT NULL,
    wording_version  bigint,
    wording_language text
);
CREATE INDEX IF NOT EXISTS choices_by_subject ON choices (subject, at);

-- What became of each choice.
CREATE TABLE IF NOT EXISTS outcomes (
    choice_id   uuid        NOT NULL PRIMARY KEY,
    subject     uuid        NOT NULL,
    state       text        NOT NULL,
    since       timestamptz NOT NULL,
    recorded    timestamptz NOT NULL,
    answered_by uuid        NOT NULL,
    reason      text
);

-- What holds for each person and kind of consent; the row of kind '*' is an objection to direct marketing.
CREATE TABLE IF NOT EXISTS standings (
    subject          uuid        NOT NULL,
    kind             text        NOT NULL,
    state            text        NOT NULL,
    since            timestamptz NOT NULL,
    decided_by       uuid        NOT NULL,
    method           text        NOT NULL,
    strength         text,
    wording_version  bigint,
    wording_language text,
    valid_until      timestamptz,
    PRIMARY KEY (subject, kind)
);

-- What can be consented to, in which words, and for what.
CREATE TABLE IF NOT EXISTS kinds (
    kind     text  NOT NULL PRIMARY KEY,
    purpose  text  NOT NULL,
    titles   jsonb NOT NULL,
    channels jsonb NOT NULL,
    retired  timestamptz
);
CREATE TABLE IF NOT EXISTS wordings (
    kind      text        NOT NULL,
    version   bigint      NOT NULL,
    texts     jsonb       NOT NULL,
    published timestamptz NOT NULL,
    PRIMARY KEY (kind, version)
);
CREATE TABLE IF NOT EXISTS purposes (
    purpose          text    NOT NULL PRIMARY KEY,
    titles           jsonb   NOT NULL,
    descriptions     jsonb   NOT NULL,
    direct_marketing boolean NOT NULL
);

-- Persons and their records, as the CRM has them.
CREATE TABLE IF NOT EXISTS persons (
    subject     uuid        NOT NULL PRIMARY KEY,
    known       timestamptz NOT NULL,
    heard       timestamptz NOT NULL,
    removed     timestamptz,
    since       jsonb       NOT NULL,
    sealed      bytea,
    key_version bigint
);
CREATE TABLE IF NOT EXISTS records (
    record      uuid        NOT NULL PRIMARY KEY,
    subject     uuid        NOT NULL,
    kind        text        NOT NULL,
    known       timestamptz NOT NULL,
    heard       timestamptz NOT NULL,
    removed     timestamptz,
    sealed      bytea,
    key_version bigint
);
CREATE INDEX IF NOT EXISTS records_by_subject ON records (subject, kind, known);

-- The words for what the CRM sends.
CREATE TABLE IF NOT EXISTS fields (
    field     text    NOT NULL PRIMARY KEY,
    type      text    NOT NULL,
    described boolean NOT NULL,
    section   text    NOT NULL,
    labels    jsonb   NOT NULL,
    choices   jsonb
);

-- What happened, without what was in it.
CREATE TABLE IF NOT EXISTS happenings (
    event   uuid        NOT NULL PRIMARY KEY,
    subject uuid        NOT NULL,
    at      timestamptz NOT NULL,
    what    text        NOT NULL,
    by      text        NOT NULL,
    kind    text,
    how     text,
    many    bigint      NOT NULL,
    cause   uuid
);
CREATE INDEX IF NOT EXISTS happenings_by_subject ON happenings (subject, at);
