package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange"
)

// The looks for messages and cases of a batch. LATERAL with LIMIT keeps each a
// walk down the unique index per key; a test holds what PostgreSQL plans.
const (
	lookForMessages = `SELECT e.* FROM unnest($1::text[], $2::text[], $3::text[]) AS k(partner, direction, id)
		CROSS JOIN LATERAL (SELECT ` + rowColumns + ` FROM entry
			WHERE kind = 'message' AND partner = k.partner AND direction = k.direction AND id = k.id LIMIT 1) e`
	lookForCases = `SELECT c.* FROM unnest($1::text[], $2::text[]) AS k(partner, case_id)
		CROSS JOIN LATERAL (SELECT ` + caseColumns + ` FROM cases WHERE partner = k.partner AND case_id = k.case_id LIMIT 1) c`
)

// commitPostgres is Commit on PostgreSQL in two round trips: one begins, takes
// the lock and reads, one writes and commits.
func (db *DB) commitPostgres(ctx context.Context, lookup exchange.Lookup, build func(context.Context, exchange.View) (exchange.Writes, error)) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", exchange.ErrUnavailable, err)
	}
	defer func() {
		if conn.Conn().PgConn().TxStatus() != 'I' {
			// On a lost connection it cannot be told to anybody and need not be:
			// the pool closes it.
			_, _ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK")
		}
		conn.Release()
	}()
	view, err := viewPostgres(ctx, conn.Conn(), lookup)
	if err != nil {
		return fmt.Errorf("read before a batch: %w", classify(err)) // nothing was written
	}
	writes, err := build(ctx, view)
	if err != nil || len(writes.Rows) == 0 {
		return err
	}
	before := db.warned.Load()
	if err := writePostgres(ctx, conn.Conn(), writes); err != nil {
		return err
	}
	// A commit is believed only when the server did not warn.
	if db.warned.Load() != before {
		return fmt.Errorf("%w: PostgreSQL gave up waiting for its standby", exchange.ErrOutcomeUnknown)
	}
	return nil
}

// viewPostgres begins, takes the log's lock and reads what the batch asked for:
// each statement after the lock sees what was committed before it.
func viewPostgres(ctx context.Context, conn *pgx.Conn, lookup exchange.Lookup) (exchange.View, error) {
	view := newView(lookup)
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	batch.Queue("SELECT size, checkpoint FROM log_head WHERE id = 1 FOR UPDATE").QueryRow(func(row pgx.Row) error {
		return row.Scan(&view.Head.Size, &view.Head.Checkpoint)
	})
	if len(lookup.Messages) > 0 {
		partners, directions, ids := make([]string, 0, len(lookup.Messages)), make([]string, 0, len(lookup.Messages)), make([]string, 0, len(lookup.Messages))
		for _, k := range lookup.Messages {
			partners, directions, ids = append(partners, k.Partner), append(directions, string(k.Direction)), append(ids, k.ID)
		}
		batch.Queue(lookForMessages, partners, directions, ids).Query(func(rows pgx.Rows) error { return scanMessages(rows, &view) })
	}
	if len(lookup.Cases) > 0 {
		partners, ids := make([]string, 0, len(lookup.Cases)), make([]string, 0, len(lookup.Cases))
		for _, k := range lookup.Cases {
			partners, ids = append(partners, k.Partner), append(ids, k.Case)
		}
		batch.Queue(lookForCases, partners, ids).Query(func(rows pgx.Rows) error { return scanCases(rows, &view) })
	}
	batch.Queue("SELECT partner, direction, seq FROM lane").Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var lane exchange.Lane
			var seq int64
			if err := rows.Scan(&lane.Partner, &lane.Direction, &seq); err != nil {
				return err
			}
			view.Seqs[lane] = seq
		}
		return rows.Err()
	})
	if len(lookup.Jobs) > 0 {
		batch.Queue("SELECT id FROM job WHERE id = ANY($1) AND state = 'due'", lookup.Jobs).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var id int64
				if err := rows.Scan(&id); err != nil {
					return err
				}
				view.Due[id] = true
			}
			return rows.Err()
		})
	}
	if lookup.Officers {
		batch.Queue(allOfficers).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var o exchange.OfficerRow
				if err := rows.Scan(&o.ID, &o.Content); err != nil {
					return err
				}
				view.Officers = append(view.Officers, o)
			}
			return rows.Err()
		})
	}
	if len(lookup.Drafts) > 0 { // they stay as they are until the transaction ends
		batch.Queue("SELECT id, version FROM draft WHERE id = ANY($1) FOR UPDATE", lookup.Drafts).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var id string
				var version int64
				if err := rows.Scan(&id, &version); err != nil {
					return err
				}
				view.Drafts[id] = version
			}
			return rows.Err()
		})
	}
	view.Tiles = tiles{func(ctx context.Context, query string, args ...any) (rowSet, error) {
		return conn.Query(ctx, query, args...)
	}}
	return view, conn.SendBatch(ctx, batch).Close()
}

func scanMessages(rows pgx.Rows, view *exchange.View) error {
	for rows.Next() {
		row, err := scanRow(rows)
		if err != nil {
			return err
		}
		view.Messages[exchange.MessageKey{Lane: exchange.Lane{Partner: row.Partner, Direction: row.Direction}, ID: row.ID}] = row
	}
	return rows.Err()
}

func scanCases(rows pgx.Rows, view *exchange.View) error {
	for rows.Next() {
		c, err := scanCase(rows)
		if err != nil {
			return err
		}
		view.Cases[c.CaseKey] = c
	}
	return rows.Err()
}

// writePostgres sends every write of the batch and the commit. The server does
// not come to the commit when it refuses a write.
func writePostgres(ctx context.Context, conn *pgx.Conn, w exchange.Writes) error {
	batch := &pgx.Batch{}
	queueEntries(batch, w.Rows)
	for _, t := range w.Tiles {
		batch.Queue("INSERT INTO tile (level, n, hashes, root) VALUES ($1, $2, $3, $4)", t.Level, t.N, joinHashes(t.Hashes), t.Root[:])
	}
	if len(w.Cases) > 0 {
		queueCases(batch, w.Cases)
	}
	for _, c := range w.Assigned {
		batch.Queue(freeCase, c.Partner, c.Case)
		for _, officer := range c.Assigned {
			batch.Queue(assignCase, c.Partner, c.Case, officer, dueMillis(c.DueAt), millis(c.MovedAt))
		}
	}
	for _, c := range w.Erased {
		batch.Queue(eraseCase, c.Wrapped.KEKID, c.Wrapped.Bytes, c.ErasedTo, c.Partner, c.Case)
		for _, statement := range dropLoose {
			batch.Queue(statement)
		}
	}
	for _, o := range w.Officers {
		batch.Queue(putOfficer, o.ID, millis(w.At), o.Content)
	}
	for _, d := range w.Drafts {
		statement, args := putDraft(d)
		batch.Queue(statement, args...)
	}
	for lane, seq := range w.Seqs {
		batch.Queue("INSERT INTO lane (partner, direction, seq) VALUES ($1, $2, $3) ON CONFLICT (partner, direction) DO UPDATE SET seq = excluded.seq", lane.Partner, string(lane.Direction), seq)
	}
	for _, j := range w.Jobs {
		batch.Queue(insertJob, j.Queue, j.Kind, j.Ref, j.Index, millis(j.FirstAt), millis(j.DueAt))
	}
	for _, s := range w.Done {
		a := s.Attempt
		batch.Queue(settleJob, string(s.State), millis(s.DueAt), s.JobID)
		batch.Queue(insertAttempt, a.JobID, a.Number, millis(a.At), a.Took.Milliseconds(), a.Outcome, a.Status, a.Detail)
	}
	batch.Queue("INSERT INTO checkpoint (size, note, at) VALUES ($1, $2, $3)", w.Head.Size, w.Head.Checkpoint, millis(w.At))
	batch.Queue("UPDATE log_head SET size = $1, checkpoint = $2 WHERE id = 1", w.Head.Size, w.Head.Checkpoint)
	writes := batch.Len()
	batch.Queue("COMMIT")
	results := conn.SendBatch(ctx, batch)
	defer func() { _ = results.Close() }() // every result has been read, or an earlier error says more
	for range writes {
		if _, err := results.Exec(); err != nil {
			var refused *pgconn.PgError
			if errors.As(err, &refused) {
				return fmt.Errorf("write a batch: %w", classify(err))
			}
			return fmt.Errorf("write a batch: %w", classifyCommit(err)) // the commit may have gone out
		}
	}
	tag, err := results.Exec()
	if err != nil {
		return fmt.Errorf("commit: %w", classifyCommit(err))
	}
	if tag.String() != "COMMIT" {
		return fmt.Errorf("%w: the server answered the commit with %s", exchange.ErrUnavailable, tag)
	}
	return nil
}

// queueEntries inserts rows as arrays: one statement whatever their number.
func queueEntries(batch *pgx.Batch, rows []exchange.Row) {
	n := len(rows)
	idx, seq, at := make([]int64, n), make([]int64, n), make([]int64, n)
	kind, partner, direction, id := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	typ, caseID, reply := make([]string, n), make([]string, n), make([]string, n)
	leaf, hash, data, salt, receipt := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	for i := range rows {
		r := &rows[i]
		idx[i], seq[i], at[i] = r.Index, r.Seq, millis(r.At)
		kind[i], partner[i], direction[i], id[i] = string(r.Kind), r.Partner, string(r.Direction), r.ID
		typ[i], caseID[i], reply[i] = r.Type, r.Case, r.InReplyTo
		leaf[i], hash[i], data[i], salt[i], receipt[i] = r.Leaf, r.LeafHash[:], r.Data, r.Salt, r.Receipt
	}
	batch.Queue(`INSERT INTO entry (`+rowColumns+`)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[],
			$10::bigint[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bytea[])`,
		idx, kind, partner, direction, seq, id, typ, caseID, reply, at, leaf, hash, data, salt, receipt)
}

func queueCases(batch *pgx.Batch, cases []exchange.CaseRow) {
	n := len(cases)
	partner, id, kek := make([]string, n), make([]string, n), make([]string, n)
	kind, state, turn := make([]string, n), make([]string, n), make([]string, n)
	due, opened, moved := make([]int64, n), make([]int64, n), make([]int64, n)
	wrapped, book, erased := make([][]byte, n), make([][]byte, n), make([]int64, n)
	for i, c := range cases {
		partner[i], id[i], kek[i] = c.Partner, c.Case, c.Wrapped.KEKID
		kind[i], state[i], turn[i] = string(c.Kind), string(c.State), string(c.Turn)
		due[i], opened[i], moved[i] = dueMillis(c.DueAt), millis(c.OpenedAt), millis(c.MovedAt)
		wrapped[i], book[i], erased[i] = c.Wrapped.Bytes, c.Book, c.ErasedTo
	}
	batch.Queue(`INSERT INTO cases (`+caseColumns+`)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::bytea[], $11::bytea[], $12::bigint[])
		ON CONFLICT (partner, case_id) DO UPDATE SET `+movedColumns,
		partner, id, kind, state, turn, due, opened, moved, kek, wrapped, book, erased)
}

func newView(lookup exchange.Lookup) exchange.View {
	return exchange.View{
		Messages: make(map[exchange.MessageKey]exchange.Row),
		Cases:    make(map[exchange.CaseKey]exchange.CaseRow, len(lookup.Cases)),
		Seqs:     make(map[exchange.Lane]int64, 8),
		Due:      make(map[int64]bool, len(lookup.Jobs)),
		Drafts:   make(map[string]int64, len(lookup.Drafts)),
	}
}

// movedColumns are those that a message changes in a case that is there. Its
// data key is not among them: a rotation may be wrapping it at this moment.
const movedColumns = "kind = excluded.kind, state = excluded.state, turn = excluded.turn, due_at = excluded.due_at, moved_at = excluded.moved_at, book = excluded.book"

// A case without a running clock sorts behind all that have one.
func dueMillis(t time.Time) int64 {
	if t.IsZero() {
		return math.MaxInt64
	}
	return t.UnixMilli()
}

func dueFrom(ms int64) time.Time {
	if ms == math.MaxInt64 {
		return time.Time{}
	}
	return fromMillis(ms)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func joinHashes(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}
