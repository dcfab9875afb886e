package main

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A lane is what seq counts in: one partner and one direction.
type lane struct{ partner, direction string }

// A recordCheck follows the entries in their order: it finds what was left
// out, put in or moved, as far as the scope lets anyone know.
type recordCheck struct {
	scope scope
	head  checkpoint

	entries   int64
	last      int64 // index; -1 before the first
	lastAt    time.Time
	backwards int64 // entries whose time is before the one before them
	seqs      map[lane]int64
	ranges    strings.Builder
	first     int64 // of the range under way; -1 before the first

	// The rest serves a bundle of the whole record: the tree, built anew, and
	// the heads of its earlier sizes that receipts say it had.
	leaves  int64
	tree    []tlog.Hash // of the full subtrees, the largest first
	earlier map[int64]tlog.Hash
}

func newRecordCheck(s scope, head checkpoint) *recordCheck {
	return &recordCheck{scope: s, head: head, last: -1, first: -1, seqs: map[lane]int64{}, earlier: map[int64]tlog.Hash{}}
}

// place says whether an index may come next. After a wrong one, the entry has
// no place (ok is false), and must not be followed.
func (c *recordCheck) place(index int64) (out []string, ok bool) {
	switch {
	case index == c.last:
		return []string{"this index is there twice"}, false
	case index < c.last:
		return []string{"its index is not above the one before it: the entries were reordered"}, false
	}
	c.entries++
	switch {
	case index == c.last+1 && c.first >= 0:
	case c.scope.Partner != "" || c.scope.Case != "":
	case c.first < 0 && (index == 0 || !c.scope.From.IsZero()):
	default: // only a filter by partner or case leaves gaps
		out = append(out, fmt.Sprintf("the entries from %d to %d, which the scope claims, are missing before it", c.last+1, index-1))
	}
	if index != c.last+1 || c.first < 0 {
		c.endRange()
		c.first = index
	}
	c.last = index
	return out, true
}

// follow compares an entry with those before it.
func (c *recordCheck) follow(e *entry) []string {
	var out []string
	if !c.scope.holds(e.leaf) {
		out = append(out, "it is outside the scope that the manifest claims")
	}
	if e.leaf.at.Before(c.lastAt) { // a clock that was set back does not alter the record's order
		c.backwards++
	}
	c.lastAt = e.leaf.at
	in := lane{e.leaf.partner, e.leaf.direction}
	before, known := c.seqs[in]
	switch seq := e.leaf.seq; {
	case seq < 1:
		out = append(out, "it has no seq")
	case known && seq <= before:
		out = append(out, "its seq is not above the one before it of the same partner and direction")
	case c.scope.Case != "": // the lane's other entries are elsewhere
	case known && seq != before+1, !known && c.scope.From.IsZero() && seq != 1:
		out = append(out, fmt.Sprintf("the seq before it of the same partner and direction is %d, not %d: entries are missing", before, seq-1))
	}
	c.seqs[in] = e.leaf.seq
	return out
}

// grow adds a leaf to the tree that is built anew, and compares its heads with
// those that receipts named. It does nothing unless the scope is everything.
func (c *recordCheck) grow(raw []byte) []string {
	if !c.scope.whole() {
		for size := range c.earlier { // a receipt names a size above its own index
			if size <= c.last {
				delete(c.earlier, size)
			}
		}
		return nil
	}
	h := tlog.RecordHash(raw)
	c.leaves++
	n := c.leaves
	for range bits.TrailingZeros64(uint64(n)) { // #nosec G115 -- positive; as a binary counter carries
		last := len(c.tree) - 1
		h, c.tree = tlog.NodeHash(c.tree[last], h), c.tree[:last]
	}
	c.tree = append(c.tree, h)
	want, ok := c.earlier[n]
	delete(c.earlier, n)
	if ok && want != c.root() {
		return []string{fmt.Sprintf("receipts were given under a tree of size %d that is not the beginning of this one", n)}
	}
	return nil
}

// root is the hash of the tree so far.
func (c *recordCheck) root() tlog.Hash {
	if len(c.tree) == 0 {
		return tlog.Hash{}
	}
	h := c.tree[len(c.tree)-1]
	for i := len(c.tree) - 2; i >= 0; i-- {
		h = tlog.NodeHash(c.tree[i], h)
	}
	return h
}

// signedHead remembers the head of the log's tree that a receipt was given
// under. "" means that no other head is known to contradict it.
func (c *recordCheck) signedHead(head checkpoint) string {
	const split = "the log signed two different trees of one size: this receipt and another head contradict each other"
	if known, ok := c.earlier[head.size]; ok && known != head.root {
		return split
	}
	switch {
	case head.size > c.head.size:
		return "its receipt was given under a tree larger than the bundle's"
	case head.size == c.head.size && head.root != c.head.root:
		return split
	}
	c.earlier[head.size] = head.root
	return ""
}

func (c *recordCheck) endRange() {
	if c.first < 0 {
		return
	}
	if c.ranges.Len() > 0 {
		c.ranges.WriteByte(',')
	}
	c.ranges.WriteString(strconv.FormatInt(c.first, 10))
	if c.first != c.last {
		c.ranges.WriteString("-" + strconv.FormatInt(c.last, 10))
	}
}

// conclude compares the sum of the entries with what the manifest claims.
func (c *recordCheck) conclude(m manifest) []string {
	c.endRange()
	var out []string
	if c.entries != m.Entries || c.entries == 0 {
		out = append(out, fmt.Sprintf("it has %d entries, the manifest says %d", c.entries, m.Entries))
	}
	if c.ranges.String() != m.Indexes {
		out = append(out, "its indexes are not those that the manifest lists")
	}
	open := c.scope.To.IsZero() && c.scope.Partner == "" && c.scope.Case == ""
	if open && c.last != m.TreeSize-1 {
		out = append(out, fmt.Sprintf("the scope claims everything to the end, and the entries after %d are missing", c.last))
	}
	if c.scope.whole() && (c.leaves != c.head.size || c.root() != c.head.root) {
		out = append(out, "the root that all leaves make together is not the checkpoint's")
	}
	return out
}
