-- +goose Up
-- What works once and was used: challenges, codes, invitations.
CREATE TABLE used (
    hash    TEXT    PRIMARY KEY,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX used_ends ON used (ends_at);

-- How often somebody, or somewhere, has failed to sign in since it last went well.
CREATE TABLE sign_in_try (
    hash  TEXT    PRIMARY KEY,
    tries INTEGER NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

-- Cases that somebody opened without being assigned to them.
CREATE INDEX entry_emergency ON entry (idx) WHERE type = 'case_emergency';
