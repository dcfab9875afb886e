package store

import "context"

// Exec lets a test change the database behind the store's back.
func Exec(db *DB, ctx context.Context, stmt string) error {
	_, err := db.writes.ExecContext(ctx, stmt)
	return err
}
