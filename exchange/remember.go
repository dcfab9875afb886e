package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/repatriation-exchange/gateway/exchange/record"
)

// A CheckpointLock remembers the last signed checkpoint outside the database,
// so that a database restored from an old backup is noticed before it signs a
// second history (P6).
type CheckpointLock interface {
	// Load returns the remembered checkpoint; nil when there is none yet.
	Load(ctx context.Context) ([]byte, error)
	// Store remembers a checkpoint. A smaller one than remembered changes
	// nothing; another one of the same size is ErrFork. Whatever else fails
	// leaves what was remembered, and may be tried again.
	Store(ctx context.Context, size int64, checkpoint []byte) error
}

// ErrFork means that signing on would make a second history. Nothing is
// recorded after it until an operator has looked.
var ErrFork = errors.New("the record has another history than the one this gateway signed")

// ErrForgotten means that a database holds a record of which nothing is
// remembered outside of it: it may be the newest there is, or any older copy.
var ErrForgotten = errors.New("nothing is remembered of this record outside its database")

// ErrLock means that the checkpoint lock cannot be read or written.
var ErrLock = errors.New("the checkpoint lock (log.lock) cannot be used")

// remember puts a head outside the database. Only then may it be shown.
func (c *Committer) remember(ctx context.Context, head Head) error {
	if head.Size == 0 {
		return c.rememberEmpty(ctx)
	}
	if bytes.Equal(head.Checkpoint, c.remembered) {
		return nil
	}
	err := c.cfg.Lock.Store(ctx, head.Size, head.Checkpoint)
	if c.unremembered = err != nil; err != nil {
		return fmt.Errorf("remember the checkpoint: %w", err)
	}
	c.remembered, c.begun = head.Checkpoint, true
	return nil
}

// rememberEmpty remembers that the record was begun, so that a lock which
// remembers nothing is one that was lost.
func (c *Committer) rememberEmpty(ctx context.Context) error {
	if c.begun {
		return nil
	}
	empty, err := record.NewEdge(0, nil)
	if err != nil {
		return fmt.Errorf("make an empty tree: %w", err)
	}
	signed, err := c.cfg.Checkpoints.Sign(0, empty.Root())
	if err != nil {
		return fmt.Errorf("sign the empty tree: %w", err)
	}
	if err := c.cfg.Lock.Store(ctx, 0, signed); err != nil {
		return fmt.Errorf("remember the checkpoint: %w", err)
	}
	c.begun = true
	return nil
}

// edgeOf returns the right edge for the head that the store shows. When it is
// not the head this process last wrote (another process wrote since, or this
// one has just started), the edge is loaded and proved: our own signature is
// on the checkpoint, the edge hashes to its root, and it extends the last
// checkpoint that we released and the one that the lock remembers.
func (c *Committer) edgeOf(ctx context.Context, view View) (*record.Edge, error) {
	if c.edge != nil && bytes.Equal(c.checkpoint, view.Head.Checkpoint) {
		return c.edge.Clone(), nil
	}
	remembered, err := c.cfg.Lock.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("load the remembered checkpoint: %w", err)
	}
	verifier := c.cfg.Checkpoints.Verifier()
	olds := []record.Checkpoint{c.released}
	if remembered == nil && view.Head.Size > 0 && !c.begun {
		return nil, fmt.Errorf("%w, which has %d entries: the database may be an old copy", ErrForgotten, view.Head.Size)
	}
	if remembered != nil {
		c.begun = true
		old, err := record.VerifyCheckpoint(remembered, verifier)
		if err != nil {
			return nil, fmt.Errorf("the remembered checkpoint: %w", err)
		}
		olds = append(olds, old)
	}
	if view.Head.Size == 0 {
		for _, old := range olds {
			if old.Size > 0 {
				return nil, fmt.Errorf("%w: the database is empty, but a checkpoint of %d entries was signed", ErrFork, old.Size)
			}
		}
		return record.NewEdge(0, nil)
	}
	head, err := record.VerifyCheckpoint(view.Head.Checkpoint, verifier)
	if err != nil {
		return nil, fmt.Errorf("%w: the stored checkpoint: %w", ErrFork, err)
	}
	edge, err := record.LoadEdge(ctx, view.Tiles, view.Head.Size)
	if err != nil {
		return nil, fmt.Errorf("load the tree's edge: %w", err)
	}
	if head.Size != view.Head.Size || edge.Root() != head.Root {
		return nil, fmt.Errorf("%w: the stored entries do not hash to the signed checkpoint of size %d", ErrFork, head.Size)
	}
	for _, old := range olds {
		if old.Size == 0 {
			continue
		}
		if old.Size > head.Size {
			return nil, fmt.Errorf("%w: the database holds %d entries, but a checkpoint of %d was signed; it was restored from an old backup or lost writes", ErrFork, head.Size, old.Size)
		}
		root, err := record.TreeRoot(ctx, view.Tiles, old.Size)
		if err != nil {
			return nil, fmt.Errorf("recompute the root at %d: %w", old.Size, err)
		}
		if root != old.Root {
			return nil, fmt.Errorf("%w: at size %d the database does not hash to what was signed", ErrFork, old.Size)
		}
	}
	return edge, nil
}
