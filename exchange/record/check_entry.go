package record

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// An entryChecker checks the entries of one chunk and collects their hashes,
// recomputed from the leaf bytes.
type entryChecker struct {
	*checker
	from, to int64
	next     int64 // the index that should come now
	hashes   []tlog.Hash
	missing  []int64
}

func (c *entryChecker) check(e StoredEntry) error {
	switch {
	case e.Index < c.next || e.Index >= c.to:
		c.find(e.Index, RuleExtra, "entry %d appears where entry %d should be", e.Index, c.next)
		return nil
	case e.Index > c.next:
		c.missUpTo(e.Index)
	}
	c.report.Entries++
	c.next++
	hash := LeafHash(e.Leaf)
	c.hashes = append(c.hashes, hash)
	if hash != e.LeafHash {
		c.find(e.Index, RuleLeafHash, "the leaf of entry %d was changed: it does not have the hash that is stored beside it", e.Index)
	}
	leaf, err := ParseLeaf(e.Leaf)
	if err != nil {
		c.find(e.Index, RuleLeaf, "the leaf of entry %d cannot be read: %v", e.Index, err)
		c.sequence(e.Index, e.Row)
		c.at = time.Time{}
		return nil
	}
	if differs := differingMembers(e.Row, leaf); len(differs) > 0 {
		c.find(e.Index, RuleMetadata, "the row of entry %d differs from its leaf in %s", e.Index, strings.Join(differs, ", "))
	}
	c.sequence(e.Index, leaf)
	c.batch(e.Index, leaf)
	c.commitment(e, leaf)
	return nil
}

// batch checks that each batch ended with a checkpoint. The entries of a batch
// have one time: where the time changes, a batch has ended.
func (c *entryChecker) batch(index int64, leaf Leaf) {
	if index > 0 && !leaf.At.Equal(c.at) && !c.at.IsZero() && !c.ends[index] {
		c.find(-1, RuleCheckpoint, "the checkpoint of size %d is gone: a batch ended before entry %d", index, index)
	}
	c.at = leaf.At
}

// commitment checks the exact bytes against the leaf.
func (c *checker) commitment(e StoredEntry, leaf Leaf) {
	if e.Erased {
		c.report.Erased++
	}
	switch {
	case e.Unreadable != nil:
		c.find(e.Index, RuleUnreadable, "the bytes of entry %d cannot be opened: %v", e.Index, e.Unreadable)
	case e.Erased && (e.Data != nil || e.Salt != nil):
		c.find(e.Index, RuleErased, "entry %d is marked as erased, but its bytes or its salt are still there", e.Index)
	case e.Erased:
	case len(e.Salt) != 32:
		c.find(e.Index, RuleCommitment, "entry %d has no salt of 32 bytes, and is not marked as erased", e.Index)
	case Commit([32]byte(e.Salt), e.Data) != leaf.Commitment:
		c.find(e.Index, RuleCommitment, "the bytes of entry %d, or its salt, are not those that were recorded", e.Index)
	}
}

// sequence checks that a partner's numbers count in each direction from 1
// without gaps.
func (c *checker) sequence(index int64, leaf Leaf) {
	l := lane{leaf.Partner, leaf.Direction}
	last := c.lanes[l]
	c.lanes[l] = max(last, leaf.Seq)
	if leaf.Seq == last+1 {
		return
	}
	name := strings.TrimSpace(l.partner + " " + l.direction)
	switch {
	case leaf.Seq > last+1:
		c.find(index, RuleSequence, "entry %d has number %d of %q, but %d should come: %d are missing", index, leaf.Seq, name, last+1, leaf.Seq-last-1)
	default:
		c.find(index, RuleSequence, "entry %d has number %d of %q again; %d should come", index, leaf.Seq, name, last+1)
	}
}

// differingMembers names what a row's columns say otherwise than its leaf.
func differingMembers(row, leaf Leaf) []string {
	var out []string
	differ := func(name string, is bool) {
		if is {
			out = append(out, name)
		}
	}
	differ("kind", row.Kind != leaf.Kind)
	differ("partner", row.Partner != leaf.Partner)
	differ("direction", row.Direction != leaf.Direction)
	differ("seq", row.Seq != leaf.Seq)
	differ("jti", row.JTI != leaf.JTI)
	differ("type", row.Type != leaf.Type)
	differ("case", row.Case != leaf.Case)
	differ("at", !row.At.Equal(leaf.At))
	differ("commitment", row.Commitment != [32]byte{} && row.Commitment != leaf.Commitment)
	return out
}

// missUpTo notes that the entries before index are not there.
func (c *entryChecker) missUpTo(index int64) {
	switch {
	case c.next == index:
		return
	case c.next == index-1:
		c.find(c.next, RuleMissing, "entry %d is missing", c.next)
	default:
		c.find(c.next, RuleMissing, "entries %d to %d are missing", c.next, index-1)
	}
	c.at = time.Time{}
	for ; c.next < index; c.next++ {
		c.missing = append(c.missing, c.next)
		c.hashes = append(c.hashes, tlog.Hash{})
	}
}

// substitute takes the hashes of missing entries from the stored tiles, so
// that the rest can still be judged: if the roots match, nothing else is wrong.
func (c *entryChecker) substitute(ctx context.Context) error {
	var tile []tlog.Hash
	at := int64(-1)
	for _, index := range c.missing {
		if c.broken {
			return nil
		}
		if n := index >> TileHeight; n != at {
			var err error
			tile, err = nil, nil
			if (n+1)<<TileHeight <= c.size {
				tile, err = readTile(ctx, c.fetch, 0, n)
			}
			if err != nil && !errors.Is(err, ErrNoTile) {
				return fmt.Errorf("look for a missing entry's hash: %w", err)
			}
			at = n
		}
		if tile == nil {
			c.broken = true
			c.find(-1, RuleCheckpoint, "without entry %d no later root can be recomputed", index)
			return nil
		}
		c.hashes[index-c.from] = tile[index&(TileWidth-1)]
	}
	return nil
}
