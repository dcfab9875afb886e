package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/partners"
)

// CourierConfig wires a Courier. Everything is required but the last three.
type CourierConfig struct {
	Self      string
	Directory *Directory
	Jobs      JobStore
	Reader    interface {
		Entry(ctx context.Context, index int64) (Row, error)
	}
	Opener   *Opener
	Recorder Recorder
	// Client returns the HTTP client for a partner: mutual TLS, its anchors
	// and pins only, no redirects, no proxy.
	Client  func(partner string) (*http.Client, error)
	Clock   func() time.Time
	Logger  *slog.Logger
	Metrics *Metrics
	// Receipted is told of the checkpoint in every valid receipt; nil when
	// nobody compares them. It must not block.
	Receipted func(partner string, c record.Checkpoint)
	Poll      time.Duration // how often a queue is looked at unasked; 0 means 1 s
	Timeout   time.Duration // one delivery; 0 means 30 s
}

// A Courier carries recorded messages to their partners: durable jobs, one
// lane a partner, so that a dead partner delays nobody else.
type Courier struct {
	cfg CourierConfig

	mu    sync.Mutex
	lanes map[string]*courierLane
}

// A courierLane serves one partner.
type courierLane struct {
	courier *Courier
	partner string
	retry   partners.Retry // the policy that the breaker was made for
	end     context.CancelFunc
	wake    chan struct{}
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
}

// NewCourier returns a courier; it refuses a missing part.
func NewCourier(cfg CourierConfig) (*Courier, error) {
	if cfg.Self == "" || cfg.Directory == nil || cfg.Jobs == nil || cfg.Reader == nil || cfg.Opener == nil ||
		cfg.Recorder == nil || cfg.Client == nil || cfg.Clock == nil || cfg.Logger == nil || cfg.Metrics == nil {
		return nil, errors.New("courier: a required part is missing")
	}
	if cfg.Poll == 0 {
		cfg.Poll = time.Second
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	return &Courier{cfg: cfg, lanes: map[string]*courierLane{}}, nil
}

// Run serves every partner of the registry, as it is and as it becomes, until
// ctx ends, and returns when all lanes are still.
func (c *Courier) Run(ctx context.Context) {
	var wait sync.WaitGroup
	defer wait.Wait()
	tick := time.NewTicker(c.cfg.Poll)
	defer tick.Stop()
	for {
		c.staff(ctx, &wait)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// staff gives each partner of the registry a lane, and ends the lanes of those
// that are gone or whose retry policy has changed.
func (c *Courier) staff(ctx context.Context, wait *sync.WaitGroup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	snapshot := c.cfg.Directory.Snapshot()
	for code, lane := range c.lanes {
		if p, ok := snapshot.Partner(code); !ok || p.Retry != lane.retry {
			lane.end()
			delete(c.lanes, code)
			c.cfg.Metrics.circuit(code, false)
		}
	}
	for _, p := range snapshot.All() {
		if c.lanes[p.Code] == nil {
			laneCtx, end := context.WithCancel(ctx)
			lane := c.newLane(laneCtx, p)
			lane.end = end
			c.lanes[p.Code] = lane
			wait.Go(func() { lane.run(laneCtx) })
		}
	}
}

// Wake tells a partner's lane that a job is due. It never blocks.
func (c *Courier) Wake(partner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if lane, ok := c.lanes[partner]; ok {
		select {
		case lane.wake <- struct{}{}:
		default:
		}
	}
}

// CircuitOpen says whether deliveries to a partner are held back now; they are until
// one that is tried has arrived, or none is left.
func (c *Courier) CircuitOpen(partner string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	lane, ok := c.lanes[partner]
	return ok && lane.breaker.State() != gobreaker.StateClosed
}

// newLane makes a partner's lane, which ends with ctx.
func (c *Courier) newLane(ctx context.Context, p *partners.Partner) *courierLane {
	lane := &courierLane{courier: c, partner: p.Code, retry: p.Retry, wake: make(chan struct{}, 1)}
	lane.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        p.Code,
		MaxRequests: 1,
		Timeout:     p.Retry.Initial * 2,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= 5 },
		OnStateChange: func(name string, _, to gobreaker.State) {
			if ctx.Err() == nil { // a lane that has ended says nothing of the one in its place
				c.cfg.Metrics.circuit(name, to != gobreaker.StateClosed)
			}
			c.cfg.Logger.Warn("circuit breaker", "partner", name, "state", to.String())
		},
	})
	return lane
}

// run claims due jobs and delivers them until ctx ends. Deliveries under way
// are finished: their answers matter.
func (l *courierLane) run(ctx context.Context) {
	cfg := &l.courier.cfg
	var under sync.WaitGroup
	defer under.Wait()
	slots := make(chan struct{}, 16)
	for ctx.Err() == nil {
		claimed := 0
		if free := l.free(slots); free > 0 {
			jobs, err := l.claim(ctx, free)
			if err != nil && ctx.Err() == nil {
				cfg.Logger.Error("jobs cannot be claimed", "partner", l.partner, "error", err)
			}
			claimed = len(jobs)
			for _, job := range jobs {
				slots <- struct{}{}
				under.Go(func() {
					defer func() { <-slots; l.poke() }()
					l.deliver(job)
				})
			}
		}
		if claimed > 0 && len(slots) < cap(slots) {
			continue
		}
		if claimed == 0 && len(slots) == 0 {
			l.relent(ctx)
		}
		l.sleep(ctx)
	}
}

// relent closes a circuit that is half open when nothing is left to try it with: what was
// given up waits for a person, and nothing is held back any more.
func (l *courierLane) relent(ctx context.Context) {
	if l.breaker.State() != gobreaker.StateHalfOpen {
		return
	}
	left, err := l.courier.cfg.Jobs.Queue(ctx, l.partner, JobDue, 1)
	if err != nil || len(left) > 0 {
		return // a store that is away is told of by whoever claims
	}
	if done, err := l.breaker.Allow(); err == nil {
		done(nil)
	}
}

// free says how many deliveries may be begun now. While the circuit is half
// open it is one at a time: a job that is claimed and then not let through
// would wait for its lease to run out.
func (l *courierLane) free(slots chan struct{}) int {
	peer, err := l.courier.cfg.Directory.Peer(l.partner)
	if err != nil || peer.Status != partners.Active {
		return 0
	}
	switch l.breaker.State() {
	case gobreaker.StateOpen:
		return 0
	case gobreaker.StateHalfOpen:
		return max(0, 1-len(slots))
	}
	return cap(slots) - len(slots)
}

// claim leases up to n due jobs.
func (l *courierLane) claim(ctx context.Context, n int) ([]Job, error) {
	now := l.courier.cfg.Clock()
	return l.courier.cfg.Jobs.Claim(ctx, l.partner, now, now.Add(2*l.courier.cfg.Timeout), n)
}

func (l *courierLane) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// sleep waits for new work, or until it is time to look again.
func (l *courierLane) sleep(ctx context.Context) {
	timer := time.NewTimer(l.courier.cfg.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-timer.C:
	}
}

// deliver makes one attempt and settles it. It runs to its end even when the
// gateway is stopping: half an attempt would be a lost answer.
func (l *courierLane) deliver(job Job) {
	cfg := &l.courier.cfg
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Timeout)
	defer cancel()
	done, err := l.breaker.Allow()
	if err != nil { // the circuit opened meanwhile
		l.giveBack(ctx, job)
		return
	}
	peer, err := cfg.Directory.Peer(l.partner)
	if err != nil { // the partner left the registry meanwhile
		done(nil)
		l.giveBack(ctx, job)
		return
	}
	started := cfg.Clock()
	result := l.courier.attempt(ctx, peer, job)
	result.attempt.JobID, result.attempt.Number = job.ID, job.Attempt+1
	result.attempt.At, result.attempt.Took = started, cfg.Clock().Sub(started)
	if result.reached {
		done(nil) // the partner is alive, whatever it said
	} else {
		done(result.err)
	}
	settleCtx, cancelSettle := context.WithTimeout(context.Background(), cfg.Timeout)
	defer cancelSettle()
	if err := l.courier.settle(settleCtx, peer, job, result); err != nil {
		cfg.Logger.Error("a delivery attempt was not recorded; the job will be tried again", "partner", l.partner, "jti", job.Ref, "error", err)
	}
}

// giveBack makes a claimed job due again without an attempt.
func (l *courierLane) giveBack(ctx context.Context, job Job) {
	if err := l.courier.cfg.Jobs.Release(ctx, job.ID); err != nil {
		l.courier.cfg.Logger.Warn("a job waits for its lease to run out", "partner", l.partner, "jti", job.Ref, "error", err)
	}
}

// backoff returns how long to wait after n failures: exponential, half of it
// jitter.
func backoff(r partners.Retry, n int) time.Duration {
	n = min(n, 20)
	ceiling := r.Max
	if r.Initial <= r.Max>>n {
		ceiling = r.Initial << n
	}
	return ceiling/2 + rand.N(ceiling/2+1) // #nosec G404 -- jitter needs no secrecy
}

// nextAttempt returns when a job is tried again: never before the partner's
// Retry-After. A job ends deadLetterAfter its first attempt, so that no answer
// of a partner can put it off for ever: the last attempt is made then, should
// even Retry-After be later.
func nextAttempt(r partners.Retry, job Job, now time.Time, after time.Duration) time.Time {
	due := now.Add(max(after, backoff(r, job.Attempt)))
	if last := job.FirstAt.Add(r.DeadLetterAfter); due.After(last) {
		return last
	}
	return due
}

// settle writes what an attempt came to.
func (c *Courier) settle(ctx context.Context, peer *Peer, job Job, r attemptResult) error {
	now := c.cfg.Clock()
	if r.verdict == verdictRetry && now.Sub(job.FirstAt) >= peer.Retry.DeadLetterAfter {
		r.verdict, r.attempt.Outcome = verdictDead, "dead"
		r.evidence = failureData(job, r, "gave up after "+peer.Retry.DeadLetterAfter.String())
	}
	c.cfg.Metrics.delivery(peer.Code, r.attempt.Outcome)
	log := c.cfg.Logger.With("partner", peer.Code, "jti", job.Ref, "attempt", r.attempt.Number, "outcome", r.attempt.Outcome, "status", r.attempt.Status)
	switch r.verdict {
	case verdictDelivered:
		log.Info("message delivered", "partner_index", r.receipt.Index)
		if c.cfg.Receipted != nil {
			c.cfg.Receipted(peer.Code, r.receipt.Checkpoint)
		}
		return c.record(ctx, peer, job, KindReceipt, In, r.receipt.Raw, JobDone, r.attempt)
	case verdictDead:
		log.Error("message will not be delivered", "detail", r.attempt.Detail)
		return c.record(ctx, peer, job, KindFailure, Out, r.evidence, JobDead, r.attempt)
	default:
		due := nextAttempt(peer.Retry, job, now, r.after)
		log.Warn("delivery failed; will try again", "detail", r.attempt.Detail, "due", due)
		return c.cfg.Jobs.Retry(ctx, r.attempt, due)
	}
}

func (c *Courier) record(ctx context.Context, peer *Peer, job Job, kind Kind, direction Direction, data []byte, state JobState, a Attempt) error {
	row, err := c.cfg.Reader.Entry(ctx, job.Index)
	if err != nil {
		return fmt.Errorf("find the message of a job: %w", err)
	}
	if row.Partner != peer.Code || row.ID != job.Ref {
		return errStrayJob
	}
	e := &Entry{
		Kind: kind, Partner: peer.Code, Direction: direction, ID: job.Ref, Type: row.Type, Case: row.Case,
		Data: data, Settle: &Settlement{JobID: job.ID, State: state, Attempt: a}, Terms: peer,
	}
	return c.cfg.Recorder.Record(ctx, e)
}
