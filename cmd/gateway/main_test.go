package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
)

// postgres is the one throw-away PostgreSQL of this package's tests; it starts
// when a test first asks for it.
var postgres = sync.OnceValues(func() (*throwaway.Server, error) { return throwaway.Start(context.Background(), "") })

var postgresUsed bool

// newPostgres returns the URL of a new, empty database. A machine without
// PostgreSQL fails the test: nothing is skipped.
func newPostgres(t testing.TB) string {
	t.Helper()
	postgresUsed = true
	server, err := postgres()
	if err != nil {
		t.Fatal(err)
	}
	url, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// asGateway in the environment makes the test binary the program itself, so
// that tests start real processes without building anything.
const asGateway = "TEST_AS_GATEWAY"

func TestMain(m *testing.M) {
	if os.Getenv(asGateway) != "" {
		os.Exit(run())
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	code := m.Run()
	if postgresUsed {
		if server, err := postgres(); err == nil {
			server.Stop()
		} else {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return code
}
