package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What was used once is not used again until its time is over.
func TestOnce(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx := openStore(t, url), t.Context()
		now := time.UnixMilli(1_780_000_000_000)
		must(t, db.Once(ctx, "a", now.Add(time.Minute), now))
		must(t, db.Once(ctx, "b", now.Add(time.Minute), now))
		if err := db.Once(ctx, "a", now.Add(time.Minute), now.Add(59*time.Second)); !errors.Is(err, exchange.ErrConflict) {
			t.Errorf("used twice: %v", err)
		}
		must(t, db.Once(ctx, "a", now.Add(2*time.Minute), now.Add(time.Minute)))
	})
}

// Tries are counted until one succeeds or a day has passed; one that comes too
// early is not.
func TestAttempts(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx := openStore(t, url), t.Context()
		now := time.UnixMilli(1_780_000_000_000)
		wait := func(tries int) time.Duration { return time.Duration(max(tries-1, 0)) * time.Minute }
		try := func(at, want time.Duration) {
			t.Helper()
			if got, err := db.Attempt(ctx, "lan", now.Add(at), wait); err != nil || got != want {
				t.Errorf("at %s: wait %s, want %s (%v)", at, got, want, err)
			}
		}
		try(0, 0)
		try(0, 0)
		try(10*time.Second, 50*time.Second)
		try(20*time.Second, 40*time.Second)
		try(time.Minute, 0)
		try(time.Minute, 2*time.Minute)
		must(t, db.Succeeded(ctx, "lan"))
		try(time.Minute, 0)
		try(time.Minute, 0)
		try(time.Minute, time.Minute)
		try(26*time.Hour, 0)
		try(26*time.Hour, 0)
		if got, err := db.Attempt(ctx, "minh", now.Add(26*time.Hour), wait); err != nil || got != 0 {
			t.Errorf("somebody else waits %s (%v)", got, err)
		}
	})
}
