package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange"
)

const draftColumns = "id, partner, case_id, type, state, author, version, created_at, changed_at, content"

func scanDraft(s scanner) (exchange.DraftRow, error) {
	var d exchange.DraftRow
	var created, changed int64
	err := s.Scan(&d.ID, &d.Partner, &d.Case, &d.Type, &d.State, &d.Author, &d.Version, &created, &changed, &d.Content)
	d.CreatedAt, d.ChangedAt = fromMillis(created), fromMillis(changed)
	return d, err
}

// putDraft is the statement that adds a draft, or replaces the version before: one row, or
// none where another version stands there.
func putDraft(d exchange.DraftRow) (statement string, args []any) {
	if d.Version == 1 {
		return "INSERT INTO draft (" + draftColumns + ") SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 WHERE NOT EXISTS (SELECT 1 FROM draft WHERE id = $1) ON CONFLICT (id) DO NOTHING",
			[]any{d.ID, d.Partner, d.Case, d.Type, string(d.State), d.Author, d.Version, millis(d.CreatedAt), millis(d.ChangedAt), d.Content}
	}
	return "UPDATE draft SET state = $1, author = $2, version = $3, changed_at = $4, content = $5 WHERE id = $6 AND version = $7",
		[]any{string(d.State), d.Author, d.Version, millis(d.ChangedAt), d.Content, d.ID, d.Version - 1}
}

// PutDraft implements exchange.DraftStore.
func (db *DB) PutDraft(ctx context.Context, d exchange.DraftRow) error {
	statement, args := putDraft(d)
	res, err := db.writes.ExecContext(ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("store a draft: %w", db.classify(err))
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("store a draft: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("store a draft: %w", exchange.ErrConflict)
	}
	return nil
}

// Draft implements exchange.DraftStore.
func (db *DB) Draft(ctx context.Context, id string) (exchange.DraftRow, error) {
	d, err := scanDraft(db.reads.QueryRowContext(ctx, "SELECT "+draftColumns+" FROM draft WHERE id = $1", id))
	if err != nil {
		return exchange.DraftRow{}, fmt.Errorf("read a draft: %w", db.classify(err))
	}
	return d, nil
}

// Drafts implements exchange.DraftStore.
func (db *DB) Drafts(ctx context.Context, f exchange.DraftFilter) ([]exchange.DraftRow, error) {
	var c clause
	c.in("partner", f.Partners)
	for _, w := range []struct{ column, value string }{{"id", f.ID}, {"case_id", f.Case}, {"state", string(f.State)}, {"author", f.Author}} {
		if w.value != "" {
			c.add(w.column+" = ?", w.value)
		}
	}
	past, order := "<", "DESC"
	if f.Oldest {
		past, order = ">", "ASC"
	}
	if !f.Before.IsZero() {
		c.add("(changed_at, id) "+past+" (?, ?)", millis(f.Before), f.BeforeID)
	}
	var out []exchange.DraftRow
	query := fmt.Sprintf("SELECT %s FROM draft%s ORDER BY changed_at %s, id %s LIMIT %d", draftColumns, &c, order, order, limit(f.Limit))
	err := each(ctx, db.reads, query, c.args, func(rows *sql.Rows) error {
		d, err := scanDraft(rows)
		out = append(out, d)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list drafts: %w", db.classify(err))
	}
	return out, nil
}

// Officer implements exchange.OfficerStore.
func (db *DB) Officer(ctx context.Context, id string) (exchange.OfficerRow, error) {
	o := exchange.OfficerRow{ID: id}
	if err := db.reads.QueryRowContext(ctx, "SELECT content FROM officer WHERE id = $1", id).Scan(&o.Content); err != nil {
		return exchange.OfficerRow{}, fmt.Errorf("read an officer: %w", db.classify(err))
	}
	return o, nil
}

const (
	allOfficers = "SELECT id, content FROM officer ORDER BY id"
	putOfficer  = `INSERT INTO officer (id, changed_at, content) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET changed_at = excluded.changed_at, content = excluded.content`
)

// Officers implements exchange.OfficerStore.
func (db *DB) Officers(ctx context.Context) ([]exchange.OfficerRow, error) {
	var out []exchange.OfficerRow
	err := each(ctx, db.reads, allOfficers, nil, func(rows *sql.Rows) error {
		var o exchange.OfficerRow
		err := rows.Scan(&o.ID, &o.Content)
		out = append(out, o)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list officers: %w", db.classify(err))
	}
	return out, nil
}
