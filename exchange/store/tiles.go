package store

import (
	"context"
	"database/sql"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A rowSet is the rows of a query, of either driver.
type rowSet interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// closer makes *sql.Rows a rowSet.
type closer struct{ *sql.Rows }

func (c closer) Close() { _ = c.Rows.Close() } // Err tells what went wrong

func sqlRows(rows *sql.Rows, err error) (rowSet, error) {
	if err != nil {
		return nil, err
	}
	return closer{rows}, nil
}

// tiles reads the tree through a query function: inside a transaction, or on
// any connection. It implements record.TileSource.
type tiles struct {
	query func(ctx context.Context, query string, args ...any) (rowSet, error)
}

func (db *DB) tiles() tiles {
	return tiles{func(ctx context.Context, query string, args ...any) (rowSet, error) {
		return sqlRows(db.reads.QueryContext(ctx, query, args...))
	}}
}

// LeafHashes implements record.TileSource.
func (db *DB) LeafHashes(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
	return db.tiles().LeafHashes(ctx, from, to)
}

// TileRoots implements record.TileSource.
func (db *DB) TileRoots(ctx context.Context, level int, from, to int64) ([]tlog.Hash, error) {
	return db.tiles().TileRoots(ctx, level, from, to)
}

// Tile implements record.TileSource.
func (db *DB) Tile(ctx context.Context, level int, n int64) ([]tlog.Hash, error) {
	return db.tiles().Tile(ctx, level, n)
}

func (t tiles) LeafHashes(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
	return t.hashes(ctx, to-from, "SELECT leaf_hash FROM entry WHERE idx >= $1 AND idx < $2 ORDER BY idx", from, to)
}

func (t tiles) TileRoots(ctx context.Context, level int, from, to int64) ([]tlog.Hash, error) {
	return t.hashes(ctx, to-from, "SELECT root FROM tile WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n", level, from, to)
}

func (t tiles) Tile(ctx context.Context, level int, n int64) ([]tlog.Hash, error) {
	rows, err := t.query(ctx, "SELECT hashes FROM tile WHERE level = $1 AND n = $2", level, n)
	if err != nil {
		return nil, fmt.Errorf("read tile %d/%d: %w", level, n, classify(err))
	}
	defer rows.Close()
	var joined []byte
	for rows.Next() {
		if err := rows.Scan(&joined); err != nil {
			return nil, fmt.Errorf("read tile %d/%d: %w", level, n, classify(err))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read tile %d/%d: %w", level, n, classify(err))
	}
	if len(joined) != 256*tlog.HashSize {
		return nil, fmt.Errorf("tile %d/%d is missing or has %d bytes", level, n, len(joined))
	}
	out := make([]tlog.Hash, 256)
	for i := range out {
		out[i] = tlog.Hash(joined[i*tlog.HashSize:])
	}
	return out, nil
}

// hashes reads one hash a row and insists on their number.
func (t tiles) hashes(ctx context.Context, want int64, query string, args ...any) ([]tlog.Hash, error) {
	rows, err := t.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read hashes: %w", classify(err))
	}
	defer rows.Close()
	out := make([]tlog.Hash, 0, want)
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return nil, fmt.Errorf("read hashes: %w", classify(err))
		}
		if len(b) != tlog.HashSize {
			return nil, fmt.Errorf("a stored hash has %d bytes", len(b))
		}
		out = append(out, tlog.Hash(b))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read hashes: %w", classify(err))
	}
	if int64(len(out)) != want {
		return nil, fmt.Errorf("%d of %d hashes are stored", len(out), want)
	}
	return out, nil
}
