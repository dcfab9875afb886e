package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
)

// A Lease says who reads the record for a follower, and until when.
type Lease struct {
	Name   string // the follower's
	Holder string // this process
	Until  time.Time
}

// A FollowerStore remembers how far each follower has come.
type FollowerStore interface {
	// Follow takes a follower's lease and returns the index that it has to read
	// next; a new follower begins at start. ErrConflict while another process
	// holds the lease.
	Follow(ctx context.Context, lease Lease, start int64, now time.Time) (next int64, err error)
	// KeepPlace remembers the next index and prolongs the lease; ErrConflict when
	// another process has it.
	KeepPlace(ctx context.Context, lease Lease, next int64) error
	// Place returns the index that a follower has to read next; ErrNotFound for
	// one that has not begun.
	Place(ctx context.Context, name string) (next int64, err error)
}

// FollowerConfig wires a Follower. Name, Store, Reader, Handle, Clock and Logger
// are required.
type FollowerConfig struct {
	Name   string
	Store  FollowerStore
	Reader interface {
		Head(ctx context.Context) (Head, error)
		Entries(ctx context.Context, from, to int64, f Filter, fn func(Row) error) error
	}
	// Handle is given each entry, in order, at least once: after a crash some
	// come again. While it fails the same entry is tried again, ever more
	// rarely, and no later one.
	Handle func(ctx context.Context, row Row) error
	// FromNow lets a follower that is new begin at the end of the record.
	FromNow bool
	Clock   func() time.Time
	Logger  *slog.Logger
	Poll    time.Duration  // how often it looks unasked; 0 means 1 s
	Lease   time.Duration  // 0 means 20 s; one entry must take less than half of it
	Retry   partners.Retry // its zero value means 1 s to 5 min
}

// A Follower is a durable reader of the record: webhooks are, and whatever is
// computed from entries beside it. It reads what is committed and so never
// delays the committer. Of several processes one works for a follower at a
// time: the one that holds its lease, a row of the store that is prolonged while
// the work goes on. If that process dies another takes over when the lease has
// run out.
type Follower struct {
	cfg    FollowerConfig
	holder string
	wake   chan struct{}

	// Owned by Run.
	held  bool
	until time.Time // of the lease
	next  int64
	kept  int64 // what the store remembers
	saved time.Time

	mu     sync.Mutex
	status FollowerStatus
}

// A FollowerStatus says how a follower is doing.
type FollowerStatus struct {
	Working bool      // this process holds its lease
	Waiting int64     // entries that it has not read yet
	Since   time.Time // since when it fails; zero when it does not
}

// NewFollower returns a follower; it refuses a missing part.
func NewFollower(cfg FollowerConfig) (*Follower, error) {
	if cfg.Name == "" || cfg.Store == nil || cfg.Reader == nil || cfg.Handle == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("follower: a required part is missing")
	}
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.Lease == 0 {
		cfg.Lease = 20 * time.Second
	}
	if cfg.Retry.Initial == 0 {
		cfg.Retry = partners.Retry{Initial: time.Second, Max: 5 * time.Minute}
	}
	return &Follower{cfg: cfg, holder: NewID(), wake: make(chan struct{}, 1)}, nil
}

// Wake lets the follower look at once. It never blocks.
func (f *Follower) Wake() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Status says how the follower is doing.
func (f *Follower) Status() FollowerStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Run works until ctx ends, and gives the lease back then.
func (f *Follower) Run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		err := f.work(ctx)
		wait, wake := f.cfg.Poll, f.wake
		switch {
		case ctx.Err() != nil:
		case err == nil:
			failures = 0
		default:
			wait, wake = backoff(f.cfg.Retry, failures), nil // what happens meanwhile does not mend it
			failures++
			f.cfg.Logger.Warn("a follower of the record has to try again", "follower", f.cfg.Name, "next", f.next, "failures", failures, "wait", wait, "error", err)
		}
		f.failing(err)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-time.After(wait):
		}
	}
	f.leave(ctx)
}

// followPage is how many entries are read at a time: they are held in memory
// while each is worked on.
const followPage = 64

// work reads what is new, as long as this process has the lease.
func (f *Follower) work(ctx context.Context) error {
	head, err := f.cfg.Reader.Head(ctx)
	if err != nil {
		return err
	}
	if working, err := f.hold(ctx, head); !working {
		if errors.Is(err, errLeaseLost) {
			return nil
		}
		return err
	}
	if f.next > head.Size {
		return fmt.Errorf("it has read %d entries of a record that has %d", f.next, head.Size)
	}
	for f.next < head.Size && err == nil {
		f.waits(head.Size - f.next)
		to := min(f.next+followPage, head.Size)
		err = f.cfg.Reader.Entries(ctx, f.next, to, Filter{}, func(row Row) error {
			if working, err := f.hold(ctx, head); !working {
				return errors.Join(errLeaseLost, err)
			}
			if err := f.cfg.Handle(ctx, row); err != nil {
				return err
			}
			f.next = row.Index + 1
			return f.save(ctx, saveEvery)
		})
	}
	f.waits(head.Size - f.next)
	if err == nil {
		err = f.save(ctx, saveEvery)
	} else if f.held && f.next != f.kept { // it will be a while until the next save
		err = errors.Join(err, f.save(ctx, 0))
	}
	if errors.Is(err, errLeaseLost) {
		return nil
	}
	return err
}

var errLeaseLost = errors.New("another process follows the record now")

// saveEvery is how seldom a follower writes down how far it has come: what it
// does must cost the committer nothing. After a crash the entries of that time
// come again.
const saveEvery = time.Second

// hold makes sure that this process has the lease for a while yet.
func (f *Follower) hold(ctx context.Context, head Head) (bool, error) {
	now := f.cfg.Clock()
	if f.held && f.until.Sub(now) > f.cfg.Lease/2 {
		return true, nil
	}
	if f.held {
		err := f.save(ctx, 0)
		return err == nil, err
	}
	start := int64(0)
	if f.cfg.FromNow {
		start = head.Size
	}
	lease := Lease{f.cfg.Name, f.holder, now.Add(f.cfg.Lease)}
	next, err := f.cfg.Store.Follow(ctx, lease, start, now)
	if errors.Is(err, ErrConflict) {
		f.mu.Lock()
		f.status = FollowerStatus{}
		f.mu.Unlock()
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f.held, f.until, f.next, f.kept, f.saved = true, lease.Until, next, next, now
	return true, nil
}

// save writes down how far the follower has come, and prolongs the lease, when
// it was last done at least that long ago.
func (f *Follower) save(ctx context.Context, since time.Duration) error {
	now := f.cfg.Clock()
	if since > 0 && (f.next == f.kept || now.Sub(f.saved) < since) {
		return nil
	}
	lease := Lease{f.cfg.Name, f.holder, now.Add(f.cfg.Lease)}
	if err := f.cfg.Store.KeepPlace(ctx, lease, f.next); err != nil {
		f.held = false
		if errors.Is(err, ErrConflict) {
			return errLeaseLost
		}
		return err
	}
	f.until, f.kept, f.saved = lease.Until, f.next, now
	return nil
}

// leave writes down how far the follower has come and lets another process take
// over at once.
func (f *Follower) leave(ctx context.Context) {
	if !f.held {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := f.cfg.Store.KeepPlace(ctx, Lease{f.cfg.Name, f.holder, f.cfg.Clock()}, f.next); err != nil && !errors.Is(err, ErrConflict) {
		f.cfg.Logger.Warn("a follower could not write down how far it has come", "follower", f.cfg.Name, "next", f.next, "error", err)
	}
	f.held = false
}

func (f *Follower) waits(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Working, f.status.Waiting = true, n
}

func (f *Follower) failing(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		f.status.Since = time.Time{}
	case f.status.Since.IsZero():
		f.status.Since = f.cfg.Clock()
	}
}
