-- +goose Up
-- Officers who are signed in to the console.
CREATE TABLE session (
    hash    text   PRIMARY KEY, -- of the identifier that only the browser has
    officer text   NOT NULL,
    seen_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    content bytea  NOT NULL -- sealed, so that nobody signs in by an INSERT
);
CREATE INDEX session_officer ON session (officer);
CREATE INDEX session_ends ON session (ends_at);
