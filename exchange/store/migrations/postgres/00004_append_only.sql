-- +goose Up
-- Append-only whatever the statement: what may be changed at all moves on and
-- never back. Each trigger fires always, also where replication's are off.
-- +goose StatementBegin
CREATE FUNCTION refuse_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.size <= OLD.size OR NEW.checkpoint IS NULL THEN
        RAISE EXCEPTION 'the head only moves on' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_witnessed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.origin <> OLD.origin OR NEW.size < OLD.size OR NEW.size = OLD.size AND NEW.root <> OLD.root THEN
        RAISE EXCEPTION 'a witness sees one history' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.partner <> OLD.partner OR NEW.direction <> OLD.direction OR NEW.seq < OLD.seq THEN
        RAISE EXCEPTION 'a lane never goes back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.partner <> OLD.partner OR NEW.case_id <> OLD.case_id OR NEW.opened_at <> OLD.opened_at
        OR OLD.wrapped IS NULL AND NEW.wrapped IS NOT NULL THEN
        RAISE EXCEPTION 'a case keeps its name, and stays erased' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.queue <> OLD.queue OR NEW.kind <> OLD.kind OR NEW.ref <> OLD.ref OR NEW.idx <> OLD.idx
        OR OLD.state = 'done' AND NEW.state <> 'done' THEN
        RAISE EXCEPTION 'what is done stays done' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_draft() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.partner <> OLD.partner OR NEW.case_id <> OLD.case_id OR NEW.version <= OLD.version THEN
        RAISE EXCEPTION 'a draft has a new version each time' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_rename() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION '% keep their names', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER cosignature_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cosignature FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER witnessed_kept BEFORE DELETE OR TRUNCATE ON witnessed FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lane_kept BEFORE DELETE OR TRUNCATE ON lane FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER cases_kept BEFORE DELETE OR TRUNCATE ON cases FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER job_kept BEFORE DELETE OR TRUNCATE ON job FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER draft_kept BEFORE DELETE OR TRUNCATE ON draft FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER officer_kept BEFORE DELETE OR TRUNCATE ON officer FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_head_moves_on BEFORE UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION refuse_head();
CREATE TRIGGER witnessed_moves_on BEFORE UPDATE ON witnessed FOR EACH ROW EXECUTE FUNCTION refuse_witnessed();
CREATE TRIGGER lane_moves_on BEFORE UPDATE ON lane FOR EACH ROW EXECUTE FUNCTION refuse_lane();
CREATE TRIGGER cases_move_on BEFORE UPDATE ON cases FOR EACH ROW EXECUTE FUNCTION refuse_case();
CREATE TRIGGER job_moves_on BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION refuse_job();
CREATE TRIGGER draft_moves_on BEFORE UPDATE ON draft FOR EACH ROW EXECUTE FUNCTION refuse_draft();
CREATE TRIGGER officer_same BEFORE UPDATE ON officer FOR EACH ROW EXECUTE FUNCTION refuse_rename();
ALTER TABLE entry ENABLE ALWAYS TRIGGER entry_append_only;
ALTER TABLE tile ENABLE ALWAYS TRIGGER tile_append_only;
ALTER TABLE checkpoint ENABLE ALWAYS TRIGGER checkpoint_append_only;
ALTER TABLE attempt ENABLE ALWAYS TRIGGER attempt_append_only;
ALTER TABLE cosignature ENABLE ALWAYS TRIGGER cosignature_append_only;
ALTER TABLE log_head ENABLE ALWAYS TRIGGER log_head_kept, ENABLE ALWAYS TRIGGER log_head_grows, ENABLE ALWAYS TRIGGER log_head_moves_on;
ALTER TABLE witnessed ENABLE ALWAYS TRIGGER witnessed_kept, ENABLE ALWAYS TRIGGER witnessed_grows, ENABLE ALWAYS TRIGGER witnessed_moves_on;
ALTER TABLE lane ENABLE ALWAYS TRIGGER lane_kept, ENABLE ALWAYS TRIGGER lane_moves_on;
ALTER TABLE cases ENABLE ALWAYS TRIGGER cases_kept, ENABLE ALWAYS TRIGGER cases_move_on;
ALTER TABLE job ENABLE ALWAYS TRIGGER job_kept, ENABLE ALWAYS TRIGGER job_moves_on;
ALTER TABLE draft ENABLE ALWAYS TRIGGER draft_kept, ENABLE ALWAYS TRIGGER draft_moves_on;
ALTER TABLE officer ENABLE ALWAYS TRIGGER officer_kept, ENABLE ALWAYS TRIGGER officer_same;
