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
	Revisions        int  // how often that was, of a correction
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
		p.Form = form
		if err := c.keep(v, p); err != nil {
			return err
		}
		if v.choseTheirs() { // on a page that they have gone back to
			return c.choseLate(v, p)
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
	if p.fix != nil {
		view.Revisions = p.fix.revisions
	}
	for _, pointer := range places {
		row := ConflictRow{Pointer: pointer, ID: nodeID(pointer), Place: c.placeTyped(v.s, p.about(), pointer, is), Mine: mine.rows(v.s, p.about(), pointer), Theirs: theirs.rows(v.s, p.about(), pointer), Masked: p.moved() && slices.Contains(p.fix.masked, pointer)}
		if base != nil {
			row.Untouched = !touches(mineSince, pointer)
			if row.Both = !row.Untouched && touches(theirsSince, pointer); row.Both {
				row.Base = base.rows(v.s, p.about(), pointer)
			}
		} else if p.fix == nil {
			row.Untouched = mine.saysNoMore(theirs, pointer) // of two windows of one's own nobody knows which was first: nothing is lost
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

// saysNoMore says whether all that a version says in a place is what another one says
// there, which may say more.
func (t *typed) saysNoMore(other *typed, pointer string) bool {
	for name, values := range t.values {
		if rest, in := strings.CutPrefix(name, pointer); in && (rest == "" || rest[0] == '/' || rest[0] == '#') && !slices.Equal(values, other.values[name]) {
			n, _ := strconv.Atoi(t.values.Get(name))
			if more, _ := strconv.Atoi(other.values.Get(name)); !strings.HasSuffix(name, "#n") || n > more {
				return false
			}
		}
	}
	return true
}

// touches says whether one of some places is a place, in it or around it.
func touches(places []string, pointer string) bool {
	return within(places, pointer) || slices.ContainsFunc(places, func(at string) bool { return within([]string{pointer}, at) })
}

// choseLate shows a form that takes nothing of what the officer has chosen.
func (c *Console) choseLate(v *visit, p *pen) error {
	return c.showForm(v, http.StatusConflict, p, &exchange.Problem{Kind: exchange.ProblemDraftState, Rule: "choice-late"}, nil)
}

// choseTheirs says whether the officer has chosen something that somebody else has written.
func (v *visit) choseTheirs() bool {
	for name, values := range v.r.PostForm {
		if strings.HasPrefix(name, "take ") && slices.Contains(values, "theirs") {
			return true
		}
	}
	return false
}

// merge takes what the officer has chosen of the other version into theirs, and says
// whether it could: what has moved on again is not what they have seen.
func (c *Console) merge(v *visit, p *pen) (taken bool, err error) {
	is, err := c.versions(v, p)
	if err != nil {
		return false, err
	}
	if fmt.Sprint(is.form.Version) != v.r.PostFormValue("version") || fmt.Sprint(is.form.Amends) != v.r.PostFormValue("amends") {
		return false, nil
	}
	if p.fix != nil && strconv.Itoa(p.fix.revisions) != v.r.PostFormValue("revisions") {
		return false, nil
	}
	p.choose(is, func(pointer string) bool { return v.r.PostFormValue("take "+pointer) == "theirs" })
	p.Version, p.Amends = is.form.Version, is.form.Amends
	return true, nil
}

// says says whether a version has anything in a place; how long a list is says nothing.
func (t *typed) says(place string) bool {
	for name := range t.values {
		if strings.HasPrefix(name, place+"/") || name == place+"#unit" {
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
	for _, ref := range draft.Persons() { // nobody gets the number of who was in it once
		if !slices.Contains(t.persons(), ref) {
			t.values.Add(takenOut, ref)
		}
	}
	form.Values = t.values
	return form, nil
}

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
		if person := personOf(pointer); person != "" && t.says(person) != other.says(person) {
			pointer = person
		}
		if !slices.Contains(out, pointer) {
			out = append(out, pointer)
		}
	}
	rank := func(pointer string) [2]int {
		tokens := strings.Split(pointer, "/")
		at := func(pointer string) int {
			return slices.IndexFunc(t.fields, func(f schemas.Field) bool { return f.Pointer == pattern(pointer) })
		}
		if personOf(pointer) == "" {
			return [2]int{at(pointer), 0}
		}
		i, _ := strconv.Atoi(tokens[2]) // one person after the other
		return [2]int{at("/subjects"), 1 + i*len(t.fields) + at(pointer)}
	}
	slices.SortStableFunc(out, func(a, b string) int {
		x, y := rank(a), rank(b)
		return slices.Compare(x[:], y[:])
	})
	return out
}

// whole is what an officer chooses as one where a place of it differs: a name or a place
// in all the ways it is given, an element of a list, a safeguard. Parts of two would be
// nobody's.
func (t *typed) whole(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i := range parts {
		at := strings.Join(parts[:i+1], "/")
		f, known := t.field(at)
		switch {
		case parts[0] == ".safeguards" && i == 2, isPlace(t.fields, pattern(at)), isName(t.fields, pattern(at)):
			return at
		case known && f.Elements == "object" && at != "/subjects" && i+1 < len(parts):
			return at + "/" + parts[i+1]
		}
	}
	return pointer
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
	if kind, i, ok := guardPlace(pointer); ok {
		return said(guardText(s, t.guard(kind, i)))
	}
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

// placeTyped names a place of a form that has two versions.
func (c *Console) placeTyped(s *speech, messageType, pointer string, is versions) string {
	if kind, i, ok := guardPlace(pointer); ok {
		out := s.T("safeguard." + kind)
		if of := or(is.mine.guard(kind, i).Subject, is.theirs.guard(kind, i).Subject); of != "" {
			out += " › " + s.T("message.person", of)
		}
		return out
	}
	if name, ok := strings.CutPrefix(pointer, "."); ok {
		return s.Or("message."+name, name)
	}
	var subjects []any
	for _, ref := range is.persons {
		subjects = append(subjects, map[string]any{"subject_ref": ref})
	}
	return (&reading{s: s, catalogue: c.cfg.Catalogue}).place(messageType, pointer, map[string]any{"subjects": subjects})
}
