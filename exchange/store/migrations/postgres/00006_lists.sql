-- +goose Up
-- The officers' lists of messages: each lane in the order that they are shown,
-- alone and by type; and what was refused.
-- Their second condition keeps them from being taken for the look for one message
-- (entry_message), which a plan made while the table was empty might do.
CREATE INDEX entry_mail ON entry (partner, direction, at, idx) WHERE kind = 'message' AND type <> '';
CREATE INDEX entry_mail_type ON entry (partner, direction, type, at, idx) WHERE kind = 'message' AND type <> '';
CREATE INDEX entry_refusal ON entry (idx) WHERE kind = 'refusal';

-- Cases by what is due, whoever has to act, and by their names.
CREATE INDEX cases_due ON cases (due_at, partner, case_id);
CREATE INDEX cases_name ON cases (case_id, partner);

-- The views of lists that officers gave a name.
CREATE TABLE saved_view (
    officer text   NOT NULL,
    id      text   NOT NULL,
    content bytea NOT NULL, -- sealed: an officer wrote its name
    PRIMARY KEY (officer, id)
);
