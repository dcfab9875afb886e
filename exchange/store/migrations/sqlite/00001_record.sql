-- +goose Up
-- Times are Unix milliseconds in UTC: one SQL text serves both stores.
CREATE TABLE log_head (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    size       INTEGER NOT NULL,
    checkpoint BLOB
) STRICT;
INSERT INTO log_head (id, size) VALUES (1, 0);

CREATE TABLE entry (
    idx         INTEGER PRIMARY KEY,
    kind        TEXT    NOT NULL,
    partner     TEXT    NOT NULL,
    direction   TEXT    NOT NULL,
    seq         INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    case_id     TEXT    NOT NULL,
    in_reply_to TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    leaf        BLOB    NOT NULL,
    leaf_hash   BLOB    NOT NULL,
    data        BLOB    NOT NULL,
    salt        BLOB    NOT NULL,
    receipt     BLOB
) STRICT;
CREATE UNIQUE INDEX entry_message ON entry (partner, direction, id) WHERE kind = 'message';
CREATE INDEX entry_case ON entry (partner, case_id, idx);
CREATE INDEX entry_reply ON entry (partner, in_reply_to) WHERE in_reply_to <> '';

CREATE TABLE tile (
    level  INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    hashes BLOB    NOT NULL,
    root   BLOB    NOT NULL,
    PRIMARY KEY (level, n)
) STRICT;

CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    note BLOB    NOT NULL,
    at   INTEGER NOT NULL
) STRICT;

CREATE TABLE cases (
    partner   TEXT    NOT NULL,
    case_id   TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    opened_at INTEGER NOT NULL,
    moved_at  INTEGER NOT NULL,
    kek_id    TEXT    NOT NULL,
    wrapped   BLOB, -- NULL: the data key was destroyed, the case is erased
    PRIMARY KEY (partner, case_id)
) STRICT;

CREATE TABLE lane (
    partner   TEXT    NOT NULL,
    direction TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    PRIMARY KEY (partner, direction)
) STRICT;

CREATE TABLE job (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    queue        TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    ref          TEXT    NOT NULL,
    idx          INTEGER NOT NULL,
    state        TEXT    NOT NULL DEFAULT 'due',
    attempt      INTEGER NOT NULL DEFAULT 0,
    first_at     INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    leased_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX job_due ON job (queue, due_at, id) WHERE state = 'due';
CREATE INDEX job_dead ON job (queue, id) WHERE state = 'dead';
CREATE INDEX job_ref ON job (queue, ref);

CREATE TABLE attempt (
    job_id  INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    status  INTEGER NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;
CREATE INDEX attempt_job ON attempt (job_id, number);

-- What other logs showed us and we countersigned, and what witnesses put on ours.
CREATE TABLE witnessed (
    origin     TEXT    PRIMARY KEY,
    size       INTEGER NOT NULL,
    root       BLOB    NOT NULL,
    checkpoint BLOB    NOT NULL
) STRICT;
CREATE TABLE cosignature (
    size    INTEGER NOT NULL,
    witness TEXT    NOT NULL,
    line    BLOB    NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT;

-- Append-only, whoever holds the file open through SQL.
-- +goose StatementBegin
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER tile_no_update BEFORE UPDATE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END;
CREATE TRIGGER tile_no_delete BEFORE DELETE ON tile BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END;
CREATE TRIGGER attempt_no_update BEFORE UPDATE ON attempt BEGIN SELECT RAISE(ABORT, 'attempt is append-only'); END;
CREATE TRIGGER attempt_no_delete BEFORE DELETE ON attempt BEGIN SELECT RAISE(ABORT, 'attempt is append-only'); END;
CREATE TRIGGER log_head_kept BEFORE DELETE ON log_head BEGIN SELECT RAISE(ABORT, 'log_head is kept'); END;
CREATE TRIGGER log_head_grows BEFORE UPDATE ON log_head WHEN NEW.size < OLD.size BEGIN SELECT RAISE(ABORT, 'the log never shrinks'); END;
CREATE TRIGGER witnessed_grows BEFORE UPDATE ON witnessed WHEN NEW.size < OLD.size BEGIN SELECT RAISE(ABORT, 'a witness never goes back'); END;
-- +goose StatementEnd
