package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// A retelling is a case told again, from its entries in their order: its book
// and where it stands, as they must be if nobody has altered them. The check
// compares it with what is kept; an upgrade keeps it.
type retelling struct {
	row  CaseRow // Kind, State, Turn, OpenedAt, MovedAt and ErasedTo
	book *Book
	at   []int64 // the entry of each note
	// assigned: who has the case was told, and not forgotten with its erasure.
	assigned bool
	told     map[toldKey]Version
	// terms says which clocks a message starts here. That alone cannot be
	// recomputed: it was decided by the agreement as it was then.
	terms func(claims Claims, body any, out bool) (agreement string, deadlines []string)
	skew  time.Duration // of the partner's clock, where terms are known
}

// A toldKey names a message of the case.
type toldKey struct {
	id  string
	out bool
}

func newRetelling(key CaseKey, terms func(Claims, any, bool) (string, []string)) *retelling {
	return &retelling{row: CaseRow{CaseKey: key}, book: &Book{}, told: map[toldKey]Version{}, terms: terms}
}

// add tells the next entry. data are its bytes in clear; nil when they were
// erased: then only that there was a message can still be told.
func (r *retelling) add(row Row, data []byte) error {
	if r.row.OpenedAt.IsZero() {
		r.row.OpenedAt, r.row.MovedAt = row.At, row.At
	}
	moved := false
	switch row.Kind {
	case KindMessage:
		note, err := r.note(row, data)
		if err != nil {
			return err
		}
		r.book.enter(note)
		r.at = append(r.at, row.Index)
		moved = true
	case KindReceipt:
		moved = r.book.settle(row.ID, settled)
	case KindFailure:
		moved = r.book.settle(row.ID, dead)
	}
	switch {
	case endsDraft(row.Kind, row.Type):
		r.book.end(row.ID) // it was recorded, so it had not left
	case row.Kind == KindEvent && row.Type == caseAssigned && data != nil:
		a, err := readAssignment(data)
		if err != nil {
			return err
		}
		r.book.Assigned, r.assigned = a.Officers, true
	case erases(row):
		r.assigned = false
		r.book, r.row.ErasedTo = r.book.bare(), row.Index
	}
	if moved {
		r.moved(row.At)
	}
	return nil
}

func (r *retelling) moved(at time.Time) {
	if r.book.Erased {
		return
	}
	stands := r.book.Standing()
	if stands.State != r.row.State {
		r.row.MovedAt = at
	}
	r.row.Kind, r.row.State, r.row.Turn = stands.Kind, stands.State, stands.Turn
}

// note reads what the book keeps of a message out of its exact bytes.
func (r *retelling) note(row Row, data []byte) (Note, error) {
	out := row.Direction == Out
	if data == nil {
		return bareNote(noteOf(row.ID, row.Type, out, row.InReplyTo, Said{}, [32]byte{})), nil
	}
	claims, body, err := ReadMessage(data)
	if err != nil {
		return Note{}, fmt.Errorf("entry %d: %w", row.Index, err)
	}
	s := said(claims, body)
	s.Minors = MinorsOf(body, time.Unix(claims.IssuedAt, 0))
	if r.terms != nil {
		s.Agreement, s.Deadlines = r.terms(claims, body, out)
		if !out && r.skew > 0 {
			s.arrived(row.At, r.skew)
		}
	}
	if claims.Type == TypeCorrection {
		s.Subjects, s.Minors = r.corrected(s.Target, out, body)
	}
	r.told[toldKey{row.ID, out}] = Version{Claims: claims, Body: body, ID: row.ID, At: row.At}
	return noteOf(row.ID, claims.Type, out, claims.InReplyTo, s, sha256.Sum256(data)), nil
}

// corrected is what a correction makes its target say of the persons, and who of
// them is or may be a minor.
func (r *retelling) corrected(target string, out bool, body any) (subjects []Decision, minors []string) {
	first, ok := r.told[toldKey{target, out}]
	if !ok {
		return nil, nil
	}
	version := first.Body
	for _, earlier := range r.book.corrections(target, out) {
		if changed, refused := apply(version, changesOf(r.told[toldKey{earlier.ID, out}].Body)); refused == nil {
			version = changed
		}
	}
	changed, refused := apply(version, changesOf(body))
	if refused != nil {
		return nil, nil
	}
	return said(first.Claims, changed).Subjects, MinorsOf(changed, time.Unix(first.Claims.IssuedAt, 0))
}

// A RebookStore keeps books that were told again.
type RebookStore interface {
	// Unbooked returns up to n cases that have no book and are not erased.
	Unbooked(ctx context.Context, n int) ([]CaseKey, error)
	// CaseEntries calls fn for the entries of a case, in order of index.
	CaseEntries(ctx context.Context, key CaseKey, fn func(Row) error) error
	// Rebook keeps the books of cases that have none, in one transaction, and
	// returns of how many.
	Rebook(ctx context.Context, cases []Rebooked) (int, error)
}

// A Rebooked is a case whose book was told again, and the jobs that look at its
// clocks.
type Rebooked struct {
	CaseRow
	Jobs []Job
}

// rebookBatch is how many cases are kept in one transaction.
const rebookBatch = 100

// RebuildBooks tells the book of every case that has none again, from the
// record: a database that was written before there were books has only states.
// The clocks of such a case run under the agreements as they are now. It
// returns how many books were made, and can be done again.
func RebuildBooks(ctx context.Context, store RebookStore, opener *Opener, directory *Directory, now time.Time) (int, error) {
	done := 0
	for {
		keys, err := store.Unbooked(ctx, rebookBatch)
		if err != nil || len(keys) == 0 {
			return done, err
		}
		cases := make([]Rebooked, 0, len(keys))
		for _, key := range keys {
			c, err := rebuild(ctx, store, opener, directory, key, now)
			if err != nil {
				return done, fmt.Errorf("tell a case of %s again: %w", key.Partner, err)
			}
			cases = append(cases, c)
		}
		n, err := store.Rebook(ctx, cases)
		if err != nil {
			return done, err
		}
		done += n
	}
}

// rebuild tells one case again.
func rebuild(ctx context.Context, store RebookStore, opener *Opener, directory *Directory, key CaseKey, now time.Time) (Rebooked, error) {
	c, err := opener.store.Case(ctx, key)
	if err != nil {
		return Rebooked{}, fmt.Errorf("find a case: %w", err)
	}
	dataKey, err := opener.unwrap(ctx, c)
	if err != nil {
		return Rebooked{}, err
	}
	peer, err := directory.Peer(key.Partner)
	if err != nil && !errors.Is(err, ErrNotFound) { // of a partner that left no clock runs
		return Rebooked{}, err
	}
	r := newRetelling(key, peer.starts)
	if peer != nil {
		r.skew = peer.Limits.ClockSkew
	}
	err = store.CaseEntries(ctx, key, func(row Row) error {
		if row.Index < c.ErasedTo {
			return r.add(row, nil)
		}
		data, err := dataKey.Open(row.Data, rowAAD(row.Index, "data"))
		if err != nil {
			return fmt.Errorf("open entry %d: %w", row.Index, err)
		}
		return r.add(row, data)
	})
	if err != nil {
		return Rebooked{}, err
	}
	out := Rebooked{CaseRow: r.row}
	if peer != nil {
		clocks := peer.Clocks(r.book, now)
		out.DueAt = firstDue(clocks)
		for i, n := range r.book.Notes {
			if next := nextLook(clocks, n.ID, n.Out, now); !next.IsZero() {
				out.Jobs = append(out.Jobs, Job{Queue: ClockQueue, Kind: JobClock, Ref: n.ID, Index: r.at[i], FirstAt: now, DueAt: next})
			}
		}
	}
	r.book.Due = &out.DueAt
	if out.Book, err = dataKey.Seal(r.book.bytes(), bookAAD(key)); err != nil {
		return Rebooked{}, fmt.Errorf("seal the book of a case: %w", err)
	}
	return out, nil
}
