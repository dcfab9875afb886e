-- +goose Up
-- Reports while they are made and until they end: all that they say is sealed.
CREATE TABLE report (
    id           TEXT    PRIMARY KEY,
    officer      TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0,
    attempt      INTEGER NOT NULL DEFAULT 0,
    done         INTEGER NOT NULL DEFAULT 0,
    total        INTEGER NOT NULL DEFAULT 0,
    wish         BLOB    NOT NULL,
    file         BLOB
) STRICT;
CREATE INDEX report_officer ON report (officer, at, id);
CREATE INDEX report_due ON report (at, id) WHERE state = 'due';
CREATE INDEX report_ends ON report (ends_at);
CREATE TABLE report_part (
    report  TEXT    NOT NULL,
    attempt INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    content BLOB    NOT NULL,
    PRIMARY KEY (report, attempt, n)
) STRICT;
