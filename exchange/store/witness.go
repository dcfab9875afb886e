package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/record"
)

var _ record.WitnessState = (*DB)(nil)

// Latest implements record.WitnessState.
func (db *DB) Latest(ctx context.Context, origin string) (record.Checkpoint, error) {
	c := record.Checkpoint{Origin: origin}
	var root []byte
	err := classify(db.reads.QueryRowContext(ctx, "SELECT size, root, checkpoint FROM witnessed WHERE origin = $1", origin).Scan(&c.Size, &root, &c.Note))
	if errors.Is(err, exchange.ErrNotFound) {
		return record.Checkpoint{}, nil
	}
	if err != nil {
		return record.Checkpoint{}, fmt.Errorf("read what was countersigned: %w", err)
	}
	if len(root) != tlog.HashSize {
		return record.Checkpoint{}, errors.New("read what was countersigned: the stored root is damaged")
	}
	c.Root = tlog.Hash(root)
	return c, nil
}

// Advance implements record.WitnessState: a compare and swap on the size.
func (db *DB) Advance(ctx context.Context, old, next record.Checkpoint) error {
	query, args := "UPDATE witnessed SET size = $1, root = $2, checkpoint = $3 WHERE origin = $4 AND size = $5", []any{next.Size, next.Root[:], next.Note, next.Origin, old.Size}
	if old.Size == 0 {
		// The first of a log; or its tree was empty when it was first shown.
		if n, err := db.exec(ctx, query, args...); err != nil || n > 0 {
			return err
		}
		query = `INSERT INTO witnessed (size, root, checkpoint, origin) SELECT $1, $2, $3, $4
			WHERE NOT EXISTS (SELECT 1 FROM witnessed WHERE origin = $4) ON CONFLICT (origin) DO NOTHING`
		args = args[:4]
	}
	n, err := db.exec(ctx, query, args...)
	if err == nil && n == 0 {
		return record.ErrStale
	}
	return err
}

// exec runs one statement and returns how many rows it touched.
func (db *DB) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := db.writes.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("remember what is countersigned: %w", db.classifyCommit(err))
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("remember what is countersigned: %w", err)
	}
	return n, nil
}

var _ exchange.CosignatureStore = (*DB)(nil)

// KeepCosignature implements exchange.CosignatureStore.
func (db *DB) KeepCosignature(ctx context.Context, size int64, witness string, line []byte) error {
	_, err := db.writes.ExecContext(ctx, `INSERT INTO cosignature (size, witness, line) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT 1 FROM cosignature WHERE size = $1 AND witness = $2) ON CONFLICT (size, witness) DO NOTHING`, size, witness, line)
	if err != nil {
		return fmt.Errorf("keep a cosignature: %w", db.classify(err))
	}
	return nil
}

// Cosignatures implements exchange.CosignatureStore.
func (db *DB) Cosignatures(ctx context.Context, size int64) ([][]byte, error) {
	var out [][]byte
	err := each(ctx, db.reads, "SELECT line FROM cosignature WHERE size = $1 ORDER BY witness", []any{size}, func(rows *sql.Rows) error {
		var line []byte
		err := rows.Scan(&line)
		out = append(out, line)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read cosignatures: %w", db.classify(err))
	}
	return out, nil
}
