package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/identity"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A compareView is two persons side by side, hidden until an officer says why
// they have to be seen.
type compareView struct {
	Sides    [2]sideView
	Score    int
	Why      []string // what the blind index finds, without opening anybody
	Findings []findingView
	Neither  []string // fields that neither side has
	Warnings []string
	Reveal   reveal
	Shown    bool
}

// A sideView is one of the two.
type sideView struct {
	Case    CaseLine
	Subject string
	Minor   bool
}

// Whose tells the two apart where they do not stand side by side.
func (s sideView) Whose() string {
	return s.Subject + ", " + s.Case.Partner.Code + " " + cut(s.Case.Case, shownOfCase) + "…"
}

// A findingView is one field of both.
type findingView struct {
	Label   string
	Values  [2][]Value
	Verdict string
	Words   string // the verdict and the grade
	Reasons []string
}

// comparedKeys reads whom an address names.
func comparedKeys(r *http.Request) (out [2]exchange.SubjectKey) {
	for i, suffix := range []string{"", "2"} {
		out[i] = exchange.SubjectKey{
			CaseKey: exchange.CaseKey{Partner: chi.URLParam(r, "partner"+suffix), Case: chi.URLParam(r, "case"+suffix)}, Subject: chi.URLParam(r, "subject"+suffix),
		}
	}
	return out
}

func (c *Console) comparePage(v *visit) error {
	ctx, keys := v.r.Context(), comparedKeys(v.r)
	if c.cfg.Register == nil || keys[0] == keys[1] {
		return errNoPage
	}
	view := &compareView{}
	for i, key := range keys {
		file, err := c.cfg.Files.Case(ctx, v.officer, key.CaseKey)
		if err != nil {
			return err
		}
		minors, _, err := c.cfg.Sight.Minors(ctx, v.officer, key.CaseKey)
		if err != nil {
			return err
		}
		view.Sides[i] = sideView{c.caseLine(v, file.Row), key.Subject, slices.Contains(minors, key.Subject)}
	}
	if err := c.cfg.Register.Described(ctx, v.officer, keys[1]); err != nil {
		return err
	}
	// Who is not there is refused; that a third case was altered is said on the page of this one.
	found, err := c.cfg.Register.Duplicates(ctx, v.officer, keys[0])
	if err != nil && exchange.AsDamage(err) == nil {
		return err
	}
	for _, d := range found {
		if d.SubjectKey == keys[1] {
			view.Score, view.Why = d.Score, texts(v.s, d.Why)
		}
	}
	reason, fault := strings.TrimSpace(v.r.PostFormValue("reason")), ""
	comparison := exchange.Comparison{}
	if v.r.Method == http.MethodPost {
		comparison, err = c.cfg.Register.SideBySide(ctx, v.officer, keys[0], keys[1], reason)
		if fault = faultOf(err); err != nil && fault == "" {
			return err
		}
		view.Shown = err == nil
	}
	view.findings(v.s, c.titles(v.s), comparison)
	view.Reveal = reveal{
		Action: v.r.URL.Path, Hidden: 2, Fault: fault, Reason: reason, Allowed: v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor),
	}
	title, status := v.s.T("compare.title"), http.StatusOK
	if fault != "" {
		title, status = v.s.T("error.prefix", title), http.StatusUnprocessableEntity
	}
	return c.show(v, status, "compare", title, "cases", view)
}

func texts(s *speech, keys []identity.Key) []string {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = key.In(s.Tag)
	}
	return out
}

// comparedFields are all fields of a report, for a page on which nobody is shown.
var comparedFields = []identity.Field{
	identity.FieldName, identity.FieldSex, identity.FieldBirth, identity.FieldBirthplace, identity.FieldCitizenship, identity.FieldResidence,
	identity.FieldCCCD, identity.FieldDocuments, identity.FieldFather, identity.FieldFatherBirth, identity.FieldMother, identity.FieldMotherBirth,
}

// titles returns what pages call a part of a subject, as a request has it.
func (c *Console) titles(s *speech) func(part string) string {
	return func(part string) string {
		f, _ := c.cfg.Catalogue.Field(exchange.TypeIdentityRequest, "/subjects/*/"+part)
		return s.Of(f.Title)
	}
}

// verdictOf says what was found of a field, and how much of it agrees where the one
// does not follow from the other.
func verdictOf(s *speech, f identity.Finding) string {
	verdict := f.Verdict.Key().In(s.Tag)
	switch {
	case f.Grade == "" || f.Verdict == identity.NotComparable, f.Verdict == identity.Same && f.Grade == identity.Exact, f.Verdict == identity.Different && f.Grade == identity.None:
		return verdict
	}
	return s.T("compare.graded", verdict, f.Grade.Key().In(s.Tag))
}

func (view *compareView) findings(s *speech, title func(string) string, c exchange.Comparison) {
	for _, field := range comparedFields {
		line := findingView{Label: field.Key().In(s.Tag)}
		if view.Shown {
			f := c.Report.Of(field)
			line.Verdict, line.Words, line.Reasons = string(f.Verdict), verdictOf(s, f), texts(s, f.Reasons)
			for i, p := range c.Persons {
				line.Values[i] = personValues(s, title, field, p)
			}
		}
		if view.Shown && len(line.Values[0])+len(line.Values[1]) == 0 {
			view.Neither = append(view.Neither, line.Label)
			continue
		}
		view.Findings = append(view.Findings, line)
	}
	for _, w := range c.Report.Warnings {
		side := view.Sides[0]
		if w.Side == identity.Known {
			side = view.Sides[1]
		}
		view.Warnings = append(view.Warnings, fmt.Sprintf("%s, %s: %s", side.Case.Case, side.Subject, w.Key.In(s.Tag)))
	}
}

// personValues is what one person has in a field, as it was given, and what a
// code or a partial date means. Where there are several ways to write it, each says
// which it is.
func personValues(s *speech, title func(string) string, field identity.Field, p identity.Person) []Value {
	switch field {
	case identity.FieldName:
		var out []Value
		for i, n := range p.Names {
			under := ""
			if i > 0 {
				under = fmt.Sprintf("%s %d", title("other_names"), i)
			}
			out = append(out, nameValues(title, under, n)...)
		}
		return out
	case identity.FieldSex:
		return coded(s, "sex", p.Sex)
	case identity.FieldBirth:
		return dated(s, p.Birth)
	case identity.FieldBirthplace:
		return placeValues(s, p.Birthplace)
	case identity.FieldCitizenship:
		return coded(s, "iso-3166-1", p.Citizenship)
	case identity.FieldResidence:
		return placeValues(s, p.Residence)
	case identity.FieldCCCD:
		return plain(p.CCCD)
	case identity.FieldDocuments:
		var out []Value
		for _, d := range p.Documents {
			out = append(out, plain(strings.TrimSpace(d.Number+" "+d.Issuer))...)
			out = append(out, called(title("documents/*/mrz"), d.MRZ)...)
			out = append(out, called(title("documents/*/mrz_as_read"), d.MRZAsRead)...)
		}
		return out
	case identity.FieldFather:
		return nameValues(title, "", p.Father.Name)
	case identity.FieldFatherBirth:
		return dated(s, p.Father.Birth)
	case identity.FieldMother:
		return nameValues(title, "", p.Mother.Name)
	case identity.FieldMotherBirth:
		return dated(s, p.Mother.Birth)
	}
	return nil
}

func plain(texts ...string) []Value {
	var out []Value
	for _, text := range texts {
		if text != "" {
			out = append(out, Value{Text: text})
		}
	}
	return out
}

// called is a text, and which of several ways to write something it is.
func called(kind, text string) []Value {
	out := plain(text)
	for i := range out {
		out[i].Kind = kind
	}
	return out
}

// nameValues is a name as its bearer writes it, in Latin letters and as in a zone.
// What it is of, where that is not the name itself, stands with each.
func nameValues(title func(string) string, under string, n identity.Name) []Value {
	kind := func(part string) string {
		if under == "" {
			return title("name/" + part)
		}
		return under + " › " + title("name/"+part)
	}
	out := called(kind("native"), n.Native)
	if len(out) > 0 {
		out[0].Lang = n.Language
	}
	if n.Latin != n.Native {
		out = append(out, called(kind("latin"), n.Latin)...)
	}
	return append(out, called(kind("mrz"), n.MRZ)...)
}

func dated(s *speech, birth string) []Value {
	if birth == "" {
		return nil
	}
	return []Value{{Text: s.Partial(birth)}}
}

func coded(s *speech, list, code string) []Value {
	if code == "" {
		return nil
	}
	if l, ok := schemas.List(list); ok {
		if label, lang := s.Label(l, code); label != code {
			return []Value{{Text: label, Code: code, Lang: lang}}
		}
	}
	return []Value{{Text: code}}
}

// placeValues is a place in the words it was given in, and the unit of the list
// that its code is of: the one before or the one after a reform.
func placeValues(s *speech, p identity.Place) []Value {
	out := plain(p.Text)
	if l, ok := schemas.ListByID(p.List); ok && l.Has(p.Code) {
		label, lang := s.Label(l, p.Code)
		out = append(out, Value{Text: label, Code: p.List + " " + p.Code, Place: true, Lang: lang})
	}
	return append(out, coded(s, "iso-3166-1", p.Country)...)
}
