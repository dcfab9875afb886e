-- +goose Up
-- Officers who are signed in to the console.
CREATE TABLE session (
    hash    TEXT    PRIMARY KEY, -- of the identifier that only the browser has
    officer TEXT    NOT NULL,
    seen_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    content BLOB    NOT NULL -- sealed, so that nobody signs in by an INSERT
) STRICT;
CREATE INDEX session_officer ON session (officer);
CREATE INDEX session_ends ON session (ends_at);
