package store

import (
	"context"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

var _ exchange.AccountStore = (*DB)(nil)

// Once implements exchange.AccountStore.
func (db *DB) Once(ctx context.Context, hash string, ends, now time.Time) error {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM used WHERE ends_at <= $1", millis(now)); err != nil {
		return fmt.Errorf("forget what was used: %w", db.classify(err))
	}
	res, err := db.writes.ExecContext(ctx, "INSERT INTO used (hash, ends_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING", hash, millis(ends))
	if err != nil {
		return fmt.Errorf("note what is used: %w", db.classify(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("it was used before: %w", exchange.ErrConflict)
	}
	return nil
}

// Attempt implements exchange.AccountStore: of two tries at the same moment one
// counts, and the other one comes too early.
func (db *DB) Attempt(ctx context.Context, hash string, now time.Time, wait func(tries int) time.Duration) (time.Duration, error) {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM sign_in_try WHERE at < $1", millis(now.Add(-24*time.Hour))); err != nil {
		return 0, fmt.Errorf("forget old tries: %w", db.classify(err))
	}
	if _, err := db.writes.ExecContext(ctx, "INSERT INTO sign_in_try (hash, tries, at) VALUES ($1, 0, $2) ON CONFLICT (hash) DO NOTHING", hash, millis(now)); err != nil {
		return 0, fmt.Errorf("note a try: %w", db.classify(err))
	}
	var tries int
	var at int64
	if err := db.writes.QueryRowContext(ctx, "SELECT tries, at FROM sign_in_try WHERE hash = $1", hash).Scan(&tries, &at); err != nil {
		return 0, fmt.Errorf("read tries: %w", db.classify(err))
	}
	if left := fromMillis(at).Add(wait(tries)).Sub(now); left > 0 && tries > 0 {
		return left, nil
	}
	res, err := db.writes.ExecContext(ctx, "UPDATE sign_in_try SET tries = tries + 1, at = $1 WHERE hash = $2 AND tries = $3", millis(now), hash, tries)
	if err != nil {
		return 0, fmt.Errorf("count a try: %w", db.classify(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return time.Second, err
	}
	return 0, nil
}

// Succeeded implements exchange.AccountStore.
func (db *DB) Succeeded(ctx context.Context, hash string) error {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM sign_in_try WHERE hash = $1", hash); err != nil {
		return fmt.Errorf("forget tries: %w", db.classify(err))
	}
	return nil
}
