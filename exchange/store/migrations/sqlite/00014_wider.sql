-- +goose Up
-- Exports of more than a case, for those who ask who has looked at one of them.
CREATE INDEX entry_wider ON entry (type, partner, idx) WHERE kind = 'access' AND case_id = '';
