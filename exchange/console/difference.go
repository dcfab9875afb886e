package console

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A conflictView is the page on which an officer chooses between what they have
// typed and what somebody else, or they in another window, have meanwhile.
type conflictView struct {
	ID, Ticket, Case string
	Version          int64
	Amends           int64
	Type             TypeName
	Partner          Party
	Moved            bool // what it corrects was corrected meanwhile
	Opened           bool // the case is there for this officer
	By               Who  // who has changed the draft; nobody: the officer in another window
	Rows             []ConflictRow
	Mine             []Hidden
}

// A ConflictRow is one place that says two things.
type ConflictRow struct {
	Pointer, ID, Place string
	Mine, Theirs       []Row
	Masked             bool  // what theirs is, is hidden
	Untouched          bool  // mine is as it was when the officer began: the other one changed it
	Both               bool  // both have changed it since
	Base               []Row // from this
}

// Hidden is what a page carries on and does not show.
type Hidden struct{ Name, Value string }

// changedMeanwhile is the reason that stands in the record of an officer who is shown
// what another one has made of their draft.
const changedMeanwhile = "another officer has changed the draft"

// versions are what an officer has typed and what stands against it, with the same
// persons at the same places.
type versions struct {
	mine, theirs *typed
	base         *typed        // the draft as the officer began to change it; nil where that is not known
	persons      []string      // who they are; nobody, where they cannot be told
	form         exchange.Form // theirs
	by           string        // whose that is; "": the officer's own, of another window
}

// versions returns what stands against a form. The look at it is in the record.
func (c *Console) versions(v *visit, p *pen) (versions, error) {
	out, err := c.other(v, p)
	if err != nil {
		return versions{}, err
	}
	out.mine, out.theirs = p.typed.settled(), out.theirs.settled()
	if out.base != nil {
		out.base = out.base.settled()
	}
	out.persons = p.align(out.mine, out.theirs, out.base)
	return out, nil
}

// other returns, as it is written, what stands against a form: the draft that it changes
// when that was changed meanwhile, or else the form as it was kept last.
func (c *Console) other(v *visit, p *pen) (versions, error) {
	ctx := v.r.Context()
	out := versions{theirs: newTyped(c.cfg.Catalogue, p.about(), url.Values{}, c.cfg.Zone)}
	if p.moved() { // what it corrects was corrected meanwhile
		out.theirs.fill(p.fix.before)
		for name, values := range p.typed.values { // what stands around it is the officer's alone
			if strings.HasPrefix(name, ".") {
				out.theirs.values[name] = values
			}
		}
		out.form = p.Form
		return out, nil
	}
	if p.Amends > 0 {
		outline, err := c.cfg.Desk.Outline(ctx, v.officer, p.ID)
		if err != nil {
			return versions{}, err
		}
		if outline.Rewritten(p.Amends) {
			return c.rewrote(v, p, outline.Row.Author, out)
		}
	}
	var err error
	out.form, err = c.cfg.Forms.Open(ctx, v.officer, p.ID)
	out.theirs.values = out.form.Values
	return out, err
}

// rewrote returns a draft that somebody has changed meanwhile.
func (c *Console) rewrote(v *visit, p *pen, by string, out versions) (versions, error) {
	why := changedMeanwhile
	if by == v.officer.ID { // by another press, or another program
		why = exchange.OwnForm
	}
	draft, err := c.cfg.Desk.Read(v.r.Context(), v.officer, p.ID, why)
	if err != nil {
		return versions{}, err
	}
	if out.form, err = c.formOf(v, draft, why); err != nil {
		return versions{}, err
	}
	out.theirs.values, out.by, out.form.Version = out.form.Values, draft.Row.Author, p.Version
	if began, kept := draft.Began(p.Amends); kept && p.fix == nil {
		was, err := c.formOf(v, began, why)
		if err != nil {
			return versions{}, err
		}
		out.base = newTyped(c.cfg.Catalogue, p.about(), was.Values, c.cfg.Zone)
	}
	return out, nil
}

// conflictPage shows, field by field, where two versions differ. When they do not
// there is nothing to choose.
func (c *Console) conflictPage(v *visit, p *pen) error {
	is, err := c.versions(v, p)
	if err != nil {
		return err
	}
	mine, theirs, base, form := is.mine, is.theirs, is.base, is.form
	places := p.differs(mine, theirs)
	if len(places) == 0 && is.by == v.officer.ID { // the draft says it already, by the same press
		if err := c.cfg.Forms.Drop(v.r.Context(), v.officer, p.ID); err != nil {
			return err
		}
		return c.ended(v, p.ID, nil)
	}
	if len(places) == 0 {
		p.catchUp()
		p.Version, p.Amends = form.Version, form.Amends
		if err := c.keep(v, p); err != nil {
			return err
		}
		return c.showForm(v, http.StatusOK, p, nil, nil)
	}
	ticket, err := c.cfg.Forms.Ticket(v.r.Context(), v.officer, p.ID)
	if err != nil {
		return err
	}
	view := conflictView{
		ID: p.ID, Ticket: ticket, Case: p.Case, Version: form.Version, Amends: form.Amends, Type: c.typeName(v.s, p.Type), Partner: c.party(v.s, p.Partner), By: c.who(v, is.by),
		Moved: p.moved(),
	}
	if p.Case != "" {
		if view.Opened, err = c.opened(v, exchange.CaseKey{Partner: p.Partner, Case: p.Case}); err != nil {
			return err
		}
	}
	var mineSince, theirsSince []string // places that each has changed
	if base != nil {
		mineSince, theirsSince = p.differs(mine, base), p.differs(theirs, base)
	}
	for _, pointer := range places {
		row := ConflictRow{Pointer: pointer, ID: nodeID(pointer), Place: c.placeTyped(v.s, p.about(), pointer, is.persons), Mine: mine.rows(v.s, p.about(), pointer), Theirs: theirs.rows(v.s, p.about(), pointer), Masked: p.moved() && slices.Contains(p.fix.masked, pointer)}
		if base != nil {
			row.Untouched = !touches(mineSince, pointer)
			if row.Both = !row.Untouched && touches(theirsSince, pointer); row.Both {
				row.Base = base.rows(v.s, p.about(), pointer)
			}
		}
		view.Rows = append(view.Rows, row)
	}
	for _, name := range slices.Sorted(maps.Keys(p.typed.values)) {
		for _, value := range p.typed.values[name] {
			view.Mine = append(view.Mine, Hidden{name, value})
		}
	}
	return c.show(v, http.StatusConflict, "conflict", v.s.T("conflict.title", view.Type.Title), "work", view)
}

// touches says whether one of some places is a place, in it or around it.
func touches(places []string, pointer string) bool {
	return within(places, pointer) || slices.ContainsFunc(places, func(at string) bool { return within([]string{pointer}, at) })
}

// merge takes what the officer has chosen of the other version into theirs.
func (c *Console) merge(v *visit, p *pen) error {
	is, err := c.versions(v, p)
	if err != nil {
		return err
	}
	theirs, form := is.theirs, is.form
	if fmt.Sprint(form.Version) != v.r.PostFormValue("version") || fmt.Sprint(form.Amends) != v.r.PostFormValue("amends") {
		return nil // it has moved on again, and is shown again
	}
	p.typed = is.mine
	for _, pointer := range p.differs(p.typed, theirs) {
		if v.r.PostFormValue("take "+pointer) == "theirs" {
			p.typed.take(theirs, pointer)
			if p.fix != nil {
				p.takeAnew(theirs, pointer)
			}
		}
	}
	for i := len(is.persons) - 1; i >= 0; i-- { // whoever was left out
		if place := personPlace(i); !p.typed.says(place) {
			p.typed.remove(place)
		}
	}
	p.catchUp()
	p.Version, p.Amends = form.Version, form.Amends
	return nil
}

// align puts the persons of several versions of a form, some of which may be missing, at the
// same places, by their references, so that one who was added or taken out is a difference
// of their own. It returns who they are in that order: nobody, where they cannot be told.
func (p *pen) align(versions ...*typed) []string {
	versions = slices.DeleteFunc(versions, func(t *typed) bool { return t == nil })
	list, lists := p.field("/subjects")
	if p.fix != nil || !lists || list.Elements != "object" {
		return nil // of a correction nobody is added or taken out
	}
	var persons []string
	for _, t := range versions {
		var own []string
		for i := range t.count(list, "/subjects") {
			ref := t.text(personPlace(i) + "/subject_ref")
			if ref == "" || slices.Contains(own, ref) {
				return nil
			}
			if own = append(own, ref); !slices.Contains(persons, ref) {
				persons = append(persons, ref)
			}
		}
	}
	if len(persons) > list.Limit {
		return nil
	}
	for _, t := range versions {
		aligned := url.Values{}
		for name, values := range t.values {
			if rest, of := strings.CutPrefix(name, "/subjects/"); of {
				i, within, _ := strings.Cut(rest, "/")
				name = personPlace(slices.Index(persons, t.text("/subjects/"+i+"/subject_ref"))) + "/" + within
			}
			aligned[name] = values
		}
		aligned.Set("/subjects#n", strconv.Itoa(len(persons)))
		t.values = aligned
	}
	return persons
}

func personPlace(i int) string { return "/subjects/" + strconv.Itoa(i) }

// says says whether a version has anything in a place.
func (t *typed) says(place string) bool {
	for name := range t.values {
		if strings.HasPrefix(name, place+"/") {
			return true
		}
	}
	return false
}

// formOf returns a form that changes a draft.
func (c *Console) formOf(v *visit, draft exchange.DraftView, why string) (exchange.Form, error) {
	d := draft.Content.Draft
	form := exchange.Form{ID: d.ID, Partner: d.To, Case: d.Case, Type: d.Type, Amends: draft.Row.Version}
	t := newTyped(c.cfg.Catalogue, d.Type, url.Values{}, c.cfg.Zone)
	if d.Type == exchange.TypeCorrection {
		if err := c.amendTarget(v, draft, &form, t, why); err != nil {
			return form, err
		}
	} else {
		body, err := schemas.Parse(draft.Content.Written(), schemas.DefaultLimits())
		if err != nil {
			return form, fmt.Errorf("read a draft's body: %w", err)
		}
		t.fill(body)
	}
	t.fillSafeguards(draft.Content.Safeguards)
	for name, value := range map[string]string{
		".reply": d.InReplyTo, ".agreement": d.Agreement, ".purpose": d.Purpose, ".recipient": d.Recipient, ".approval": d.Approval,
		".target": or(t.values.Get(".target"), t.values.Get("/nationality_confirmation")),
	} {
		if value != "" {
			t.values.Set(name, value)
		}
	}
	form.Values = t.values
	return form, nil
}

// settled returns what was typed in the one way in which the form writes it, so
// that two versions can be compared.
func (t *typed) settled() *typed {
	out := &typed{t.catalogue, t.fields, url.Values{}, t.zone}
	out.fill(t.body())
	for name, values := range t.values {
		if strings.HasPrefix(name, ".") && slices.ContainsFunc(values, func(v string) bool { return v != "" }) {
			out.values[name] = values
		}
	}
	for name := range out.values { // a place for a safeguard that is empty says nothing
		if kind, ok := strings.CutPrefix(strings.TrimSuffix(name, "#n"), safeguardAt("")); ok && strings.HasSuffix(name, "#n") && !out.records(kind) {
			delete(out.values, name)
		}
	}
	return out
}

// records says whether anything of a kind of safeguard was typed.
func (t *typed) records(kind string) bool { return t.says(safeguardAt(kind)) }

// differs returns the places at which two versions say different things, in the
// form's order. Where a list has another length it is one place, and so is a person whom
// one of them does not have.
func (t *typed) differs(other *typed) []string {
	var out []string
	for _, name := range names(t.values, other.values) {
		if slices.Equal(t.values[name], other.values[name]) {
			continue
		}
		pointer, _, _ := strings.Cut(name, "#")
		for i := 1; i < len(pointer); i++ {
			if pointer[i] == '/' && t.values.Get(pointer[:i]+"#n") != other.values.Get(pointer[:i]+"#n") {
				pointer = pointer[:i]
			}
		}
		if parts := strings.SplitN(pointer, "/", 4); len(parts) > 3 && parts[1] == "subjects" {
			if person := strings.Join(parts[:3], "/"); t.says(person) != other.says(person) {
				pointer = person
			}
		}
		if !slices.Contains(out, pointer) {
			out = append(out, pointer)
		}
	}
	rank := func(pointer string) int {
		return slices.IndexFunc(t.fields, func(f schemas.Field) bool { return f.Pointer == pattern(pointer) })
	}
	slices.SortStableFunc(out, func(a, b string) int { return rank(a) - rank(b) })
	return out
}

// take puts what another version has at a place in the place of one's own.
func (t *typed) take(other *typed, pointer string) {
	at := func(name string) bool {
		rest, ok := strings.CutPrefix(name, pointer)
		return ok && (rest == "" || rest[0] == '/' || rest[0] == '#')
	}
	for name := range t.values {
		if at(name) {
			delete(t.values, name)
		}
	}
	for name, values := range other.values {
		if at(name) {
			t.values[name] = values
		}
	}
}

// names returns the names of all places of several versions, in order.
func names(all ...url.Values) []string {
	seen := map[string]bool{}
	for _, values := range all {
		for name := range values {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// rows returns what a version says at a place and in it, each with what it is called.
func (t *typed) rows(s *speech, messageType, pointer string) []Row {
	if !strings.HasPrefix(pointer, ".") {
		r := &reading{s: s, catalogue: t.catalogue, fields: t.fields}
		return slices.DeleteFunc(r.rows(messageType, pointer, t.body()), func(row Row) bool { return len(row.Values) == 0 })
	}
	var out []Row
	seen := map[string]bool{}
	for _, name := range names(t.values) {
		at, _, _ := strings.Cut(name, "#")
		if !seen[at] && within([]string{pointer}, at) {
			out = append(out, said(or(t.date(at), t.text(at)))...)
		}
		seen[at] = true
	}
	return out
}

// placeTyped names a place of a form about some persons.
func (c *Console) placeTyped(s *speech, messageType, pointer string, persons []string) string {
	if kind, ok := strings.CutPrefix(pointer, ".safeguards/"); ok {
		kind, _, _ = strings.Cut(kind, "/")
		return s.T("safeguard." + kind)
	}
	if name, ok := strings.CutPrefix(pointer, "."); ok {
		return s.Or("message."+name, name)
	}
	var subjects []any
	for _, ref := range persons {
		subjects = append(subjects, map[string]any{"subject_ref": ref})
	}
	return (&reading{s: s, catalogue: c.cfg.Catalogue}).place(messageType, pointer, map[string]any{"subjects": subjects})
}
