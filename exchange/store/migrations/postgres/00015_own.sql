-- +goose Up
-- An officer's own cases stand in the orders of all cases, so that a page of them is
-- a walk down an index too.
ALTER TABLE case_officer ADD COLUMN due_at bigint NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE case_officer ADD COLUMN moved_at bigint NOT NULL DEFAULT 0;
UPDATE case_officer SET due_at = c.due_at, moved_at = c.moved_at
    FROM cases c WHERE c.partner = case_officer.partner AND c.case_id = case_officer.case_id;
DROP INDEX case_officer_of;
CREATE INDEX case_officer_due ON case_officer (officer, due_at, partner, case_id);
CREATE INDEX case_officer_moved ON case_officer (officer, moved_at, partner, case_id);
