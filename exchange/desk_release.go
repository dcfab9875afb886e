package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Decide takes an officer's signed statement about a draft: release or reject.
// A system is no person and decides nothing.
func (d *Desk) Decide(ctx context.Context, by *Officer, id string, signed []byte) (DraftView, error) {
	if !by.Has(RoleOfficer, RoleSupervisor) {
		return DraftView{}, forbidden("release or reject messages")
	}
	statement, invalid := openStatement(by, d.cfg.Self, signed, d.cfg.Clock())
	if invalid != nil {
		return DraftView{}, d.attempt(ctx, by, id, signed, invalid)
	}
	approval := Approval{by.ID, d.cfg.Clock().UTC(), string(signed)}
	var view DraftView
	var err error
	for try := range maxDecisions {
		if view, err = d.decidable(ctx, by, id, statement); err != nil {
			return DraftView{}, err
		}
		if try > 0 && view.ReleasedBy(by.ID) { // by another press of theirs, a moment ago
			return view, nil
		}
		if refused := mayDecide(by, view, statement); refused != nil {
			return DraftView{}, d.attempt(ctx, by, id, signed, refused)
		}
		view.decide(approval, statement.Decision)
		// Where another one has signed it at the same moment it is looked at anew: both count.
		if view, err = d.step(ctx, draftDecided+statement.Decision, approval, view); AsProblem(err).Kind != ProblemDraftVersion {
			break
		}
	}
	if err != nil || view.Row.State != DraftReleasing {
		return view, err
	}
	return d.release(ctx, view)
}

// maxDecisions bounds how often a decision is made anew because another one was there first.
const maxDecisions = 20

// decidable returns a draft that waits and still says what a statement was made of.
func (d *Desk) decidable(ctx context.Context, by *Officer, id string, s Statement) (DraftView, error) {
	row, err := d.find(ctx, by, id, 0, DraftWaiting)
	if err != nil {
		return DraftView{}, err
	}
	view, err := d.open(ctx, row)
	if err != nil {
		return DraftView{}, err
	}
	if view.Rewritten(s.Version) || s.Version > row.Version {
		return DraftView{}, movedOn(row.Version)
	}
	err = d.lapse(ctx, &view)
	return view, err
}

// decide puts an officer's decision into a draft, whose state may change by it.
func (v *DraftView) decide(a Approval, decision string) {
	if decision == DecisionReject {
		v.Row.State, v.Content.Rejected = DraftRejected, &a
		return
	}
	v.Content.Approvals = append(v.Content.Approvals, a)
	if len(v.Content.Approvals) >= v.Content.Officers {
		v.Row.State = DraftReleasing
	}
}

// lapse puts the approvals aside that do not count any more: the draft waits for others
// in their place, and is not lost.
func (d *Desk) lapse(ctx context.Context, view *DraftView) error {
	var stand []Approval
	for _, a := range view.Content.Approvals {
		officer, err := d.cfg.Roster.Officer(ctx, a.Officer)
		switch {
		case err != nil && !errors.Is(err, ErrNotFound):
			return err
		case err == nil && officer.releases(view.Row) && approves(officer, a, view.Row.ID, view.SHA256):
			stand = append(stand, a)
		default:
			view.Content.Lapsed = append(view.Content.Lapsed, a)
		}
	}
	view.Content.Approvals = stand
	return nil
}

// able counts the officers who could still release a draft of a case, whose book
// is empty where there is none yet: one that needs more of them than there are
// waits for ever.
func (d *Desk) able(ctx context.Context, view DraftView, book *Book) (int, error) {
	all, err := d.cfg.Roster.All(ctx)
	if err != nil {
		return 0, err
	}
	n, another := 0, view.byAnother()
	for _, o := range all {
		sees := o.Sees(view.Row.Partner, book.about()) && (o.Has(RoleSupervisor) || o.has(book.Assigned))
		if sees && o.Status == OfficerActive && o.releases(view.Row) &&
			mayDecide(&o, view, Statement{Draft: view.Row.ID, SHA256: view.SHA256, Decision: DecisionRelease}) == nil {
			n++
			another = another || !slices.Contains(view.Authors(), o.ID)
		}
	}
	if !another { // those who have written it do not let it out among themselves
		n = min(n, view.Content.Officers-len(view.Content.Approvals)-1)
	}
	return n, nil
}

// releases says whether an officer may release such a draft at all.
func (o *Officer) releases(row DraftRow) bool {
	return o.Has(RoleOfficer, RoleSupervisor) && o.Sees(row.Partner, conversationOf(row.Type))
}

// attempt records that a decision did not count, and why. It returns the refusal.
func (d *Desk) attempt(ctx context.Context, by *Officer, id string, signed []byte, refused *Problem) error {
	row, err := d.find(ctx, by, id, 0)
	if err != nil {
		return err // what is refused is a draft that the officer may know of
	}
	return d.cfg.Outbox.refused(ctx, Draft{ID: row.ID, To: row.Partner, Type: row.Type, Body: signed}, refused)
}

// mayDecide checks that a statement is about what stands here, by somebody who
// may make it.
func mayDecide(by *Officer, view DraftView, s Statement) *Problem {
	refuse := func(rule, detail string) *Problem { return problem(ProblemApproval, "%s", detail).rule(rule) }
	switch {
	case s.Draft != view.Row.ID || s.SHA256 != view.SHA256:
		return refuse("approval-draft", "The statement is about another draft or another content than stands here.")
	case s.Decision == DecisionReject && !GoodReason(s.Reason):
		return refuse("approval-reason", "A rejection says why, in 5 to 1000 characters that can be read.")
	case s.Decision == DecisionReject:
		return nil
	case view.ReleasedBy(by.ID):
		return refuse("approval-twice", "This officer has released this version already; another one has to.")
	case view.Own(by.ID):
		return refuse("approval-own", "Nobody releases a draft of their own; another officer has to.")
	}
	return nil
}

// Sweep releases what all officers have released and a crash kept here. It
// returns how many left.
func (d *Desk) Sweep(ctx context.Context) (int, error) {
	rows, err := d.cfg.Store.Drafts(ctx, DraftFilter{State: DraftReleasing, Limit: 100})
	if err != nil {
		return 0, err
	}
	done := 0
	var failed []error
	for _, row := range rows {
		view, err := d.open(ctx, row)
		switch {
		case err == nil:
			view, err = d.release(ctx, view)
		case errors.Is(err, ErrErased):
			err = d.confirm(ctx, row)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("draft %s: %w", row.ID, err))
		} else if view.Row.State == DraftReleased {
			done++
		}
	}
	return done, errors.Join(failed...)
}

// release signs a draft and records it as a message. It can be done again: the
// draft's identifier is the message's. What confirms an erasure waits for that.
func (d *Desk) release(ctx context.Context, view DraftView) (DraftView, error) {
	waits, err := d.awaitsErasure(ctx, view)
	if err != nil || waits {
		return view, err
	}
	var p *Problem
	err = d.proved(ctx, view)
	if errors.As(err, &p) {
		if err := d.lapse(ctx, &view); err != nil {
			return view, err
		}
		if len(view.Content.Approvals) < view.Content.Officers {
			view.Row.State = DraftWaiting // while it waited for its partner, an officer was suspended
			return d.store(ctx, view.Row, view.Content)
		}
	}
	if err == nil {
		var left DraftView
		if left, err = d.send(ctx, view); err == nil {
			return left, nil
		}
	}
	if !errors.As(err, &p) || p.Kind.Retry {
		return view, err // Sweep tries again
	}
	if p.Rule == answeredMeanwhile { // its writer sees that first, and may say it anew
		if _, unsaid := d.takeBack(ctx, view, view.Row.Author, AnsweredMeanwhile); unsaid != nil && AsProblem(unsaid).Kind != ProblemDraftVersion {
			return view, unsaid
		}
		return view, err
	}
	row, unread := d.cfg.Store.Draft(ctx, view.Row.ID)
	if unread != nil {
		return view, unread
	}
	if row.Version != view.Row.Version { // it came to another end meanwhile
		return d.open(ctx, row)
	}
	if err = d.cfg.Outbox.refused(ctx, view.Content.Draft, err); !errors.As(err, &p) {
		return view, err // it could not be recorded: Sweep tries again
	}
	view.Row.State, view.Content.Refused = DraftRefused, p.Error()
	stored, unstored := d.store(ctx, view.Row, view.Content)
	if unstored != nil {
		return view, unstored
	}
	return stored, err
}

// send makes a message of a draft: it has left, and is a draft no more, with the same
// entry of the record.
func (d *Desk) send(ctx context.Context, view DraftView) (DraftView, error) {
	left := view
	left.Row.State = DraftReleased
	w, err := d.next(left)
	if err != nil {
		return DraftView{}, err
	}
	again, err := d.cfg.Outbox.release(ctx, view.Content.Draft, w)
	switch {
	case err != nil:
		return DraftView{}, err
	case again: // the message was there already
		return d.store(ctx, left.Row, left.Content)
	}
	left.Row = w.row
	return left, nil
}

// proved checks that the record bears out what the table of drafts says: this
// very content was submitted last, nobody has rejected or discarded it, and as
// many different officers as it needs have signed for it, each of whom may still
// act, and one of whom has written no version of it. Whoever can change the table
// cannot make a message leave, and neither can an officer who was suspended meanwhile.
func (d *Desk) proved(ctx context.Context, view DraftView) error {
	unproved := problem(ProblemDraftState, "The record does not bear out that this draft may leave: it needs the approvals of %d officers who may act now.", view.Content.Officers).rule("draft-unproved")
	if len(view.Content.Missing) > 0 {
		return unproved
	}
	h, err := d.history(ctx, CaseKey{view.Row.Partner, view.Row.Case}, view.Row.ID)
	if err != nil {
		return err
	}
	officers, another := map[string]bool{}, view.Content.Officers == 0
	for _, a := range h.approvals {
		officer, err := d.cfg.Roster.Officer(ctx, a.Officer)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && officer.releases(view.Row) && approves(officer, a, view.Row.ID, h.digest) {
			officers[a.Officer] = true
			another = another || !slices.Contains(h.authors, a.Officer)
		}
	}
	if h.digest != view.SHA256 || h.ended || len(officers) < view.Content.Officers || !another {
		return unproved
	}
	return nil
}
