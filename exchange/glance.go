package exchange

import (
	"context"
	"slices"
)

// A Glance is what a list tells of a case so that an officer knows what waits there
// without opening it. Nothing in it says who anybody is.
type Glance struct {
	// Type is that of the message that waits: the last of whoever's turn it is not,
	// or of both where it is nobody's; "" when there is none, or when it was answered
	// and something else is to be done. What corrects a message is not it.
	Type   string
	Minor  bool // somebody in the case is or may be a minor
	Urgent bool // the message says so
	// Altered: what is kept of the case is not what was recorded, so what a list says of it
	// must not be relied on.
	Altered bool
}

// Glances looks at cases that a list has found for an officer, those of one page. A
// case whose book is gone, or that was erased, has none.
func (c *CaseFiles) Glances(ctx context.Context, found []CaseRow) (map[CaseKey]Glance, error) {
	keys := make([]CaseKey, len(found))
	for i, row := range found {
		keys[i] = row.CaseKey
	}
	out := map[CaseKey]Glance{}
	err := c.books(ctx, keys, func(row CaseRow, book *Book) { out[row.CaseKey] = book.glance(row) })
	return out, err
}

// books opens the books of some cases, each once; that of a case which has none, or was
// erased, is left out. One that was altered is nil: the others are not to suffer for it.
func (c *CaseFiles) books(ctx context.Context, keys []CaseKey, fn func(CaseRow, *Book)) error {
	rows, err := c.cfg.Reader.CasesOf(ctx, keys)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Book == nil || row.ErasedTo > 0 {
			continue
		}
		book, err := c.cfg.Opener.bookOf(ctx, row)
		if err != nil && AsDamage(err) == nil {
			return err
		}
		fn(row, book)
	}
	return nil
}

// MailGlances looks at messages that a list has found for an officer, those of one page:
// whether each calls itself urgent, and whether its case is about a child.
func (c *CaseFiles) MailGlances(ctx context.Context, found []Mail) (map[MessageKey]Glance, error) {
	var keys []CaseKey
	for _, m := range found {
		if key := (CaseKey{m.Partner, m.Case}); !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	out := map[MessageKey]Glance{}
	err := c.books(ctx, keys, func(row CaseRow, book *Book) {
		for _, m := range found {
			if m.Partner != row.Partner || m.Case != row.Case {
				continue
			}
			g := Glance{Type: m.Type, Altered: book == nil}
			if book != nil {
				g.Minor = book.hasMinors()
				n := book.find(m.ID, m.Direction == Out)
				g.Urgent = n != nil && book.urgent(n)
			}
			out[m.MessageKey] = g
		}
	})
	return out, err
}

// glance is what the book tells of its case beside the row; nothing where it is nil.
func (b *Book) glance(row CaseRow) Glance {
	if b == nil {
		return Glance{Altered: true}
	}
	out, turn := Glance{Minor: b.hasMinors(), Altered: !b.agrees(row)}, row.Turn
	if n := b.waits(turn); n != nil {
		if out.Urgent = b.urgent(n); turn == TurnNobody || !b.repliedTo(n.ID, n.Out) {
			out.Type = n.Type
		}
	}
	return out
}

// waits returns the message that waits for whoever has to act, nil for none.
func (b *Book) waits(turn Turn) *Note {
	var last *Note
	for i := range slices.Backward(b.Notes) {
		n := &b.Notes[i]
		if n.Status == dead || n.Type == TypeCorrection || turn != TurnNobody && n.Out != (turn == TurnPartner) {
			continue
		}
		if turn == TurnNobody || ReplyTo(n.Type) != "" && !b.repliedTo(n.ID, n.Out) {
			return n // a question that was not answered comes before what came later
		}
		if last == nil {
			last = n
		}
	}
	return last
}

// urgent says whether a request calls itself so, as it reads now.
func (b *Book) urgent(n *Note) bool {
	says := n.Urgent
	for _, c := range b.corrections(n.ID, n.Out) {
		if c.Urgent != nil {
			says = c.Urgent
		}
	}
	return says != nil && *says
}
