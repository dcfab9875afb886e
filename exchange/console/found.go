package console

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// findings are what one text names.
type findings struct {
	Cases    []CaseLine
	MoreCase string // the address of all of them, where more are found than are shown
	Messages []MessageLine
	Drafts   []DraftLine
	Lists    []foundList
}

// A foundList is what a text names of which there are lists: a partner, a type, a
// state, an officer, days. Cases and Messages are the addresses of those, or "".
type foundList struct {
	Kind, Code, Label string // Kind is a key of the catalogue
	Cases, Messages   string
}

// None says that nothing was found.
func (f *findings) None() bool {
	return len(f.Cases)+len(f.Messages)+len(f.Drafts)+len(f.Lists) == 0
}

// nothingBut says that nothing was found, or lists of one kind.
func (f *findings) nothingBut(kind string) bool {
	return len(f.Cases)+len(f.Messages)+len(f.Drafts) == 0 && !slices.ContainsFunc(f.Lists, func(l foundList) bool { return l.Kind != kind })
}

// kindOfficer is the kind of an officer's lists: who is called so may be a person too.
const kindOfficer = "audit.officer"

// only returns the page of the one thing that was found, "" for none or several.
func (f *findings) only() string {
	switch {
	case len(f.Cases)+len(f.Messages)+len(f.Drafts) != 1:
	case len(f.Cases) == 1:
		return casePath(exchange.CaseKey{Partner: f.Cases[0].Partner.Code, Case: f.Cases[0].Case})
	case len(f.Messages) == 1:
		return "/messages/" + f.Messages[0].Partner.Code + "/" + f.Messages[0].Direction + "/" + f.Messages[0].ID
	case len(f.Drafts) == 1:
		return "/drafts/" + f.Drafts[0].ID
	}
	return ""
}

// identifier is what numbers of cases, messages and drafts look like.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/~-]{2,127}$`)

// pageAddress is the address of a page of a case, a message or a draft, as a browser
// gives it.
var pageAddress = regexp.MustCompile(`^(?:https?://[^/\s]+)?/(?:cases/([^/\s]+)/|messages/([^/\s]+)/(?:in|out)/|drafts/)([^/?#\s]+)`)

func (c *Console) named(v *visit, text string, found *findings) error {
	if m := pageAddress.FindStringSubmatch(text); m != nil {
		if number, err := url.PathUnescape(m[3]); err == nil {
			text = strings.TrimSpace(m[1] + m[2] + " " + number)
		}
	}
	if index, ok := c.languages.entry(text); ok {
		mail, err := c.cfg.Files.MailAt(v.r.Context(), v.officer, index)
		if err != nil {
			return err
		}
		found.Messages, err = c.messageLines(v, mail)
		return err
	}
	partner, rest := "", text
	if i := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ':' || r == '/' }); i > 0 { // as pages write it
		if code := strings.ToUpper(text[:i]); slices.Contains(partnerCodes(c.parties(v.s, v.officer)), code) {
			partner, rest = code, strings.TrimLeft(text[i:], " :/")
		}
	}
	type reading struct{ partner, number string }
	for _, w := range slices.Compact([]reading{{"", text}, {partner, rest}, {partner, ours(rest)}}) {
		if !identifier.MatchString(w.number) {
			continue
		}
		if err := c.numbered(v, w.partner, w.number, found); err != nil {
			return err
		}
		if !found.None() {
			break
		}
	}
	return c.listed(v, text, found)
}

// apart is what stands within a number that was dictated, or copied from a letter or
// a table: spaces, dashes of any kind, the dots of one that was cut.
var apart = regexp.MustCompile(`[\s\p{Z}\p{Pd}\p{Cf}…]+|\.\.\.$`)

// hexadecimal are the digits of the numbers that gateways give.
var hexadecimal = regexp.MustCompile(`^[0-9a-f]{3,32}$`)

// ours writes the beginning of a number as gateways do, in small letters with each
// dash in its place: "" for what is none.
func ours(text string) string {
	d := strings.ToLower(apart.ReplaceAllString(text, ""))
	if !hexadecimal.MatchString(d) {
		return ""
	}
	var out strings.Builder
	for i, r := range d {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			out.WriteByte('-')
		}
		out.WriteRune(r)
	}
	return out.String()
}

// entry reads the number of an entry of the record as pages of any language write it.
func (l *languages) entry(text string) (index int64, ok bool) {
	plain := fold(plainDate(text))
	for _, s := range l.all {
		before, behind, _ := strings.Cut(fold(plainDate(s.T("verdict.recorded", 0))), "0")
		if number, ok := strings.CutPrefix(plain, before); ok {
			number = strings.NewReplacer(".", "", ",", "").Replace(strings.TrimSuffix(number, behind))
			if index, err := strconv.ParseInt(number, 10, 64); err == nil {
				return index, true
			}
		}
	}
	return 0, false
}

// listed finds what there are lists of.
func (c *Console) listed(v *visit, text string, found *findings) error {
	plain := fold(text)
	named := func(code, label string) bool {
		return fold(code) == plain || len(plain) > 2 && strings.Contains(fold(label), plain)
	}
	said := func(in func(*speech) bool) bool { return slices.ContainsFunc(c.languages.all, in) }
	for _, p := range c.parties(v.s, v.officer) {
		if said(func(s *speech) bool { return named(p.Code, c.party(s, p.Code).Name) }) {
			found.Lists = append(found.Lists, foundList{"column.partner", p.Code, p.Name, caseWish{Partner: p.Code}.address(), messageWish{Partner: p.Code}.address()})
		}
	}
	for _, name := range exchange.MessageTypes(v.officer) {
		if t := c.typeName(v.s, name); named(t.Code, t.Title) || fold(t.Name) == plain {
			found.Lists = append(found.Lists, foundList{"column.type", t.Code, t.Title, "", messageWish{Type: name}.address()})
		}
	}
	for _, state := range states {
		if label := v.s.Or("state."+string(state), string(state)); named(string(state), label) {
			found.Lists = append(found.Lists, foundList{"column.state", "", label, caseWish{State: string(state)}.address(), ""})
		}
	}
	for _, w := range viewsOfCases {
		if said(func(s *speech) bool { return fold(s.T(w.key)) == plain }) {
			found.Lists = append(found.Lists, foundList{"view.title", "", v.s.T(w.key), "/cases" + mark(w.query), ""})
		}
	}
	if err := c.officersNamed(v, named, found); err != nil {
		return err
	}
	return c.daysNamed(v, text, found)
}

// officersNamed finds the officers whose cases or messages may be asked for.
func (c *Console) officersNamed(v *visit, named func(code, label string) bool, found *findings) error {
	cases, err := c.officersOfCases(v)
	if err != nil {
		return err
	}
	authors, err := c.authors(v)
	if err != nil {
		return err
	}
	for _, o := range authors {
		if !named(o.Value, o.Label) {
			continue
		}
		list := foundList{kindOfficer, o.Value, o.Label, "", messageWish{By: o.Value}.address()}
		if slices.Contains(cases, o) {
			list.Cases = caseWish{Officer: o.Value}.address()
		}
		found.Lists = append(found.Lists, list)
	}
	return nil
}

// daysNamed finds the messages of a day, a month or a year.
func (c *Console) daysNamed(v *visit, text string, found *findings) error {
	day, readable := c.languages.edtf(text)
	if day == "" || !readable {
		return nil
	}
	span, err := schemas.ParseEDTF(day)
	if err != nil {
		return err
	}
	wish := messageWish{From: span.Earliest.Format(time.DateOnly), To: span.Latest.Format(time.DateOnly)}
	from, to, _ := wish.days(v.s.zone)
	mail, _, err := c.cfg.Files.Mail(v.r.Context(), v.officer, exchange.MailFilter{Since: from, Until: to, Limit: 1})
	if err != nil || len(mail) == 0 {
		return err
	}
	found.Lists = append(found.Lists, foundList{"find.days", "", v.s.Partial(day), "", wish.address()})
	return nil
}

// numbered finds cases by the beginning of their number, messages and drafts by
// the whole of it, of one partner or, where that is "", of all.
func (c *Console) numbered(v *visit, partner, text string, found *findings) error {
	var of []string
	if partner != "" {
		of = []string{partner}
	}
	cases, _, err := c.cfg.Files.List(v.r.Context(), v.officer, exchange.CaseFilter{Partners: of, Case: text, Limit: shownFindings + 1})
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(cases, func(r exchange.CaseRow) bool { return r.Case == text }); i >= 0 {
		cases = cases[i : i+1] // the whole number was typed
	}
	if len(cases) > shownFindings {
		cases, found.MoreCase = cases[:shownFindings], caseWish{Partner: partner, Case: text}.address()
	}
	if found.Cases, err = c.caseLines(v, cases); err != nil {
		return err
	}
	mail, _, err := c.cfg.Files.Mail(v.r.Context(), v.officer, exchange.MailFilter{Partners: of, ID: text, Limit: shownFindings})
	if err != nil {
		return err
	}
	if found.Messages, err = c.messageLines(v, mail); err != nil {
		return err
	}
	if len(mail) > 0 || !v.officer.Has(exchange.RoleOfficer, exchange.RoleSupervisor) {
		return nil // a draft that was sent is that message
	}
	seen, err := c.cfg.Sight.Draft(v.r.Context(), v.officer, text, exchange.Reveal{})
	if err != nil {
		if kind := exchange.AsProblem(err).Kind; kind == exchange.ProblemNotFound || kind == exchange.ProblemErased {
			return nil
		}
		return err
	}
	found.Drafts = []DraftLine{{ID: seen.Row.ID, Type: c.typeName(v.s, seen.Row.Type), Partner: c.party(v.s, seen.Row.Partner), Case: seen.Row.Case}}
	return nil
}
