-- +goose Up
-- What officers have begun to write and not sent, the newest state of each.
CREATE TABLE form (
    officer    TEXT    NOT NULL,
    id         TEXT    NOT NULL, -- the jti of what it will become
    partner    TEXT    NOT NULL,
    case_id    TEXT    NOT NULL, -- '' until there is one
    type       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    content    BLOB    NOT NULL, -- sealed under the key of its case
    PRIMARY KEY (officer, id)
) STRICT;
CREATE INDEX form_id ON form (id);
CREATE INDEX form_changed ON form (changed_at);
