-- +goose Up
-- Who did what, for those who look for a rare thing in a large record: whatever is
-- neither a message nor a receipt, so that no message pays for it.
CREATE INDEX entry_deed ON entry (kind, idx) WHERE kind IN ('access', 'event', 'failure');
CREATE INDEX entry_deed_type ON entry (type, idx) WHERE kind IN ('access', 'event', 'failure');
