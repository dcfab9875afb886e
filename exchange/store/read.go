package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange"
)

const rowColumns = "idx, kind, partner, direction, seq, id, type, case_id, in_reply_to, at, leaf, leaf_hash, data, salt, receipt"

const caseColumns = "partner, case_id, kind, state, turn, due_at, opened_at, moved_at, kek_id, wrapped, book, erased_to"

// A scanner is a row of either driver.
type scanner interface{ Scan(dest ...any) error }

func scanRow(s scanner) (exchange.Row, error) {
	var r exchange.Row
	var at int64
	var hash []byte
	if err := s.Scan(&r.Index, &r.Kind, &r.Partner, &r.Direction, &r.Seq, &r.ID, &r.Type, &r.Case, &r.InReplyTo, &at,
		&r.Leaf, &hash, &r.Data, &r.Salt, &r.Receipt); err != nil {
		return exchange.Row{}, err
	}
	if len(hash) != tlog.HashSize {
		return exchange.Row{}, fmt.Errorf("entry %d: its leaf hash has %d bytes", r.Index, len(hash))
	}
	r.At, r.LeafHash = fromMillis(at), tlog.Hash(hash)
	return r, nil
}

func scanCase(s scanner) (exchange.CaseRow, error) {
	var c exchange.CaseRow
	var opened, moved, due int64
	if err := s.Scan(&c.Partner, &c.Case, &c.Kind, &c.State, &c.Turn, &due, &opened, &moved, &c.Wrapped.KEKID, &c.Wrapped.Bytes, &c.Book, &c.ErasedTo); err != nil {
		return exchange.CaseRow{}, err
	}
	c.OpenedAt, c.MovedAt, c.DueAt = fromMillis(opened), fromMillis(moved), dueFrom(due)
	return c, nil
}

// Head implements exchange.Reader.
func (db *DB) Head(ctx context.Context) (exchange.Head, error) {
	var h exchange.Head
	err := db.reads.QueryRowContext(ctx, "SELECT size, checkpoint FROM log_head WHERE id = 1").Scan(&h.Size, &h.Checkpoint)
	if err != nil {
		return exchange.Head{}, fmt.Errorf("read the head: %w", classify(err))
	}
	return h, nil
}

// Entry implements exchange.Reader.
func (db *DB) Entry(ctx context.Context, index int64) (exchange.Row, error) {
	row, err := scanRow(db.reads.QueryRowContext(ctx, "SELECT "+rowColumns+" FROM entry WHERE idx = $1", index))
	if err != nil {
		return exchange.Row{}, fmt.Errorf("read entry %d: %w", index, classify(err))
	}
	return row, nil
}

// Message implements exchange.Reader.
func (db *DB) Message(ctx context.Context, k exchange.MessageKey) (exchange.Row, error) {
	row, err := scanRow(db.reads.QueryRowContext(ctx, "SELECT "+rowColumns+" FROM entry WHERE kind = 'message' AND partner = $1 AND direction = $2 AND id = $3",
		k.Partner, string(k.Direction), k.ID))
	if err != nil {
		return exchange.Row{}, fmt.Errorf("read a message: %w", classify(err))
	}
	return row, nil
}

// page is how many entries are read at a time: bounded memory, and no
// transaction that stays open while a slow reader works.
const page = 512

// Entries implements exchange.Reader.
func (db *DB) Entries(ctx context.Context, from, to int64, f exchange.Filter, fn func(exchange.Row) error) error {
	where, args := conditions(f)
	for next := from; next < to; {
		query := fmt.Sprintf("SELECT %s FROM entry WHERE idx >= $%d AND idx < $%d%s ORDER BY idx LIMIT %d", rowColumns, len(args)+1, len(args)+2, where, page)
		rows, err := db.page(ctx, query, append(args[:len(args):len(args)], next, to)...)
		if err != nil {
			return fmt.Errorf("read entries from %d: %w", next, classify(err))
		}
		for _, row := range rows {
			if err := fn(row); err != nil {
				return err
			}
			next = row.Index + 1
		}
		if len(rows) < page {
			return nil
		}
	}
	return nil
}

func (db *DB) page(ctx context.Context, query string, args ...any) ([]exchange.Row, error) {
	rows, err := db.reads.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []exchange.Row
	for rows.Next() {
		row, err := scanRow(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// conditions writes the WHERE of a filter; its arguments come after those of others.
func conditions(f exchange.Filter, args ...any) (string, []any) {
	var where strings.Builder
	add := func(column, op string, value any) {
		args = append(args, value)
		fmt.Fprintf(&where, " AND %s %s $%d", column, op, len(args))
	}
	for _, c := range []struct{ column, value string }{
		{"partner", f.Partner}, {"case_id", f.Case}, {"kind", string(f.Kind)}, {"direction", string(f.Direction)},
		{"type", f.Type}, {"in_reply_to", f.InReplyTo}, {"id", f.ID},
	} {
		if c.value != "" {
			add(c.column, "=", c.value)
		}
	}
	if f.Partners != nil {
		holders := make([]string, len(f.Partners))
		for i, partner := range f.Partners {
			args = append(args, partner)
			holders[i] = fmt.Sprintf("$%d", len(args))
		}
		where.WriteString(" AND partner IN (" + strings.Join(append(holders, "NULL"), ", ") + ")") // none: nothing
	}
	if f.InReplyTo != "" {
		where.WriteString(" AND in_reply_to <> ''") // lets the partial index serve
	}
	if f.Type == "officer_changed" {
		where.WriteString(" AND type = 'officer_changed'") // likewise
	}
	if f.Type == "case_emergency" || f.Type == "case_assigned" {
		where.WriteString(" AND type = '" + f.Type + "'") // likewise
	}
	if f.Kind == exchange.KindMessage || f.Kind == exchange.KindRefusal {
		where.WriteString(" AND kind = '" + string(f.Kind) + "'") // likewise
	}
	deed := f.Kind == exchange.KindAccess || f.Kind == exchange.KindEvent || f.Kind == exchange.KindFailure
	narrow := f.Case != "" || f.Type == "officer_changed" && f.ID != "" // what is of one case or officer has an index of its own
	if deed && !narrow {
		where.WriteString(" AND kind IN ('access', 'event', 'failure')") // likewise
	}
	if !f.Since.IsZero() {
		add("at", ">=", f.Since.UnixMilli())
	}
	if !f.Until.IsZero() {
		add("at", "<", f.Until.UnixMilli())
	}
	return where.String(), args
}

// Case implements exchange.Reader.
func (db *DB) Case(ctx context.Context, k exchange.CaseKey) (exchange.CaseRow, error) {
	c, err := scanCase(db.reads.QueryRowContext(ctx, "SELECT "+caseColumns+" FROM cases WHERE partner = $1 AND case_id = $2", k.Partner, k.Case))
	if err != nil {
		return exchange.CaseRow{}, fmt.Errorf("read a case: %w", classify(err))
	}
	return c, nil
}

// Cases implements exchange.Reader.
func (db *DB) Cases(ctx context.Context, partner string) ([]exchange.CaseRow, error) {
	rows, err := db.reads.QueryContext(ctx, "SELECT "+caseColumns+" FROM cases WHERE case_id <> '' AND (partner = $1 OR $1 = '') ORDER BY opened_at, partner, case_id", partner)
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", classify(err))
	}
	defer rows.Close()
	var out []exchange.CaseRow
	for rows.Next() {
		c, err := scanCase(rows)
		if err != nil {
			return nil, fmt.Errorf("read cases: %w", classify(err))
		}
		out = append(out, c)
	}
	return out, classify(rows.Err())
}

// Checkpoint implements exchange.Reader.
func (db *DB) Checkpoint(ctx context.Context, size int64) ([]byte, error) {
	var note []byte
	if err := db.reads.QueryRowContext(ctx, "SELECT note FROM checkpoint WHERE size = $1", size).Scan(&note); err != nil {
		return nil, fmt.Errorf("read the checkpoint of size %d: %w", size, classify(err))
	}
	return note, nil
}

// Checkpoints implements exchange.Reader.
func (db *DB) Checkpoints(ctx context.Context, from, to int64, fn func(size int64, note []byte) error) error {
	for next := from; ; {
		type row struct {
			size int64
			note []byte
		}
		var got []row
		err := each(ctx, db.reads, "SELECT size, note FROM checkpoint WHERE size >= $1 AND size < $2 ORDER BY size LIMIT 1024", []any{next, to}, func(rows *sql.Rows) error {
			var r row
			if err := rows.Scan(&r.size, &r.note); err != nil {
				return err
			}
			got = append(got, r)
			return nil
		})
		if err != nil {
			return fmt.Errorf("read checkpoints: %w", classify(err))
		}
		for _, r := range got {
			if err := fn(r.size, r.note); err != nil {
				return err
			}
			next = r.size + 1
		}
		if len(got) < 1024 {
			return nil
		}
	}
}

// each runs a query and calls fn per row.
func each(ctx context.Context, db querier, query string, args []any, fn func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
