package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// maxWritten bounds what a form of a message may send: fifty persons, and a picture
// as a camera takes it, so that an officer is told that it is too large and loses
// nothing.
const maxWritten = 16 << 20

// maxStranger bounds what is read of somebody who is not signed in: a form that an
// officer has left open, with a photograph as it is sent.
const maxStranger = 2 << 20

// errMoved means that a form was changed since its preview was shown.
var errMoved = errors.New("the form was changed since")

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

// A FormLine is an unfinished form in a list.
type FormLine struct {
	ID, Case  string
	Type      TypeName
	Partner   Party
	ChangedAt time.Time
}

func (c *Console) formLines(v *visit, keep func(exchange.FormRow) bool) ([]FormLine, error) {
	if !v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		return nil, nil
	}
	rows, err := c.cfg.Forms.List(v.r.Context(), v.officer)
	if err != nil {
		return nil, err
	}
	var out []FormLine
	for _, row := range rows {
		if keep(row) {
			out = append(out, FormLine{row.ID, row.Case, c.typeName(v.s, row.Type), c.party(v.s, row.Partner), row.ChangedAt})
		}
	}
	return out, nil
}

// beginPage begins a message: its form, filled in as far as the case says it.
func (c *Console) beginPage(v *visit) error {
	q := v.r.URL.Query()
	form := exchange.Form{
		ID: exchange.NewID(), Partner: q.Get("to"), Case: q.Get("case"), Type: q.Get("type"),
		Values: map[string][]string{".reply": {q.Get("re")}, ".target": {q.Get("target")}},
	}
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	if p.offer.Type == "" {
		return errNoPage
	}
	if p.offer.Refused != nil {
		return p.offer.Refused
	}
	if p.fix != nil {
		if !slices.Contains(p.offer.Targets, p.text(".target")) {
			return errNoPage
		}
		p.openTarget()
	} else if err := c.prefill(v, p, q.Get("refuse") != ""); err != nil {
		return err
	}
	same, err := c.formLines(v, func(row exchange.FormRow) bool {
		return row.Partner == p.Partner && row.Case == p.Case && row.Type == p.Type
	})
	if err != nil {
		return err
	}
	return c.showForm(v, http.StatusOK, p, nil, same)
}

// resumePage shows an unfinished form.
func (c *Console) resumePage(v *visit) error {
	form, err := c.cfg.Forms.Open(v.r.Context(), v.officer, chi.URLParam(v.r, "id"))
	if err != nil {
		return err
	}
	v.back = "/write/" + form.ID // and whatever else stood in the address is not in the page, which is packed
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	return c.showForm(v, http.StatusOK, p, nil, nil)
}

// editForm goes back from the preview to the form.
func (c *Console) editForm(v *visit) error {
	form, err := c.previewed(v)
	if errors.Is(err, errMoved) {
		return c.resumePage(v)
	}
	if err != nil {
		return err
	}
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	return c.showForm(v, http.StatusOK, p, nil, nil)
}

// previewed returns the form that the page of a preview was about.
func (c *Console) previewed(v *visit) (exchange.Form, error) {
	form, err := c.cfg.Forms.Resume(v.r.Context(), v.officer, chi.URLParam(v.r, "id"))
	if err == nil && v.r.PostFormValue("version") != strconv.FormatInt(form.Version, 10) {
		err = errMoved
	}
	return form, err
}

// formPost takes a form. Whatever it asks for, what was typed is kept first.
func (c *Console) formPost(v *visit) error {
	if err := c.readForm(v.r); err != nil {
		return err
	}
	if kept, err := c.keepUnattended(v); kept || err != nil {
		return err
	}
	do, at, _ := strings.Cut(v.r.PostFormValue("do"), " ")
	switch do {
	case "edit":
		return c.editForm(v)
	case "submit":
		return c.submitForm(v)
	case "drop":
		if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, chi.URLParam(v.r, "id")); err != nil {
			return err
		}
		return v.redirect("/")
	}
	form, err := c.posted(v, v.officer)
	if err != nil {
		return err
	}
	p, err := c.takeUp(v, form)
	if err != nil {
		return err
	}
	if do == "merge" {
		if err := c.merge(v, p); err != nil {
			return err
		}
	}
	if do == "new" || do != "autosave" && c.became(v, p.Form) != "" { // whoever goes back to what was sent writes another one
		if err := c.asNew(v, p); err != nil {
			return err
		}
	}
	refused := c.change(v, p, do, at)
	if err := c.keep(v, p); err != nil {
		return c.notKept(v, p, do, err)
	}
	if p.ID != form.ID {
		if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, form.ID); err != nil {
			return err
		}
	}
	if refused != nil && faultOf(refused) == "" {
		return refused
	}
	switch do {
	case "autosave":
		if p.typed.badFiles() {
			return v.answer(http.StatusUnprocessableEntity, map[string]any{"version": p.Version, "said": v.s.T("form.file_not_kept")})
		}
		return v.answer(http.StatusOK, map[string]any{"version": p.Version, "saved": v.s.T("form.saved_at", v.s.Time(p.ChangedAt))})
	case "preview":
		return c.previewPage(v, p)
	}
	if refused != nil {
		return c.showForm(v, http.StatusUnprocessableEntity, p, exchange.AsProblem(refused), nil)
	}
	return c.showForm(v, http.StatusOK, p, nil, nil)
}

// change does what a button of the form asks for.
func (c *Console) change(v *visit, p *pen, do, at string) error {
	switch {
	case do == "add":
		c.addElement(v, p, at)
	case do == "remove":
		p.typed.remove(at)
	case do == "clear":
		p.typed.take(&typed{values: url.Values{}}, at)
	case do == "find":
		p.typed.values.Set(at+"#find", "1")
	case p.fix == nil:
	case do == "anew":
		p.writeAnew(at)
	case do == "keep":
		p.keepAsIs(at)
	case len(p.fix.masked) > 0 && (do == "show" || do == "show-all"): // otherwise it is of whom the message is about
		return c.showTarget(v, p, do == "show-all")
	}
	return nil
}

// keep stores what was typed.
func (c *Console) keep(v *visit, p *pen) error {
	p.Form.Values, p.Form.Unattended = p.typed.values, false
	version, err := c.cfg.Forms.Keep(v.r.Context(), v.officer, p.Form)
	if err == nil {
		p.Form.Version, p.Form.ChangedAt = version, v.now
	}
	return err
}

// notKept answers when what was typed could not be kept: it stays on the page.
func (c *Console) notKept(v *visit, p *pen, do string, err error) error {
	problem := exchange.AsProblem(err)
	switch {
	case do == "autosave" && (problem.Rule == "forms-full" || problem.Rule == "form-size"):
		return v.answer(http.StatusConflict, map[string]any{"said": v.s.T("fault." + problem.Rule)})
	case do == "autosave" && problem.Kind.Status < http.StatusInternalServerError:
		return v.answer(http.StatusConflict, map[string]any{"said": v.s.T("form.conflict")})
	case problem.Rule == "form-version":
		return c.conflictPage(v, p)
	case problem.Rule == "forms-full", problem.Rule == "form-size":
		return c.showForm(v, http.StatusUnprocessableEntity, p, problem, nil)
	case do != "autosave" && errors.Is(err, exchange.ErrUnavailable): // it can be read, and not be written
		c.cfg.Logger.Error("a form could not be kept", "error", err)
		return c.showForm(v, http.StatusServiceUnavailable, p, &exchange.Problem{Kind: exchange.ProblemUnavailable, Rule: "unavailable"}, nil)
	}
	return err
}

// answer writes JSON for the page's script.
func (v *visit) answer(status int, data map[string]any) error {
	out, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(out) // the asker is gone when this fails
	return nil
}

// addElement adds an element to a list; to the persons of an open case the first
// one who is left out.
func (c *Console) addElement(v *visit, p *pen, at string) {
	if kind, ok := strings.CutPrefix(at, safeguardAt("")); ok {
		p.addSafeguard(kind)
		return
	}
	if at == "/subjects" && p.offer.Persons != nil && !opens(p) {
		var named []string
		n, _ := strconv.Atoi(p.typed.values.Get("/subjects#n"))
		for i := range n {
			named = append(named, p.text(fmt.Sprintf("/subjects/%d/subject_ref", i)))
		}
		for _, ref := range p.offer.Persons {
			if !slices.Contains(named, ref) {
				p.add(at)
				p.typed.values.Set(fmt.Sprintf("/subjects/%d/subject_ref", n), ref)
				return
			}
		}
		return
	}
	p.add(at)
	if at == "/subjects" {
		n, _ := strconv.Atoi(p.typed.values.Get("/subjects#n"))
		c.introduce(p, n-1)
	}
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
	view := writeView{
		ID: p.ID, Ticket: ticket, Case: p.Case, Version: p.Version, Type: c.typeName(v.s, p.Type), Partner: c.party(v.s, p.Partner),
		InReplyTo: p.text(".reply"), Amends: p.Amends > 0, SavedAt: p.ChangedAt, Unattended: p.Unattended, Same: same, Beside: l.beside,
		Envelope: l.envelope(v, p), Top: l.form(), Safeguards: l.safeguards(p),
	}
	view.begin(p, v.r.PostFormValue("do"))
	if view.Files = view.Top.has("file"); p.Case != "" {
		if view.Opened, err = c.opened(v, exchange.CaseKey{Partner: p.Partner, Case: p.Case}); err != nil {
			return err
		}
	}
	if p.fix != nil {
		for _, name := range []string{".target", ".revision", ".anew"} {
			for _, value := range p.typed.values[name] {
				view.Carried = append(view.Carried, Hidden{name, value})
			}
		}
		view.Corrects = &correctsView{c.typeName(v.s, p.about()), sentPath(p.Partner, p.text(".target")), c.revealOf(v, len(l.kept), exchange.Reveal{Reason: v.r.PostFormValue("why")}, fault)}
	}
	view.Faults = l.shown
	for pointer, faults := range l.faults { // what no control of the page is named by
		for _, fault := range faults {
			place := (&reading{s: v.s, catalogue: c.cfg.Catalogue}).place(p.about(), pointer, p.body())
			view.Faults = append(view.Faults, Anchor{"main", strings.TrimPrefix(place+": "+fault, ": ")})
		}
	}
	if problem != nil && len(problem.Errors) >= schemas.MaxViolations {
		view.Faults = append(view.Faults, Anchor{"main", v.s.T("form.errors_more")})
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
// added or found, or at the neighbour of what was taken out.
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

// asNew makes of a form whose draft cannot be changed any more, or that was sent, that of
// a new message, with all that was typed.
func (c *Console) asNew(v *visit, p *pen) error {
	_, gone, err := c.beneath(v, p)
	if err != nil || gone == nil && c.became(v, p.Form) == "" {
		return err
	}
	was := p.ID
	p.ID, p.Amends, p.Instead, p.Version = exchange.NewID(), 0, "", 0
	if gone != nil && gone.ID == was && gone.State == string(exchange.DraftRejected) {
		p.Instead = was
	}
	v.back = "/write/" + p.ID
	return nil
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
