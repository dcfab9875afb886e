-- +goose Up
-- What works once and was used: challenges, codes, invitations.
CREATE TABLE used (
    hash    text   PRIMARY KEY,
    ends_at bigint NOT NULL
);
CREATE INDEX used_ends ON used (ends_at);

-- How often somebody, or somewhere, has failed to sign in since it last went well.
CREATE TABLE sign_in_try (
    hash  text   PRIMARY KEY,
    tries bigint NOT NULL,
    at    bigint NOT NULL
);

-- Cases that somebody opened without being assigned to them.
CREATE INDEX entry_emergency ON entry (idx) WHERE type = 'case_emergency';
