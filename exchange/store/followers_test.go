package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store"
	"github.com/repatriation-exchange/gateway/partners"
)

// One process has a follower's lease at a time, and another gets it when it has
// run out or was given back.
func TestFollowerLeases(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		db, ctx, now := openStore(t, url), t.Context(), time.Now()
		lease := func(holder string, at time.Time) exchange.Lease {
			return exchange.Lease{Name: "webhook/a", Holder: holder, Until: at.Add(time.Minute)}
		}
		if _, err := db.Place(ctx, "webhook/a"); !errors.Is(err, exchange.ErrNotFound) {
			t.Fatalf("a follower that has not begun: %v", err)
		}
		next, err := db.Follow(ctx, lease("one", now), 7, now)
		must(t, err)
		if next != 7 {
			t.Fatalf("a new follower begins at %d", next)
		}
		if _, err := db.Follow(ctx, lease("two", now), 0, now); !errors.Is(err, exchange.ErrConflict) {
			t.Fatalf("two holders at once: %v", err)
		}
		must(t, db.KeepPlace(ctx, lease("one", now), 9))
		if err := db.KeepPlace(ctx, lease("two", now), 99); !errors.Is(err, exchange.ErrConflict) {
			t.Fatalf("another's place was moved: %v", err)
		}
		if next, err := db.Follow(ctx, lease("one", now), 0, now); err != nil || next != 9 {
			t.Fatalf("its own lease, prolonged: %d %v", next, err)
		}
		later := now.Add(2 * time.Minute) // the first has died
		if next, err := db.Follow(ctx, lease("two", later), 0, later); err != nil || next != 9 {
			t.Fatalf("after the lease: %d %v", next, err)
		}
		if err := db.KeepPlace(ctx, lease("one", later), 10); !errors.Is(err, exchange.ErrConflict) {
			t.Fatalf("whoever lost the lease still writes: %v", err)
		}
		if next, err := db.Place(ctx, "webhook/a"); err != nil || next != 9 {
			t.Fatalf("%d %v", next, err)
		}
	})
}

// A reader is a follower that notes what it was given.
type reader struct {
	mu   sync.Mutex
	seen []int64
	fail map[int64]int // how often an entry fails
}

func (r *reader) handle(_ context.Context, row exchange.Row) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, row.Index)
	if r.fail[row.Index] > 0 {
		r.fail[row.Index]--
		return errors.New("not now")
	}
	return nil
}

func (r *reader) read() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

func (r *rig) follow(name string, to *reader, change func(*exchange.FollowerConfig)) (*exchange.Follower, func()) {
	r.t.Helper()
	cfg := exchange.FollowerConfig{
		Name: name, Store: r.db, Reader: r.db, Handle: to.handle, Clock: time.Now, Logger: slog.New(slog.DiscardHandler),
		Poll: 5 * time.Millisecond, Lease: 400 * time.Millisecond, Retry: partners.Retry{Initial: time.Millisecond, Max: 5 * time.Millisecond},
	}
	if change != nil {
		change(&cfg)
	}
	f, err := exchange.NewFollower(cfg)
	must(r.t, err)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	stop := func() { cancel(); <-done }
	r.t.Cleanup(stop)
	return f, stop
}

func (r *rig) record(n int) {
	r.t.Helper()
	for range n {
		must(r.t, r.committer.Record(r.t.Context(), request("KH", exchange.NewID(), "case-000001", "x")))
	}
}

func upTo(n int64) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

// A follower reads every entry in order, over page bounds, failures and
// restarts; what it has read it does not read again after it was stopped.
func TestFollowerReadsInOrder(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		r.record(70)
		first := &reader{fail: map[int64]int{3: 2, 66: 1}}
		_, stop := r.follow("reader", first, nil)
		waitFor(t, "70 entries are read", func() bool { return len(first.read()) >= 73 })
		r.record(5)
		waitFor(t, "new ones too", func() bool { return len(first.read()) >= 78 })
		stop()
		want := slices.Concat(upTo(4), []int64{3, 3}, upTo(67)[4:], []int64{66}, upTo(75)[67:])
		if got := first.read(); !slices.Equal(got, want) {
			t.Fatalf("read %v", got)
		}
		r.record(2)
		second := &reader{}
		f, stop := r.follow("reader", second, nil)
		waitFor(t, "it goes on where it was", func() bool { return len(second.read()) >= 2 })
		stop()
		if got := second.read(); !slices.Equal(got, []int64{75, 76}) {
			t.Fatalf("after a restart it read %v", got)
		}
		if s := f.Status(); s.Waiting != 0 || !s.Since.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

// Of two processes one works for a follower; when it dies the other takes over,
// and nothing is left out.
func TestFollowerTakesOver(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		r.record(3)
		// The first never gives its lease back: its process is killed.
		now := time.Now()
		_, err := r.db.Follow(t.Context(), exchange.Lease{Name: "reader", Holder: "killed", Until: now.Add(300 * time.Millisecond)}, 0, now)
		must(t, err)
		a, b := &reader{}, &reader{}
		_, stopA := r.follow("reader", a, nil)
		_, stopB := r.follow("reader", b, nil)
		waitFor(t, "one of them took over", func() bool { return len(a.read())+len(b.read()) >= 3 })
		if time.Since(now) < 300*time.Millisecond {
			t.Error("a lease was taken before its end")
		}
		r.record(10)
		waitFor(t, "all is read", func() bool { return len(a.read())+len(b.read()) >= 13 })
		if len(a.read()) > 0 && len(b.read()) > 0 {
			t.Errorf("both work at once: %v %v", a.read(), b.read())
		}
		stopA()
		stopB()
	})
}

// A new follower may begin at the end, and a stuck one delays nobody.
func TestFollowersAreApart(t *testing.T) {
	both(t, func(t *testing.T, url string) {
		r := newRig(t, url)
		r.record(3)
		stuck, late := &reader{fail: map[int64]int{0: 1 << 30}}, &reader{}
		s, _ := r.follow("stuck", stuck, nil)
		f, _ := r.follow("late", late, func(cfg *exchange.FollowerConfig) { cfg.FromNow = true })
		waitFor(t, "the new one has begun", func() bool { return f.Status().Working })
		r.record(2)
		f.Wake()
		waitFor(t, "it reads what is new", func() bool { return slices.Equal(late.read(), []int64{3, 4}) })
		waitFor(t, "the stuck one shows", func() bool { return s.Status().Waiting == 5 && !s.Status().Since.IsZero() })
		if slices.ContainsFunc(stuck.read(), func(i int64) bool { return i != 0 }) {
			t.Errorf("it went past what failed: %v", stuck.read())
		}
	})
}

func TestFollowerStoreFailure(t *testing.T) {
	r := newRig(t, fmt.Sprintf("%s/gateway.db", t.TempDir()))
	r.record(1)
	must(t, store.Exec(r.db, t.Context(), "ALTER TABLE follower RENAME TO away"))
	read := &reader{}
	f, _ := r.follow("reader", read, nil)
	waitFor(t, "the failure shows", func() bool { return !f.Status().Since.IsZero() })
	must(t, store.Exec(r.db, t.Context(), "ALTER TABLE away RENAME TO follower"))
	waitFor(t, "it goes on", func() bool { return slices.Equal(read.read(), []int64{0}) && f.Status().Since.IsZero() })
}
