-- Every published wording, so that a history can show the words that were agreed to.
CREATE TABLE IF NOT EXISTS wordings (
    kind      text        NOT NULL,
    version   bigint      NOT NULL,
    texts     jsonb       NOT NULL,
    published timestamptz NOT NULL,
    PRIMARY KEY (kind, version)
);
