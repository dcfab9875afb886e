package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A Glance is what a list tells of a case so that an officer knows what waits there
// without opening it. Nothing in it says who anybody is.
type Glance struct {
	// Type is that of the message that waits: the last of whoever's turn it is not,
	// or of both where it is nobody's; "" when there is none. What corrects a message
	// is not it.
	Type   string
	Minor  bool // somebody in the case is or may be a minor
	Urgent bool // the message says so
}

// Glances looks at cases that a list has found for an officer, those of one page. A
// case whose book is gone, or that was erased, has none.
func (c *CaseFiles) Glances(ctx context.Context, found []CaseRow) (map[CaseKey]Glance, error) {
	keys := make([]CaseKey, len(found))
	for i, row := range found {
		keys[i] = row.CaseKey
	}
	rows, err := c.cfg.Reader.CasesOf(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := map[CaseKey]Glance{}
	for _, row := range rows {
		if row.Book == nil || row.ErasedTo > 0 {
			continue
		}
		book, err := c.cfg.Opener.bookOf(ctx, row)
		if err != nil {
			return nil, err
		}
		note := book.waits(row.Turn)
		if note == nil {
			continue
		}
		glance := Glance{Type: note.Type, Minor: book.hasMinors()}
		if note.Type == TypeIdentityRequest {
			glance.Urgent, err = c.urgent(ctx, row, book, note)
			if errors.Is(err, ErrErased) { // at this very moment
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		out[row.CaseKey] = glance
	}
	return out, nil
}

// waits returns the message that waits for whoever has to act, nil for none.
func (b *Book) waits(turn Turn) *Note {
	for i := range slices.Backward(b.Notes) {
		n := &b.Notes[i]
		if n.Status != dead && n.Type != TypeCorrection && (turn == TurnNobody || n.Out == (turn == TurnPartner)) {
			return n
		}
	}
	return nil
}

// urgent says whether a request calls itself so, as it reads now. A page has many of
// them: one that nobody has corrected is opened without judging it again.
func (c *CaseFiles) urgent(ctx context.Context, row CaseRow, book *Book, n *Note) (bool, error) {
	message := MessageKey{Lane{row.Partner, n.direction()}, n.ID}
	if len(book.corrections(n.ID, n.Out)) > 0 {
		versions, err := c.judge.Versions(ctx, message, row.Case)
		if err != nil {
			return false, err
		}
		return member(versions[len(versions)-1].Body, "urgent") == true, nil
	}
	entry, err := c.cfg.Reader.Message(ctx, message)
	if err != nil {
		return false, err
	}
	opened, err := c.cfg.Opener.openIn(ctx, row, entry)
	if err != nil {
		return false, err
	}
	payload, err := PayloadOf(opened.Data)
	if err != nil {
		return false, fmt.Errorf("read a stored message: %w", err)
	}
	var says struct {
		Body struct {
			Urgent bool `json:"urgent"`
		} `json:"body"`
	}
	if err := json.Unmarshal(payload, &says); err != nil {
		return false, fmt.Errorf("read a stored message: %w", err)
	}
	return says.Body.Urgent, nil
}
