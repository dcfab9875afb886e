package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange"
)

var _ exchange.ViewStore = (*DB)(nil)

// PutView implements exchange.ViewStore.
func (db *DB) PutView(ctx context.Context, v exchange.ViewRow) error {
	if _, err := db.writes.ExecContext(ctx, "INSERT INTO saved_view (officer, id, content) VALUES ($1, $2, $3)", v.Officer, v.ID, v.Content); err != nil {
		return fmt.Errorf("store a view: %w", db.classify(err))
	}
	return nil
}

// Views implements exchange.ViewStore.
func (db *DB) Views(ctx context.Context, officer string) ([]exchange.ViewRow, error) {
	var out []exchange.ViewRow
	err := each(ctx, db.reads, "SELECT id, content FROM saved_view WHERE officer = $1 ORDER BY id", []any{officer}, func(rows *sql.Rows) error {
		v := exchange.ViewRow{Officer: officer}
		err := rows.Scan(&v.ID, &v.Content)
		out = append(out, v)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read an officer's views: %w", db.classify(err))
	}
	return out, nil
}

// DropView implements exchange.ViewStore.
func (db *DB) DropView(ctx context.Context, officer, id string) error {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM saved_view WHERE officer = $1 AND id = $2", officer, id); err != nil {
		return fmt.Errorf("remove a view: %w", db.classify(err))
	}
	return nil
}
