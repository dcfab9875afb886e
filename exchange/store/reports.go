package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

var _ exchange.ReportStore = (*DB)(nil)

const reportColumns = "id, officer, state, at, ends_at, attempt, done, total, wish, file"

func scanReport(s scanner) (exchange.ReportRow, error) {
	var r exchange.ReportRow
	var at, ends int64
	err := s.Scan(&r.ID, &r.Officer, &r.State, &at, &ends, &r.Attempt, &r.Done, &r.Total, &r.Wish, &r.File)
	r.At, r.Ends = fromMillis(at), fromMillis(ends)
	return r, err
}

// PutReport implements exchange.ReportStore.
func (db *DB) PutReport(ctx context.Context, r exchange.ReportRow) error {
	_, err := db.writes.ExecContext(ctx, "INSERT INTO report (id, officer, state, at, ends_at, wish) VALUES ($1, $2, $3, $4, $5, $6)",
		r.ID, r.Officer, string(r.State), millis(r.At), millis(r.Ends), r.Wish)
	if err != nil {
		return fmt.Errorf("store a report: %w", db.classify(err))
	}
	return nil
}

// Report implements exchange.ReportStore.
func (db *DB) Report(ctx context.Context, id string) (exchange.ReportRow, error) {
	r, err := scanReport(db.reads.QueryRowContext(ctx, "SELECT "+reportColumns+" FROM report WHERE id = $1", id))
	if err != nil {
		return exchange.ReportRow{}, fmt.Errorf("read a report: %w", db.classify(err))
	}
	return r, nil
}

// Reports implements exchange.ReportStore.
func (db *DB) Reports(ctx context.Context, officer string, n int) ([]exchange.ReportRow, error) {
	var out []exchange.ReportRow
	err := each(ctx, db.reads, "SELECT "+reportColumns+" FROM report WHERE officer = $1 ORDER BY at DESC, id DESC LIMIT $2", []any{officer, n}, func(rows *sql.Rows) error {
		r, err := scanReport(rows)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list reports: %w", db.classify(err))
	}
	return out, nil
}

// ClaimReport implements exchange.ReportStore. It looks before it leaps, like
// Claim; on PostgreSQL a row that another process claims is skipped.
func (db *DB) ClaimReport(ctx context.Context, now, until time.Time) (exchange.ReportRow, error) {
	const due = "FROM report WHERE state = 'due' AND leased_until <= $1"
	var any bool
	if err := db.reads.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 "+due+")", millis(now)).Scan(&any); err != nil {
		return exchange.ReportRow{}, fmt.Errorf("look for due reports: %w", db.classify(err))
	}
	if !any {
		return exchange.ReportRow{}, fmt.Errorf("claim a report: %w", exchange.ErrNotFound)
	}
	skip := ""
	if db.kind == PostgreSQL {
		skip = " FOR UPDATE SKIP LOCKED"
	}
	r, err := scanReport(db.writes.QueryRowContext(ctx, "UPDATE report SET leased_until = $2, attempt = attempt + 1, done = 0, total = 0 WHERE id = (SELECT id "+due+
		" ORDER BY at, id LIMIT 1"+skip+") RETURNING "+reportColumns, millis(now), millis(until)))
	if err != nil {
		return exchange.ReportRow{}, fmt.Errorf("claim a report: %w", db.classify(err))
	}
	return r, nil
}

// Progress implements exchange.ReportStore.
func (db *DB) Progress(ctx context.Context, id string, attempt int, done, total int64, until time.Time) error {
	return db.attempted(ctx, "note a report's progress", "UPDATE report SET done = $1, total = $2, leased_until = $3 WHERE id = $4 AND attempt = $5 AND state = 'due'",
		done, total, millis(until), id, attempt)
}

// FinishReport implements exchange.ReportStore.
func (db *DB) FinishReport(ctx context.Context, id string, attempt int, state exchange.ReportState, file []byte) error {
	return db.attempted(ctx, "end a report", "UPDATE report SET state = $1, file = $2, leased_until = 0 WHERE id = $3 AND attempt = $4 AND state = 'due'", string(state), file, id, attempt)
}

// attempted changes a report while an attempt at it goes on.
func (db *DB) attempted(ctx context.Context, what, query string, args ...any) error {
	res, err := db.writes.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", what, db.classify(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("%s: %w", what, errors.Join(exchange.ErrConflict, err))
	}
	return nil
}

// PutPart implements exchange.ReportStore.
func (db *DB) PutPart(ctx context.Context, id string, attempt, n int, content []byte) error {
	if _, err := db.writes.ExecContext(ctx, "INSERT INTO report_part (report, attempt, n, content) VALUES ($1, $2, $3, $4)", id, attempt, n, content); err != nil {
		return fmt.Errorf("store a part of a report: %w", db.classify(err))
	}
	return nil
}

// Part implements exchange.ReportStore.
func (db *DB) Part(ctx context.Context, id string, attempt, n int) ([]byte, error) {
	var content []byte
	if err := db.reads.QueryRowContext(ctx, "SELECT content FROM report_part WHERE report = $1 AND attempt = $2 AND n = $3", id, attempt, n).Scan(&content); err != nil {
		return nil, fmt.Errorf("read a part of a report: %w", db.classify(err))
	}
	return content, nil
}

// dropLoose takes away when a case is erased, in the same transaction, what may hold
// any case: every report, which is asked for again, and what officers have left of
// forms after their sessions.
var dropLoose = []string{"DELETE FROM report_part", "DELETE FROM report", "DELETE FROM form WHERE type = '" + exchange.LeftForm + "'"}

// DropReports implements exchange.ReportStore: what has ended, and the parts
// that an interrupted attempt has left.
func (db *DB) DropReports(ctx context.Context, now time.Time) (int, error) {
	var any bool
	if err := db.reads.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM report WHERE ends_at <= $1)", millis(now)).Scan(&any); err != nil || !any {
		return 0, db.classify(err)
	}
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("take ended reports away: %w", db.classify(err))
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	_, err = tx.ExecContext(ctx, "DELETE FROM report_part WHERE report IN (SELECT id FROM report WHERE ends_at <= $1)", millis(now))
	var res sql.Result
	if err == nil {
		res, err = tx.ExecContext(ctx, "DELETE FROM report WHERE ends_at <= $1", millis(now))
	}
	if err != nil {
		return 0, fmt.Errorf("take ended reports away: %w", db.classify(err))
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("take ended reports away: %w", db.classifyCommit(err))
	}
	n, err := res.RowsAffected()
	return int(n), err
}
