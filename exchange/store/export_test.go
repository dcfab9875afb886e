package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
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

// Plans returns how the database looks for a batch's messages and cases.
func Plans(db *DB, ctx context.Context) (message, oneCase string, err error) {
	key := []any{"LA", "in", "1"}
	explain, queries, args := "EXPLAIN QUERY PLAN ", [2]string{lookForMessage, lookForCase}, [2][]any{key, {"LA", "1"}}
	if db.kind == PostgreSQL {
		list := func(s string) []string { return []string{s} }
		explain, queries = "EXPLAIN ", [2]string{lookForMessages, lookForCases}
		args = [2][]any{{list("LA"), list("in"), list("1")}, {list("LA"), list("1")}}
	}
	var plans [2]string
	for i, query := range queries {
		var explainErr error
		plans[i], explainErr = plan(db, ctx, explain+query, args[i])
		err = errors.Join(err, explainErr)
	}
	return plans[0], plans[1], err
}

// PlanOfNewest returns how the database looks for the newest entries of a kind.
func PlanOfNewest(db *DB, ctx context.Context, f exchange.Filter) (string, error) {
	query, args := newest(math.MaxInt64, f, 50)
	return explained(db, ctx, query, args)
}

// PlanOfCases returns how the database looks for a page of cases.
func PlanOfCases(db *DB, ctx context.Context, f exchange.CaseFilter) (string, error) {
	query, args := casePage(f)
	return explained(db, ctx, query, args)
}

func explained(db *DB, ctx context.Context, query string, args []any) (string, error) {
	explain := "EXPLAIN QUERY PLAN "
	if db.kind == PostgreSQL {
		explain = "EXPLAIN "
	}
	return plan(db, ctx, explain+query, args)
}

func plan(db *DB, ctx context.Context, explain string, args []any) (out string, err error) {
	err = each(ctx, db.reads, explain, args, func(rows *sql.Rows) error {
		var line string
		into := []any{&line}
		if db.kind == SQLite {
			into = []any{new(int), new(int), new(int), &line}
		}
		err := rows.Scan(into...)
		out += line + "\n"
		return err
	})
	return out, err
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
