-- +goose Up
-- Whoever writes in a case is told who else does; nobody looks for a form by its
-- identifier alone.
DROP INDEX form_id;
CREATE INDEX form_case ON form (partner, case_id);
