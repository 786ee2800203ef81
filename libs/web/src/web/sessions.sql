-- Sessions of browsers: what the cookie's hash stands for. No name, no address; ids only.
CREATE TABLE IF NOT EXISTS web_sessions (
    hash bytea PRIMARY KEY,
    -- Whose session it is (an account, a link): to end all of one's sessions at once.
    owner text NOT NULL,
    data jsonb NOT NULL,
    begun timestamptz NOT NULL,
    seen timestamptz NOT NULL,
    ends timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS web_sessions_owner ON web_sessions (owner);
CREATE INDEX IF NOT EXISTS web_sessions_ends ON web_sessions (ends);
