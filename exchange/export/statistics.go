package export

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A person is what counts of one person of one case: nobody's name is in it.
type person struct {
	key        exchange.SubjectKey
	self       bool // who came back alone
	duplicate  bool // withdrawn as a duplicate of somebody else
	rescued    bool
	handedOver bool
	received   bool
	verified   bool
	confirmed  bool
	refused    bool // the last identity check or answer to a return
	withdrawn  bool
	supported  bool
	services   map[string]bool
	brokered   bool
	formKnown  bool
	place      placeOf
	steps      map[string]time.Time // when a message of a type first spoke of the person
}

// A placeOf is a province by its code before 2025 and by the one since; either
// may be unknown.
type placeOf struct{ old, new string }

const (
	oldProvinces = "vn-provinces"
	newUnits     = "vn-units"
)

// A cell is one line of a table of statistics.
type cell struct {
	row, under string
	title      schemas.Words
	count
	median    string
	note      string
	whole     *count // how many the whole is, of all
	hideWhole bool
}

// statistics counts the persons whose cases were opened in the period, with
// what is known of them now.
func (j *work) statistics(ctx context.Context, w io.Writer) error {
	head, err := j.cfg.Reader.Head(ctx)
	if err != nil {
		return err
	}
	people, cases, err := j.gather(ctx)
	if err != nil {
		return err
	}
	clocks, err := j.stand(ctx, people, cases)
	if err != nil {
		return err
	}
	template := j.template(j.wish.Template)
	t := newTable(w)
	t.row("table", "row", "under", "title_vi", "title_en", "count", "of", "share_percent", "median_days", "note")
	for _, about := range [][2]string{
		{"template", template.ID}, {"from", instant(j.wish.Scope.From)}, {"to", instant(j.wish.Scope.To)}, {"partner", j.wish.Scope.Partner},
		{"made_at", instant(j.cfg.Clock())}, {"record_size", strconv.FormatInt(head.Size, 10)}, {"hidden_below", strconv.Itoa(template.K)},
		{"status", "not an official form"},
	} {
		t.row("about", about[0], "", "", "", "", "", "", "", about[1])
	}
	made := tables(people, clocks, template.K)
	for _, name := range template.Tables {
		for _, c := range made[name] {
			t.row(append([]string{name}, c.cells()...)...)
		}
	}
	return t.end()
}

// cells writes a line; of what is hidden neither the number nor what follows
// from it.
func (c *cell) cells() []string {
	n, of, share, median, note := strconv.Itoa(c.n), strconv.Itoa(c.of), "", c.median, c.note
	if c.hideWhole {
		of = ""
	}
	if c.hidden {
		n, median = "", ""
		if note = "hidden"; c.note != "" {
			note += "; " + c.note
		}
	}
	if !c.hidden && c.of > 0 {
		share = strconv.FormatFloat(100*float64(c.n)/float64(c.of), 'f', 1, 64)
	}
	return []string{c.row, c.under, c.title.VI, c.title.EN, n, of, share, median, note}
}

// gather reads everything once and returns the persons who count, and their
// cases in the order in which they were opened.
func (j *work) gather(ctx context.Context) ([]*person, []exchange.CaseKey, error) {
	people, order := map[exchange.SubjectKey]*person{}, []*person{}
	opened, cases := map[exchange.CaseKey]bool{}, []exchange.CaseKey{}
	scope := j.wish.Scope
	err := j.survey(ctx, true, nil, func(m exchange.Surveyed) error {
		if m.Erased || m.Dead || m.Kind == exchange.Information {
			return nil
		}
		key := exchange.CaseKey{Partner: m.Row.Partner, Case: m.Row.Case}
		counts, known := opened[key]
		if !known {
			counts = !m.Row.At.Before(scope.From) && (scope.To.IsZero() || m.Row.At.Before(scope.To))
			if opened[key] = counts; counts {
				cases = append(cases, key)
			}
		}
		if !counts {
			return nil
		}
		if m.Row.Type == exchange.TypeWithdrawal && text(m.Body, "/reason") == "duplicate" {
			named := at(m.Body, "/subjects/*")
			for at, p := range people { // none is named: all of the case
				p.duplicate = p.duplicate || at.CaseKey == key && (len(named) == 0 || slices.Contains(named, any(at.Subject)))
			}
		}
		for _, s := range subjects(m.Body) {
			ref, _ := s["subject_ref"].(string)
			at := exchange.SubjectKey{CaseKey: key, Subject: ref}
			p := people[at]
			if p == nil {
				p = &person{key: at, self: m.Kind == exchange.SelfReturn, services: map[string]bool{}, steps: map[string]time.Time{}}
				people[at], order = p, append(order, p)
			}
			p.take(m, s)
		}
		return nil
	})
	return slices.DeleteFunc(order, func(p *person) bool { return p.duplicate }), cases, err
}

// take adds what one message says of the person.
func (p *person) take(m exchange.Surveyed, s map[string]any) {
	if _, ok := p.steps[m.Row.Type]; !ok {
		p.steps[m.Row.Type] = time.Unix(m.Claims.IssuedAt, 0)
	}
	said := func(name string) string { v, _ := s[name].(string); return v }
	switch m.Row.Type {
	case exchange.TypeNotice:
		p.rescued = p.rescued || said("identified_through") == "rescue"
		p.formKnown = true
		p.brokered = p.brokered || said("national_form_code") == "brokered_marriage"
	case exchange.TypeIdentityRequest, exchange.TypeSelfReturnRequest:
		if place, ok := s["claimed_birthplace"].(map[string]any); ok {
			p.place = provinceOf(place)
		}
	case exchange.TypeIdentityResponse:
		p.verified, p.refused = said("outcome") == "match", said("outcome") == "refused"
	case exchange.TypeSelfReturnResponse:
		p.verified = slices.Contains(at(s, "/answers/*/result"), any("found"))
	case exchange.TypeNationality:
		p.confirmed = said("outcome") == "confirmed"
	case exchange.TypeReturnResponse:
		p.refused = said("decision") == "refuse"
	case exchange.TypeHandoverRecord:
		p.handedOver = said("result") == "handed_over"
	case exchange.TypeReception:
		p.received = said("result") == "received"
	case exchange.TypeSupport:
		p.supported = true
		if flags, ok := s["services"].(map[string]any); ok {
			for name, given := range flags {
				p.services[name] = p.services[name] || given == true
			}
		}
	}
}

// provinceOf finds the province of a place in both lists.
func provinceOf(place map[string]any) placeOf {
	code, _ := place["code"].(string)
	id, _ := place["code_list_version"].(string)
	list, ok := schemas.ListByID(id)
	if !ok || !list.Has(code) {
		return placeOf{}
	}
	switch list.Name {
	case oldProvinces:
		_, now, _ := list.Successor(code)
		return placeOf{code, now.Code}
	case newUnits:
		for unit, ok := list.Lookup(code); ok; unit, ok = list.Lookup(unit.Parent) {
			if unit.Parent == "" {
				return placeOf{"", unit.Code}
			}
		}
	}
	return placeOf{}
}

// A clockCount is how often a deadline was kept, of the times that it ended or
// passed.
type clockCount struct {
	deadline   partners.Deadline
	kept, over int
}

// stand looks at where the cases stand: it counts their deadlines, and notes who
// was withdrawn.
func (j *work) stand(ctx context.Context, people []*person, cases []exchange.CaseKey) ([]*clockCount, error) {
	var out []*clockCount
	withdrawn := map[exchange.SubjectKey]bool{}
	for _, key := range cases {
		file, err := j.cfg.Files.Case(ctx, j.by, key)
		if err != nil {
			return nil, fmt.Errorf("read where a case stands: %w", err)
		}
		for _, s := range file.Standing.Subjects {
			withdrawn[exchange.SubjectKey{CaseKey: key, Subject: s.Ref}] = s.State == exchange.StateWithdrawn
		}
		for _, c := range file.Clocks {
			i := slices.IndexFunc(out, func(o *clockCount) bool {
				return o.deadline.ID == c.Deadline.ID && o.deadline.Scope == c.Deadline.Scope
			})
			if i < 0 {
				i, out = len(out), append(out, &clockCount{deadline: c.Deadline})
			}
			switch c.Reading.State {
			case partners.ClockMet:
				out[i].kept++
			case partners.ClockLate, partners.ClockOverdue:
				out[i].over++
			}
		}
	}
	for _, p := range people {
		p.withdrawn = withdrawn[p.key]
	}
	slices.SortFunc(out, func(a, b *clockCount) int {
		if a.deadline.ID < b.deadline.ID {
			return -1
		}
		return 1
	})
	return out, nil
}
