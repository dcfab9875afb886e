package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What a Finding can be about.
const (
	RuleHead       = "head"       // the head's own checkpoint: missing, unsigned, or of another size
	RuleCheckpoint = "checkpoint" // a signed checkpoint does not hold, or is not of this tree
	RuleBehind     = "behind"     // a checkpoint was signed for more entries than there are
	RuleMissing    = "missing"    // an entry is not there
	RuleExtra      = "extra"      // an entry is there that no head covers, or twice
	RuleLeaf       = "leaf"       // leaf bytes are no leaf
	RuleLeafHash   = "leaf-hash"  // leaf bytes do not have the stored hash
	RuleMetadata   = "metadata"   // a row says another thing than its leaf
	RuleCommitment = "commitment" // the stored bytes are not those that were recorded
	RuleUnreadable = "unreadable" // the stored bytes cannot be opened
	RuleErased     = "erased"     // an erased entry still has its bytes
	RuleSequence   = "sequence"   // a partner's numbers have a gap or repeat
	RuleTile       = "tile"       // a stored tile is missing, or is not what the leaves hash to
)

// A StoredEntry is an entry as the store has it, before anybody believes it.
type StoredEntry struct {
	Index    int64
	Leaf     []byte    // the leaf's exact bytes
	LeafHash tlog.Hash // the stored hash of them
	Row      Leaf      // what the row's columns say; a zero Commitment is not compared
	Data     []byte    // the exact bytes that the leaf commits to; nil when erased
	Salt     []byte    // nil when erased
	Erased   bool
	// Unreadable says why Data and Salt could not be opened; the check goes
	// on without them.
	Unreadable error
}

// A Fetcher reads what is stored. Its reads come one after the other, never
// one inside the callback of another, and the record may grow meanwhile.
type Fetcher interface {
	// Head returns the last signed checkpoint (nil when the record is empty)
	// and the number of entries that the store believes it has.
	Head(ctx context.Context) (checkpoint []byte, size int64, err error)
	// Entries calls fn for every stored entry with an index in [from, to), in
	// order of index. The entry's slices are fn's only until it returns.
	Entries(ctx context.Context, from, to int64, fn func(StoredEntry) error) error
	// Checkpoints calls fn for every stored signed checkpoint that the store
	// has under a size in [from, to), smallest first.
	Checkpoints(ctx context.Context, from, to int64, fn func(size int64, signed []byte) error) error
	TileSource
}

// CheckOptions says how to check; Log is required.
type CheckOptions struct {
	Log note.Verifier // the log's public key
	// Remembered are checkpoints kept outside of the database: the one in the
	// lock, and those that partners hold. They must be of this tree too.
	Remembered [][]byte
	// MaxFindings bounds the report; 1000 when 0. Further ones are counted.
	MaxFindings int
	// Progress, if set, is called now and then with the entries done so far.
	Progress func(done, total int64)
}

// A Finding is one thing that is wrong.
type Finding struct {
	Index  int64  `json:"index"` // of the entry, or -1 when it is not about one
	Rule   string `json:"rule"`
	Detail string `json:"detail"` // plain words; never what an entry says
}

// A Report is the outcome of a check.
type Report struct {
	Origin      string    `json:"origin"`
	Size        int64     `json:"size"`
	Root        tlog.Hash `json:"root"` // recomputed from the leaf bytes; zero if that could not be done
	Entries     int64     `json:"entries"`
	Erased      int64     `json:"erased"`
	Checkpoints int64     `json:"checkpoints"`
	Tiles       int64     `json:"tiles"`
	Findings    []Finding `json:"findings"`
	Dropped     int64     `json:"dropped"` // findings beyond MaxFindings
}

// OK says that nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 && r.Dropped == 0 }

// checkChunk is how many entries are read at once; it bounds the memory.
const checkChunk = 16 * TileWidth

// Check recomputes the record from stored bytes: every leaf from its row and
// its data, every tile from the leaves, every root that was ever signed. It
// shares no arithmetic with the Edge that the record was written with, so that
// a fault there is found here. An error means that it could not finish;
// what is wrong with the record is in the report.
func Check(ctx context.Context, f Fetcher, opt CheckOptions) (*Report, error) {
	if f == nil || opt.Log == nil {
		return nil, errors.New("check the record: it needs a fetcher and the log's key")
	}
	if opt.MaxFindings <= 0 {
		opt.MaxFindings = 1000
	}
	head, size, err := f.Head(ctx)
	if err != nil {
		return nil, fmt.Errorf("check the record: read the head: %w", err)
	}
	c := &checker{
		fetch: f, opt: opt, size: size, lanes: make(map[lane]int64),
		report: &Report{Origin: opt.Log.Name(), Size: size, Findings: []Finding{}},
	}
	c.head(head)
	c.remembered()
	for from := int64(0); from < size || from == 0; from += checkChunk {
		if err := c.chunk(ctx, from, min(from+checkChunk, size)); err != nil {
			return nil, fmt.Errorf("check the record at entry %d: %w", from, err)
		}
		if opt.Progress != nil {
			opt.Progress(min(from+checkChunk, size), size)
		}
	}
	c.endRun()
	if size > 0 && !c.ends[size] {
		c.find(-1, RuleCheckpoint, "the checkpoint of the last %d entries is not stored", size)
	}
	if !c.broken {
		c.report.Root = c.climb.root()
	}
	if err := c.beyond(ctx); err != nil {
		return nil, fmt.Errorf("check what is beyond entry %d: %w", size, err)
	}
	return c.report, nil
}

// A checker is one run of Check.
type checker struct {
	fetch  Fetcher
	opt    CheckOptions
	size   int64
	report *Report

	climb climb
	lanes map[lane]int64 // the last sequence number
	ends  map[int64]bool // the sizes of this chunk that have a stored checkpoint
	at    time.Time      // of the entry before
	marks []mark         // the head and what is remembered, by size
	// broken: an entry is missing and nothing tells its hash, so that no root
	// after it can be recomputed.
	broken bool
	good   int64 // the size of the last checkpoint that matched
	bad    int64 // checkpoints in a row that did not match
}

type lane struct{ partner, direction string }

// A mark is a root that the tree must have at some size.
type mark struct {
	size int64
	root tlog.Hash
	what string
}

func (c *checker) find(index int64, rule, format string, args ...any) {
	if len(c.report.Findings) >= c.opt.MaxFindings {
		c.report.Dropped++
		return
	}
	c.report.Findings = append(c.report.Findings, Finding{Index: index, Rule: rule, Detail: fmt.Sprintf(format, args...)})
}

func (c *checker) head(signed []byte) {
	if signed == nil {
		if c.size != 0 {
			c.find(-1, RuleHead, "the record has %d entries but no signed checkpoint", c.size)
		}
		return
	}
	head, err := VerifyCheckpoint(signed, c.opt.Log)
	switch {
	case err != nil:
		c.find(-1, RuleHead, "the checkpoint of the head does not hold: %v", err)
	case head.Size != c.size:
		c.find(-1, RuleHead, "the head says %d entries, its signed checkpoint %d", c.size, head.Size)
		if head.Size < c.size {
			c.marks = append(c.marks, mark{head.Size, head.Root, "the head's checkpoint"})
		}
	default:
		c.marks = append(c.marks, mark{head.Size, head.Root, "the head's checkpoint"})
	}
}

func (c *checker) remembered() {
	for i, signed := range c.opt.Remembered {
		what := fmt.Sprintf("remembered checkpoint %d", i+1)
		cp, err := VerifyCheckpoint(signed, c.opt.Log)
		if err != nil {
			c.find(-1, RuleCheckpoint, "%s does not hold: %v", what, err)
			continue
		}
		c.marks = append(c.marks, mark{cp.Size, cp.Root, what})
	}
	slices.SortStableFunc(c.marks, bySize)
}

func bySize(a, b mark) int { return cmp.Compare(a.size, b.size) }

// chunk checks entries [from, to), and the roots at sizes (from, to]; the
// first chunk also that at size 0.
func (c *checker) chunk(ctx context.Context, from, to int64) error {
	marks, err := c.marksUpTo(ctx, from, to)
	if err != nil {
		return err
	}
	entries := entryChecker{checker: c, from: from, to: to, next: from}
	if err := c.fetch.Entries(ctx, from, to, entries.check); err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	entries.missUpTo(to)
	if err := entries.substitute(ctx); err != nil {
		return err
	}
	marks = c.meet(marks)
	for _, h := range entries.hashes {
		c.climb.push(h)
		marks = c.meet(marks)
	}
	return c.tiles(ctx)
}

// marksUpTo collects the roots that were signed at sizes (from, to].
func (c *checker) marksUpTo(ctx context.Context, from, to int64) ([]mark, error) {
	first := from + 1
	if from == 0 {
		first = 0
	}
	var marks []mark
	c.ends = map[int64]bool{from: c.ends[from]}
	err := c.fetch.Checkpoints(ctx, first, to+1, func(size int64, signed []byte) error {
		c.ends[size] = true
		if m, ok := c.stored(size, signed); ok && m.size >= first && m.size <= to {
			marks = append(marks, m)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	for len(c.marks) > 0 && c.marks[0].size <= to {
		marks, c.marks = append(marks, c.marks[0]), c.marks[1:]
	}
	slices.SortStableFunc(marks, bySize)
	return marks, nil
}

// stored judges a stored checkpoint by itself.
func (c *checker) stored(size int64, signed []byte) (mark, bool) {
	c.report.Checkpoints++
	cp, err := VerifyCheckpoint(signed, c.opt.Log)
	switch {
	case err != nil:
		c.find(-1, RuleCheckpoint, "the checkpoint stored for size %d does not hold: %v", size, err)
		return mark{}, false
	case cp.Size != size:
		c.find(-1, RuleCheckpoint, "the checkpoint stored for size %d was signed for size %d", size, cp.Size)
		return mark{}, false
	}
	return mark{cp.Size, cp.Root, "the checkpoint"}, true
}

// meet compares the tree with the roots signed for its present size, and
// returns the marks that are still ahead. After one altered entry no later
// root matches; that is told once, with the two sizes between which to look.
func (c *checker) meet(marks []mark) []mark {
	for len(marks) > 0 && marks[0].size == c.climb.size {
		m := marks[0]
		marks = marks[1:]
		switch {
		case c.broken:
		case c.climb.root() == m.root:
			c.endRun()
			c.good = m.size
		default:
			if c.bad++; c.bad == 1 {
				c.mismatch(m)
			}
		}
	}
	return marks
}

func (c *checker) mismatch(m mark) {
	if c.good == m.size {
		c.find(-1, RuleCheckpoint, "%s signed at size %d is of another record: a checkpoint of the same size matches the entries", m.what, m.size)
		return
	}
	c.find(-1, RuleCheckpoint, "%s signed at size %d has another root than the entries hash to: one of the entries %d to %d was altered, or that checkpoint is of another record",
		m.what, m.size, c.good, m.size-1)
}

func (c *checker) endRun() {
	if c.bad > 1 {
		c.find(-1, RuleCheckpoint, "%d further checkpoints in a row do not match either, as is to be expected after the first", c.bad-1)
	}
	c.bad = 0
}

// beyond looks for what is stored past the head that the check began with. The
// record may have grown since, so the head is read again, last: whatever was
// committed before must be covered by it.
func (c *checker) beyond(ctx context.Context) error {
	last := int64(-1)
	err := c.fetch.Entries(ctx, c.size, math.MaxInt64, func(e StoredEntry) error {
		last = max(last, e.Index)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	var top mark // the largest is enough, and bounds the memory
	err = c.fetch.Checkpoints(ctx, c.size+1, math.MaxInt64, func(size int64, signed []byte) error {
		if m, ok := c.stored(size, signed); ok && m.size > top.size {
			top = m
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	_, size, err := c.fetch.Head(ctx)
	if err != nil {
		return fmt.Errorf("read the head: %w", err)
	}
	if size < c.size {
		c.find(-1, RuleHead, "the record shrank from %d to %d entries during the check", c.size, size)
	}
	if last >= size {
		c.find(last, RuleExtra, "there are entries up to %d, but the head ends before %d", last, size)
	}
	for _, m := range append(c.marks, top) {
		if m.size > size {
			c.find(-1, RuleBehind, "%s was signed for %d entries, but the record holds %d: it was restored from an old backup, or lost writes", m.what, m.size, size)
		}
	}
	return nil
}
