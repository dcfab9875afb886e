package exchange

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// What an erasure takes, in the order in which it is done.
const (
	EraseNotice     = "notice"     // an erasure_notice asks for the whole case
	EraseSigned     = "signed"     // officers of ours have signed for it
	EraseAnswered   = "answered"   // the partner has answered our notice
	EraseDay        = "day"        // our confirmation names today
	EraseDeliveries = "deliveries" // nothing of ours is on its way
	EraseDrafts     = "drafts"     // nothing would be erased unread
)

// An ErasureStep is one thing that an erasure takes.
type ErasureStep struct {
	Name       string
	Done       bool
	Have, Need int    // how many have signed
	Message    string // the jti of the notice, to be answered
	Draft      string // the confirmation that answers it
	Outcome    string // of the answer that the notice has: a code of erasure-outcomes
}

// Keeps says whether whoever was asked has answered that not all is erased.
func (s ErasureStep) Keeps() bool { return s.Outcome != "" && s.Outcome != erasureDone }

// ErasureSteps returns what the erasure of a case takes and how far it has come,
// for an officer who may erase it; nothing for a case that is erased. It decides
// nothing: Erase looks again, and at the record.
func (d *Desk) ErasureSteps(ctx context.Context, by *Officer, key CaseKey) ([]ErasureStep, error) {
	c, err := d.erasable(ctx, by, key)
	if err != nil {
		return nil, err
	}
	book, err := d.cfg.Opener.bookOf(ctx, c)
	if err != nil || book.Erased {
		return nil, err
	}
	drafts, err := d.unfinished(ctx, key)
	if errors.Is(err, ErrErased) { // at this very moment
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var steps []ErasureStep
	i := slices.IndexFunc(drafts, DraftView.ConfirmsErasure)
	switch notice := book.erasureNotice(); {
	case notice == nil:
		i = -1
		steps = []ErasureStep{{Name: EraseNotice}, {Name: EraseSigned, Need: erasureOfficers}}
	case notice.Out:
		i = -1
		steps = []ErasureStep{{Name: EraseNotice, Done: true}, {Name: EraseSigned, Done: true, Have: erasureOfficers, Need: erasureOfficers}, {Name: EraseAnswered, Done: book.answered(notice.ID), Outcome: book.outcomeOf(notice)}}
	default:
		steps = []ErasureStep{{Name: EraseNotice, Done: true, Message: notice.ID}, {Name: EraseSigned, Need: erasureOfficers, Message: notice.ID, Outcome: book.outcomeOf(notice)}}
	}
	if i >= 0 {
		signed := &steps[1]
		signed.Draft, signed.Have, signed.Done = drafts[i].Row.ID, len(drafts[i].Content.Approvals), drafts[i].Row.State == DraftReleasing
		if day, _ := time.Parse(time.DateOnly, drafts[i].erasedOn()); day.Sub(d.cfg.Clock()).Abs() > erasureDays {
			steps = append(steps, ErasureStep{Name: EraseDay, Draft: signed.Draft})
		}
		drafts = slices.Delete(drafts, i, i+1)
	}
	waits := slices.ContainsFunc(book.Notes, func(n Note) bool { return n.Status == pending })
	return append(steps, ErasureStep{Name: EraseDeliveries, Done: !waits}, ErasureStep{Name: EraseDrafts, Done: len(drafts) == 0}), nil
}

// outcomeOf returns what was answered to a notice last, by whoever was asked.
func (b *Book) outcomeOf(notice *Note) (outcome string) {
	for i := range b.Notes {
		if n := &b.Notes[i]; n.Out != notice.Out && n.Reply == notice.ID && n.Status != dead {
			outcome, _ = n.of(whole)
		}
	}
	return outcome
}

// erasureNotice returns the notice that an erasure of the whole case would go by:
// one of ours that was answered, else the partner's, else ours; nil for none.
func (b *Book) erasureNotice() *Note {
	var answered, theirs, ours *Note
	for i := range b.Notes {
		switch n := &b.Notes[i]; {
		case n.Type != TypeErasureNotice || n.Status == dead || !n.wholeCase():
		case !n.Out:
			theirs = n
		case b.answered(n.ID):
			answered = n
		default:
			ours = n
		}
	}
	return cmp.Or(answered, theirs, ours)
}
