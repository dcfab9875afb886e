-- +goose Up
-- How far a case is erased: its entries before this one can never be read again,
-- because the data key that sealed them was replaced. 0: not at all.
ALTER TABLE cases ADD COLUMN erased_to bigint NOT NULL DEFAULT 0;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.partner <> OLD.partner OR NEW.case_id <> OLD.case_id OR NEW.opened_at <> OLD.opened_at
        OR NEW.wrapped IS NULL OR NEW.erased_to < OLD.erased_to THEN
        RAISE EXCEPTION 'a case keeps its name and its key, and stays erased' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
