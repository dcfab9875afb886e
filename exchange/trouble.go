package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"time"
)

// A Trouble is why batches are not recorded at present.
type Trouble struct {
	Err     error
	Since   time.Time
	Batches int
}

// Trouble returns why the last batch was not recorded; nil when it was. It ends
// by itself: while there is trouble and nobody asks, the committer tries.
func (c *Committer) Trouble() *Trouble { return c.trouble.Load() }

// How often the committer looks around when nothing is to be recorded.
const idleLook = time.Second

// idle is what the committer does when nothing has come for a while. In trouble
// it tries to record that the trouble is over: nothing else proves that
// recording works again, and an operator's balancer sends no messages to a
// gateway that says it is not ready. Otherwise it catches up with what another
// process has recorded, so that every process shows the newest checkpoint.
func (c *Committer) idle() {
	if c.fatal != nil {
		return
	}
	if c.trouble.Load() != nil {
		c.run(nil)
		return
	}
	if c.heads == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), idleLook)
	defer cancel()
	head, err := c.heads.Head(ctx)
	if err != nil || bytes.Equal(head.Checkpoint, c.Released().Checkpoint) {
		return // a store that cannot be read is told of by whoever needs it
	}
	c.run(nil)
}

// A headReader shows the head without taking the log's lock.
type headReader interface {
	Head(ctx context.Context) (Head, error)
}

// resumption is the entry that ends a trouble: since when nothing could be
// recorded stands in the record.
func resumption(t *Trouble) *Entry {
	data, err := json.Marshal(struct {
		Event   string    `json:"event"`
		Since   time.Time `json:"since"`
		Batches int       `json:"failed_batches"`
	}{"recording-resumed", t.Since.UTC().Truncate(time.Millisecond), t.Batches})
	if err != nil { // a time and a number: cannot fail
		panic(err)
	}
	return take(&Entry{Kind: KindEvent, Direction: Out, ID: NewID(), Type: "recording_resumed", Data: data})
}

// told notes how a batch ended.
func (c *Committer) told(err error) {
	was := c.trouble.Load()
	switch {
	case err == nil && was != nil:
		c.trouble.Store(nil)
		c.cfg.Logger.Info("recording goes on", "since", was.Since, "failed_batches", was.Batches)
	case err != nil && was == nil:
		c.trouble.Store(&Trouble{Err: err, Since: c.cfg.Clock(), Batches: 1})
	case err != nil:
		c.trouble.Store(&Trouble{Err: err, Since: was.Since, Batches: was.Batches + 1})
	}
}
