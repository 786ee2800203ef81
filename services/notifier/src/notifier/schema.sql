-- The notifier. Applied at every start; every statement can be repeated.

-- Read model, written with the append: every mail. Those with state 'queued' are the queue.
CREATE TABLE IF NOT EXISTS mails (
    mail        uuid        PRIMARY KEY,
    subject     uuid        NOT NULL,
    template    text        NOT NULL,
    language    text        NOT NULL,
    state       text        NOT NULL,
    queued      timestamptz NOT NULL,
    changed     timestamptz NOT NULL,
    attempts    bigint      NOT NULL,
    code        bigint,
    reason      text,
    next_try    timestamptz NOT NULL,
    not_after   timestamptz,
    message_id  text        NOT NULL,
    about       uuid        NOT NULL,
    sealed      bytea,
    key_version bigint
);
CREATE INDEX IF NOT EXISTS mails_queued ON mails (next_try) WHERE state = 'queued';
CREATE INDEX IF NOT EXISTS mails_by_subject ON mails (subject, queued);

-- Which mail is being sent by some process, and until when nobody else may; how often it was begun. No read model: it stays
-- when `mails` is built anew.
CREATE TABLE IF NOT EXISTS sending (
    mail  uuid        PRIMARY KEY,
    tries integer     NOT NULL,
    until timestamptz NOT NULL
);
