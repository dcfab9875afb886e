package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// This file compares what a partner's log shows us by different ways: in the
// receipts for our messages, to our witness, and to whoever asks for it. A log
// that keeps a second history for its receipts is found here (P5); no witness
// ever sees that one.

// maxWaiting bounds the checkpoints of one partner that wait to be compared.
// Receipts of one batch share one, so it is much more than comes between two
// comparisons.
const maxWaiting = 4096

// overdue is how long a comparison may wait before an operator is told.
const overdue = 10 * time.Minute

// A comparison is what we hold of one partner's log.
type comparison struct {
	waiting []waiting
	lost    int               // checkpoints that found no place
	last    record.Checkpoint // the largest that held
	seen    int64             // the size that our witness knew when last compared
	problem string            // why some cannot be compared now
}

// A waiting checkpoint was signed by the partner's log and is not compared yet.
type waiting struct {
	record.Checkpoint
	since time.Time
}

// Receipted takes note of a checkpoint that a partner's log has signed: that of a
// receipt, or one that our witness did not countersign.
func (w *Watch) Receipted(partner string, c record.Checkpoint) {
	if c.Size == 0 {
		return // the partner keeps no log
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	held := w.compared[partner]
	if held == nil {
		held = &comparison{}
		w.compared[partner] = held
	}
	known := func(other waiting) bool { return sameTree(other.Checkpoint, c) }
	switch {
	case sameTree(held.last, c), slices.ContainsFunc(held.waiting, known):
	case len(held.waiting) >= maxWaiting:
		held.lost++
	default:
		held.waiting = append(held.waiting, waiting{c, w.cfg.Clock()})
	}
}

func sameTree(a, b record.Checkpoint) bool {
	return a.Origin == b.Origin && a.Size == b.Size && a.Root == b.Root
}

// Compare holds the checkpoints of a partner's receipts, and what its log has
// shown to our witness, against what it shows now. What cannot be compared waits
// for the next time. It is not safe for concurrent use.
func (w *Watch) Compare(ctx context.Context, partner string) error {
	w.mu.Lock()
	held := w.compared[partner]
	if held == nil {
		w.mu.Unlock()
		return nil
	}
	batch, now := held.waiting, *held
	held.waiting = nil
	w.mu.Unlock()
	left, err := w.compare(ctx, partner, batch, &now)
	w.mu.Lock()
	defer w.mu.Unlock()
	held.waiting, held.last, held.seen = append(left, held.waiting...), now.last, now.seen
	if held.problem = ""; err != nil {
		held.problem = err.Error()
	}
	return err
}

// compare returns what is still to be compared.
func (w *Watch) compare(ctx context.Context, partner string, batch []waiting, now *comparison) (left []waiting, err error) {
	peer, err := w.cfg.Directory.Peer(partner)
	if errors.Is(err, ErrNotFound) || err == nil && peer.LogVerifier == nil {
		return nil, nil // it is no partner now, or keeps no log
	}
	if err != nil {
		return batch, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	witnessed, err := w.cfg.Witnessed.Latest(ctx, peer.Log.Origin)
	if err != nil {
		return batch, err
	}
	if len(batch) == 0 && (now.last.Size == 0 || witnessed.Size == now.seen) {
		return nil, nil // nothing has come
	}
	client, err := w.cfg.Client(partner)
	if err != nil {
		return batch, err
	}
	log := &partnerLog{client: client, peer: peer, tiles: map[string][]tlog.Hash{}}
	shown, err := log.head(ctx)
	if err != nil {
		// Of two trees of one size no more is needed than what we hold.
		return w.compareHeld(ctx, batch, witnessed, now.last), err
	}
	old := []waiting{{Checkpoint: witnessed}, {Checkpoint: now.last}}
	for i, c := range append(old, batch...) {
		if c.Size == 0 || c.Origin != peer.Log.Origin {
			continue
		}
		found := record.FindSplitViewIn(ctx, log, c.Checkpoint, shown)
		var split *record.SplitView
		switch {
		case errors.As(found, &split):
			w.SplitView(ctx, split)
		case found != nil:
			err = fmt.Errorf("the trees of %d and of %d entries: %w", c.Size, shown.Size, found)
			if i >= len(old) {
				left = append(left, c)
			}
		case c.Size > now.last.Size:
			now.last = c.Checkpoint
		}
	}
	if err == nil {
		now.seen = witnessed.Size
	}
	return left, err
}

// compareHeld compares what we hold without asking the partner, and returns what
// that did not settle.
func (w *Watch) compareHeld(ctx context.Context, batch []waiting, known ...record.Checkpoint) (left []waiting) {
	for _, c := range batch {
		found := false
		for _, other := range known {
			var split *record.SplitView
			if errors.As(record.FindSplitView(c.Checkpoint, other), &split) {
				w.SplitView(ctx, split)
				found = true
			}
		}
		if !found {
			left = append(left, c)
			known = append(known, c.Checkpoint)
		}
	}
	return left
}
