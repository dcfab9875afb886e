package record

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A SplitView is the evidence that a log shows different histories to
// different parties: two of its signed checkpoints that cannot both be true.
// Keep both notes: together with the log's public key they convince anybody.
type SplitView struct {
	A, B Checkpoint
	// RootInB is what the tree of B has for a root at the size of A; it
	// differs from A's root. At equal sizes it is B's root.
	RootInB tlog.Hash
}

func (e *SplitView) Error() string {
	return fmt.Sprintf("the log %s has signed two histories: at size %d one has root %s, the other (signed at size %d) has root %s",
		e.A.Origin, e.A.Size, e.A.Root, e.B.Size, e.RootInB)
}

// Is makes a split view an inconsistency, which it is.
func (e *SplitView) Is(target error) bool { return target == ErrInconsistent }

// FindSplitView compares two verified checkpoints: a *SplitView when they are
// of one log and one size, but of different trees. At different sizes it says
// nothing; see FindSplitViewIn and VerifyConsistency.
func FindSplitView(a, b Checkpoint) error {
	if a.Origin == b.Origin && a.Size == b.Size && a.Root != b.Root {
		return &SplitView{A: a, B: b, RootInB: b.Root}
	}
	return nil
}

// FindSplitViewIn compares two verified checkpoints of one log at whatever
// sizes, with the tree that the larger of them was signed for. The tree is
// proved against that checkpoint, so a *SplitView stands on the log's own
// signatures and not on whoever delivered the tiles.
func FindSplitViewIn(ctx context.Context, src TileSource, a, b Checkpoint) error {
	if a.Origin != b.Origin {
		return errors.New("find a split view: the checkpoints are of different logs")
	}
	if a.Size > b.Size {
		a, b = b, a
	}
	if a.Size == b.Size {
		return FindSplitView(a, b)
	}
	prover, err := NewProver(ctx, src, b.Size, b.Root)
	if err != nil {
		return fmt.Errorf("find a split view: %w", err)
	}
	root, err := tlog.TreeHash(a.Size, prover.Hashes(ctx))
	if err != nil {
		return fmt.Errorf("find a split view: recompute the root at size %d: %w", a.Size, err)
	}
	if root != a.Root {
		return &SplitView{A: a, B: b, RootInB: root}
	}
	return nil
}
