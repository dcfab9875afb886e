package exchange

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/exchange/seal"
)

// A building turns one batch of entries into the writes of one transaction.
// It runs under the log's lock, so it reads nothing and waits for nothing but
// what the view already holds.
type building struct {
	committer *Committer
	view      View
	edge      *record.Edge
	now       time.Time

	admitted []*Entry
	rows     []Row
	salts    [][32]byte
	keys     []seal.DataKey // the data key of each row's case
	cases    map[CaseKey]*openCase
	recent   map[MessageKey]*Entry // messages of this very batch
	officers []OfficerRow          // as they are from this batch on
	drafts   []DraftRow            // likewise

	head   Head
	signed record.Checkpoint
}

// An openCase is a case with its unwrapped data key.
type openCase struct {
	row     CaseRow
	key     seal.DataKey
	book    *Book
	fresh   bool // it is written with its first entry, and not for one that is refused
	changed bool
	erased  bool // by an entry of this batch
	passed  bool // into other hands, by an entry of this batch
}

func (b *building) build(ctx context.Context, batch []*Entry) (Writes, error) {
	b.head = b.view.Head
	b.signed = b.committer.released
	b.cases = make(map[CaseKey]*openCase, len(batch))
	b.recent = make(map[MessageKey]*Entry, len(batch))
	seeds := make([]byte, 32*len(batch))
	if _, err := rand.Read(seeds); err != nil {
		return Writes{}, fmt.Errorf("draw salts: %w", err)
	}
	for i, e := range batch {
		b.admit(ctx, e, [32]byte(seeds[32*i:]))
	}
	if len(b.rows) == 0 {
		if b.head.Size > 0 && b.signed.Size != b.head.Size {
			var err error
			if b.signed, err = record.VerifyCheckpoint(b.head.Checkpoint, b.committer.cfg.Checkpoints.Verifier()); err != nil {
				return Writes{}, fmt.Errorf("read the head: %w", err)
			}
		}
		b.repeat(batch)
		return Writes{Head: b.head}, nil
	}
	tiles, err := b.grow()
	if err != nil {
		return Writes{}, err
	}
	b.repeat(batch)
	return b.writes(tiles)
}

// admit gives an entry its place, or in e.err the reason why it has none. One
// entry's fault never stops the others of the batch: they may be of other
// partners.
func (b *building) admit(ctx context.Context, e *Entry, salt [32]byte) {
	e.err, e.Duplicate, e.original = nil, false, nil
	if e.Kind == KindMessage {
		if first, ok := b.recent[e.key()]; ok {
			e.original = first
			return
		}
		if row, ok := b.view.Messages[e.key()]; ok {
			b.recall(ctx, e, row)
			return
		}
	}
	if e.Settle != nil && !b.view.Due[e.Settle.JobID] {
		e.Duplicate = true // another worker settled the job meanwhile
		return
	}
	c, err := b.openCase(ctx, CaseKey{e.Partner, e.Case})
	if err != nil {
		e.err = err
		return
	}
	if e.draft != nil {
		if e.err = b.redraft(c, e.draft); e.err != nil {
			return
		}
	}
	if e.Erases {
		if e.err = b.erase(ctx, c); e.err != nil {
			return
		}
	}
	if e.Kind == KindMessage {
		if e.recheck != nil {
			if e.err = e.recheck(c.book); e.err != nil {
				return
			}
		}
		note := e.note()
		if e.Direction == In && e.Terms != nil {
			note.arrived(b.now, e.Terms.Limits.ClockSkew)
		}
		if refused := c.book.admit(note); refused != nil {
			e.err = refused
			return
		}
		c.moved(e, b.now)
		b.recent[e.key()] = e
	}
	if endsDraft(e.Kind, e.Type) {
		if refused := c.book.end(e.ID); refused != nil {
			e.err = refused
			return
		}
		c.changed = true
	}
	if e.assigns != nil {
		if refused := c.book.assign(e.assigns); refused != nil {
			e.err = refused
			return
		}
		c.changed, c.passed = true, true
	}
	if e.officer != nil {
		if e.err = b.enrol(c.key, e.officer); e.err != nil {
			return
		}
	}
	if e.Settle != nil {
		b.view.Due[e.Settle.JobID] = false
		if means, ok := e.means(); ok && c.book.settle(e.ID, means) {
			c.moved(e, b.now)
		}
	}
	if e.draft != nil {
		b.view.Drafts[e.draft.row.ID], b.drafts = e.draft.row.Version, append(b.drafts, e.draft.row)
	}
	e.State = c.row.State
	c.changed = c.changed || c.fresh
	b.place(e, c.key, salt)
}

// place appends the entry as the record's next row.
func (b *building) place(e *Entry, key seal.DataKey, salt [32]byte) {
	b.view.Seqs[e.lane()]++
	e.Index, e.Seq, e.At = b.head.Size+int64(len(b.rows)), b.view.Seqs[e.lane()], b.now
	leaf := record.Leaf{
		V: 1, Kind: string(e.Kind), Partner: e.Partner, Direction: string(e.Direction), Seq: e.Seq,
		JTI: e.ID, Type: e.Type, Case: e.Case, At: e.At, Commitment: record.Commit(salt, e.Data),
	}.Marshal()
	b.rows = append(b.rows, Row{
		Index: e.Index, Kind: e.Kind, Partner: e.Partner, Direction: e.Direction, Seq: e.Seq, ID: e.ID,
		Type: e.Type, Case: e.Case, InReplyTo: e.InReplyTo, At: e.At, Leaf: leaf, LeafHash: record.LeafHash(leaf),
	})
	b.salts = append(b.salts, salt)
	b.keys = append(b.keys, key)
	b.admitted = append(b.admitted, e)
}

// moved computes anew where the case stands, and which of its clocks is due
// first.
func (c *openCase) moved(e *Entry, now time.Time) {
	if c.changed = true; c.book.Erased {
		return // it stands where it stood
	}
	at := c.book.Standing()
	if at.State != c.row.State {
		c.row.MovedAt = now
	}
	c.row.Kind, c.row.State, c.row.Turn = at.Kind, at.State, at.Turn
	if e.Terms == nil {
		return
	}
	clocks := e.Terms.Clocks(c.book, now)
	c.due(firstDue(clocks))
	if e.Kind == KindMessage {
		e.clockAt = nextLook(clocks, e.ID, e.Direction == Out, now)
	}
}

// due puts when the case is due into its row, and into the book by which that is checked.
func (c *openCase) due(at time.Time) { c.row.DueAt, c.book.Due = at, &at }

// note is what the book of the case keeps of a message.
func (e *Entry) note() Note {
	return noteOf(e.ID, e.Type, e.Direction == Out, e.InReplyTo, e.Said, e.hash)
}

func noteOf(id, messageType string, out bool, reply string, said Said, hash [32]byte) Note {
	n := Note{ID: id, Type: messageType, Out: out, Reply: reply, Said: said}
	if out {
		n.Status = pending
	}
	if messageType == TypeHandoverRecord && n.Digest == "" {
		n.Digest = encode(hash[:])
	}
	return n
}

// means says what the end of a delivery tells of the partner's copy.
func (e *Entry) means() (status, bool) {
	switch e.Kind {
	case KindReceipt:
		return settled, true
	case KindFailure:
		return dead, true
	}
	return "", false
}

// openCase returns the case with its data key, making both when they are new.
func (b *building) openCase(ctx context.Context, key CaseKey) (*openCase, error) {
	if c, ok := b.cases[key]; ok {
		return c, nil
	}
	wrapper := b.committer.cfg.Keys
	row, ok := b.view.Cases[key]
	c := &openCase{row: row, book: &Book{}}
	var err error
	switch {
	case !ok:
		c.row = CaseRow{CaseKey: key, OpenedAt: b.now, MovedAt: b.now}
		c.fresh = true
		if err := c.newKey(ctx, wrapper); err != nil {
			return nil, err
		}
	default:
		if c.key, err = seal.UnwrapDataKey(ctx, wrapper, row.Wrapped, caseAAD(key)); err != nil {
			return nil, fmt.Errorf("unwrap the data key of a case: %w", err)
		}
		if c.book, err = openBook(c.key, row); err != nil {
			return nil, err
		}
	}
	b.cases[key] = c
	return c, nil
}

// movedFor says whether a case stands elsewhere now in the lists of the officers who
// have it.
func (b *building) movedFor(c *openCase) bool {
	was := b.view.Cases[c.row.CaseKey]
	return len(c.book.Assigned) > 0 && !(c.row.DueAt.Equal(was.DueAt) && c.row.MovedAt.Equal(was.MovedAt))
}

// newKey gives a case a fresh data key.
func (c *openCase) newKey(ctx context.Context, wrapper seal.KeyWrapper) error {
	key, err := seal.NewDataKey()
	if err != nil {
		return fmt.Errorf("make a data key: %w", err)
	}
	wrapped, err := key.Wrap(ctx, wrapper, caseAAD(c.row.CaseKey))
	if err != nil {
		return fmt.Errorf("wrap a data key: %w", err)
	}
	c.key, c.row.Wrapped = key, wrapped
	return nil
}

// erase puts a fresh data key in the place of a case's own, so that nobody can
// ever read what it has sealed. The book keeps what the leaves say in clear.
func (b *building) erase(ctx context.Context, c *openCase) error {
	if refused := c.book.erasable(); refused != nil {
		return refused
	}
	if err := c.newKey(ctx, b.committer.cfg.Keys); err != nil {
		return err
	}
	c.book = c.book.bare()
	c.row.ErasedTo, c.row.Turn = b.head.Size+int64(len(b.rows)), TurnNobody
	c.due(time.Time{})
	c.changed, c.erased = true, true
	return nil
}

// recall answers a message that the record already holds: the same bytes get
// the same receipt (P3), other bytes under the same jti are refused.
func (b *building) recall(ctx context.Context, e *Entry, row Row) {
	if row.Case != e.Case {
		e.err = reusedID() // other claims, so other bytes
		return
	}
	c, err := b.openCase(ctx, CaseKey{row.Partner, row.Case})
	if err != nil {
		e.err = err
		return
	}
	if row.Index < c.row.ErasedTo {
		e.err = problem(ProblemErased, "This message was received, and its case was erased since.").at("/jti")
		return
	}
	data, err := c.key.Open(row.Data, rowAAD(row.Index, "data"))
	if err != nil {
		e.err = fmt.Errorf("open entry %d: %w", row.Index, err)
		return
	}
	if string(data) != string(e.Data) {
		e.err = reusedID()
		return
	}
	if e.Direction == In { // without its receipt it cannot be answered as it was
		if e.Receipt, err = c.key.Open(row.Receipt, rowAAD(row.Index, "receipt")); err != nil {
			e.err = fmt.Errorf("open the receipt of entry %d: %w", row.Index, err)
			return
		}
	}
	e.Index, e.Seq, e.At, e.State, e.Duplicate = row.Index, row.Seq, row.At, c.row.State, true
}

func reusedID() *Problem {
	return problem(ProblemIDReused, "Another message with this jti was received before; a message keeps its exact bytes, and a new message needs a new jti.").at("/jti")
}

// repeat answers the copies that arrived in the same batch as their original.
func (b *building) repeat(batch []*Entry) {
	for _, e := range batch {
		first := e.original
		if first == nil {
			continue
		}
		if e.hash != first.hash {
			e.err = reusedID()
			continue
		}
		e.Index, e.Seq, e.At, e.State, e.Receipt, e.Duplicate = first.Index, first.Seq, first.At, first.State, first.Receipt, true
	}
}

// grow appends the rows to the tree, signs its checkpoint, and then seals each
// row and signs its receipt, on all processors.
func (b *building) grow() ([]record.Tile, error) {
	hashes := make([]tlog.Hash, len(b.rows))
	for i := range b.rows {
		hashes[i] = b.rows[i].LeafHash
	}
	grown, err := b.edge.Append(hashes)
	if err != nil {
		return nil, fmt.Errorf("append to the tree: %w", err)
	}
	note, err := b.committer.cfg.Checkpoints.Sign(grown.Size, grown.Root)
	if err != nil {
		return nil, fmt.Errorf("sign the checkpoint: %w", err)
	}
	b.head = Head{Size: grown.Size, Checkpoint: note}
	b.signed = record.Checkpoint{Origin: b.committer.cfg.Checkpoints.Origin(), Size: grown.Size, Root: grown.Root}
	return grown.Tiles, parallel(len(b.rows), func(i int) error { return b.finish(i, grown, note) })
}

// finish seals row i and, for an inbound message, signs its receipt.
func (b *building) finish(i int, grown *record.Appended, note []byte) error {
	row, e, key := &b.rows[i], b.admitted[i], b.keys[i]
	var err error
	if e.Kind == KindMessage && e.Direction == In {
		proof := record.FormatProof(row.Index, grown.Proof(i), note, nil)
		e.Receipt, err = signReceipt(b.committer.cfg.Receipts, receiptClaims{
			Issuer: b.committer.cfg.Self, Audience: e.Partner, ID: receiptID(e.ID), IssuedAt: b.now.Unix(),
			Message: e.ID, MessageSHA256: encode(e.hash[:]), Seq: e.Seq,
			Leaf: encode(row.Leaf), Salt: encode(b.salts[i][:]), Proof: string(proof),
		})
		if err != nil {
			return fmt.Errorf("sign a receipt: %w", err)
		}
		if row.Receipt, err = key.Seal(e.Receipt, rowAAD(row.Index, "receipt")); err != nil {
			return fmt.Errorf("seal a receipt: %w", err)
		}
	}
	if row.Data, err = key.Seal(e.Data, rowAAD(row.Index, "data")); err != nil {
		return fmt.Errorf("seal an entry: %w", err)
	}
	if row.Salt, err = key.Seal(b.salts[i][:], rowAAD(row.Index, "salt")); err != nil {
		return fmt.Errorf("seal a salt: %w", err)
	}
	return nil
}

// writes gathers what the transaction adds.
func (b *building) writes(tiles []record.Tile) (Writes, error) {
	w := Writes{Head: b.head, At: b.now, Rows: b.rows, Tiles: tiles, Officers: b.officers, Drafts: b.drafts, Seqs: make(map[Lane]int64)}
	for _, c := range b.cases {
		if c.changed {
			var err error
			if c.row.Book, err = c.key.Seal(c.book.bytes(), bookAAD(c.row.CaseKey)); err != nil {
				return Writes{}, fmt.Errorf("seal the book of a case: %w", err)
			}
			w.Cases = append(w.Cases, c.row)
			if c.erased {
				w.Erased = append(w.Erased, c.row)
			}
			if c.passed || b.movedFor(c) {
				c.row.Assigned = c.book.Assigned
				w.Assigned = append(w.Assigned, c.row)
			}
		}
	}
	for _, e := range b.admitted {
		w.Seqs[e.lane()] = b.view.Seqs[e.lane()]
		if e.Deliver {
			w.Jobs = append(w.Jobs, Job{Queue: e.Partner, Kind: JobDeliver, Ref: e.ID, Index: e.Index, FirstAt: b.now, DueAt: b.now})
		}
		if !e.clockAt.IsZero() {
			w.Jobs = append(w.Jobs, Job{Queue: ClockQueue, Kind: JobClock, Ref: e.ID, Index: e.Index, FirstAt: b.now, DueAt: e.clockAt})
		}
		if e.Settle != nil {
			w.Done = append(w.Done, *e.Settle)
		}
	}
	return w, nil
}

// parallel runs fn(0..n-1) on all processors and returns the first error.
func parallel(n int, fn func(int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers < 2 || n < 4 {
		for i := range n {
			if err := fn(i); err != nil {
				return err
			}
		}
		return nil
	}
	var wait sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = fn(i)
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// rowAAD binds a ciphertext to its entry and column, so that the database
// cannot exchange two of them unnoticed.
func rowAAD(index int64, column string) []byte { return fmt.Appendf(nil, "entry/%d/%s", index, column) }

// openBook opens the book of a case.
func openBook(key seal.DataKey, row CaseRow) (*Book, error) {
	if row.Book == nil { // an earlier program kept none, or it was taken away
		return nil, fmt.Errorf("%w: %s has no book; 'gateway migrate' makes it again from the record", ErrUnavailable, row.CaseKey)
	}
	data, err := key.Open(row.Book, bookAAD(row.CaseKey))
	if err != nil {
		return nil, fmt.Errorf("open the book of a case: %w", err)
	}
	return readBook(data)
}

// bookAAD binds a book to its case.
func bookAAD(key CaseKey) []byte { return []byte("book/" + key.Partner + "/" + key.Case) }

// caseAAD binds a wrapped data key to its case.
func caseAAD(key CaseKey) []byte { return []byte("case/" + key.Partner + "/" + key.Case) }
