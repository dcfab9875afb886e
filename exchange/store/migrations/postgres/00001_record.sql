-- +goose Up
-- Times are Unix milliseconds in UTC: one SQL text serves both stores.
CREATE TABLE log_head (
    id         smallint PRIMARY KEY CHECK (id = 1),
    size       bigint NOT NULL,
    checkpoint bytea
);
INSERT INTO log_head (id, size) VALUES (1, 0);

CREATE TABLE entry (
    idx         bigint PRIMARY KEY,
    kind        text   NOT NULL,
    partner     text   NOT NULL,
    direction   text   NOT NULL,
    seq         bigint NOT NULL,
    id          text   NOT NULL,
    type        text   NOT NULL,
    case_id     text   NOT NULL,
    in_reply_to text   NOT NULL,
    at          bigint NOT NULL,
    leaf        bytea  NOT NULL,
    leaf_hash   bytea  NOT NULL,
    data        bytea  NOT NULL,
    salt        bytea  NOT NULL,
    receipt     bytea
);
-- Ciphertext does not compress: do not let PostgreSQL try.
ALTER TABLE entry ALTER COLUMN data SET STORAGE EXTERNAL, ALTER COLUMN receipt SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX entry_message ON entry (partner, direction, id) WHERE kind = 'message';
CREATE INDEX entry_case ON entry (partner, case_id, idx);
CREATE INDEX entry_reply ON entry (partner, in_reply_to) WHERE in_reply_to <> '';

CREATE TABLE tile (
    level  smallint NOT NULL,
    n      bigint   NOT NULL,
    hashes bytea    NOT NULL,
    root   bytea    NOT NULL,
    PRIMARY KEY (level, n)
);

CREATE TABLE checkpoint (
    size bigint PRIMARY KEY,
    note bytea  NOT NULL,
    at   bigint NOT NULL
);

CREATE TABLE cases (
    partner   text   NOT NULL,
    case_id   text   NOT NULL,
    state     text   NOT NULL,
    opened_at bigint NOT NULL,
    moved_at  bigint NOT NULL,
    kek_id    text   NOT NULL,
    wrapped   bytea, -- NULL: the data key was destroyed, the case is erased
    PRIMARY KEY (partner, case_id)
);

CREATE TABLE lane (
    partner   text   NOT NULL,
    direction text   NOT NULL,
    seq       bigint NOT NULL,
    PRIMARY KEY (partner, direction)
);

CREATE TABLE job (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue        text   NOT NULL,
    kind         text   NOT NULL,
    ref          text   NOT NULL,
    idx          bigint NOT NULL,
    state        text   NOT NULL DEFAULT 'due',
    attempt      integer NOT NULL DEFAULT 0,
    first_at     bigint NOT NULL,
    due_at       bigint NOT NULL,
    leased_until bigint NOT NULL DEFAULT 0
);
CREATE INDEX job_due ON job (queue, due_at, id) WHERE state = 'due';
CREATE INDEX job_dead ON job (queue, id) WHERE state = 'dead';
CREATE INDEX job_ref ON job (queue, ref);

CREATE TABLE attempt (
    job_id  bigint  NOT NULL,
    number  integer NOT NULL,
    at      bigint  NOT NULL,
    took_ms bigint  NOT NULL,
    outcome text    NOT NULL,
    status  integer NOT NULL,
    detail  text    NOT NULL
);
CREATE INDEX attempt_job ON attempt (job_id, number);

-- What other logs showed us and we countersigned, and what witnesses put on ours.
CREATE TABLE witnessed (
    origin     text   PRIMARY KEY,
    size       bigint NOT NULL,
    root       bytea  NOT NULL,
    checkpoint bytea  NOT NULL
);
CREATE TABLE cosignature (
    size    bigint NOT NULL,
    witness text   NOT NULL,
    line    bytea  NOT NULL,
    PRIMARY KEY (size, witness)
);

-- Append-only, whoever holds the connection.
-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_shrink() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size THEN
        RAISE EXCEPTION 'the log never shrinks' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tile_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tile FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempt FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_head_kept BEFORE DELETE OR TRUNCATE ON log_head FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_head_grows BEFORE UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION refuse_shrink();
CREATE TRIGGER witnessed_grows BEFORE UPDATE ON witnessed FOR EACH ROW EXECUTE FUNCTION refuse_shrink();
