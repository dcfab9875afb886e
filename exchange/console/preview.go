package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A previewView is the page before a message is sent: all that the partner will
// see, and what becomes of it.
type previewView struct {
	ID, Ticket, Case string
	Version          int64
	Type             TypeName
	Self, Partner    Party
	Agreement        Value
	Purpose          string
	Recipient        Value
	Approval         string
	Erases           bool // it leaves when the case is erased, and not when it is released
	Amends           bool
	Minors           []string
	Corrects         *correctsView // of a correction
	Differences      []Difference
	Blocks           []Block
	Struck           bool // something in them is withheld
	Missing          []Lack
	Safeguards       []SafeguardLine
	Officers         int
	Company          company
}

// previewPage judges what was typed. What is wrong comes back in the form; what
// is right is shown as the partner will see it.
func (c *Console) previewPage(v *visit, p *pen) error {
	if p.typed.badFiles() {
		return c.showForm(v, http.StatusUnprocessableEntity, p, nil, nil)
	}
	if _, gone, err := c.beneath(v, p); err != nil {
		return err
	} else if gone != nil { // the form says so
		return c.showForm(v, http.StatusConflict, p, nil, nil)
	}
	draft, made, err := c.draft(v, p)
	var content exchange.DraftContent
	if err == nil {
		content, err = c.cfg.Desk.Preview(v.r.Context(), v.officer, draft, p.recorded())
	}
	if moved(err) {
		return c.conflictPage(v, p)
	}
	if err == nil && len(p.unseen()) > 0 { // the form says where
		err = &exchange.Problem{Kind: exchange.ProblemSchema, Rule: unseenRule}
	}
	if problem := exchange.AsProblem(err); err != nil && problem.Kind.Status < http.StatusInternalServerError {
		return c.showForm(v, http.StatusUnprocessableEntity, p, problem, nil)
	}
	if err != nil {
		return err
	}
	ticket, err := c.cfg.Forms.Ticket(v.r.Context(), v.officer, p.ID)
	if err != nil {
		return err
	}
	given, err := schemas.Parse(draft.Body, schemas.DefaultLimits())
	if err != nil {
		return fmt.Errorf("read a body: %w", err)
	}
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue, withheld: content.Withheld, minors: exchange.MinorsOf(given, v.now)}
	sent := content.Draft
	view := previewView{
		ID: p.ID, Ticket: ticket, Case: p.Case, Version: p.Version, Type: c.typeName(v.s, p.Type), Self: c.party(v.s, c.cfg.Self), Partner: c.party(v.s, p.Partner),
		Agreement: v.s.Said(p.term().Agreement.Title), Purpose: sent.Purpose, Recipient: c.recipientOf(v, sent.Agreement, partners.Send, sent.Recipient), Approval: sent.Approval,
		Amends: p.Amends > 0, Minors: r.minors, Blocks: r.read(p.Type, given), Officers: content.Officers, Safeguards: safeguardLines(v, content.Safeguards),
		Erases: exchange.DraftView{Row: exchange.DraftRow{Type: sent.Type}, Content: content}.ConfirmsErasure(),
	}
	c.putOdd(v, view.Blocks, p.Partner, given, v.now)
	c.putLinks(v, view.Blocks, exchange.MessageKey{Lane: exchange.Lane{Partner: p.Partner, Direction: exchange.Out}, ID: p.ID}, content.Named)
	if p.fix != nil {
		view.Corrects = &correctsView{Type: c.typeName(v.s, made.Type), Target: sentPath(p.Partner, p.text(".target"))}
		view.Differences = c.correctionOf(v, r, view.Blocks, &exchange.SeenCorrection{Type: made.Type, Before: made.Before, After: made.After, Changes: made.Changes}, given)
		if len(view.Differences) > 0 {
			view.Blocks = untold(view.Blocks)
		}
		view.Minors = p.fix.minors
	}
	view.Struck = slices.ContainsFunc(view.Blocks, func(b Block) bool { return slices.ContainsFunc(b.Rows, func(row Row) bool { return row.Withheld }) })
	for _, m := range content.Missing {
		view.Missing = append(view.Missing, Lack{m.Kind, m.Subject})
	}
	if view.Company, err = c.company(v, p); err != nil {
		return err
	}
	status, title := http.StatusOK, v.s.T("preview.title", view.Type.Title)
	if view.Company.Since {
		status, title = http.StatusConflict, v.s.T("error.prefix", title)
	}
	return c.show(v, status, "preview", title, "work", view)
}

// untold leaves of a correction's blocks what its differences, and the link to its target,
// do not say in words already.
func untold(blocks []Block) []Block {
	var out []Block
	for _, b := range blocks {
		b.Rows = slices.DeleteFunc(b.Rows, func(row Row) bool { return within([]string{"/target", "/revision", "/changes"}, row.Pointer) })
		if len(b.Rows) > 0 {
			out = append(out, b)
		}
	}
	return out
}

// submitForm hands a form that was previewed to the desk.
func (c *Console) submitForm(v *visit) error {
	ctx, id := v.r.Context(), chi.URLParam(v.r, "id")
	// One after the other: of two officers who press at the same moment the second one is
	// shown what the first has sent. Of two processes the record tells the second one.
	select {
	case c.sends <- struct{}{}:
		defer func() { <-c.sends }()
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", exchange.ErrUnavailable, ctx.Err())
	}
	form, err := c.previewed(v)
	switch {
	case errors.Is(err, errMoved) && c.stands(v, form):
		return c.ended(v, id, nil)
	case errors.Is(err, errMoved):
		return c.resumePage(v)
	case err != nil && exchange.AsProblem(err).Kind == exchange.ProblemNotFound: // it was submitted a moment ago
		return c.ended(v, id, err)
	case err != nil:
		return err
	}
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	if o, err := c.company(v, p); err != nil {
		return err
	} else if o.Since { // another officer was quicker: this one sees that, and presses again
		return c.previewPage(v, p)
	}
	draft, _, err := c.draft(v, p)
	draft.Seen = append([]string{}, strings.Fields(v.r.PostFormValue("known"))...)
	switch {
	case err != nil:
	case p.Amends > 0:
		err = c.amend(v, p, draft)
	case p.Instead != "":
		_, err = c.cfg.Desk.SubmitInstead(ctx, v.officer, p.Instead, draft, p.recorded())
	case p.From != "":
		_, err = c.cfg.Desk.SubmitFrom(ctx, v.officer, p.From, draft, p.recorded())
	default:
		_, err = c.cfg.Desk.Submit(ctx, v.officer, draft, p.recorded())
	}
	switch problem := exchange.AsProblem(err); {
	case err != nil && c.stands(v, form): // by the same press, a moment ago
		return c.ended(v, id, nil)
	case err != nil && problem.Rule == "answered-meanwhile":
		return c.saysAnew(v, p)
	case err != nil && problem.Kind == exchange.ProblemDraftVersion:
		return c.conflictPage(v, p)
	case err != nil && problem.Kind == exchange.ProblemDraftState && (p.Amends > 0 || p.Instead != ""): // the form says what became of the draft
		return c.previewPage(v, p)
	case err != nil && problem.Kind.Status < http.StatusInternalServerError:
		return c.showForm(v, http.StatusUnprocessableEntity, p, problem, nil)
	case err != nil:
		return err
	}
	if err := c.cfg.Forms.Drop(ctx, v.officer, id); err != nil {
		return err
	}
	return c.ended(v, id, nil)
}

// saysAnew makes of a form that another officer was quicker than that of a new message,
// and shows what they have sent: the draft that it was has been taken back.
func (c *Console) saysAnew(v *visit, p *pen) error {
	was := p.ID
	if err := c.asNew(v, p); err != nil {
		return err
	}
	if err := c.keep(v, p); err != nil {
		return err
	}
	if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, was); err != nil {
		return err
	}
	return c.previewPage(v, p)
}

// amend hands a changed draft to the desk. Whoever has signed it since it was opened has
// changed nothing in it: their signature falls away, and there is nothing to choose.
func (c *Console) amend(v *visit, p *pen, draft exchange.Draft) error {
	ctx := v.r.Context()
	_, err := c.cfg.Desk.Amend(ctx, v.officer, p.ID, p.Amends, draft, p.recorded())
	if err == nil || exchange.AsProblem(err).Kind != exchange.ProblemDraftVersion {
		return err
	}
	is, unknown := c.cfg.Desk.Outline(ctx, v.officer, p.ID)
	if unknown != nil || is.Rewritten(p.Amends) {
		return errors.Join(err, unknown)
	}
	_, err = c.cfg.Desk.Amend(ctx, v.officer, p.ID, is.Row.Version, draft, p.recorded())
	return err
}

// became says what a form of something new is already: a draft that waits, or that has
// left, or "" for nothing yet.
func (c *Console) became(v *visit, form exchange.Form) exchange.DraftState {
	if form.Amends > 0 {
		return ""
	}
	view, err := c.cfg.Desk.Outline(v.r.Context(), v.officer, form.ID)
	if err != nil { // there is none, or nobody can be asked: whatever is done next says so
		return ""
	}
	return view.Row.State
}

// stands says whether a form was sent a moment ago, and not refused then: it is a draft now,
// or the draft that it changed says it, and the form is gone.
func (c *Console) stands(v *visit, form exchange.Form) bool {
	if form.Amends > 0 {
		ctx := v.r.Context()
		_, kept := c.cfg.Forms.Resume(ctx, v.officer, form.ID)
		is, err := c.cfg.Desk.Outline(ctx, v.officer, form.ID)
		return err == nil && is.Row.Author == v.officer.ID && is.Rewritten(form.Amends) && exchange.AsProblem(kept).Kind == exchange.ProblemNotFound
	}
	return slices.Contains([]exchange.DraftState{exchange.DraftHeld, exchange.DraftWaiting, exchange.DraftReleasing, exchange.DraftReleased}, c.became(v, form))
}

// ended goes to what a form has become: a message, or a draft that waits.
func (c *Console) ended(v *visit, id string, otherwise error) error {
	view, err := c.cfg.Desk.Outline(v.r.Context(), v.officer, id)
	if err != nil {
		return errors.Join(otherwise, err)
	}
	if view.Row.State == exchange.DraftReleased {
		return v.redirect("/messages/" + view.Row.Partner + "/out/" + id + "?done=1")
	}
	return v.redirect("/drafts/" + id + "?done=1")
}
