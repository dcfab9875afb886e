package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Exec lets a test change the database behind the store's back.
func Exec(db *DB, ctx context.Context, stmt string) error {
	_, err := db.writes.ExecContext(ctx, stmt)
	return err
}

// Dump returns a hash of everything that a table holds.
func Dump(db *DB, ctx context.Context, table string) (string, error) {
	var lines []string
	err := each(ctx, db.reads, "SELECT * FROM "+table, nil, func(rows *sql.Rows) error {
		names, err := rows.Columns()
		if err != nil {
			return err
		}
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		err = rows.Scan(into...)
		lines = append(lines, fmt.Sprint(values...))
		return err
	})
	slices.Sort(lines)
	return fmt.Sprintf("%d %x", len(lines), sha256.Sum256([]byte(strings.Join(lines, "\n")))), err
}

// Unguard takes every trigger away, as whoever owns the database can.
func Unguard(db *DB, ctx context.Context) error {
	query, drop := "SELECT name, '' FROM sqlite_master WHERE type = 'trigger'", "DROP TRIGGER NAME"
	if db.kind == PostgreSQL {
		query = "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE NOT tgisinternal"
		drop = "DROP TRIGGER NAME ON TABLE"
	}
	var stmts []string
	err := each(ctx, db.reads, query, nil, func(rows *sql.Rows) error {
		var name, table string
		err := rows.Scan(&name, &table)
		stmts = append(stmts, strings.NewReplacer("NAME", name, "TABLE", table).Replace(drop))
		return err
	})
	for _, stmt := range stmts {
		if err == nil {
			_, err = db.writes.ExecContext(ctx, stmt)
		}
	}
	return err
}
