package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

var _ exchange.FollowerStore = (*DB)(nil)

// Follow implements exchange.FollowerStore: one statement, so that of two
// processes only one gets the lease.
func (db *DB) Follow(ctx context.Context, f exchange.Lease, start int64, now time.Time) (int64, error) {
	held, err := db.heldByAnother(ctx, f, now)
	if err != nil {
		return 0, err
	}
	if held {
		return 0, fmt.Errorf("follow the record: %w", exchange.ErrConflict)
	}
	var next int64
	err = db.writes.QueryRowContext(ctx, `INSERT INTO follower (name, next, holder, leased_until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
		WHERE follower.holder = excluded.holder OR follower.leased_until <= $5
		RETURNING next`, f.Name, start, f.Holder, millis(f.Until), millis(now)).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("follow the record: %w", exchange.ErrConflict)
	}
	if err != nil {
		return 0, fmt.Errorf("follow the record: %w", db.classify(err))
	}
	return next, nil
}

// heldByAnother looks before it leaps: whoever waits for a lease must not take
// SQLite's one writer every second.
func (db *DB) heldByAnother(ctx context.Context, f exchange.Lease, now time.Time) (bool, error) {
	var held bool
	err := db.reads.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM follower WHERE name = $1 AND holder <> $2 AND leased_until > $3)",
		f.Name, f.Holder, millis(now)).Scan(&held)
	if err != nil {
		return false, fmt.Errorf("look for a follower's lease: %w", db.classify(err))
	}
	return held, nil
}

// KeepPlace implements exchange.FollowerStore.
func (db *DB) KeepPlace(ctx context.Context, f exchange.Lease, next int64) error {
	res, err := db.writes.ExecContext(ctx, "UPDATE follower SET next = $1, leased_until = $2 WHERE name = $3 AND holder = $4", next, millis(f.Until), f.Name, f.Holder)
	if err != nil {
		return fmt.Errorf("advance a follower: %w", db.classify(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("advance a follower: %w", exchange.ErrConflict)
	}
	return nil
}

// Place implements exchange.FollowerStore.
func (db *DB) Place(ctx context.Context, name string) (int64, error) {
	var next int64
	if err := db.reads.QueryRowContext(ctx, "SELECT next FROM follower WHERE name = $1", name).Scan(&next); err != nil {
		return 0, fmt.Errorf("read a follower: %w", db.classify(err))
	}
	return next, nil
}
