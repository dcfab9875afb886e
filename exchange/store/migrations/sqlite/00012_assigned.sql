-- +goose Up
-- Which officers have a case, for lists; a case without a row is every officer's of
-- its partner. The record and the case's book say it too, and they decide.
CREATE TABLE case_officer (
    partner TEXT NOT NULL,
    case_id TEXT NOT NULL,
    officer TEXT NOT NULL,
    PRIMARY KEY (partner, case_id, officer)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_officer_of ON case_officer (officer, partner, case_id);

-- Where the record says who has a case.
CREATE INDEX entry_assigned ON entry (partner, case_id, idx) WHERE type = 'case_assigned';
