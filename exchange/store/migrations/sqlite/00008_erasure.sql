-- +goose Up
-- How far a case is erased: its entries before this one can never be read again,
-- because the data key that sealed them was replaced. 0: not at all.
ALTER TABLE cases ADD COLUMN erased_to INTEGER NOT NULL DEFAULT 0;
DROP TRIGGER cases_move_on;
CREATE TRIGGER cases_move_on BEFORE UPDATE ON cases
    WHEN NEW.rowid <> OLD.rowid OR NEW.partner <> OLD.partner OR NEW.case_id <> OLD.case_id OR NEW.opened_at <> OLD.opened_at
      OR NEW.wrapped IS NULL OR NEW.erased_to < OLD.erased_to
    BEGIN SELECT RAISE(ABORT, 'a case keeps its name and its key, and stays erased'); END;
