package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

var _ exchange.FormStore = (*DB)(nil)

// PutForm implements exchange.FormStore.
func (db *DB) PutForm(ctx context.Context, f exchange.FormRow) error {
	var res sql.Result
	var err error
	if f.Version == 1 {
		res, err = db.writes.ExecContext(ctx, "INSERT INTO form (officer, id, partner, case_id, type, version, changed_at, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (officer, id) DO NOTHING",
			f.Officer, f.ID, f.Partner, f.Case, f.Type, f.Version, millis(f.ChangedAt), f.Content)
	} else {
		res, err = db.writes.ExecContext(ctx, "UPDATE form SET version = $1, changed_at = $2, content = $3 WHERE officer = $4 AND id = $5 AND version = $6",
			f.Version, millis(f.ChangedAt), f.Content, f.Officer, f.ID, f.Version-1)
	}
	if err != nil {
		return fmt.Errorf("store a form: %w", db.classify(err))
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("store a form: %w", exchange.ErrConflict)
	}
	return nil
}

// Form implements exchange.FormStore.
func (db *DB) Form(ctx context.Context, officer, id string) (exchange.FormRow, error) {
	f, err := scanForm(db.reads.QueryRowContext(ctx, "SELECT "+formColumns+" FROM form WHERE officer = $1 AND id = $2", officer, id))
	if err != nil {
		return exchange.FormRow{}, fmt.Errorf("read a form: %w", db.classify(err))
	}
	return f, nil
}

const formColumns = "officer, id, partner, case_id, type, version, changed_at, content"

func scanForm(s scanner) (exchange.FormRow, error) {
	var f exchange.FormRow
	var changed int64
	err := s.Scan(&f.Officer, &f.ID, &f.Partner, &f.Case, &f.Type, &f.Version, &changed, &f.Content)
	f.ChangedAt = fromMillis(changed)
	return f, err
}

// FormsOf implements exchange.FormStore.
func (db *DB) FormsOf(ctx context.Context, officer string) ([]exchange.FormRow, error) {
	return db.forms(ctx, "officer = $1", officer)
}

// FormsIn implements exchange.FormStore.
func (db *DB) FormsIn(ctx context.Context, key exchange.CaseKey) ([]exchange.FormRow, error) {
	return db.forms(ctx, "partner = $1 AND case_id = $2", key.Partner, key.Case)
}

func (db *DB) forms(ctx context.Context, where string, args ...any) ([]exchange.FormRow, error) {
	var out []exchange.FormRow
	err := each(ctx, db.reads, "SELECT "+formColumns+" FROM form WHERE "+where+" ORDER BY changed_at DESC, id LIMIT 1000", args, func(rows *sql.Rows) error {
		f, err := scanForm(rows)
		out = append(out, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list forms: %w", db.classify(err))
	}
	return out, nil
}

// DropForm implements exchange.FormStore.
func (db *DB) DropForm(ctx context.Context, officer, id string) error {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM form WHERE officer = $1 AND id = $2", officer, id); err != nil {
		return fmt.Errorf("drop a form: %w", db.classify(err))
	}
	return nil
}

// DropForms implements exchange.FormStore.
func (db *DB) DropForms(ctx context.Context, before time.Time) error {
	if _, err := db.writes.ExecContext(ctx, "DELETE FROM form WHERE changed_at < $1", millis(before)); err != nil {
		return fmt.Errorf("drop old forms: %w", db.classify(err))
	}
	return nil
}
