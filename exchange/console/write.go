package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// maxWritten bounds what a form of a message may send: fifty persons and a
// photograph.
const maxWritten = 2 << 20

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
	Files            bool // it has a place for a file
	Top              Node
	Envelope         []Node
	Safeguards       []Node
	Proposals        []Proposal
	Faults           []Anchor
	SavedAt          time.Time // zero: not yet
	Unattended       bool
	Outdated         bool     // the draft that it changes was changed meanwhile
	Others           []string // officers who are writing the same
	Same             []FormLine
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

// A pen is a form under way: what it is, what was typed, and on which terms.
type pen struct {
	exchange.Form
	*typed
	terms    []exchange.Terms
	offer    exchange.Offer
	messages []Option
}

// term returns the terms that the officer has chosen, or the only ones.
func (p *pen) term() exchange.Terms {
	for _, t := range p.terms {
		if t.Agreement.Code == p.text(".agreement") {
			return t
		}
	}
	return p.terms[0]
}

// takeUp prepares a form to be shown or judged.
func (c *Console) takeUp(v *visit, form exchange.Form) (*pen, error) {
	if !c.cfg.Catalogue.Has(form.Type) || form.Type == exchange.TypeCorrection {
		return nil, errNoPage
	}
	p := &pen{Form: form, typed: newTyped(c.cfg.Catalogue, form.Type, url.Values(form.Values), c.cfg.Zone)}
	if p.typed.values == nil {
		p.typed.values = url.Values{}
	}
	var err error
	if p.terms, err = c.cfg.Desk.Terms(form.Partner, form.Type); err != nil {
		return nil, err
	}
	if len(p.terms) == 0 {
		return nil, errNoPage
	}
	offers, err := c.cfg.Desk.Offers(v.r.Context(), v.officer, exchange.CaseKey{Partner: form.Partner, Case: form.Case})
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(offers, func(o exchange.Offer) bool {
		return o.Type == form.Type && o.InReplyTo == p.text(".reply") && (o.Target == "" || p.text(".target") == "" || o.Target == p.text(".target"))
	})
	if i >= 0 {
		p.offer = offers[i]
	}
	return p, c.nameMessages(v, p)
}

// nameMessages names the messages that a form may rest on.
func (c *Console) nameMessages(v *visit, p *pen) error {
	ids := slices.Clone(p.offer.Targets)
	if p.offer.Target != "" {
		ids = append(ids, p.offer.Target)
	}
	if len(ids) == 0 || p.Case == "" {
		return nil
	}
	entries, err := c.cfg.Files.Timeline(v.r.Context(), v.officer, exchange.CaseKey{Partner: p.Partner, Case: p.Case}, 0, 4*exchange.MaxCaseMessages)
	if err != nil {
		return err
	}
	for _, id := range ids {
		label := id
		for _, e := range entries {
			if e.Kind == exchange.KindMessage && e.ID == id {
				label = v.s.T("form.message", c.typeName(v.s, e.Type).Title, v.s.Time(e.At))
			}
		}
		p.messages = append(p.messages, Option{Value: id, Label: label})
	}
	return nil
}

// draft is what the form comes to.
func (p *pen) draft() (exchange.Draft, error) {
	body, err := json.Marshal(p.body())
	if err != nil {
		return exchange.Draft{}, fmt.Errorf("write a body: %w", err)
	}
	term := p.term()
	d := exchange.Draft{
		ID: p.ID, To: p.Partner, Type: p.Type, Case: p.Case, InReplyTo: p.text(".reply"), Agreement: term.Agreement.Code,
		Purpose: p.text(".purpose"), Recipient: p.text(".recipient"), Body: body,
	}
	if len(term.Permit.Purposes) == 1 {
		d.Purpose = term.Permit.Purposes[0]
	}
	if term.Permit.Approval != nil {
		d.Approval = p.text(".approval")
	}
	return d, nil
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
	if err := c.prefill(v, p, q.Get("refuse") != ""); err != nil {
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
		return exchange.Form{}, errMoved
	}
	return form, err
}

// formPost takes a form. Whatever it asks for, what was typed is kept first.
func (c *Console) formPost(v *visit) error {
	if err := readForm(v.r); err != nil {
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
	switch do {
	case "add":
		c.addElement(v, p, at)
	case "remove":
		p.typed.remove(at)
	case "find":
		p.typed.values.Set(at+"#find", "1")
	}
	if err := c.keep(v, p); err != nil {
		return c.notKept(v, p, do, err)
	}
	switch do {
	case "autosave":
		return v.answer(http.StatusOK, map[string]any{"version": p.Version, "saved": v.s.T("form.saved_at", v.s.Time(p.ChangedAt))})
	case "preview":
		return c.previewPage(v, p)
	}
	return c.showForm(v, http.StatusOK, p, nil, nil)
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
	case do == "autosave" && problem.Kind.Status < http.StatusInternalServerError:
		return v.answer(http.StatusConflict, map[string]any{"said": v.s.T("form.conflict")})
	case problem.Rule == "form-version":
		return c.conflictPage(v, p)
	case problem.Rule == "forms-full":
		return c.showForm(v, http.StatusUnprocessableEntity, p, problem, nil)
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

// readForm reads a posted form, with its files as texts.
func readForm(r *http.Request) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return r.ParseForm()
	}
	if err := r.ParseMultipartForm(maxWritten); err != nil {
		return err
	}
	for name, files := range r.MultipartForm.File {
		file, err := files[0].Open()
		if err != nil {
			return fmt.Errorf("open an uploaded file: %w", err)
		}
		content, err := io.ReadAll(file)
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("read an uploaded file: %w", err)
		}
		r.PostForm.Set(name, base64.StdEncoding.EncodeToString(content))
		r.PostForm.Set(strings.TrimSuffix(name, "content")+"media_type", http.DetectContentType(content))
	}
	return nil
}

// posted returns the form that a post leaves: what it is says the form that was
// kept before, or its first post.
func (c *Console) posted(v *visit, by *exchange.Officer) (exchange.Form, error) {
	post := v.r.PostForm
	version, err := strconv.ParseInt(post.Get("version"), 10, 64)
	if err != nil || version < 0 {
		version = 0
	}
	form := exchange.Form{ID: chi.URLParam(v.r, "id"), Partner: post.Get("to"), Case: post.Get("case"), Type: post.Get("type"), Values: only(post)}
	if version == 0 {
		return form, nil
	}
	before, err := c.cfg.Forms.Resume(v.r.Context(), by, form.ID)
	if err != nil {
		return exchange.Form{}, err
	}
	before.Version = version
	for _, f := range c.cfg.Catalogue.Fields(before.Type) {
		if f.Format != "base64" {
			continue
		}
		for name, values := range before.Values { // a file is posted once
			if pattern(name) == f.Pointer && form.Values[name] == nil {
				form.Values[name] = values
			}
		}
	}
	before.Values = form.Values
	return before, nil
}

// keepUnattended keeps a form that comes back when its officer is not signed in
// any more, and says so. With the ticket that the form carries it is kept for
// them; without it nothing is.
func (c *Console) keepUnattended(v *visit) (bool, error) {
	id := chi.URLParam(v.r, "id")
	holder, err := c.cfg.Forms.Holder(v.r.Context(), v.r.PostFormValue("ticket"), id)
	switch {
	case errors.Is(err, exchange.ErrNotFound) && v.officer == nil:
		return true, v.redirect(signInAt("/write/" + id))
	case errors.Is(err, exchange.ErrNotFound): // an old ticket, and somebody who may act
		return false, nil
	case err != nil:
		return true, err
	case v.officer != nil && v.officer.ID == holder.ID:
		return false, nil
	}
	if len(only(v.r.PostForm)) > 0 {
		if err := c.keepFor(v.r.Context(), v, holder); err != nil {
			return true, err
		}
	}
	if v.r.PostFormValue("do") == "autosave" {
		return true, v.answer(http.StatusUnauthorized, map[string]any{"said": v.s.T("form.session_ended")})
	}
	return true, v.redirect("/sign-in?" + url.Values{"to": {"/write/" + id}, "kept": {"1"}}.Encode())
}

// keepFor keeps a form for an officer who is away. One that somebody has changed
// since is kept beside it.
func (c *Console) keepFor(ctx context.Context, v *visit, holder *exchange.Officer) error {
	form, err := c.posted(v, holder)
	if err != nil {
		return err
	}
	form.Unattended = true
	_, err = c.cfg.Forms.Keep(ctx, holder, form)
	if exchange.AsProblem(err).Rule == "form-version" {
		form.ID, form.Version = exchange.NewID(), 0
		_, err = c.cfg.Forms.Keep(ctx, holder, form)
	}
	return err
}

// addElement adds an element to a list; to the persons of an open case the first
// one who is left out.
func (c *Console) addElement(v *visit, p *pen, at string) {
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

// opens says whether the form's type introduces persons.
func opens(p *pen) bool { return exchange.Opens(p.Type) }

// layout returns the layout of a form.
func (c *Console) layout(v *visit, p *pen, problem *exchange.Problem) *layout {
	l := &layout{
		typed: p.typed, s: v.s, rules: rulesOf(p.term().Permit), faults: map[string][]string{}, messages: p.messages, proposes: map[string]bool{},
	}
	if !opens(p) {
		l.persons = p.offer.Persons
	}
	if problem != nil {
		l.faults = c.faults(v, p, problem)
	}
	return l
}

// showForm shows a form, with what is wrong with it.
func (c *Console) showForm(v *visit, status int, p *pen, problem *exchange.Problem, same []FormLine) error {
	ctx := v.r.Context()
	ticket, err := c.cfg.Forms.Ticket(ctx, v.officer, p.ID)
	if err != nil {
		return err
	}
	l := c.layout(v, p, problem)
	view := writeView{
		ID: p.ID, Ticket: ticket, Case: p.Case, Version: p.Version, Type: c.typeName(v.s, p.Type), Partner: c.party(v.s, p.Partner),
		InReplyTo: p.text(".reply"), Amends: p.Amends > 0, SavedAt: p.ChangedAt, Unattended: p.Unattended, Same: same,
		Envelope: l.envelope(v, p), Top: l.form(), Safeguards: l.safeguards(p.term().Permit),
	}
	view.Files = view.Top.has("file")
	view.Faults = l.shown
	for pointer, faults := range l.faults { // what no control of the page is named by
		for _, fault := range faults {
			place := (&reading{s: v.s, catalogue: c.cfg.Catalogue}).place(p.Type, pointer)
			view.Faults = append(view.Faults, Anchor{"main", strings.TrimPrefix(place+": "+fault, ": ")})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.proposes)) {
		list, _ := schemas.List(name)
		held := Proposal{Name: name}
		for code := range list.Codes() {
			held.Values = append(held.Values, proposal(list, code.Code, v.s.Tag))
		}
		view.Proposals = append(view.Proposals, held)
	}
	if err := c.company(v, p, &view); err != nil {
		return err
	}
	title := v.s.T("form.title", view.Type.Title)
	if len(view.Faults) > 0 {
		title = v.s.T("error.prefix", title)
	}
	return c.show(v, status, "write", title, "work", view)
}

// company says who else is writing the same, and whether the draft has moved on.
func (c *Console) company(v *visit, p *pen, view *writeView) error {
	if p.Amends == 0 {
		return nil
	}
	others, err := c.cfg.Forms.Others(v.r.Context(), v.officer, p.ID)
	if err != nil {
		return err
	}
	for _, row := range others {
		view.Others = append(view.Others, v.s.T("form.other", row.Officer, v.s.Time(row.ChangedAt)))
	}
	draft, err := c.cfg.Desk.Outline(v.r.Context(), v.officer, p.ID)
	if err != nil {
		return err
	}
	view.Outdated = draft.Row.Version != p.Amends
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
	if len(p.terms) > 1 {
		var options []Option
		for _, t := range p.terms {
			options = append(options, Option{Value: t.Agreement.Code, Label: v.s.Named(t.Agreement.Title)})
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
			options = append(options, Option{Value: agency.Code, Label: v.s.Named(agency.Name)})
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

// faults puts what is wrong in the officer's words, by the place of each.
func (c *Console) faults(v *visit, p *pen, problem *exchange.Problem) map[string][]string {
	found := problem.Errors
	if len(found) == 0 {
		found = []exchange.FieldError{{Pointer: problem.Pointer, Rule: problem.Rule}}
	}
	out := map[string][]string{}
	for _, e := range found {
		pointer, inBody := strings.CutPrefix(e.Pointer, "/body")
		if !inBody {
			pointer = "." + strings.TrimPrefix(pointer, "/")
		}
		// Which script it is follows from the name, once there is one.
		if name, ok := strings.CutSuffix(pointer, "/script"); ok && p.text(name+"/native") == "" {
			continue
		}
		if text := c.faultWords(v, p, pointer, e.Rule); !slices.Contains(out[pointer], text) {
			out[pointer] = append(out[pointer], text)
		}
	}
	other := v.s.T("fault.other")
	for pointer, said := range out {
		if len(said) > 1 { // a rule that has words says enough
			out[pointer] = slices.DeleteFunc(said, func(text string) bool { return text == other })
		}
	}
	return out
}

func (c *Console) faultWords(v *visit, p *pen, pointer, rule string) string {
	f, _ := p.field(pointer)
	name := pointer[strings.LastIndexAny(pointer, "/.")+1:]
	switch rule {
	case "format":
		return v.s.Or("fault.format."+f.Format, v.s.T("fault.other"))
	case "maxLength", "maxItems":
		return v.s.T("fault."+rule, f.Limit)
	case "pattern":
		return v.s.Or("fault.pattern."+name, v.s.T("fault.other"))
	case "required", "field-required":
		if f.Format == "" && f.CodeList != "" {
			return v.s.T("fault.choose")
		}
		return v.s.T("fault.required")
	}
	return v.s.Or("fault."+rule, v.s.T("fault.other"))
}

// A previewView is the page before a message is sent: all that the partner will
// see, and what becomes of it.
type previewView struct {
	ID, Ticket, Case string
	Version          int64
	Type             TypeName
	Self, Partner    Party
	Agreement        string
	Purpose          string
	Recipient        string
	Approval         string
	Amends           bool
	Minors           []string
	Blocks           []Block
	Missing          []Lack
	Safeguards       []SafeguardLine
	Officers         int
}

// previewPage judges what was typed. What is wrong comes back in the form; what
// is right is shown as the partner will see it.
func (c *Console) previewPage(v *visit, p *pen) error {
	draft, err := p.draft()
	if err != nil {
		return err
	}
	recorded := p.recorded(p.term().Permit)
	content, err := c.cfg.Desk.Preview(v.r.Context(), v.officer, draft, recorded)
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
		Agreement: v.s.Named(p.term().Agreement.Title), Purpose: sent.Purpose, Recipient: sent.Recipient, Approval: sent.Approval,
		Amends: p.Amends > 0, Minors: r.minors, Blocks: r.read(p.Type, given), Officers: content.Officers, Safeguards: safeguardLines(v, content.Safeguards),
	}
	for _, m := range content.Missing {
		view.Missing = append(view.Missing, Lack{m.Kind, m.Subject})
	}
	return c.show(v, http.StatusOK, "preview", v.s.T("preview.title", view.Type.Title), "work", view)
}

// submitForm hands a form that was previewed to the desk.
func (c *Console) submitForm(v *visit) error {
	ctx, id := v.r.Context(), chi.URLParam(v.r, "id")
	form, err := c.previewed(v)
	switch {
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
	draft, err := p.draft()
	if err != nil {
		return err
	}
	if p.Amends > 0 {
		_, err = c.cfg.Desk.Amend(ctx, v.officer, id, p.Amends, draft, p.recorded(p.term().Permit))
	} else {
		_, err = c.cfg.Desk.Submit(ctx, v.officer, draft, p.recorded(p.term().Permit))
	}
	switch problem := exchange.AsProblem(err); {
	case err != nil && problem.Kind == exchange.ProblemDraftVersion:
		return c.conflictPage(v, p)
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
