-- +goose Up
-- Exports of more than a case, for those who ask who has looked at one of them.
CREATE INDEX entry_wider ON entry (type, partner, idx) WHERE kind = 'access' AND case_id = '';
-- What an officer has written, by what became of it.
CREATE INDEX draft_author ON draft (author, state, changed_at, id);
