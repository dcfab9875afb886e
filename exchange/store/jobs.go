package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

const (
	insertJob     = "INSERT INTO job (queue, kind, ref, idx, first_at, due_at) VALUES ($1, $2, $3, $4, $5, $6)"
	settleJob     = "UPDATE job SET state = $1, due_at = CASE WHEN $1 = 'due' THEN $2 ELSE due_at END, leased_until = 0, attempt = attempt + 1 WHERE id = $3"
	insertAttempt = "INSERT INTO attempt (job_id, number, at, took_ms, outcome, status, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	jobColumns    = "id, queue, kind, ref, idx, attempt, first_at, due_at"
)

func scanJob(s scanner) (exchange.Job, error) {
	var j exchange.Job
	var first, due int64
	err := s.Scan(&j.ID, &j.Queue, &j.Kind, &j.Ref, &j.Index, &j.Attempt, &first, &due)
	j.FirstAt, j.DueAt = fromMillis(first), fromMillis(due)
	return j, err
}

// Claim implements exchange.JobStore. Two workers never get the same job: on
// PostgreSQL a locked row is skipped, SQLite has one writer.
func (db *DB) Claim(ctx context.Context, queue string, now, until time.Time, n int) ([]exchange.Job, error) {
	skip := ""
	if db.kind == PostgreSQL {
		skip = "FOR UPDATE SKIP LOCKED"
	}
	if busy, err := db.anyDue(ctx, queue, now); err != nil || !busy {
		return nil, err
	}
	query := `UPDATE job SET leased_until = $1 WHERE id IN (
		SELECT id FROM job WHERE queue = $2 AND state = 'due' AND due_at <= $3 AND leased_until <= $3
		ORDER BY due_at, id LIMIT $4 ` + skip + `) RETURNING ` + jobColumns
	var out []exchange.Job
	err := each(ctx, db.writes, query, []any{millis(until), queue, millis(now), n}, func(rows *sql.Rows) error {
		j, err := scanJob(rows)
		out = append(out, j)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim jobs: %w", db.classify(err))
	}
	return out, nil
}

// anyDue looks before it leaps: an idle lane must not take SQLite's one
// writer every second.
func (db *DB) anyDue(ctx context.Context, queue string, now time.Time) (bool, error) {
	var one bool
	err := db.reads.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM job WHERE queue = $1 AND state = 'due' AND due_at <= $2 AND leased_until <= $2)", queue, millis(now)).Scan(&one)
	if err != nil {
		return false, fmt.Errorf("look for due jobs: %w", db.classify(err))
	}
	return one, nil
}

// Release implements exchange.JobStore.
func (db *DB) Release(ctx context.Context, id int64) error {
	if _, err := db.writes.ExecContext(ctx, "UPDATE job SET leased_until = 0 WHERE id = $1 AND state = 'due'", id); err != nil {
		return fmt.Errorf("give a job back: %w", db.classify(err))
	}
	return nil
}

// Retry implements exchange.JobStore.
func (db *DB) Retry(ctx context.Context, a exchange.Attempt, due time.Time) error {
	return db.endAttempt(ctx, a, "UPDATE job SET attempt = $1, due_at = $2, leased_until = 0 WHERE id = $3 AND state = 'due'", a.Number, millis(due), a.JobID)
}

// endAttempt records an attempt and what it means for its job.
func (db *DB) endAttempt(ctx context.Context, a exchange.Attempt, update string, args ...any) error {
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("record an attempt: %w", db.classify(err))
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if _, err := tx.ExecContext(ctx, insertAttempt, a.JobID, a.Number, millis(a.At), a.Took.Milliseconds(), a.Outcome, a.Status, a.Detail); err != nil {
		return fmt.Errorf("record an attempt: %w", db.classify(err))
	}
	if _, err := tx.ExecContext(ctx, update, args...); err != nil {
		return fmt.Errorf("record an attempt: %w", db.classify(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("record an attempt: %w", db.classifyCommit(err))
	}
	return nil
}

// Finish implements exchange.JobStore.
func (db *DB) Finish(ctx context.Context, a exchange.Attempt) error {
	return db.endAttempt(ctx, a, "UPDATE job SET state = 'done', attempt = $1, leased_until = 0 WHERE id = $2 AND state = 'due'", a.Number, a.JobID)
}

// Attempts implements exchange.JobStore.
func (db *DB) Attempts(ctx context.Context, partner, id string) ([]exchange.Attempt, error) {
	var out []exchange.Attempt
	err := each(ctx, db.reads, `SELECT a.job_id, a.number, a.at, a.took_ms, a.outcome, a.status, a.detail
		FROM job j JOIN attempt a ON a.job_id = j.id WHERE j.queue = $1 AND j.ref = $2 ORDER BY a.job_id, a.number, a.at`, []any{partner, id},
		func(rows *sql.Rows) error {
			var a exchange.Attempt
			var at, took int64
			err := rows.Scan(&a.JobID, &a.Number, &at, &took, &a.Outcome, &a.Status, &a.Detail)
			a.At, a.Took = fromMillis(at), time.Duration(took)*time.Millisecond
			out = append(out, a)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read attempts: %w", db.classify(err))
	}
	return out, nil
}

// Queue implements exchange.JobStore.
func (db *DB) Queue(ctx context.Context, partner string, state exchange.JobState, n int) ([]exchange.Job, error) {
	var out []exchange.Job
	err := each(ctx, db.reads, "SELECT "+jobColumns+" FROM job WHERE queue = $1 AND state = $2 ORDER BY id LIMIT $3", []any{partner, string(state), n},
		func(rows *sql.Rows) error {
			j, err := scanJob(rows)
			out = append(out, j)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read a queue: %w", db.classify(err))
	}
	return out, nil
}

// Revive implements exchange.JobStore.
func (db *DB) Revive(ctx context.Context, partner, id string, now time.Time) (int, error) {
	res, err := db.writes.ExecContext(ctx, "UPDATE job SET state = 'due', first_at = $1, due_at = $1, leased_until = 0 WHERE queue = $2 AND state = 'dead' AND (ref = $3 OR $3 = '')", millis(now), partner, id)
	if err != nil {
		return 0, fmt.Errorf("revive jobs: %w", db.classify(err))
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("revive jobs: %w", db.classify(err))
	}
	return int(n), nil
}

// Backlog implements exchange.JobStore.
func (db *DB) Backlog(ctx context.Context) (map[string]exchange.Backlog, error) {
	out := map[string]exchange.Backlog{}
	err := each(ctx, db.reads, "SELECT queue, state, count(*) FROM job WHERE state IN ('due', 'dead') GROUP BY queue, state", nil, func(rows *sql.Rows) error {
		var queue string
		var state exchange.JobState
		var n int64
		if err := rows.Scan(&queue, &state, &n); err != nil {
			return err
		}
		b := out[queue]
		if state == exchange.JobDead {
			b.Dead = n
		} else {
			b.Due = n
		}
		out[queue] = b
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count the backlog: %w", db.classify(err))
	}
	return out, nil
}

// recentJobs is how far LastTries looks back, so that a page costs the same
// however long the record is.
const recentJobs = 10000

// LastTries implements exchange.DeliveryReader.
func (db *DB) LastTries(ctx context.Context, partner string) (delivered, failed time.Time, err error) {
	var ok, not sql.NullInt64
	err = db.reads.QueryRowContext(ctx, `SELECT max(CASE WHEN a.outcome = 'delivered' THEN a.at END), max(CASE WHEN a.outcome <> 'delivered' THEN a.at END)
		FROM job j JOIN attempt a ON a.job_id = j.id
		WHERE j.queue = $1 AND j.kind = 'deliver' AND j.id > (SELECT coalesce(max(id), 0) FROM job) - $2`, partner, recentJobs).Scan(&ok, &not)
	if err != nil {
		return time.Time{}, time.Time{}, fmt.Errorf("read the last deliveries: %w", db.classify(err))
	}
	if ok.Valid {
		delivered = fromMillis(ok.Int64)
	}
	if not.Valid {
		failed = fromMillis(not.Int64)
	}
	return delivered, failed, nil
}
