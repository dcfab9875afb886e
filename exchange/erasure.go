package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/schemas"
)

// caseErased is the event that erases a case.
const caseErased = "case_erased"

// erases says whether an entry has erased its case.
func erases(row Row) bool { return row.Kind == KindEvent && row.Type == caseErased }

// An Erasure is what the record keeps of one. It is sealed with the key that the
// case has then, so it holds nothing of what was erased.
type Erasure struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
	Notice string `json:"notice"` // the jti of the erasure_notice that asked for it
	// Confirmation is what answers the partner's notice: it leaves when the case
	// is erased, and not before.
	Confirmation *Draft `json:"confirmation,omitempty"`
	// Approvals are what officers have signed for: our notice, or our confirmation.
	Approvals []Approval `json:"approvals"`
	// Authors have written any version of the confirmation.
	Authors []string `json:"authors,omitempty"`
}

// erasureOfficers is how many officers an erasure takes.
const erasureOfficers = 2

// erasureDays is how far the day that a confirmation names may be from now.
const erasureDays = 48 * time.Hour

// Erase destroys what a case holds here, for good: the data key that has sealed
// its entries is replaced, and nobody can read them again, while every proof
// stays valid. Who does it and why enters the record in the same transaction.
//
// It takes a notice for the whole case and two officers of ours. If the partner
// has sent the notice, they have signed for the confirmation that answers it,
// which leaves then; if we have, they have signed for the notice, and the partner
// has answered.
func (d *Desk) Erase(ctx context.Context, by *Officer, key CaseKey, reason string) (Erasure, error) {
	c, err := d.erasable(ctx, by, key)
	if err != nil {
		return Erasure{}, err
	}
	if refused := checkReason(reason); refused != nil {
		return Erasure{}, refused
	}
	out := Erasure{By: by.ID, Reason: reason}
	view, err := d.asked(ctx, c, &out)
	if err != nil {
		return Erasure{}, d.unerased(ctx, key, err)
	}
	data, err := json.Marshal(out)
	if err != nil {
		return Erasure{}, fmt.Errorf("write an erasure: %w", err)
	}
	e := &Entry{Kind: KindEvent, Direction: Out, Partner: key.Partner, Case: key.Case, ID: out.Notice, Type: caseErased, Data: data, Erases: true}
	if out.Confirmation != nil {
		e.ID = out.Confirmation.ID
	}
	if err := d.cfg.Recorder.Record(ctx, e); err != nil {
		return Erasure{}, d.unerased(ctx, key, err)
	}
	d.cfg.Logger.Info("case erased", "partner", key.Partner, "case", key.Case, "by", by.ID, "index", e.Index)
	if out.Confirmation == nil {
		return out, nil
	}
	return out, d.confirm(ctx, view.Row)
}

// unerased records why an erasure was refused. Whoever comes second, or presses
// twice, is refused nothing: what they ask for is done, whatever it looked like to
// them in between.
func (d *Desk) unerased(ctx context.Context, key CaseKey, err error) error {
	if c, unread := d.cfg.Opener.store.Case(ctx, key); unread == nil && c.ErasedTo > 0 {
		return problem(ProblemErased, "The case was erased already.")
	}
	return d.cfg.Outbox.refused(ctx, Draft{To: key.Partner, Type: TypeErasureConfirmation}, err)
}

// erasable returns a case that an officer may erase.
func (d *Desk) erasable(ctx context.Context, by *Officer, key CaseKey) (CaseRow, error) {
	if !by.Has(RoleOfficer, RoleSupervisor) { // of whatever case, also one that is not there
		return CaseRow{}, forbidden("erase cases")
	}
	c, err := d.cfg.Opener.writes(ctx, by, key)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && key.Case == "":
		return CaseRow{}, problem(ProblemNotFound, "There is no such case.")
	case err != nil:
		return CaseRow{}, err
	}
	kind, err := d.cfg.Opener.kindOf(ctx, c)
	if err == nil && !by.seesKind(kind) { // of what so far has drafts only nobody says what it is
		return CaseRow{}, problem(ProblemNotFound, "There is no such case.")
	}
	return c, err
}

// asked finds the notice that asks for an erasure and who has signed for it, and
// for a partner's notice the confirmation that answers it.
func (d *Desk) asked(ctx context.Context, c CaseRow, out *Erasure) (DraftView, error) {
	book, err := d.cfg.Opener.bookOf(ctx, c)
	if err != nil {
		return DraftView{}, err
	}
	if refused := book.erasable(); refused != nil {
		return DraftView{}, refused
	}
	drafts, err := d.unfinished(ctx, c.CaseKey)
	if err != nil {
		return DraftView{}, err
	}
	i := slices.IndexFunc(drafts, func(v DraftView) bool { return v.Row.State == DraftReleasing && v.ConfirmsErasure() })
	if i < 0 {
		if out.Notice, err = d.ownNotice(ctx, book, c.CaseKey, out); err == nil && len(drafts) > 0 {
			err = problem(ProblemCaseState, "A draft of this case has not left; it would be erased unread. Discard it first.").rule("erasure-open-drafts")
		}
		return DraftView{}, err
	}
	view := drafts[i]
	out.Notice, out.Confirmation, out.Approvals, out.Authors = view.Content.Draft.InReplyTo, &view.Content.Draft, view.Content.Approvals, view.Authors()
	notice := book.find(out.Notice, false)
	switch {
	case notice == nil || !notice.wholeCase():
		return view, problem(ProblemCaseState, "The notice names persons; what a case holds is erased together. Answer it with partial, and say what is kept.").rule("erasure-scope")
	case len(drafts) > 1:
		return view, problem(ProblemCaseState, "Another draft of this case has not left; it would be erased unread. Discard it first.").rule("erasure-open-drafts")
	}
	if day, _ := time.Parse(time.DateOnly, view.erasedOn()); day.Sub(d.cfg.Clock()).Abs() > erasureDays {
		return view, problem(ProblemCaseState, "The confirmation names another day than today; discard it and write it anew.").rule("erasure-day")
	}
	return view, d.proved(ctx, view)
}

// ownNotice finds a notice of ours that the partner has answered.
func (d *Desk) ownNotice(ctx context.Context, book *Book, key CaseKey, out *Erasure) (string, error) {
	persons, unanswered, partners := false, false, false
	for _, n := range slices.Backward(book.Notes) {
		if n.Type != TypeErasureNotice || n.Status == dead {
			continue
		}
		switch {
		case !n.wholeCase():
			persons = true
		case !n.Out:
			partners = true
		case !book.answered(n.ID):
			unanswered = true
		default:
			h, err := d.history(ctx, key, n.ID)
			if err != nil {
				return "", err
			}
			if out.Approvals = h.approvals; len(officersOf(h.approvals)) < erasureOfficers {
				return "", problem(ProblemCaseState, "The record does not have the statements of %d officers for the notice.", erasureOfficers).rule("erasure-unproved")
			}
			return n.ID, nil
		}
	}
	refuse := func(rule, detail string) error { return problem(ProblemCaseState, "%s", detail).rule(rule) }
	switch {
	case partners:
		return "", refuse("erasure-not-released", "Two officers first release the erasure_confirmation, with the outcome done, that answers the partner's notice; it leaves when the case is erased.")
	case unanswered:
		return "", refuse("erasure-unanswered", "The partner has not answered our erasure_notice yet.")
	case persons:
		return "", refuse("erasure-scope", "The notice names persons; what a case holds is erased together.")
	}
	return "", refuse("erasure-not-asked", "No erasure_notice asks for this.")
}

// unfinished returns the drafts of a case that have not come to an end.
func (d *Desk) unfinished(ctx context.Context, key CaseKey) ([]DraftView, error) {
	var out []DraftView
	for _, state := range []DraftState{DraftHeld, DraftWaiting, DraftReleasing} {
		rows, err := d.cfg.Store.Drafts(ctx, DraftFilter{Partners: []string{key.Partner}, Case: key.Case, State: state, Limit: 100})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			view, err := d.open(ctx, row)
			if err != nil {
				return nil, err
			}
			out = append(out, view)
		}
	}
	return out, nil
}

// confirm lets the confirmation of an erasure leave. What the draft held went
// with the case; the erasure itself says it again. Sweep does this too, for a
// process that died in between.
func (d *Desk) confirm(ctx context.Context, row DraftRow) error {
	h, err := d.history(ctx, CaseKey{row.Partner, row.Case}, row.ID)
	if err != nil {
		return err
	}
	content := DraftContent{Refused: "The case was erased."}
	if row.State = DraftRefused; h.erasure != nil && h.erasure.Confirmation != nil {
		row.State = DraftReleasing
		content = DraftContent{Draft: *h.erasure.Confirmation, Officers: erasureOfficers, Approvals: h.erasure.Approvals, Authors: h.erasure.Authors}
	}
	view, err := d.store(ctx, row, content)
	if err != nil || row.State != DraftReleasing {
		return err
	}
	_, err = d.release(ctx, view)
	return err
}

// awaitsErasure says whether a draft confirms an erasure that is still to be done.
func (d *Desk) awaitsErasure(ctx context.Context, view DraftView) (bool, error) {
	if !view.ConfirmsErasure() {
		return false, nil
	}
	c, err := d.cfg.Opener.store.Case(ctx, CaseKey{view.Row.Partner, view.Row.Case})
	return c.ErasedTo == 0, err
}

// ConfirmsErasure says whether a draft says that all is erased: it leaves when that is
// so, and not when it is released.
func (v DraftView) ConfirmsErasure() bool {
	return v.Row.Type == TypeErasureConfirmation && v.said("outcome") == erasureDone
}

func (v DraftView) erasedOn() string { return v.said("erased_on") }

func (v DraftView) said(name string) string {
	body, err := schemas.Parse(v.Content.Draft.Body, schemas.DefaultLimits())
	if err != nil { // it was parsed before it was kept
		return ""
	}
	text, _ := member(body, name).(string)
	return text
}

// erasureDone is the outcome of a confirmation that says: all is erased.
const erasureDone = "done"

// confirmed refuses our own confirmation before the erasure that it confirms.
func (p *prepared) confirmed(b *Book) error {
	if done, _ := p.said.of(whole); p.claims.Type == TypeErasureConfirmation && done == erasureDone && !b.Erased {
		return problem(ProblemCaseState, "The case is not erased yet.").rule("not-erased")
	}
	return nil
}

// erasable refuses to erase what is erased, or is still on its way.
func (b *Book) erasable() *Problem {
	switch {
	case b.Erased:
		return problem(ProblemErased, "The case was erased already.")
	case len(b.Notes) == 0:
		return problem(ProblemNotFound, "There is no such case.")
	case slices.ContainsFunc(b.Notes, func(n Note) bool { return n.Status == pending }):
		return problem(ProblemCaseState, "A message of ours is still on its way to the partner; erase the case when its delivery has ended.").rule("erasure-open-deliveries")
	}
	return nil
}

// bare is what is left of the book of a case that was erased: which messages
// there were, as the leaves of the record say it in clear.
func (b *Book) bare() *Book {
	out := &Book{Erased: true, Assigned: b.Assigned}
	for _, n := range b.Notes {
		out.Notes = append(out.Notes, bareNote(n))
	}
	return out
}

func bareNote(n Note) Note {
	return Note{ID: n.ID, Type: n.Type, Out: n.Out, Reply: n.Reply, Status: n.Status}
}

// wholeCase says whether an erasure_notice is about the case and not about some
// persons of it.
func (n *Note) wholeCase() bool {
	_, all := n.of(whole)
	return all
}

// A draftHistory is what the record says of a draft.
type draftHistory struct {
	digest    string     // of what was submitted last
	approvals []Approval // of that
	authors   []string   // who has written any of it
	ended     bool       // it was rejected or taken back
	erasure   *Erasure   // what its case's erasure says of it
}

// history reads what the record says of a draft. What was erased says nothing;
// of the confirmation of an erasure, the erasure says it again.
func (d *Desk) history(ctx context.Context, key CaseKey, id string) (draftHistory, error) {
	var h draftHistory
	err := d.cfg.Reader.Entries(ctx, 0, math.MaxInt64, Filter{Partner: key.Partner, Case: key.Case, Kind: KindEvent, ID: id}, func(r Row) error {
		opened, err := d.cfg.Opener.Open(ctx, r)
		if errors.Is(err, ErrErased) {
			return nil
		}
		if err != nil {
			return err
		}
		return h.add(r, opened.Data)
	})
	if err != nil {
		return h, fmt.Errorf("look for a draft in the record: %w", err)
	}
	return h, nil
}

func (h *draftHistory) add(r Row, data []byte) error {
	switch {
	case r.Type == draftSubmitted || r.Type == draftAmended:
		var said struct {
			By      string   `json:"by"`
			SHA256  string   `json:"sha256"`
			Authors []string `json:"authors"`
		}
		err := json.Unmarshal(data, &said)
		h.digest, h.approvals, h.authors = said.SHA256, nil, append(append(h.authors, said.Authors...), said.By)
		return err
	case r.Type == draftDecided+DecisionRelease:
		var approval Approval
		err := json.Unmarshal(data, &approval)
		h.approvals = append(h.approvals, approval)
		return err
	case endsDraft(r.Kind, r.Type):
		h.ended = true
	case erases(r):
		h.erasure = &Erasure{}
		if err := json.Unmarshal(data, h.erasure); err != nil {
			return err
		}
		if c := h.erasure.Confirmation; c != nil {
			h.digest, h.approvals, h.authors = c.digest(), h.erasure.Approvals, h.erasure.Authors
		}
	}
	return nil
}

// officersOf returns who has approved, each once.
func officersOf(approvals []Approval) map[string]bool {
	out := map[string]bool{}
	for _, a := range approvals {
		out[a.Officer] = true
	}
	return out
}
