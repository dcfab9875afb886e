package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

var _ exchange.SessionStore = (*DB)(nil)

// PutSession implements exchange.SessionStore.
func (db *DB) PutSession(ctx context.Context, s exchange.SessionRow, now time.Time) error {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM session WHERE ends_at <= $1", millis(now)); err != nil {
		return fmt.Errorf("remove ended sessions: %w", db.classify(err))
	}
	_, err := db.writes.ExecContext(ctx, "INSERT INTO session (hash, officer, seen_at, ends_at, content) VALUES ($1, $2, $3, $4, $5)",
		s.Hash, s.Officer, millis(s.SeenAt), millis(s.Ends), s.Content)
	if err != nil {
		return fmt.Errorf("store a session: %w", db.classify(err))
	}
	return nil
}

// Session implements exchange.SessionStore.
func (db *DB) Session(ctx context.Context, hash string) (exchange.SessionRow, error) {
	s := exchange.SessionRow{Hash: hash}
	var seen, ends int64
	err := db.reads.QueryRowContext(ctx, "SELECT officer, seen_at, ends_at, content FROM session WHERE hash = $1", hash).
		Scan(&s.Officer, &seen, &ends, &s.Content)
	if err != nil {
		return exchange.SessionRow{}, fmt.Errorf("read a session: %w", db.classify(err))
	}
	s.SeenAt, s.Ends = fromMillis(seen), fromMillis(ends)
	return s, nil
}

// SessionsOf implements exchange.SessionStore.
func (db *DB) SessionsOf(ctx context.Context, officer string) ([]exchange.SessionRow, error) {
	var out []exchange.SessionRow
	query := fmt.Sprintf("SELECT hash, seen_at, ends_at, content FROM session WHERE officer = $1 ORDER BY seen_at DESC, hash LIMIT %d", maxPage)
	err := each(ctx, db.reads, query, []any{officer}, func(rows *sql.Rows) error {
		s := exchange.SessionRow{Officer: officer}
		var seen, ends int64
		err := rows.Scan(&s.Hash, &seen, &ends, &s.Content)
		s.SeenAt, s.Ends = fromMillis(seen), fromMillis(ends)
		out = append(out, s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list an officer's sessions: %w", db.classify(err))
	}
	return out, nil
}

// TouchSession implements exchange.SessionStore.
func (db *DB) TouchSession(ctx context.Context, hash string, at time.Time) error {
	if _, err := db.writes.ExecContext(ctx, "UPDATE session SET seen_at = $1 WHERE hash = $2 AND seen_at < $1", millis(at), hash); err != nil {
		return fmt.Errorf("note a session's use: %w", db.classify(err))
	}
	return nil
}

// EndSession implements exchange.SessionStore.
func (db *DB) EndSession(ctx context.Context, hash string) error {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM session WHERE hash = $1", hash); err != nil {
		return fmt.Errorf("end a session: %w", db.classify(err))
	}
	return nil
}

// EndSessions implements exchange.SessionStore.
func (db *DB) EndSessions(ctx context.Context, officer string) (int, error) {
	res, err := db.writes.ExecContext(ctx, "DELETE FROM session WHERE officer = $1", officer)
	if err != nil {
		return 0, fmt.Errorf("end an officer's sessions: %w", db.classify(err))
	}
	n, err := res.RowsAffected()
	return int(n), err
}
