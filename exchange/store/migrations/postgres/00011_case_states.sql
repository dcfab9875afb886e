-- +goose Up
-- Cases in a state that few are in, among however many.
CREATE INDEX cases_state ON cases (state, moved_at, partner, case_id);
