package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// An Entry is something to be recorded, and after Record returned nil, where
// it stands. The committer owns it until then.
type Entry struct {
	Kind      Kind
	Partner   string
	Direction Direction
	ID        string
	Type      string
	Case      string
	InReplyTo string
	Said      Said   // of a message: what the state of its case depends on
	Data      []byte // exact bytes, in clear
	Deliver   bool   // make a delivery job for it
	Terms     *Peer  // under which the case's clocks run; nil leaves them as they are
	Settle    *Settlement
	Erases    bool // replace the data key of its case: see Desk.Erase

	// Results.
	Index     int64
	Seq       int64
	At        time.Time
	Receipt   []byte // inbound messages: the signed receipt
	Duplicate bool   // the identical bytes were already recorded
	State     State  // of the case, after this entry

	hash     [32]byte
	recheck  func(*Book) error // what can only be judged with the case at hand; nil for nothing
	assigns  *assignment       // whom its case is assigned to from here on; nil leaves that as it is
	officer  *officerWrite     // what an officer is from here on; nil leaves them as they are
	draft    *draftWrite       // what a draft is from here on; nil leaves it as it is
	clockAt  time.Time         // when the clocks that it started must be looked at
	err      error
	done     chan struct{}
	original *Entry // an identical entry earlier in the same batch
}

// CommitterConfig wires a Committer.
type CommitterConfig struct {
	Self        string // our own code
	Store       BatchStore
	Checkpoints *record.CheckpointSigner
	Receipts    *seal.Signer
	Keys        seal.KeyWrapper
	Lock        CheckpointLock
	Clock       func() time.Time
	Logger      *slog.Logger
	Metrics     *Metrics
	MaxBatch    int // entries in one transaction; 0 means 256
	// OnCommit is told of the entries of every batch that are durable, copies
	// of earlier ones among them. It must not block.
	OnCommit func([]*Entry)
}

// A Committer gathers entries and writes them in batches: one transaction, one
// signed checkpoint. While a batch is being written the next one gathers, so
// there is no linger when the gateway is idle.
type Committer struct {
	cfg   CommitterConfig
	queue chan *Entry
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once

	// Owned by the loop.
	edge       *record.Edge
	checkpoint []byte // the checkpoint that edge belongs to
	released   record.Checkpoint
	lastAt     time.Time
	remembered []byte // the checkpoint that the lock was last seen to hold
	// begun: the lock holds something. unremembered: it does not hold the last
	// checkpoint that was committed, because it could not be written.
	begun, unremembered bool

	trouble atomic.Pointer[Trouble] // nil while batches are recorded
	heads   headReader              // nil where the store shows none
	head    atomic.Pointer[Head]    // the last one that may be shown
	failed  chan struct{}           // closed when fatal is set
	fatal   error
}

// NewCommitter checks the record's head against the lock and starts the loop.
// It refuses a database that is behind the lock, or that shows another history.
func NewCommitter(ctx context.Context, cfg CommitterConfig) (*Committer, error) {
	switch {
	case cfg.Store == nil, cfg.Checkpoints == nil, cfg.Receipts == nil, cfg.Keys == nil, cfg.Lock == nil,
		cfg.Clock == nil, cfg.Logger == nil, cfg.Metrics == nil, cfg.Self == "":
		return nil, errors.New("committer: a required part is missing")
	}
	if cfg.MaxBatch == 0 {
		cfg.MaxBatch = 256
	}
	if cfg.OnCommit == nil {
		cfg.OnCommit = func([]*Entry) {}
	}
	c := &Committer{
		cfg: cfg, queue: make(chan *Entry, 4*cfg.MaxBatch),
		stop: make(chan struct{}), ended: make(chan struct{}), failed: make(chan struct{}),
	}
	c.heads, _ = cfg.Store.(headReader)
	// An empty batch loads and proves the head without writing anything, and
	// sees to it that the lock can be written before anything is taken.
	if err := c.commit(ctx, nil); err != nil {
		return nil, fmt.Errorf("open the record: %w", err)
	}
	go c.loop()
	return c, nil
}

// Close ends the loop after what was queued is recorded.
func (c *Committer) Close() {
	c.once.Do(func() { close(c.stop) })
	<-c.ended
}

// Record makes e durable and part of the tree, and returns when it is (P1).
// The error is a *Problem when this entry was refused, ErrUnavailable or
// ErrOutcomeUnknown when the batch was not (certainly) written. Recording
// cannot be cancelled: a caller that leaves does not unrecord.
func (c *Committer) Record(ctx context.Context, e *Entry) error {
	take(e)
	select {
	case <-c.stop:
		return fmt.Errorf("%w: the gateway is stopping", ErrUnavailable)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	case c.queue <- e:
	}
	select {
	case <-e.done:
	case <-c.ended:
		select {
		case <-e.done: // finished by the last batch
		default:
			return fmt.Errorf("%w: the gateway is stopping", ErrUnavailable)
		}
	}
	return e.err
}

// take makes an entry ready to be waited for.
func take(e *Entry) *Entry {
	e.done = make(chan struct{})
	e.hash = sha256.Sum256(e.Data)
	return e
}

func (c *Committer) loop() {
	defer close(c.ended)
	batch := make([]*Entry, 0, c.cfg.MaxBatch)
	look := time.NewTicker(idleLook)
	defer look.Stop()
	for {
		batch = batch[:0]
		select {
		case e := <-c.queue:
			batch = append(batch, e)
		case <-look.C:
			c.idle()
			continue
		case <-c.stop:
			select {
			case e := <-c.queue:
				batch = append(batch, e)
			default:
				return
			}
		}
		// Requests that are being verified at this moment may come along; when
		// there are none this costs nothing, unlike a fixed wait.
		runtime.Gosched()
	gather:
		for len(batch) < c.cfg.MaxBatch {
			select {
			case e := <-c.queue:
				batch = append(batch, e)
			default:
				break gather
			}
		}
		c.run(batch)
	}
}

// run commits one batch and wakes those who wait for it.
func (c *Committer) run(batch []*Entry) {
	started, asked := time.Now(), len(batch)
	// The batch outlives any one caller: its deadline is its own.
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := c.fatal
	if err == nil {
		if t := c.trouble.Load(); t != nil {
			batch = append(batch, resumption(t))
		}
		err = c.commit(ctx, batch)
	}
	c.told(err)
	if err != nil {
		c.edge = nil // whatever we held may not be what the database holds
		c.cfg.Metrics.batchFailed()
		if asked > 0 {
			c.cfg.Logger.Error("a batch was not recorded", "entries", asked, "error", err)
		}
		for _, e := range batch {
			e.err = err
		}
	} else if len(batch) > 0 {
		c.cfg.Metrics.batch(len(batch), time.Since(started))
		c.cfg.OnCommit(slices.DeleteFunc(slices.Clone(batch), func(e *Entry) bool { return e.err != nil }))
	}
	for _, e := range batch {
		close(e.done)
	}
}

// commit writes one batch. Order matters: sign inside the transaction, commit,
// remember the checkpoint outside the database, and only then let go of it.
func (c *Committer) commit(ctx context.Context, batch []*Entry) error {
	var built *building
	err := c.cfg.Store.Commit(ctx, lookupOf(batch), func(ctx context.Context, view View) (Writes, error) {
		edge, err := c.edgeOf(ctx, view)
		if err != nil {
			return Writes{}, err
		}
		if c.unremembered { // first what is there already, and nothing more until then
			if err := c.remember(ctx, view.Head); err != nil {
				return Writes{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
		}
		built = &building{committer: c, view: view, edge: edge, now: c.now()}
		return built.build(ctx, batch)
	})
	if err == nil {
		// The entries are in the database, but nothing may be shown of them yet.
		err = c.remember(ctx, built.head)
		switch {
		case err == nil, errors.Is(err, ErrFork):
		case len(built.rows) > 0:
			err = fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		case len(batch) > 0:
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	}
	if errors.Is(err, ErrFork) || errors.Is(err, ErrBroken) {
		c.fail(err)
	}
	if err != nil {
		return err
	}
	c.edge, c.checkpoint, c.released = built.edge, built.head.Checkpoint, built.signed
	c.head.Store(&built.head)
	return nil
}

// Released returns the last head that is durable and remembered outside the
// database: the only one that may be shown to anybody. The database may
// already hold a later one whose commit is still in doubt.
func (c *Committer) Released() Head { return *c.head.Load() }

// fail stops all recording: what the database or the disk holds is not what
// this process knows, and only a restart reads it anew.
func (c *Committer) fail(err error) {
	c.fatal = err
	close(c.failed)
}

// Failed is closed when the committer has stopped for good; Err says why. The
// process must end then.
func (c *Committer) Failed() <-chan struct{} { return c.failed }

// Err returns why the committer stopped; it is read after Failed is closed.
func (c *Committer) Err() error { return c.fatal }

// now never goes back, so that the record's times are in its order.
func (c *Committer) now() time.Time {
	t := c.cfg.Clock().UTC().Truncate(time.Millisecond)
	if t.Before(c.lastAt) {
		t = c.lastAt
	}
	c.lastAt = t
	return t
}

// lookupOf names what the batch needs, each thing once.
func lookupOf(batch []*Entry) Lookup {
	var l Lookup
	messages := make(map[MessageKey]struct{}, 2*len(batch))
	cases := make(map[CaseKey]struct{}, len(batch))
	lanes := make(map[Lane]struct{}, 8)
	for _, e := range batch {
		if e.Kind == KindMessage {
			add(messages, &l.Messages, e.key())
		}
		if e.Settle != nil {
			l.Jobs = append(l.Jobs, e.Settle.JobID)
		}
		l.Officers = l.Officers || e.officer != nil
		if e.draft != nil {
			l.Drafts = append(l.Drafts, e.draft.row.ID)
		}
		add(cases, &l.Cases, CaseKey{e.Partner, e.Case})
		add(lanes, &l.Lanes, e.lane())
	}
	return l
}

func add[K comparable](seen map[K]struct{}, list *[]K, key K) {
	if _, ok := seen[key]; !ok {
		seen[key] = struct{}{}
		*list = append(*list, key)
	}
}

func (e *Entry) lane() Lane      { return Lane{e.Partner, e.Direction} }
func (e *Entry) key() MessageKey { return MessageKey{e.lane(), e.ID} }
