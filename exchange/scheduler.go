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

// SchedulerConfig wires a Scheduler. Everything is required but the last two.
type SchedulerConfig struct {
	Jobs   JobStore
	Reader interface {
		Entry(ctx context.Context, index int64) (Row, error)
		Case(ctx context.Context, key CaseKey) (CaseRow, error)
	}
	Opener    *Opener
	Directory *Directory
	Recorder  Recorder
	Clock     func() time.Time
	Logger    *slog.Logger
	Sweep     func(ctx context.Context) (int, error) // releases drafts that a crash kept; may be nil
	Poll      time.Duration                          // 0 means 1 s
}

// A Scheduler looks at the clocks of cases when they are due: it records the
// reminders that an agreement asks for, and that a deadline has passed. Its
// work is jobs in the store, so it survives a restart.
type Scheduler struct {
	cfg   SchedulerConfig
	work  sync.Mutex // one works at a time; it holds what is below
	swept time.Time
}

// NewScheduler returns a scheduler; it refuses a missing part.
func NewScheduler(cfg SchedulerConfig) (*Scheduler, error) {
	if cfg.Jobs == nil || cfg.Reader == nil || cfg.Opener == nil || cfg.Directory == nil || cfg.Recorder == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("scheduler: a required part is missing")
	}
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	return &Scheduler{cfg: cfg}, nil
}

// Run works until ctx ends.
func (s *Scheduler) Run(ctx context.Context) {
	tick := time.NewTicker(s.cfg.Poll)
	defer tick.Stop()
	for {
		if err := s.Work(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("clocks could not be looked at", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// clockLease is how long a clock's job may take before another worker does it.
const clockLease = time.Minute

// sweepEvery is how often drafts are looked for that a crash, or a suspended
// partner, has kept from being signed.
const sweepEvery = 30 * time.Second

// Work does what is due now.
func (s *Scheduler) Work(ctx context.Context) error {
	s.work.Lock()
	defer s.work.Unlock()
	if now := s.cfg.Clock(); s.cfg.Sweep != nil && now.Sub(s.swept) >= sweepEvery {
		s.swept = now
		if n, err := s.cfg.Sweep(ctx); err != nil {
			s.cfg.Logger.Warn("a draft waits to be signed", "error", err)
		} else if n > 0 {
			s.cfg.Logger.Info("drafts were signed after an interruption", "drafts", n)
		}
	}
	for ctx.Err() == nil {
		now := s.cfg.Clock()
		jobs, err := s.cfg.Jobs.Claim(ctx, ClockQueue, now, now.Add(clockLease), 64)
		if err != nil || len(jobs) == 0 {
			return err
		}
		for _, job := range jobs {
			if err := s.look(ctx, job, now); err != nil {
				s.cfg.Logger.Error("a clock could not be looked at; it will be again", "jti", job.Ref, "error", err)
			}
		}
	}
	return nil
}

// look reads the clocks that one message has started and records what they
// show.
func (s *Scheduler) look(ctx context.Context, job Job, now time.Time) error {
	attempt := Attempt{JobID: job.ID, Number: job.Attempt + 1, At: now, Outcome: "nothing-runs"}
	row, err := s.cfg.Reader.Entry(ctx, job.Index)
	if err != nil {
		return err
	}
	book, err := s.cfg.Opener.Book(ctx, CaseKey{row.Partner, row.Case})
	if err != nil {
		return err
	}
	peer, err := s.cfg.Directory.Peer(row.Partner)
	if errors.Is(err, ErrNotFound) { // the partner left the registry, and its deadlines with it
		return s.cfg.Jobs.Finish(ctx, attempt)
	}
	if err != nil {
		return err
	}
	clocks := peer.Clocks(book, now)
	next := nextLook(clocks, row.ID, row.Direction == Out, now)
	shown := shows(clocks, row, job.DueAt, now, next.IsZero())
	switch {
	case len(shown) > 0:
		attempt.Outcome = "recorded"
		return s.record(ctx, row, peer, shown, Settlement{JobID: job.ID, Attempt: attempt}, next)
	case next.IsZero():
		return s.cfg.Jobs.Finish(ctx, attempt)
	}
	attempt.Outcome = "not-yet"
	return s.cfg.Jobs.Retry(ctx, attempt, next)
}

// A ClockEvent is what the record says of a clock.
type ClockEvent struct {
	Message  string              `json:"message"`
	Deadline string              `json:"deadline"`
	State    partners.ClockState `json:"state"`
	Due      time.Time           `json:"due"`
	Ours     bool                `json:"ours"`
	Scope    string              `json:"scope"`
	Citation string              `json:"citation"`
}

// shows returns the clocks of a message that had a reminder, or have run out,
// since the last look. At the last look of all everything that has run out is
// shown: a deadline may have become shorter meanwhile.
func shows(clocks []RunningClock, row Row, last, now time.Time, final bool) []ClockEvent {
	var out []ClockEvent
	for _, c := range clocks {
		if c.Message != row.ID || c.Out != (row.Direction == Out) {
			continue
		}
		reminded := false
		for _, at := range c.Reading.Reminders {
			reminded = reminded || !at.After(now) && !at.Before(last)
		}
		overdue := c.Reading.State == partners.ClockOverdue && (final || !c.Reading.Due.Add(time.Second).Before(last))
		if overdue || c.Reading.State == partners.ClockDue && reminded {
			out = append(out, ClockEvent{c.Message, c.Deadline.ID, c.Reading.State, c.Reading.Due.UTC(), c.Ours, c.Deadline.Scope, c.Deadline.Citation.EN})
		}
	}
	return out
}

// record writes what the clocks show as one entry, and in the same transaction
// when the job is due again.
func (s *Scheduler) record(ctx context.Context, row Row, peer *Peer, shown []ClockEvent, settle Settlement, next time.Time) error {
	settle.State = JobDone
	if !next.IsZero() {
		settle.State, settle.DueAt = JobDue, next
	}
	kind := "clock_reminder"
	for _, c := range shown {
		if c.State == partners.ClockOverdue {
			kind = "clock_overdue"
		}
	}
	s.cfg.Logger.Info("a clock was looked at", "partner", peer.Code, "jti", row.ID, "type", kind)
	err := recordEvent(ctx, s.cfg.Recorder, Entry{Type: kind, Partner: row.Partner, Case: row.Case, ID: row.ID, Settle: &settle}, shown)
	if err != nil {
		return fmt.Errorf("record a clock: %w", err)
	}
	return nil
}
