package store_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A session is found until it is ended, alone or with all of its officer, and
// those whose time is over go when a new one begins.
func TestSessions(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx := openStore(t, url), t.Context()
		now := time.UnixMilli(1_780_000_000_000)
		put := func(hash, officer string, at time.Time) {
			t.Helper()
			must(t, db.PutSession(ctx, exchange.SessionRow{Hash: hash, Officer: officer, SeenAt: at, Ends: at.Add(time.Hour), Content: []byte(hash)}, at))
		}
		gone := func(hash string) {
			t.Helper()
			if _, err := db.Session(ctx, hash); !errors.Is(err, exchange.ErrNotFound) {
				t.Errorf("session %s: %v", hash, err)
			}
		}
		put("a", "lan", now)
		put("b", "lan", now)
		put("c", "minh", now)
		s, err := db.Session(ctx, "a")
		if err != nil || s.Officer != "lan" || !s.SeenAt.Equal(now) || !s.Ends.Equal(now.Add(time.Hour)) || !bytes.Equal(s.Content, []byte("a")) {
			t.Fatalf("%+v %v", s, err)
		}
		must(t, db.TouchSession(ctx, "a", now.Add(time.Minute)))
		must(t, db.TouchSession(ctx, "a", now)) // an earlier use does not count back
		if s, err = db.Session(ctx, "a"); err != nil || !s.SeenAt.Equal(now.Add(time.Minute)) {
			t.Errorf("%+v %v", s, err)
		}
		if of, err := db.SessionsOf(ctx, "lan"); err != nil || len(of) != 2 || of[0].Hash != "a" || of[1].Hash != "b" || !bytes.Equal(of[1].Content, []byte("b")) {
			t.Errorf("%+v %v", of, err)
		}
		must(t, db.EndSession(ctx, "c"))
		must(t, db.EndSession(ctx, "c"))
		gone("c")
		if n, err := db.EndSessions(ctx, "lan"); err != nil || n != 2 {
			t.Errorf("%d sessions ended, %v", n, err)
		}
		gone("a")
		gone("b")
		put("old", "lan", now)
		put("new", "lan", now.Add(2*time.Hour))
		gone("old")
	})
}
