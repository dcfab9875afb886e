package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// CheckerConfig wires a Checker. Everything is required but the last three.
type CheckerConfig struct {
	Audit    AuditConfig // how the record is checked
	Leases   FollowerStore
	Recorder Recorder
	Clock    func() time.Time
	Logger   *slog.Logger
	Metrics  *Metrics
	Every    time.Duration // 0 means never; what others have found is shown all the same
	Poll     time.Duration // how often it looks whether a check is due; 0 means 5 min
	Lease    time.Duration // of the process that checks, which prolongs it; 0 means 1 min
}

// A Checker checks the whole record by the clock, so that a change is found
// without anybody asking. The next check is due a while after the last one that is
// in the record, whoever made it. Of several processes one checks at a time: the
// one that holds the lease, as with a Follower. A check reads beside the committer,
// takes none of its locks, and rests as long as it works.
type Checker struct {
	cfg    CheckerConfig
	holder string
	again  time.Time // not before this, after one that could not finish; owned by Run

	mu      sync.Mutex
	last    LastCheck
	trouble error // why the last one could not finish or be recorded
}

// NewChecker returns a checker; it refuses a missing part.
func NewChecker(cfg CheckerConfig) (*Checker, error) {
	if cfg.Audit.Store == nil || cfg.Audit.Opener == nil || cfg.Leases == nil || cfg.Recorder == nil || cfg.Clock == nil || cfg.Logger == nil || cfg.Metrics == nil || cfg.Every < 0 {
		return nil, errors.New("checker: a required part is missing")
	}
	if cfg.Poll == 0 {
		cfg.Poll = 5 * time.Minute
	}
	if cfg.Lease == 0 {
		cfg.Lease = time.Minute
	}
	return &Checker{cfg: cfg, holder: NewID()}, nil
}

// Run works until ctx ends. A process that has just started has better things to
// do than to check: it only says what is known.
func (c *Checker) Run(ctx context.Context) {
	tick := time.NewTicker(c.cfg.Poll)
	defer tick.Stop()
	for work := c.look; ; work = c.Work {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Logger.Error("the record could not be checked", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// What bounds a check by the clock.
const (
	checkRetry = time.Hour             // after one that could not finish
	checkRest  = 50 * time.Millisecond // how long it works at least before it rests
)

// Work checks the record if that is due and no other process does.
func (c *Checker) Work(ctx context.Context) error {
	if due, err := c.due(ctx); !due {
		return err
	}
	ctx, release, err := c.take(ctx)
	if errors.Is(err, ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	if due, err := c.due(ctx); !due { // another process may just have done it
		return err
	}
	err = c.check(ctx)
	if ctx.Err() != nil { // the gateway stops, or another process has the lease
		return nil
	}
	if err != nil {
		c.again = c.cfg.Clock().Add(min(c.cfg.Every, checkRetry))
	}
	c.mu.Lock()
	c.trouble = err
	c.mu.Unlock()
	return err
}

// due looks what the record says and whether that was long enough ago.
func (c *Checker) due(ctx context.Context) (bool, error) {
	if err := c.look(ctx); err != nil || c.cfg.Every == 0 {
		return false, err
	}
	now := c.cfg.Clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	// A clock that was far ahead must not put it off either.
	return !now.Before(c.again) && (c.last.Unreadable || now.Sub(c.last.At).Abs() >= c.cfg.Every), nil
}

// look shows what the record says of the last check.
func (c *Checker) look(ctx context.Context) error {
	last, err := lastCheck(ctx, c.cfg.Audit.Store, c.cfg.Audit.Opener)
	if err != nil {
		return err
	}
	c.show(last)
	return nil
}

func (c *Checker) show(last LastCheck) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = last
	c.cfg.Metrics.checked(last)
}

// take takes the lease and keeps it until release, which lets another process
// work. The context ends when another one has it.
func (c *Checker) take(ctx context.Context) (held context.Context, release func(), err error) {
	lease := func(d time.Duration) Lease {
		return Lease{Name: "record-check", Holder: c.holder, Until: c.cfg.Clock().Add(d)}
	}
	place, err := c.cfg.Leases.Follow(ctx, lease(c.cfg.Lease), 0, c.cfg.Clock())
	if err != nil {
		return nil, nil, err
	}
	held, cancel := context.WithCancel(ctx)
	var keeper sync.WaitGroup
	keeper.Go(func() {
		tick := time.NewTicker(c.cfg.Lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-held.Done():
				return
			case <-tick.C:
			}
			if err := c.cfg.Leases.KeepPlace(held, lease(c.cfg.Lease), place); errors.Is(err, ErrConflict) {
				cancel()
			} else if err != nil && held.Err() == nil {
				c.cfg.Logger.Warn("the lease of a check could not be prolonged", "error", err)
			}
		}
	})
	return held, func() {
		cancel()
		keeper.Wait()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := c.cfg.Leases.KeepPlace(ending, lease(0), place); err != nil && !errors.Is(err, ErrConflict) {
			c.cfg.Logger.Warn("the lease of a check could not be given back", "error", err)
		}
	}, nil
}

// check checks the record, puts the outcome into it, and raises an alarm when it
// does not hold.
func (c *Checker) check(ctx context.Context) error {
	began := time.Now()
	audit := c.cfg.Audit
	audit.Progress = yielding(ctx)
	report, err := Audit(ctx, audit)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	found := CheckedOf(report, CheckedByClock, "", c.cfg.Clock(), time.Since(began))
	// What was found must not be lost because the gateway stops just now.
	err = RecordCheck(context.WithoutCancel(ctx), c.cfg.Recorder, found)
	c.show(LastCheck{Checked: found})
	if found.Holds() {
		c.cfg.Logger.Info("the record was checked and holds", "entries", found.Size, "took_ms", found.Took)
		return err
	}
	c.cfg.Metrics.logAlarm(audit.Self, alarmWrong)
	c.cfg.Logger.Error("a log is not what it was: our record does not hold; 'gateway check' says where", "alarm", alarmWrong,
		"entries", found.Size, "findings", found.Findings, "rules", found.Rules, "record_error", err)
	if err != nil {
		err = fmt.Errorf("the record does not hold (%d findings), and cannot say so: %w", found.Findings, err)
	}
	return err
}

// yielding returns a progress that lets messages have the processor for as long as
// the check has had it.
func yielding(ctx context.Context) func(done, total int64) {
	since := time.Now()
	return func(int64, int64) {
		worked := time.Since(since)
		if worked < checkRest {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(worked):
		}
		since = time.Now()
	}
}

// Warnings returns what an operator must know of the last check, as this process
// last saw it.
func (c *Checker) Warnings() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	at := c.last.At.UTC().Format(time.RFC3339)
	switch {
	case c.last.Unreadable:
		out = append(out, "what the last check of the record has found cannot be read; run 'gateway check'")
	case !c.last.Holds():
		out = append(out, fmt.Sprintf("the record does not hold: %d findings on %s; 'gateway check' says where", c.last.Findings, at))
	}
	if c.trouble != nil {
		out = append(out, fmt.Sprintf("the last check of the record did not end: %v", c.trouble))
	} else if c.cfg.Every > 0 && !c.last.At.IsZero() && c.cfg.Clock().Sub(c.last.At) > 2*c.cfg.Every {
		out = append(out, "the record was not checked since "+at)
	}
	return out
}
