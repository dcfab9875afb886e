package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
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
	once                         sync.Once
	err                          error
	message, oneCase, job, entry *sql.Stmt
	// No upserts: what would replace a row that is there is refused by trigger.
	addCase, moveCase, addLane, moveLane *sql.Stmt
}

// What a batch looks for, one key at a time.
const (
	lookForMessage = "SELECT " + rowColumns + " FROM entry WHERE kind = 'message' AND partner = $1 AND direction = $2 AND id = $3"
	lookForCase    = "SELECT " + caseColumns + " FROM cases WHERE partner = $1 AND case_id = $2"
)

func (db *DB) prepareSQLite(ctx context.Context) error {
	s := &db.stmts
	s.once.Do(func() {
		for _, p := range []struct {
			into  **sql.Stmt
			query string
		}{
			{&s.message, lookForMessage},
			{&s.oneCase, lookForCase},
			{&s.job, "SELECT 1 FROM job WHERE id = $1 AND state = 'due'"},
			{&s.entry, "INSERT INTO entry (" + rowColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"},
			{&s.addCase, "INSERT INTO cases (" + caseColumns + ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"},
			{&s.moveCase, "UPDATE cases SET kind = $3, state = $4, turn = $5, due_at = $6, moved_at = $7, book = $8 WHERE partner = $1 AND case_id = $2"},
			{&s.addLane, "INSERT INTO lane (partner, direction, seq) VALUES ($1, $2, $3)"},
			{&s.moveLane, "UPDATE lane SET seq = $3 WHERE partner = $1 AND direction = $2"},
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
	lanes := maps.Clone(view.Seqs) // build counts on in its own
	writes, err := build(ctx, view)
	if err != nil {
		return err
	}
	if len(writes.Rows) == 0 {
		return nil
	}
	if err := db.writeSQLite(ctx, tx, writes, view.Cases, lanes); err != nil {
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
	if lookup.Officers {
		err := each(ctx, tx, allOfficers, nil, func(rows *sql.Rows) error {
			var o exchange.OfficerRow
			err := rows.Scan(&o.ID, &o.Content)
			view.Officers = append(view.Officers, o)
			return err
		})
		if err != nil {
			return view, err
		}
	}
	for _, id := range lookup.Drafts {
		var version int64
		err := tx.QueryRowContext(ctx, "SELECT version FROM draft WHERE id = $1", id).Scan(&version)
		if err == nil {
			view.Drafts[id] = version
		} else if !errors.Is(err, sql.ErrNoRows) {
			return view, err
		}
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

// writeSQLite writes a batch; cases and lanes are those that are there already.
func (db *DB) writeSQLite(ctx context.Context, tx *sql.Tx, w exchange.Writes, cases map[exchange.CaseKey]exchange.CaseRow, lanes map[exchange.Lane]int64) error {
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
	if err := db.writeCases(ctx, tx, w, cases); err != nil {
		return err
	}
	for _, o := range w.Officers {
		if err := exec(putOfficer, o.ID, millis(w.At), o.Content); err != nil {
			return err
		}
	}
	for _, d := range w.Drafts {
		statement, args := putDraft(d)
		if err := exec(statement, args...); err != nil {
			return err
		}
	}
	addLane, moveLane := tx.StmtContext(ctx, db.stmts.addLane), tx.StmtContext(ctx, db.stmts.moveLane)
	for l, seq := range w.Seqs {
		put := addLane
		if _, there := lanes[l]; there {
			put = moveLane
		}
		if _, err := put.ExecContext(ctx, l.Partner, string(l.Direction), seq); err != nil {
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

func (db *DB) writeCases(ctx context.Context, tx *sql.Tx, w exchange.Writes, there map[exchange.CaseKey]exchange.CaseRow) error {
	add, move := tx.StmtContext(ctx, db.stmts.addCase), tx.StmtContext(ctx, db.stmts.moveCase)
	for _, c := range w.Cases {
		var err error
		if _, known := there[c.CaseKey]; known {
			_, err = move.ExecContext(ctx, c.Partner, c.Case, string(c.Kind), string(c.State), string(c.Turn), dueMillis(c.DueAt), millis(c.MovedAt), c.Book)
		} else {
			_, err = add.ExecContext(ctx, c.Partner, c.Case, string(c.Kind), string(c.State), string(c.Turn), dueMillis(c.DueAt),
				millis(c.OpenedAt), millis(c.MovedAt), c.Wrapped.KEKID, c.Wrapped.Bytes, c.Book, c.ErasedTo)
		}
		if err != nil {
			return err
		}
	}
	for _, c := range w.Assigned {
		if _, err := tx.ExecContext(ctx, freeCase, c.Partner, c.Case); err != nil {
			return err
		}
		for _, officer := range c.Assigned {
			if _, err := tx.ExecContext(ctx, assignCase, c.Partner, c.Case, officer, dueMillis(c.DueAt), millis(c.MovedAt)); err != nil {
				return err
			}
		}
	}
	for _, c := range w.Erased {
		if _, err := tx.ExecContext(ctx, eraseCase, c.Wrapped.KEKID, c.Wrapped.Bytes, c.ErasedTo, c.Partner, c.Case); err != nil {
			return err
		}
		for _, statement := range dropLoose {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
	}
	return nil
}
