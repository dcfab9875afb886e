package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/repatriation-exchange/gateway/exchange/store"
)

// The gateway's role may do whatever this package's statements do, and each of
// these only: a table that is added needs its grant.
func TestGrantIsWhatTheStatementsNeed(t *testing.T) {
	url, err := postgres.Database(t.Context())
	must(t, err)
	db := openStore(t, url)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer func() { _ = conn.Close(t.Context()) }() // it has served
	_, err = conn.Exec(t.Context(), "CREATE ROLE clerk")
	must(t, err)
	must(t, db.Grant(t.Context(), "clerk"))
	must(t, db.Grant(t.Context(), "clerk")) // after every update of the program
	if err := db.Grant(t.Context(), "nobody_at_all"); err == nil || !strings.Contains(err.Error(), store.ErrRole.Error()) {
		t.Errorf("an unknown role: %v", err)
	}

	needed := map[string]bool{"DELETE person": true, "DELETE link": true} // by a statement that is put together
	files, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		must(t, err)
		for _, m := range regexp.MustCompile(`(INSERT) INTO ([a-z_]+)|(DELETE) FROM ([a-z_]+)|[^a-zA-Z](UPDATE) ([a-z_]+) SET`).FindAllStringSubmatch(string(text), -1) {
			needed[m[1]+m[3]+m[5]+" "+m[2]+m[4]+m[6]] = true
		}
		// An upsert updates too.
		for _, m := range regexp.MustCompile("(?s)INSERT INTO ([a-z_]+) \\([^`\"]*?DO UPDATE").FindAllStringSubmatch(string(text), -1) {
			needed["UPDATE "+m[1]] = true
		}
	}
	if len(needed) < 20 {
		t.Fatalf("only %d kinds of statement were found", len(needed))
	}
	rows, err := conn.Query(t.Context(), "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
	must(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	for _, table := range tables {
		for _, right := range []string{"INSERT", "UPDATE", "DELETE"} {
			var has bool
			ask := "SELECT has_table_privilege('clerk', $1, $2)"
			if right == "UPDATE" {
				ask = "SELECT has_any_column_privilege('clerk', $1, $2)"
			}
			must(t, conn.QueryRow(t.Context(), ask, table, right).Scan(&has))
			if needs := needed[right+" "+table]; has != needs {
				t.Errorf("%s on %s: granted %t, needed %t", right, table, has, needs)
			}
		}
	}
}
