package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Rewrap wraps every data key that is not wrapped with the current key again,
// one case a transaction, and returns how many. A case that another process
// changes meanwhile is read again; an erased one stays erased.
func (db *DB) Rewrap(ctx context.Context, current string, rewrap func(exchange.CaseRow) (exchange.CaseRow, error)) (int, error) {
	done := 0
	for {
		var cases []exchange.CaseRow
		err := each(ctx, db.reads, "SELECT "+caseColumns+" FROM cases WHERE kek_id <> $1 AND wrapped IS NOT NULL ORDER BY partner, case_id LIMIT 500", []any{current},
			func(rows *sql.Rows) error {
				c, err := scanCase(rows)
				cases = append(cases, c)
				return err
			})
		if err != nil {
			return done, fmt.Errorf("find data keys: %w", classify(err))
		}
		if len(cases) == 0 {
			return done, nil
		}
		for _, c := range cases {
			fresh, err := rewrap(c)
			if err != nil {
				return done, fmt.Errorf("wrap the data key of a case of %s: %w", c.Partner, err)
			}
			res, err := db.writes.ExecContext(ctx, "UPDATE cases SET kek_id = $1, wrapped = $2 WHERE partner = $3 AND case_id = $4 AND kek_id = $5 AND wrapped IS NOT NULL",
				fresh.Wrapped.KEKID, fresh.Wrapped.Bytes, c.Partner, c.Case, c.Wrapped.KEKID)
			if err != nil {
				return done, fmt.Errorf("store a data key: %w", classify(err))
			}
			if n, err := res.RowsAffected(); err == nil {
				done += int(n)
			}
		}
	}
}

// Erase destroys a case's data key, and what was computed from what it sealed:
// its entries can never be read again, and every proof stays valid (P9).
func (db *DB) Erase(ctx context.Context, key exchange.CaseKey) error {
	tx, err := db.writes.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("destroy a data key: %w", classify(err))
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	res, err := tx.ExecContext(ctx, "UPDATE cases SET wrapped = NULL, book = NULL WHERE partner = $1 AND case_id = $2", key.Partner, key.Case)
	if err == nil {
		err = forget(ctx, tx, key)
	}
	if err != nil {
		return fmt.Errorf("destroy a data key: %w", classify(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("destroy a data key: %w", exchange.ErrNotFound)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("destroy a data key: %w", classifyCommit(err))
	}
	return nil
}
