package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
)

// rewrapBatch is how many data keys one transaction wraps again. It holds the
// log's lock for a moment, so that it cannot meet a batch in another order.
const rewrapBatch = 250

// Rewrap wraps every data key that is not wrapped with the current key again,
// and returns how many. A case that another process changes meanwhile is read
// again; one that is erased meanwhile keeps its fresh key.
func (db *DB) Rewrap(ctx context.Context, current string, rewrap func(exchange.CaseRow) (exchange.CaseRow, error)) (int, error) {
	done := 0
	for {
		var cases []exchange.CaseRow
		err := each(ctx, db.reads, fmt.Sprintf("SELECT %s FROM cases WHERE kek_id <> $1 ORDER BY partner, case_id LIMIT %d", caseListColumns, rewrapBatch), []any{current},
			func(rows *sql.Rows) error {
				c, err := scanCase(rows)
				cases = append(cases, c)
				return err
			})
		if err != nil {
			return done, fmt.Errorf("find data keys: %w", db.classify(err))
		}
		if len(cases) == 0 {
			return done, nil
		}
		fresh := make([]exchange.CaseRow, len(cases))
		for i, c := range cases {
			if fresh[i], err = rewrap(c); err != nil {
				return done, fmt.Errorf("wrap the data key of a case of %s: %w", c.Partner, err)
			}
			if fresh[i].Wrapped.KEKID != current {
				return done, fmt.Errorf("the current key is %s and not %s any more: another rotation is under way", fresh[i].Wrapped.KEKID, current)
			}
		}
		n, err := db.storeKeys(ctx, cases, fresh)
		if err != nil {
			return done, fmt.Errorf("store data keys: %w", err)
		}
		done += n
	}
}

// storeKeys stores data keys that were wrapped again, where they are still
// wrapped as they were, in one transaction.
func (db *DB) storeKeys(ctx context.Context, was, fresh []exchange.CaseRow) (int, error) {
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return 0, db.classify(err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if db.kind == PostgreSQL {
		if _, err := tx.ExecContext(ctx, "SELECT 1 FROM log_head WHERE id = 1 FOR UPDATE"); err != nil {
			return 0, db.classify(err)
		}
	}
	put, err := tx.PrepareContext(ctx, "UPDATE cases SET kek_id = $1, wrapped = $2 WHERE partner = $3 AND case_id = $4 AND kek_id = $5 AND erased_to = $6")
	if err != nil {
		return 0, db.classify(err)
	}
	done := 0
	for i, c := range fresh {
		res, err := put.ExecContext(ctx, c.Wrapped.KEKID, c.Wrapped.Bytes, c.Partner, c.Case, was[i].Wrapped.KEKID, was[i].ErasedTo)
		if err != nil {
			return 0, db.classify(err)
		}
		if n, err := res.RowsAffected(); err == nil {
			done += int(n)
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, db.classifyCommit(err)
	}
	return done, nil
}

// eraseCase puts a fresh data key in the place of a case's own.
const eraseCase = "UPDATE cases SET kek_id = $1, wrapped = $2, erased_to = $3 WHERE partner = $4 AND case_id = $5"

// A case that is assigned has a row for each of its officers, which stands in their
// lists where the case stands in that of all.
const (
	freeCase   = "DELETE FROM case_officer WHERE partner = $1 AND case_id = $2"
	assignCase = "INSERT INTO case_officer (partner, case_id, officer, due_at, moved_at) VALUES ($1, $2, $3, $4, $5)"
)

// these adds that a row is of one of these cases.
func (c *clause) these(keys []exchange.CaseKey) {
	keys = slices.Clone(keys)
	for len(keys)&(len(keys)-1) != 0 { // few lengths, so that few statements are kept for them
		keys = append(keys, keys[len(keys)-1])
	}
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Partner, k.Case)
	}
	c.add("(partner, case_id) IN (VALUES "+strings.TrimSuffix(strings.Repeat("(?, ?), ", len(keys)), ", ")+")", args...)
}

// CasesOf implements exchange.Reader.
func (db *DB) CasesOf(ctx context.Context, keys []exchange.CaseKey) ([]exchange.CaseRow, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var c clause
	c.these(keys)
	var out []exchange.CaseRow
	err := each(ctx, db.reads, "SELECT "+caseColumns+" FROM cases"+c.String(), c.args, func(rows *sql.Rows) error {
		row, err := scanCase(rows)
		out = append(out, row)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find cases: %w", db.classify(err))
	}
	return out, nil
}

// Assigned implements exchange.Reader, for all cases of a page at once.
func (db *DB) Assigned(ctx context.Context, keys []exchange.CaseKey) (map[exchange.CaseKey][]string, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	var c clause
	c.these(keys)
	out := map[exchange.CaseKey][]string{}
	err := each(ctx, db.reads, "SELECT partner, case_id, officer FROM case_officer"+c.String()+" ORDER BY partner, case_id, officer", c.args, func(rows *sql.Rows) error {
		var key exchange.CaseKey
		var officer string
		err := rows.Scan(&key.Partner, &key.Case, &officer)
		out[key] = append(out[key], officer)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who has cases: %w", db.classify(err))
	}
	return out, nil
}

// Misplaced implements exchange.Reader.
func (db *DB) Misplaced(ctx context.Context, k exchange.CaseKey) (bool, error) {
	var n int
	err := db.reads.QueryRowContext(ctx, `SELECT count(*) FROM case_officer o JOIN cases c ON c.partner = o.partner AND c.case_id = o.case_id
		WHERE o.partner = $1 AND o.case_id = $2 AND (o.due_at <> c.due_at OR o.moved_at <> c.moved_at)`, k.Partner, k.Case).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("read where a case stands: %w", db.classify(err))
	}
	return n > 0, nil
}
