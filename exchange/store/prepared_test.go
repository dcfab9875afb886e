package store

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// Statements are kept by their texts, once each whoever asks at the same time, no more
// than a bound; past it, and for what is no statement, the query itself answers.
func TestPrepared(t *testing.T) {
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	pool.SetMaxOpenConns(4)
	p := &prepared{DB: pool, stmts: map[string]*sql.Stmt{}}
	number := func(i int) error {
		var n int
		err := p.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d + $1", i), 1).Scan(&n)
		if err == nil && n != i+1 {
			err = fmt.Errorf("%d + 1 is %d", i, n)
		}
		return err
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 2 * mostPrepared {
				if err := number(i % (mostPrepared + 50)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := len(p.stmts); n < mostPrepared || n > mostPrepared+8 { // whoever was on the way when it became full
		t.Errorf("%d statements are kept", n)
	}
	rows, err := p.QueryContext(t.Context(), "SELECT 1 UNION SELECT 2")
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() || rows.Close() != nil {
		t.Error("a query past the bound has no rows")
	}
	fresh := &prepared{DB: pool, stmts: map[string]*sql.Stmt{}}
	if _, err := fresh.QueryContext(t.Context(), "SELECT nothing"); err == nil || len(fresh.stmts) != 0 {
		t.Errorf("no statement: %v, and %d are kept", err, len(fresh.stmts))
	}
}
