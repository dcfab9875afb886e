package console

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// An Identity is who a person of a message is, as another message of the case
// tells it, beside what this one answers field by field.
type Identity struct {
	From    TypeName // the message that tells it
	At      time.Time
	Path    string
	Answers bool // there is a result for some field
	Rows    []IdentityRow
	Odd     []string // what does not fit together in what is shown
}

// An IdentityRow is what one member of a person says, and what was found of it.
type IdentityRow struct {
	Label         string
	Place         string // as a wish names it
	Hidden, Shown bool
	Pick, Chosen  bool // some of it is hidden, and can be asked for
	Said          []Row
	Answered      bool // an answer has a result for it, if only that it is silent
	Result        Value
	Corrected     bool  // since: what was said is what was answered, and not what holds now
	Now           []Row // what holds now
	NowHidden     bool
}

// identityMembers are the members of a person that tell who it is, with the field
// of an identity_verification_response that says whether they are right: of no member
// but one, or the result of one would be read as that of another. That of the parents
// is of both, and stands by itself.
var identityMembers = []struct{ name, result string }{
	{"name", "name"}, {"other_names", ""}, {"sex", "sex"}, {"date_of_birth", "date_of_birth"}, {"age_band", ""},
	{"claimed_birthplace", "birthplace"}, {"claimed_citizenship", "citizenship"}, {"last_residence", "last_residence"},
	{"father", ""}, {"mother", ""}, {"documents", "documents"}, {"cccd", "cccd"}, {"photo", "photo"},
}

// A persona is a person of a page, in the message that tells who it is.
type persona struct {
	ref    string
	seen   *exchange.SeenMessage
	at     string   // the person's place there
	hidden []string // what is hidden in it
	told   int      // the version of it that was answered or relied on
}

// since returns the changes that corrections have made since.
func (p *persona) since() (out []exchange.Change) {
	for _, later := range p.seen.Versions[p.told+1:] {
		out = append(out, later.Changes...)
	}
	return out
}

// place names a place of another message in a form.
func (p *persona) place(pointer string) string {
	return string(p.seen.Key.Direction) + "/" + p.seen.Key.ID + pointer
}

// personas looks at the messages that tell who the persons are of whom a body says
// something. What is hidden there stays so.
func (c *Console) personas(v *visit, introduced []exchange.Introduction, body any) ([]*persona, error) {
	var out []*persona
	looked := map[exchange.MessageKey]*exchange.SeenMessage{}
	for _, i := range introduced {
		if placeOfSubject(body, i.Subject) == "" { // the body only names them
			continue
		}
		seen := looked[i.Message]
		if seen == nil {
			found, err := c.cfg.Sight.Message(v.r.Context(), v.officer, i.Message, exchange.Reveal{})
			if err != nil {
				return nil, err
			}
			seen = &found
			looked[i.Message] = seen
		}
		p := &persona{ref: i.Subject, seen: seen, at: placeOfSubject(seen.Last().Body, i.Subject), told: min(i.Corrections, len(seen.Versions)-1)}
		if p.at == "" { // a correction has taken them out of it
			continue
		}
		for _, pointer := range seen.Hidden {
			if slices.ContainsFunc(identityMembers, func(m struct{ name, result string }) bool { return within([]string{p.at + "/" + m.name}, pointer) }) {
				p.hidden = append(p.hidden, pointer)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// placeOfSubject is where a body speaks of a person.
func placeOfSubject(body any, ref string) string {
	subjects, _ := at(body, "/subjects").([]any)
	for i := range subjects {
		place := "/subjects/" + strconv.Itoa(i)
		if at(body, place+"/subject_ref") == ref {
			return place
		}
	}
	return ""
}

// of returns what is wished of a person, of what is hidden.
func (w wish) of(p *persona) (places []string) {
	for _, pointer := range p.hidden {
		if w.All || within(w.Others, p.place(pointer)) {
			places = append(places, pointer)
		}
	}
	return places
}

// showPersons shows what is wished of some persons: one look, and one entry of the
// record, for each message. It returns the places that it has shown, in words.
func (c *Console) showPersons(v *visit, persons []*persona, w wish) (shown []string, err error) {
	fields := map[*exchange.SeenMessage][]string{}
	for _, p := range persons {
		fields[p.seen] = append(fields[p.seen], w.of(p)...)
	}
	for _, p := range persons {
		wished := fields[p.seen]
		if len(wished) == 0 {
			continue
		}
		delete(fields, p.seen)
		slices.SortFunc(wished, schemas.ComparePointers)
		if w.All && len(wished) == len(p.seen.Hidden) { // all that its own page would show, and recorded as there
			wished = []string{""}
		}
		seen, err := c.cfg.Sight.Message(v.r.Context(), v.officer, p.seen.Key, exchange.Reveal{Reason: w.Reason, Fields: wished})
		if err != nil {
			return nil, err
		}
		*p.seen = seen
		title := c.typeName(v.s, seen.Versions[0].Claims.Type)
		for _, place := range c.gathered(v, title.Name, wished, seen.Last().Body) {
			shown = append(shown, title.Title+": "+place)
		}
	}
	return shown, nil
}

// hiddenOf counts what is hidden of some persons.
func hiddenOf(persons []*persona) (n int) {
	for _, p := range persons {
		n += len(p.hidden)
	}
	return n
}

// putIdentities puts who the persons of some blocks are beside what is said of them.
func (c *Console) putIdentities(v *visit, blocks []Block, persons []*persona, w wish) {
	for i := range blocks {
		b := &blocks[i]
		if at := slices.IndexFunc(persons, func(p *persona) bool { return p.ref == b.Subject }); at >= 0 {
			b.Identity = c.identity(v, persons[at], b, w)
		}
	}
}

// identity lays out who a person is. The results that a block has for it move
// beside what they are about.
func (c *Console) identity(v *visit, p *persona, b *Block, w wish) *Identity {
	first := p.seen.Versions[0]
	out := &Identity{From: c.typeName(v.s, first.Claims.Type), At: time.Unix(first.Claims.IssuedAt, 0), Path: messagePath(p.seen.Key)}
	r := &reading{s: v.s, catalogue: c.cfg.Catalogue, shown: p.seen.Shown}
	r.fields = c.cfg.Catalogue.Fields(first.Claims.Type)
	body, now := p.seen.Versions[p.told].Body, p.seen.Last().Body
	since := p.since()
	var moved []string
	for _, member := range identityMembers {
		pointer := p.at + "/" + member.name
		said, says := at(body, pointer), at(now, pointer)
		if said == nil && says == nil {
			continue
		}
		row := IdentityRow{Label: c.placeOf(v, out.From.Name, pointer, nil), Place: p.place(pointer), Answered: member.result != "", Chosen: slices.Contains(w.Others, p.place(pointer))}
		_, row.Hidden = said.(exchange.Hidden)
		row.Corrected = slices.ContainsFunc(since, func(c exchange.Change) bool {
			return within([]string{pointer}, c.Pointer) || within([]string{c.Pointer}, pointer)
		})
		row.Pick = slices.ContainsFunc(p.hidden, func(h string) bool { return within([]string{pointer}, h) })
		if _, label, ok := strings.Cut(row.Label, " › "); ok {
			row.Label = label
		}
		if !row.Hidden && said != nil {
			row.Said = r.rows(out.From.Name, pointer, body)
		}
		_, row.NowHidden = says.(exchange.Hidden)
		row.Shown = row.Pick && !row.Hidden && !row.NowHidden
		if row.Corrected && !row.NowHidden && says != nil {
			row.Now = r.rows(out.From.Name, pointer, now)
		}
		if result := resultOf(b, member.result); result != nil {
			row.Result, out.Answers = result.Values[0], true
			moved = append(moved, result.Pointer)
		}
		out.Rows = append(out.Rows, row)
	}
	b.Rows = slices.DeleteFunc(b.Rows, func(row Row) bool { return slices.Contains(moved, row.Pointer) })
	out.Odd = c.odd(v, at(body, p.at))
	return out
}

// odd says what does not fit together in what is shown of a person; what is
// hidden plays no part.
func (c *Console) odd(v *visit, subject any) []string {
	o, ok := subject.(map[string]any)
	if !ok {
		return nil
	}
	var out []string
	if key := contradiction(o); key != "" {
		out = append(out, v.s.T(key))
	}
	if c.cfg.Register != nil {
		out = append(out, texts(v.s, c.cfg.Register.Odd(o))...)
	}
	return out
}

// contradiction is a key for what an answer says against itself: a conclusion that its
// own results do not bear out; "" where it does not. It may be meant, and refuses nothing.
func contradiction(subject map[string]any) string {
	var match, mismatch bool
	results, _ := subject["fields"].(map[string]any)
	for _, result := range results {
		match, mismatch = match || result == "match", mismatch || result == "mismatch"
	}
	switch outcome := subject["outcome"]; {
	case outcome == "match" && mismatch:
		return "identity.match_with_mismatch"
	case outcome == "no_match" && match && !mismatch:
		return "identity.no_match_with_match"
	}
	return ""
}

// doubts are keys for what does not fit with where and when a journey is to be: the gate
// of another border than that of the two sides, a window that has passed. It may be
// meant, and refuses nothing.
func (c *Console) doubts(partner string, body any, now time.Time) []string {
	var out []string
	for _, part := range []string{"", "/counter"} {
		gate, _ := at(body, part+"/gate").(string)
		if list, ok := schemas.List(gates); ok {
			if code, known := list.Lookup(gate); known && c.elsewhere(code, partner) {
				out = append(out, "identity.gate_elsewhere")
			}
		}
		last, _ := at(body, part+"/window/to").(string)
		if day, err := time.Parse(time.DateOnly, last); err == nil && day.Before(now.AddDate(0, 0, -1)) { // it is yesterday still somewhere
			out = append(out, "identity.window_past")
		}
	}
	return out
}

// gates is the code list of border gates and airports.
const gates = "border-gates"

// elsewhere says whether a gate is at another border than ours with a partner.
func (c *Console) elsewhere(gate schemas.Code, partner string) bool {
	return slices.ContainsFunc(gate.Between, func(side string) bool { return side != c.cfg.Self && side != partner })
}

// putOdd says it of the persons of some blocks, and of the whole, which is the first, as
// it was written.
func (c *Console) putOdd(v *visit, blocks []Block, partner string, body any, written time.Time) {
	for i := range blocks {
		if b := &blocks[i]; b.Subject != "" {
			b.Odd = c.odd(v, at(body, placeOfSubject(body, b.Subject)))
		} else if i == 0 {
			for _, key := range c.doubts(partner, body, written) {
				b.Odd = append(b.Odd, v.s.T(key))
			}
		}
	}
}

// resultOf returns what a block says was found of a field of an identity.
func resultOf(b *Block, field string) *Row {
	for i := range b.Rows {
		if row := &b.Rows[i]; field != "" && strings.HasSuffix(row.Pointer, "/fields/"+field) && len(row.Values) == 1 {
			return row
		}
	}
	return nil
}
