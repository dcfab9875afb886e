-- +goose Up
-- Reports while they are made and until they end: all that they say is sealed.
CREATE TABLE report (
    id           text   PRIMARY KEY,
    officer      text   NOT NULL,
    state        text   NOT NULL,
    at           bigint NOT NULL,
    ends_at      bigint NOT NULL,
    leased_until bigint NOT NULL DEFAULT 0,
    attempt      bigint NOT NULL DEFAULT 0,
    done         bigint NOT NULL DEFAULT 0,
    total        bigint NOT NULL DEFAULT 0,
    wish         bytea    NOT NULL,
    file         bytea
);
CREATE INDEX report_officer ON report (officer, at, id);
CREATE INDEX report_due ON report (at, id) WHERE state = 'due';
CREATE INDEX report_ends ON report (ends_at);
CREATE TABLE report_part (
    report  text   NOT NULL,
    attempt bigint NOT NULL,
    n       bigint NOT NULL,
    content bytea    NOT NULL,
    PRIMARY KEY (report, attempt, n)
);
