-- +goose Up
-- Append-only whatever the statement. REPLACE takes away the row that it meets
-- without asking the DELETE triggers, and meets it by any key: also by the
-- rowid, which every table has. So a row that is there is met here first.
-- +goose StatementBegin
CREATE TRIGGER entry_no_replace BEFORE INSERT ON entry
    WHEN EXISTS (SELECT 1 FROM entry WHERE idx = NEW.idx)
      OR NEW.kind = 'message' AND EXISTS (SELECT 1 FROM entry WHERE kind = 'message' AND partner = NEW.partner AND direction = NEW.direction AND id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'entry is append-only'); END;
CREATE TRIGGER tile_no_replace BEFORE INSERT ON tile
    WHEN EXISTS (SELECT 1 FROM tile WHERE rowid = NEW.rowid OR level = NEW.level AND n = NEW.n)
    BEGIN SELECT RAISE(ABORT, 'tile is append-only'); END;
CREATE TRIGGER checkpoint_no_replace BEFORE INSERT ON checkpoint
    WHEN EXISTS (SELECT 1 FROM checkpoint WHERE size = NEW.size)
    BEGIN SELECT RAISE(ABORT, 'checkpoint is append-only'); END;
CREATE TRIGGER attempt_no_replace BEFORE INSERT ON attempt
    WHEN EXISTS (SELECT 1 FROM attempt WHERE rowid = NEW.rowid)
    BEGIN SELECT RAISE(ABORT, 'attempt is append-only'); END;
CREATE TRIGGER cosignature_no_update BEFORE UPDATE ON cosignature BEGIN SELECT RAISE(ABORT, 'cosignature is append-only'); END;
CREATE TRIGGER cosignature_no_delete BEFORE DELETE ON cosignature BEGIN SELECT RAISE(ABORT, 'cosignature is append-only'); END;
CREATE TRIGGER cosignature_no_replace BEFORE INSERT ON cosignature
    WHEN EXISTS (SELECT 1 FROM cosignature WHERE rowid = NEW.rowid OR size = NEW.size AND witness = NEW.witness)
    BEGIN SELECT RAISE(ABORT, 'cosignature is append-only'); END;

CREATE TRIGGER log_head_no_replace BEFORE INSERT ON log_head BEGIN SELECT RAISE(ABORT, 'there is one head'); END;
CREATE TRIGGER log_head_moves_on BEFORE UPDATE ON log_head
    WHEN NEW.id <> OLD.id OR NEW.size <= OLD.size OR NEW.checkpoint IS NULL
    BEGIN SELECT RAISE(ABORT, 'the head only moves on'); END;

CREATE TRIGGER witnessed_kept BEFORE DELETE ON witnessed BEGIN SELECT RAISE(ABORT, 'a witness forgets nothing'); END;
CREATE TRIGGER witnessed_no_replace BEFORE INSERT ON witnessed
    WHEN EXISTS (SELECT 1 FROM witnessed WHERE rowid = NEW.rowid OR origin = NEW.origin)
    BEGIN SELECT RAISE(ABORT, 'a witness forgets nothing'); END;
CREATE TRIGGER witnessed_moves_on BEFORE UPDATE ON witnessed
    WHEN NEW.rowid <> OLD.rowid OR NEW.origin <> OLD.origin OR NEW.size = OLD.size AND NEW.root <> OLD.root
    BEGIN SELECT RAISE(ABORT, 'a witness sees one history'); END;

CREATE TRIGGER lane_kept BEFORE DELETE ON lane BEGIN SELECT RAISE(ABORT, 'a lane is kept'); END;
CREATE TRIGGER lane_no_replace BEFORE INSERT ON lane
    WHEN EXISTS (SELECT 1 FROM lane WHERE rowid = NEW.rowid OR partner = NEW.partner AND direction = NEW.direction)
    BEGIN SELECT RAISE(ABORT, 'a lane is kept'); END;
CREATE TRIGGER lane_moves_on BEFORE UPDATE ON lane
    WHEN NEW.rowid <> OLD.rowid OR NEW.partner <> OLD.partner OR NEW.direction <> OLD.direction OR NEW.seq < OLD.seq
    BEGIN SELECT RAISE(ABORT, 'a lane never goes back'); END;

CREATE TRIGGER cases_kept BEFORE DELETE ON cases BEGIN SELECT RAISE(ABORT, 'a case is kept'); END;
CREATE TRIGGER cases_no_replace BEFORE INSERT ON cases
    WHEN EXISTS (SELECT 1 FROM cases WHERE rowid = NEW.rowid OR partner = NEW.partner AND case_id = NEW.case_id)
    BEGIN SELECT RAISE(ABORT, 'a case is kept'); END;
CREATE TRIGGER cases_move_on BEFORE UPDATE ON cases
    WHEN NEW.rowid <> OLD.rowid OR NEW.partner <> OLD.partner OR NEW.case_id <> OLD.case_id OR NEW.opened_at <> OLD.opened_at
      OR OLD.wrapped IS NULL AND NEW.wrapped IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a case keeps its name, and stays erased'); END;

CREATE TRIGGER job_kept BEFORE DELETE ON job BEGIN SELECT RAISE(ABORT, 'a job is kept'); END;
CREATE TRIGGER job_no_replace BEFORE INSERT ON job
    WHEN EXISTS (SELECT 1 FROM job WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a job is kept'); END;
CREATE TRIGGER job_moves_on BEFORE UPDATE ON job
    WHEN NEW.id <> OLD.id OR NEW.queue <> OLD.queue OR NEW.kind <> OLD.kind OR NEW.ref <> OLD.ref OR NEW.idx <> OLD.idx
      OR OLD.state = 'done' AND NEW.state <> 'done'
    BEGIN SELECT RAISE(ABORT, 'what is done stays done'); END;

CREATE TRIGGER draft_kept BEFORE DELETE ON draft BEGIN SELECT RAISE(ABORT, 'a draft is kept'); END;
CREATE TRIGGER draft_no_replace BEFORE INSERT ON draft
    WHEN EXISTS (SELECT 1 FROM draft WHERE rowid = NEW.rowid OR id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a draft is kept'); END;
CREATE TRIGGER draft_moves_on BEFORE UPDATE ON draft
    WHEN NEW.rowid <> OLD.rowid OR NEW.id <> OLD.id OR NEW.partner <> OLD.partner OR NEW.case_id <> OLD.case_id OR NEW.version <= OLD.version
    BEGIN SELECT RAISE(ABORT, 'a draft has a new version each time'); END;

CREATE TRIGGER officer_kept BEFORE DELETE ON officer BEGIN SELECT RAISE(ABORT, 'an officer is kept'); END;
CREATE TRIGGER officer_no_replace BEFORE INSERT ON officer
    WHEN EXISTS (SELECT 1 FROM officer WHERE rowid = NEW.rowid AND id <> NEW.id)
    BEGIN SELECT RAISE(ABORT, 'an officer is kept'); END;
CREATE TRIGGER officer_same BEFORE UPDATE ON officer
    WHEN NEW.rowid <> OLD.rowid OR NEW.id <> OLD.id
    BEGIN SELECT RAISE(ABORT, 'an officer is kept'); END;
-- +goose StatementEnd
