package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Commit implements exchange.BatchStore.
func (db *DB) Commit(ctx context.Context, lookup exchange.Lookup, build func(context.Context, exchange.View) (exchange.Writes, error)) error {
	if db.kind == PostgreSQL {
		return db.commitPostgres(ctx, lookup, build)
	}
	return db.commitSQLite(ctx, lookup, build)
}

// sqliteStatements are prepared once for the one writing connection.
type sqliteStatements struct {
	once                                        sync.Once
	err                                         error
	message, oneCase, job, entry, putCase, lane *sql.Stmt
}

func (db *DB) prepareSQLite(ctx context.Context) error {
	s := &db.stmts
	s.once.Do(func() {
		for _, p := range []struct {
			into  **sql.Stmt
			query string
		}{
			{&s.message, "SELECT " + rowColumns + " FROM entry WHERE kind = 'message' AND partner = $1 AND direction = $2 AND id = $3"},
			{&s.oneCase, "SELECT " + caseColumns + " FROM cases WHERE partner = $1 AND case_id = $2"},
			{&s.job, "SELECT 1 FROM job WHERE id = $1 AND state = 'due'"},
			{&s.entry, "INSERT INTO entry (" + rowColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"},
			{&s.putCase, "INSERT INTO cases (" + caseColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (partner, case_id) DO UPDATE SET " + movedColumns},
			{&s.lane, "INSERT INTO lane (partner, direction, seq) VALUES ($1, $2, $3) ON CONFLICT (partner, direction) DO UPDATE SET seq = excluded.seq"},
		} {
			if *p.into, s.err = db.writes.PrepareContext(ctx, p.query); s.err != nil {
				return
			}
		}
	})
	return s.err
}

// commitSQLite is Commit on SQLite: BEGIN IMMEDIATE is the log's lock.
func (db *DB) commitSQLite(ctx context.Context, lookup exchange.Lookup, build func(context.Context, exchange.View) (exchange.Writes, error)) error {
	if err := db.prepareSQLite(ctx); err != nil {
		return fmt.Errorf("prepare: %w", classify(err))
	}
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%w: begin: %w", exchange.ErrUnavailable, err) // nothing was written
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	view, err := db.viewSQLite(ctx, tx, lookup)
	if err != nil {
		return fmt.Errorf("read before a batch: %w", classify(err))
	}
	writes, err := build(ctx, view)
	if err != nil {
		return err
	}
	if len(writes.Rows) == 0 {
		return nil
	}
	if err := db.writeSQLite(ctx, tx, writes); err != nil {
		return fmt.Errorf("write a batch: %w", classify(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", classifyCommit(err))
	}
	return nil
}

func (db *DB) viewSQLite(ctx context.Context, tx *sql.Tx, lookup exchange.Lookup) (exchange.View, error) {
	view := newView(lookup)
	if err := tx.QueryRowContext(ctx, "SELECT size, checkpoint FROM log_head WHERE id = 1").Scan(&view.Head.Size, &view.Head.Checkpoint); err != nil {
		return view, err
	}
	message := tx.StmtContext(ctx, db.stmts.message)
	for _, k := range lookup.Messages {
		row, err := scanRow(message.QueryRowContext(ctx, k.Partner, string(k.Direction), k.ID))
		if err == nil {
			view.Messages[k] = row
		} else if !errors.Is(err, sql.ErrNoRows) {
			return view, err
		}
	}
	oneCase := tx.StmtContext(ctx, db.stmts.oneCase)
	for _, k := range lookup.Cases {
		c, err := scanCase(oneCase.QueryRowContext(ctx, k.Partner, k.Case))
		if err == nil {
			view.Cases[k] = c
		} else if !errors.Is(err, sql.ErrNoRows) {
			return view, err
		}
	}
	job := tx.StmtContext(ctx, db.stmts.job)
	for _, id := range lookup.Jobs {
		var one int
		err := job.QueryRowContext(ctx, id).Scan(&one)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return view, err
		}
		view.Due[id] = err == nil
	}
	view.Tiles = tiles{func(ctx context.Context, query string, args ...any) (rowSet, error) {
		return sqlRows(tx.QueryContext(ctx, query, args...))
	}}
	return view, readLanes(ctx, tx, &view)
}

func readLanes(ctx context.Context, tx *sql.Tx, view *exchange.View) error {
	rows, err := tx.QueryContext(ctx, "SELECT partner, direction, seq FROM lane")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var lane exchange.Lane
		var seq int64
		if err := rows.Scan(&lane.Partner, &lane.Direction, &seq); err != nil {
			return err
		}
		view.Seqs[lane] = seq
	}
	return rows.Err()
}

func (db *DB) writeSQLite(ctx context.Context, tx *sql.Tx, w exchange.Writes) error {
	exec := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	entry := tx.StmtContext(ctx, db.stmts.entry)
	for i := range w.Rows {
		r := &w.Rows[i]
		if _, err := entry.ExecContext(ctx, r.Index, string(r.Kind), r.Partner, string(r.Direction), r.Seq, r.ID, r.Type, r.Case, r.InReplyTo,
			millis(r.At), r.Leaf, r.LeafHash[:], r.Data, r.Salt, r.Receipt); err != nil {
			return err
		}
	}
	for _, t := range w.Tiles {
		if err := exec("INSERT INTO tile (level, n, hashes, root) VALUES ($1, $2, $3, $4)", t.Level, t.N, joinHashes(t.Hashes), t.Root[:]); err != nil {
			return err
		}
	}
	putCase := tx.StmtContext(ctx, db.stmts.putCase)
	for _, c := range w.Cases {
		if _, err := putCase.ExecContext(ctx, c.Partner, c.Case, string(c.Kind), string(c.State), string(c.Turn), dueMillis(c.DueAt),
			millis(c.OpenedAt), millis(c.MovedAt), c.Wrapped.KEKID, c.Wrapped.Bytes, c.Book); err != nil {
			return err
		}
	}
	lane := tx.StmtContext(ctx, db.stmts.lane)
	for l, seq := range w.Seqs {
		if _, err := lane.ExecContext(ctx, l.Partner, string(l.Direction), seq); err != nil {
			return err
		}
	}
	for _, j := range w.Jobs {
		if err := exec(insertJob, j.Queue, j.Kind, j.Ref, j.Index, millis(j.FirstAt), millis(j.DueAt)); err != nil {
			return err
		}
	}
	for _, s := range w.Done {
		a := s.Attempt
		if err := exec(settleJob, string(s.State), millis(s.DueAt), s.JobID); err != nil {
			return err
		}
		if err := exec(insertAttempt, a.JobID, a.Number, millis(a.At), a.Took.Milliseconds(), a.Outcome, a.Status, a.Detail); err != nil {
			return err
		}
	}
	if err := exec("INSERT INTO checkpoint (size, note, at) VALUES ($1, $2, $3)", w.Head.Size, w.Head.Checkpoint, millis(w.At)); err != nil {
		return err
	}
	return exec("UPDATE log_head SET size = $1, checkpoint = $2 WHERE id = 1", w.Head.Size, w.Head.Checkpoint)
}
