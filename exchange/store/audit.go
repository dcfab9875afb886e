package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Snapshot implements exchange.AuditStore: one transaction that only reads.
func (db *DB) Snapshot(ctx context.Context, fn func(exchange.AuditStore) error) error {
	options := &sql.TxOptions{ReadOnly: true}
	if db.kind == PostgreSQL {
		options.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.pooled.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("begin to read: %w", db.classify(err))
	}
	defer func() { _ = tx.Rollback() }() // it has read only
	return fn(&DB{kind: db.kind, log: db.log, reads: tx, pooled: db.pooled})
}

// CaseKeys implements exchange.AuditStore.
func (db *DB) CaseKeys(ctx context.Context, after *exchange.CaseKey, n int) ([]exchange.CaseKey, error) {
	where, args := "", []any{}
	if after != nil {
		where, args = " WHERE (partner, case_id) > ($1, $2)", []any{after.Partner, after.Case}
	}
	query := fmt.Sprintf("SELECT partner, case_id FROM entry%s GROUP BY partner, case_id ORDER BY partner, case_id LIMIT %d", where, n)
	return db.keys(ctx, query, args...)
}

func (db *DB) keys(ctx context.Context, query string, args ...any) ([]exchange.CaseKey, error) {
	var out []exchange.CaseKey
	err := each(ctx, db.reads, query, args, func(rows *sql.Rows) error {
		var k exchange.CaseKey
		err := rows.Scan(&k.Partner, &k.Case)
		out = append(out, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find cases: %w", db.classify(err))
	}
	return out, nil
}

// CaseEntries implements exchange.AuditStore.
func (db *DB) CaseEntries(ctx context.Context, key exchange.CaseKey, fn func(exchange.Row) error) error {
	query := fmt.Sprintf("SELECT %s FROM entry WHERE partner = $1 AND case_id = $2 AND idx >= $3 ORDER BY idx LIMIT %d", rowColumns, page)
	for next := int64(0); ; {
		rows, err := db.page(ctx, query, key.Partner, key.Case, next)
		if err != nil {
			return fmt.Errorf("read the entries of a case: %w", db.classify(err))
		}
		for _, row := range rows {
			if err := fn(row); err != nil {
				return err
			}
			next = row.Index + 1
		}
		if len(rows) < page {
			return nil
		}
	}
}

// Lanes implements exchange.AuditStore.
func (db *DB) Lanes(ctx context.Context) (map[exchange.Lane]int64, error) {
	out := map[exchange.Lane]int64{}
	err := each(ctx, db.reads, "SELECT partner, direction, seq FROM lane", nil, func(rows *sql.Rows) error {
		var lane exchange.Lane
		var seq int64
		err := rows.Scan(&lane.Partner, &lane.Direction, &seq)
		out[lane] = seq
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the lanes: %w", db.classify(err))
	}
	return out, nil
}

// JobsOf implements exchange.AuditStore.
func (db *DB) JobsOf(ctx context.Context, partner, id string) ([]exchange.JobStanding, error) {
	var out []exchange.JobStanding
	err := each(ctx, db.reads, "SELECT "+jobColumns+", state FROM job WHERE queue = $1 AND ref = $2 ORDER BY id", []any{partner, id}, func(rows *sql.Rows) error {
		var s exchange.JobStanding
		var first, due int64
		err := rows.Scan(&s.ID, &s.Queue, &s.Kind, &s.Ref, &s.Index, &s.Attempt, &first, &due, &s.State)
		s.FirstAt, s.DueAt = fromMillis(first), fromMillis(due)
		out = append(out, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the jobs of a message: %w", db.classify(err))
	}
	return out, nil
}

// maxStrays bounds what is told of rows that belong to nothing.
const maxStrays = 100

// Strays implements exchange.AuditStore.
func (db *DB) Strays(ctx context.Context) (cases []exchange.CaseKey, jobs []exchange.Job, err error) {
	cases, err = db.keys(ctx, fmt.Sprintf(`SELECT c.partner, c.case_id FROM cases c
		WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.partner = c.partner AND e.case_id = c.case_id) ORDER BY c.partner, c.case_id LIMIT %d`, maxStrays))
	if err != nil {
		return nil, nil, err
	}
	err = each(ctx, db.reads, fmt.Sprintf(`SELECT `+jobColumns+` FROM job j WHERE NOT EXISTS (SELECT 1 FROM entry e WHERE e.idx = j.idx AND e.kind = 'message' AND e.id = j.ref
		AND (j.kind <> 'deliver' OR e.direction = 'out' AND e.partner = j.queue)) ORDER BY id LIMIT %d`, maxStrays), nil, func(rows *sql.Rows) error {
		j, err := scanJob(rows)
		jobs = append(jobs, j)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("find jobs: %w", db.classify(err))
	}
	return cases, jobs, nil
}

// Witnessed implements exchange.AuditStore.
func (db *DB) Witnessed(ctx context.Context, fn func(origin string, size int64, root, note []byte) error) error {
	err := each(ctx, db.reads, "SELECT origin, size, root, checkpoint FROM witnessed ORDER BY origin", nil, func(rows *sql.Rows) error {
		var origin string
		var size int64
		var root, note []byte
		if err := rows.Scan(&origin, &size, &root, &note); err != nil {
			return err
		}
		return fn(origin, size, root, note)
	})
	if err != nil {
		return fmt.Errorf("read what was countersigned: %w", db.classify(err))
	}
	return nil
}

// Cosigned implements exchange.AuditStore.
func (db *DB) Cosigned(ctx context.Context) ([]exchange.Cosigned, error) {
	out := []exchange.Cosigned{}
	err := each(ctx, db.reads, "SELECT witness, count(*), max(size) FROM cosignature GROUP BY witness ORDER BY witness", nil, func(rows *sql.Rows) error {
		var c exchange.Cosigned
		err := rows.Scan(&c.Witness, &c.Checkpoints, &c.Size)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read cosignatures: %w", db.classify(err))
	}
	return out, nil
}

var aTrigger = regexp.MustCompile(`(?m)^CREATE TRIGGER ([a-z_]+)`)

// Guards implements exchange.AuditStore: the triggers that this program's
// migrations make, and that are not there or are switched off.
func (db *DB) Guards(ctx context.Context) ([]string, error) {
	query := "SELECT name FROM sqlite_master WHERE type = 'trigger'"
	if db.kind == PostgreSQL {
		query = `SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
			WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND c.relnamespace = current_schema()::regnamespace`
	}
	there := map[string]bool{}
	err := each(ctx, db.reads, query, nil, func(rows *sql.Rows) error {
		var name string
		err := rows.Scan(&name)
		there[name] = true
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for the triggers: %w", db.classify(err))
	}
	var missing []string
	err = fs.WalkDir(migrations, "migrations/"+db.kind, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := migrations.ReadFile(path)
		for _, found := range aTrigger.FindAllStringSubmatch(string(text), -1) {
			if !there[found[1]] {
				missing = append(missing, found[1])
			}
		}
		return err
	})
	slices.Sort(missing)
	return missing, err
}

// Unbooked implements exchange.RebookStore.
func (db *DB) Unbooked(ctx context.Context, n int) ([]exchange.CaseKey, error) {
	return db.keys(ctx, fmt.Sprintf("SELECT partner, case_id FROM cases WHERE book IS NULL ORDER BY partner, case_id LIMIT %d", n))
}

// Rebook implements exchange.RebookStore.
func (db *DB) Rebook(ctx context.Context, cases []exchange.Rebooked) (int, error) {
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("keep books: %w", db.classify(err))
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	done := 0
	for _, c := range cases {
		res, err := tx.ExecContext(ctx, "UPDATE cases SET kind = $1, state = $2, turn = $3, due_at = $4, moved_at = $5, book = $6 WHERE partner = $7 AND case_id = $8 AND book IS NULL",
			string(c.Kind), string(c.State), string(c.Turn), dueMillis(c.DueAt), millis(c.MovedAt), c.Book, c.Partner, c.Case)
		if err != nil {
			return 0, fmt.Errorf("keep the book of a case: %w", db.classify(err))
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			continue // another process was faster
		}
		if _, err := tx.ExecContext(ctx, "UPDATE case_officer SET due_at = $1, moved_at = $2 WHERE partner = $3 AND case_id = $4", dueMillis(c.DueAt), millis(c.MovedAt), c.Partner, c.Case); err != nil {
			return 0, fmt.Errorf("place a case in the lists of its officers: %w", db.classify(err))
		}
		done++
		for _, j := range c.Jobs {
			if _, err := tx.ExecContext(ctx, insertJob, j.Queue, j.Kind, j.Ref, j.Index, millis(j.FirstAt), millis(j.DueAt)); err != nil {
				return 0, fmt.Errorf("start the clocks of a case: %w", db.classify(err))
			}
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("keep books: %w", db.classifyCommit(err))
	}
	return done, nil
}
