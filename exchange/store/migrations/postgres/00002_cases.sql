-- +goose Up
-- What the officers' lists ask for stands in clear; what it was computed from,
-- the book of a case, is sealed under the case's data key.
ALTER TABLE cases
    ADD COLUMN kind   text   NOT NULL DEFAULT '',
    ADD COLUMN turn   text   NOT NULL DEFAULT '',
    ADD COLUMN due_at bigint NOT NULL DEFAULT 9223372036854775807, -- no clock runs
    ADD COLUMN book   bytea;
CREATE INDEX cases_work ON cases (turn, due_at, partner, case_id);
CREATE INDEX cases_moved ON cases (moved_at, partner, case_id);

-- Messages that wait for safeguards or officers. Their content is sealed; every
-- step is an entry of the record.
CREATE TABLE draft (
    id         text   PRIMARY KEY,
    partner    text   NOT NULL,
    case_id    text   NOT NULL,
    type       text   NOT NULL,
    state      text   NOT NULL,
    author     text   NOT NULL,
    version    bigint NOT NULL,
    created_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    content    bytea  NOT NULL
);
CREATE INDEX draft_state ON draft (state, changed_at, id);
CREATE INDEX draft_case ON draft (partner, case_id);

-- Who may act here: officers and systems, with their keys.
CREATE TABLE officer (
    id         text   PRIMARY KEY,
    changed_at bigint NOT NULL,
    content    bytea  NOT NULL -- sealed, so that nobody becomes an officer by an UPDATE
);

-- The last change of an officer in the record, which counts.
CREATE INDEX entry_officer ON entry (id, idx) WHERE type = 'officer_changed';

-- How far each follower of the record has come: webhooks, the person index.
CREATE TABLE follower (
    name text   PRIMARY KEY,
    next bigint NOT NULL
);

-- The blind index: keyed hashes by which probable duplicates are found without
-- opening anybody. The tokens also stand with the person, so that they leave
-- with the person.
CREATE TABLE person (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    partner text NOT NULL,
    case_id text NOT NULL,
    subject text NOT NULL,
    tokens  bytea NOT NULL,
    UNIQUE (partner, case_id, subject)
);
CREATE TABLE person_token (
    token  bigint NOT NULL,
    person bigint NOT NULL,
    PRIMARY KEY (token, person)
);

-- Which cases an opaque link ties together.
CREATE TABLE link (
    partner text NOT NULL,
    link    text NOT NULL,
    case_id text NOT NULL,
    PRIMARY KEY (partner, link, case_id)
);
