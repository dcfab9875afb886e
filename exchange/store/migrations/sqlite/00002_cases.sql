-- +goose Up
-- What the officers' lists ask for stands in clear; what it was computed from,
-- the book of a case, is sealed under the case's data key.
ALTER TABLE cases ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN turn TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN due_at INTEGER NOT NULL DEFAULT 9223372036854775807; -- no clock runs
ALTER TABLE cases ADD COLUMN book BLOB;
CREATE INDEX cases_work ON cases (turn, due_at, partner, case_id);
CREATE INDEX cases_moved ON cases (moved_at, partner, case_id);

-- Messages that wait for safeguards or officers. Their content is sealed; every
-- step is an entry of the record.
CREATE TABLE draft (
    id         TEXT   PRIMARY KEY,
    partner    TEXT   NOT NULL,
    case_id    TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    author     TEXT   NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    content    BLOB  NOT NULL
) STRICT;
CREATE INDEX draft_state ON draft (state, changed_at, id);
CREATE INDEX draft_case ON draft (partner, case_id);

-- Who may act here: officers and systems, with their keys.
CREATE TABLE officer (
    id         TEXT   PRIMARY KEY,
    changed_at INTEGER NOT NULL,
    content    BLOB   NOT NULL -- sealed, so that nobody becomes an officer by an UPDATE
) STRICT;

-- The last change of an officer in the record, which counts.
CREATE INDEX entry_officer ON entry (id, idx) WHERE type = 'officer_changed';

-- How far each follower of the record has come: webhooks, the person index.
CREATE TABLE follower (
    name TEXT   PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT;

-- The blind index: keyed hashes by which probable duplicates are found without
-- opening anybody. The tokens also stand with the person, so that they leave
-- with the person.
CREATE TABLE person (
    id      INTEGER PRIMARY KEY,
    partner TEXT NOT NULL,
    case_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    tokens  BLOB NOT NULL,
    UNIQUE (partner, case_id, subject)
) STRICT;
CREATE TABLE person_token (
    token  INTEGER NOT NULL,
    person INTEGER NOT NULL,
    PRIMARY KEY (token, person)
) STRICT, WITHOUT ROWID;

-- Which cases an opaque link ties together.
CREATE TABLE link (
    partner TEXT NOT NULL,
    link    TEXT NOT NULL,
    case_id TEXT NOT NULL,
    PRIMARY KEY (partner, link, case_id)
) STRICT;
