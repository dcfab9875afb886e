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
	res, err := db.writes.ExecContext(ctx, `INSERT INTO witnessed (origin, size, root, checkpoint) VALUES ($1, $2, $3, $4)
		ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, checkpoint = excluded.checkpoint WHERE witnessed.size = $5`,
		next.Origin, next.Size, next.Root[:], next.Note, old.Size)
	if err != nil {
		return fmt.Errorf("remember what is countersigned: %w", classifyCommit(err))
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("remember what is countersigned: %w", err)
	}
	if n == 0 {
		return record.ErrStale
	}
	return nil
}

var _ exchange.CosignatureStore = (*DB)(nil)

// KeepCosignature implements exchange.CosignatureStore.
func (db *DB) KeepCosignature(ctx context.Context, size int64, witness string, line []byte) error {
	_, err := db.writes.ExecContext(ctx, "INSERT INTO cosignature (size, witness, line) VALUES ($1, $2, $3) ON CONFLICT (size, witness) DO NOTHING", size, witness, line)
	if err != nil {
		return fmt.Errorf("keep a cosignature: %w", classify(err))
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
		return nil, fmt.Errorf("read cosignatures: %w", classify(err))
	}
	return out, nil
}
