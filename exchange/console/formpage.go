package console

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A writeView is the page on which a message is written.
type writeView struct {
	ID, Ticket, Case string
	Version          int64
	Type             TypeName
	Partner          Party
	InReplyTo        string
	Amends           bool
	Opened           bool // the case is there for this officer
	Files            bool // it has a place for a file
	Top              Node
	Envelope         []Node
	Safeguards       []Node
	Proposals        []Proposal
	Faults           []Anchor
	SavedAt          time.Time // zero: not yet
	Unattended       bool
	Corrects         *correctsView // of a correction
	Carried          []Hidden      // what the form carries on and does not show
	Outdated         bool          // the draft that it changes was changed meanwhile
	Gone             *goneView     // that draft cannot be changed any more
	Company          company
	Same             []FormLine
	Beside           *besideView // whom an answer is about
	Minors           []string    // who is or may be a minor, as far as it is typed
}

// A correctsView is what the form of a correction says of its target.
type correctsView struct {
	Type   TypeName
	Target string // the address of its page
	Reveal reveal // of what is still hidden
}

// A Proposal is a code list that fields of the page propose values from.
type Proposal struct {
	Name   string
	Values []string
}

// layout returns the layout of a form.
func (c *Console) layout(v *visit, p *pen, problem *exchange.Problem) *layout {
	l := &layout{
		typed: p.typed, s: v.s, rules: p.rules(), faults: map[string][]string{}, messages: p.messages, proposes: map[string]bool{}, lacking: p.lacking,
	}
	switch {
	case p.fix != nil:
		l.fixed, l.persons, l.kept, l.anew = true, p.refs(), p.kept(), p.anew()
		l.chosen = v.r.PostForm["field"]
		l.barred, l.young = p.barred()
	case !opens(p):
		l.persons = p.offer.Persons
	}
	if problem != nil {
		l.faults = c.faults(v, p, problem)
	}
	return l
}

// showForm shows a form, with what is wrong with it.
func (c *Console) showForm(v *visit, status int, p *pen, problem *exchange.Problem, same []FormLine) error {
	if p.moved() {
		return c.conflictPage(v, p)
	}
	ctx := v.r.Context()
	ticket, err := c.cfg.Forms.Ticket(ctx, v.officer, p.ID)
	if err != nil {
		return err
	}
	fault := ""
	if problem != nil {
		if fault = faultOf(problem); fault != "" { // of a reveal in the form
			problem = nil
		}
	}
	l := c.layout(v, p, problem)
	if l.beside, err = c.beside(v, p); err != nil {
		return err
	}
	if l.asked, err = c.asked(v, p); err != nil {
		return err
	}
	view := writeView{
		ID: p.ID, Ticket: ticket, Case: p.Case, Version: p.Version, Type: c.typeName(v.s, p.Type), Partner: c.party(v.s, p.Partner),
		InReplyTo: p.text(".reply"), Amends: p.Amends > 0, SavedAt: p.ChangedAt, Unattended: p.Unattended, Same: same, Beside: l.beside,
		Envelope: l.envelope(v, p), Top: l.form(), Safeguards: l.safeguards(p), Minors: exchange.MinorsOf(p.body(), v.now),
	}
	view.begin(p, v.r.PostFormValue("do"))
	if view.Files = view.Top.has("file"); p.Case != "" {
		if view.Opened, err = c.opened(v, exchange.CaseKey{Partner: p.Partner, Case: p.Case}); err != nil {
			return err
		}
	}
	for _, name := range []string{takenOut, ".target", ".revision", ".anew"} {
		for _, value := range p.typed.values[name] {
			if p.fix != nil || name == takenOut {
				view.Carried = append(view.Carried, Hidden{name, value})
			}
		}
	}
	if p.fix != nil {
		view.Minors = p.fix.minors
		view.Corrects = &correctsView{c.typeName(v.s, p.about()), sentPath(p.Partner, p.text(".target")), c.revealOf(v, len(l.kept), exchange.Reveal{Reason: v.r.PostFormValue("why")}, fault)}
	}
	view.Faults = l.shown
	for pointer, faults := range l.faults { // what no control of the page is named by
		for _, fault := range faults {
			place := (&reading{s: v.s, catalogue: c.cfg.Catalogue}).place(p.about(), pointer, p.body())
			view.Faults = append(view.Faults, Anchor{"", strings.TrimPrefix(place+": "+fault, ": ")})
		}
	}
	if problem != nil && len(problem.Errors) >= schemas.MaxViolations {
		view.Faults = append(view.Faults, Anchor{"", v.s.T("form.errors_more")})
	}
	for _, name := range slices.Sorted(maps.Keys(l.proposes)) {
		list, _ := schemas.List(name)
		held := Proposal{Name: name}
		for code := range list.Codes() {
			if c.elsewhere(code, p.Partner) { // it can be typed all the same
				continue
			}
			held.Values = append(held.Values, proposal(v.s, list, code.Code))
		}
		view.Proposals = append(view.Proposals, held)
	}
	if view.Company, err = c.company(v, p); err != nil {
		return err
	}
	if view.Outdated, view.Gone, err = c.beneath(v, p); err != nil {
		return err
	}
	if view.Beside.refused() {
		status = http.StatusUnprocessableEntity
	}
	title := v.s.T("form.title", view.Type.Title)
	if len(view.Faults) > 0 || fault != "" || view.Beside.refused() {
		title = v.s.T("error.prefix", title)
	}
	return c.show(v, status, "write", title, "work", view)
}

// begin lets the page begin where a button of it has changed something: at what was
// added, found or filled in, or at the neighbour of what was taken out.
func (view *writeView) begin(p *pen, do string) {
	do, pointer, _ := strings.Cut(do, " ")
	kind := "element"
	switch do {
	case "add":
		pointer = fmt.Sprintf("%s/%d", pointer, p.number(pointer)-1)
	case "remove":
		cut := max(strings.LastIndexByte(pointer, '/'), 0)
		list, at := pointer[:cut], pointer[cut:]
		last := p.number(list) - 1
		if last < 0 {
			kind, pointer = "list", list
		} else if i, err := strconv.Atoi(strings.TrimPrefix(at, "/")); err != nil || i > last {
			pointer = fmt.Sprintf("%s/%d", list, last)
		}
	case "find":
		kind = "unit"
	case "fill":
		kind = "link"
	case "clear":
		kind = "file"
	case "anew":
		kind = "anew"
	case "keep":
		kind = "kept"
	default:
		return
	}
	all := Node{Nodes: append([]Node{view.Top}, view.Safeguards...)}
	all.begin(kind, pointer)
	view.Top, view.Safeguards = all.Nodes[0], all.Nodes[1:]
}

// A goneView is the draft that a form changes, or says again, when that cannot be done
// any more: what became of it, by whom and when.
type goneView struct {
	ID, State, Path string
	By              Who // nobody, where that is not one officer
	At              time.Time
}

// beneath says what became of the draft that a form changes or says again: whether it has
// moved on, and whether it can still be changed at all.
func (c *Console) beneath(v *visit, p *pen) (outdated bool, gone *goneView, err error) {
	id := p.Instead
	if p.Amends > 0 {
		id = p.ID
	}
	if id == "" {
		return false, nil, nil
	}
	draft, err := c.cfg.Desk.Outline(v.r.Context(), v.officer, id)
	if err != nil {
		return false, nil, err
	}
	row, content := draft.Row, draft.Content
	switch {
	case p.Amends > 0 && (row.State == exchange.DraftHeld || row.State == exchange.DraftWaiting):
		return draft.Rewritten(p.Amends), nil, nil
	case p.Amends == 0 && row.State == exchange.DraftRejected && (content.Again == "" || content.Again == p.ID): // tried anew
		return false, nil, nil
	}
	gone = &goneView{ID: id, State: string(row.State), Path: "/drafts/" + id, At: row.ChangedAt, By: c.who(v, content.Discarded)}
	switch {
	case row.State == exchange.DraftReleased:
		gone.Path = sentPath(row.Partner, id)
		if n := len(content.Approvals); n > 0 {
			gone.By = c.who(v, content.Approvals[n-1].Officer)
		}
	case row.State == exchange.DraftRejected && content.Rejected != nil:
		gone.By, gone.At = c.who(v, content.Rejected.Officer), content.Rejected.At
	}
	return false, gone, nil
}

// envelope lays out what stands around the body, as far as it is not one thing.
func (l *layout) envelope(v *visit, p *pen) []Node {
	var out []Node
	choose := func(name, label string, options []Option) {
		for i := range options {
			options[i].Checked = options[i].Value == p.text(name)
		}
		n := Node{Kind: "select", Pointer: name, ID: nodeID(name), Label: label, Options: options}
		n.Faults = l.take(&n)
		out = append(out, n)
	}
	term := p.term()
	if p.fix != nil {
		list, _ := schemas.List("correction-reasons")
		f, _ := l.catalogue.Field(p.Type, "/reason")
		choose(".reason", v.s.Of(f.Title), l.codes(list, ""))
	}
	if len(p.terms) > 1 {
		var options []Option
		for _, t := range p.terms {
			options = append(options, Option{Value: t.Agreement.Code, Label: v.s.Named(t.Agreement.Title), Lang: v.s.Said(t.Agreement.Title).Lang})
		}
		choose(".agreement", v.s.T("message.agreement"), options)
	}
	if len(term.Permit.Purposes) > 1 {
		var options []Option
		for _, purpose := range term.Permit.Purposes {
			options = append(options, Option{Value: purpose, Label: v.s.Or("purpose."+purpose, purpose)})
		}
		choose(".purpose", v.s.T("message.purpose"), options)
	}
	if len(term.Recipients) > 0 {
		var options []Option
		for _, agency := range term.Recipients {
			options = append(options, Option{Value: agency.Code, Label: v.s.Named(agency.Name), Lang: v.s.Said(agency.Name).Lang})
		}
		choose(".recipient", v.s.T("message.recipient"), options)
	}
	if term.Permit.Approval != nil {
		n := Node{Kind: "text", Pointer: ".approval", ID: nodeID(".approval"), Label: v.s.T("message.approval"), Hint: term.Permit.Approval.Citation, Limit: 128, Value: p.text(".approval")}
		n.Faults = l.take(&n)
		out = append(out, n)
	}
	return out
}
