-- The key database: one key per person and version, wrapped (RFC 3394) under a key-encryption key that is not in here.
CREATE TABLE IF NOT EXISTS subject_keys (
    subject uuid        NOT NULL,
    version integer     NOT NULL,
    epoch   integer     NOT NULL,
    wrapped bytea       NOT NULL,
    made    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, version)
);
CREATE INDEX IF NOT EXISTS subject_keys_by_epoch ON subject_keys (epoch);

-- Who has been erased: for them no key is served and none is made, whatever a restored backup brings back.
CREATE TABLE IF NOT EXISTS fences (
    subject uuid        PRIMARY KEY,
    event   uuid        NOT NULL,
    since   timestamptz NOT NULL DEFAULT now()
);

-- Keys that are nobody's: for look-up hashes and the like, each under its name.
CREATE TABLE IF NOT EXISTS named_keys (
    name    text    PRIMARY KEY,
    epoch   integer NOT NULL,
    wrapped bytea   NOT NULL
);

-- Make keys for those who have none and are not fenced.
CREATE OR REPLACE FUNCTION make_keys(k_subject uuid[], k_epoch integer, k_wrapped bytea[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- The fence takes the same lock: no key slips in between the look and the insert.
    PERFORM pg_advisory_xact_lock_shared(20161, 1);
    INSERT INTO subject_keys (subject, version, epoch, wrapped)
    SELECT k.subject, 1, k_epoch, k.wrapped
      FROM (SELECT * FROM unnest(k_subject, k_wrapped) AS k (subject, wrapped) ORDER BY 1) k
     WHERE NOT EXISTS (SELECT FROM fences WHERE fences.subject = k.subject)
        ON CONFLICT DO NOTHING;
END $$;

-- Raise the fence and destroy every version of the key, in one step that can be repeated.
CREATE OR REPLACE FUNCTION destroy_keys(k_subject uuid[], k_event uuid[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    gone integer;
BEGIN
    PERFORM pg_advisory_xact_lock(20161, 1);
    INSERT INTO fences (subject, event) SELECT * FROM unnest(k_subject, k_event) ON CONFLICT DO NOTHING;
    DELETE FROM subject_keys WHERE subject = ANY(k_subject);
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM pg_notify('keys_destroyed', s::text) FROM unnest(k_subject) s;
    RETURN gone;
END $$;
