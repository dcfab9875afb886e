-- +goose Up
-- What officers have begun to write and not sent, the newest state of each.
CREATE TABLE form (
    officer    text   NOT NULL,
    id         text   NOT NULL, -- the jti of what it will become
    partner    text   NOT NULL,
    case_id    text   NOT NULL, -- '' until there is one
    type       text   NOT NULL,
    version    bigint NOT NULL,
    changed_at bigint NOT NULL,
    content    bytea  NOT NULL, -- sealed under the key of its case
    PRIMARY KEY (officer, id)
);
CREATE INDEX form_id ON form (id);
CREATE INDEX form_changed ON form (changed_at);
