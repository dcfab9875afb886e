package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

// A TrailFilter selects what the trail shows; its zero value selects all.
type TrailFilter struct {
	Officer string // who did it
	Kind    Kind
	Type    string
	Also    string // another type
	Partner string
	Case    string
	Since   time.Time // inclusive
	Until   time.Time // exclusive
}

// A Deed is one entry of the record as an auditor sees it: who did what, when,
// in which case, and of a look at personal data which fields and why. What the
// fields hold is not in it.
type Deed struct {
	Event
	Entry      string // the type of the entry itself
	By         string
	Reason     string
	Fields     []string
	BreakGlass bool
	Method     string     // of a sign-in
	Whom       []string   // of a change to an officer: who was changed; of an assignment: who has the case; of a sign-out by somebody else: who was put out
	Compared   Compared   // of two persons
	Erased     bool       // nothing of it can be read any more
	Withheld   bool       // the reason is for those alone who may see all that it was of
	Looked     MessageKey // of a look at a message: at which; zero where that is not known
	Persons    []string   // of that message, as Fields number them; nil where that is not certain
}

// Trail returns what stands in the record, the last first, at most n, of what is
// before an index; next is where to go on, 0 at the end. One call looks at a
// bounded number of entries, so it may return few and still say that there are more.
// Whoever looks for a case or a partner is told of the exports of more, too.
func (o *Oversight) Trail(ctx context.Context, by *Officer, f TrailFilter, before int64, n int) (deeds []Deed, next int64, err error) {
	if !by.Has(RoleAuditor, RoleCompliance, RoleSupervisor) {
		return nil, 0, forbidden("see the trail")
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	filter := Filter{
		Kind: f.Kind, Type: f.Type, Also: f.Also, Partner: f.Partner, Case: f.Case, Since: f.Since, Until: f.Until, Partners: by.Scope(),
	}
	row, err := o.widened(ctx, by, &filter)
	if err != nil {
		return nil, 0, err
	}
	look := o.cfg.Feed.look(by)
	for scanned := 0; scanned < maxScan; {
		rows, err := o.cfg.Files.cfg.Reader.Newest(ctx, before, filter, n+1)
		if err != nil {
			return nil, 0, err
		}
		for _, r := range rows {
			if len(deeds) == n {
				return deeds, before, nil
			}
			event, told, err := look(ctx, r)
			if err != nil {
				return nil, 0, err
			}
			withheld := false
			if filter.widens(r) {
				took, err := o.cfg.Files.took(ctx, filter, row, r)
				if err != nil {
					return nil, 0, err
				}
				if withheld, told = took && !told, took; withheld {
					event = Event{Name: EventName(r.Kind, r.Direction, r.Type), Index: r.Index, At: r.At, Kind: r.Kind, Direction: r.Direction, ID: r.ID}
				}
			}
			if told {
				deed, err := o.deed(ctx, by, r, event)
				if err != nil {
					return nil, 0, err
				}
				if f.Officer == "" || deed.By == f.Officer || slices.Contains(deed.Whom, f.Officer) {
					if deed.Withheld = withheld || unexplained(by, r, deed.Fields); deed.Withheld {
						deed.Reason = ""
					}
					if err := o.lookedAt(ctx, r, &deed); err != nil {
						return nil, 0, err
					}
					deeds = append(deeds, deed)
				}
			}
			before = r.Index
		}
		if len(rows) <= n { // the beginning of the record
			return deeds, 0, nil
		}
		scanned += len(rows)
	}
	return deeds, before, nil
}

// widened lets a filter find the exports of more than it asks for, and returns the case
// that it asks for, if it does and the officer may see that.
func (o *Oversight) widened(ctx context.Context, by *Officer, f *Filter) (CaseRow, error) {
	types := slices.DeleteFunc(slices.Clone(exports), func(t string) bool { return f.Type != "" && f.Type != t })
	if f.Kind != "" && f.Kind != KindAccess || len(types) == 0 || f.Partner == "" && f.Partners == nil && f.Case == "" {
		return CaseRow{}, nil
	}
	if f.Case == "" {
		if f.Partner == "" || by.Sees(f.Partner, Return) {
			f.Wider = types
		}
		return CaseRow{}, nil
	}
	var found []CaseRow
	for _, p := range o.cfg.Files.cfg.Directory.Snapshot().All() {
		if f.Partner != "" && f.Partner != p.Code {
			continue
		}
		row, err := o.cfg.Files.row(ctx, by, CaseKey{p.Code, f.Case})
		if err != nil && AsProblem(err).Kind != ProblemNotFound {
			return CaseRow{}, err
		}
		if err == nil {
			found = append(found, row)
		}
	}
	if len(found) != 1 { // none, or of two partners: then one has to be chosen
		return CaseRow{}, nil
	}
	f.Partner, f.Wider = found[0].Partner, types
	return found[0], nil
}

// lookedAt says at which message a look was. The entry does not say which way that went:
// of two that are called alike, one of each side, none is named.
func (o *Oversight) lookedAt(ctx context.Context, r Row, deed *Deed) error {
	if r.Kind != KindAccess || !slices.Contains([]string{"message_read", "message_printed", "source_read"}, r.Type) {
		return nil
	}
	found := 0
	for _, direction := range []Direction{In, Out} {
		key := MessageKey{Lane{r.Partner, direction}, r.ID}
		m, err := o.cfg.Files.cfg.Reader.Message(ctx, key)
		switch {
		case err == nil:
			found++
			deed.Looked, deed.Type = key, m.Type
		case !errors.Is(err, ErrNotFound):
			return err
		}
	}
	if found > 1 {
		deed.Looked, deed.Type = MessageKey{}, ""
	}
	if slices.ContainsFunc(deed.Fields, func(place string) bool { return strings.HasPrefix(place, "/subjects/") }) {
		book, err := o.cfg.Files.cfg.Opener.Book(ctx, CaseKey{r.Partner, r.Case})
		if err == nil { // otherwise the places keep their numbers: what was done is told all the same
			deed.Persons = book.numbered(r.ID)
		}
	}
	return nil
}

// deed says who did what an entry records.
func (o *Oversight) deed(ctx context.Context, by *Officer, r Row, event Event) (Deed, error) {
	out := Deed{Event: event, Entry: r.Type}
	if r.Kind != KindAccess && r.Kind != KindEvent {
		return out, nil
	}
	opened, err := o.cfg.Files.cfg.Opener.Open(ctx, r)
	if err != nil {
		out.Erased = true
		return out, nil
	}
	var data struct {
		By         string          `json:"by"`
		Officer    json.RawMessage `json:"officer"` // an identifier, or of a change the whole entry
		Reason     string          `json:"reason"`
		Fields     []string        `json:"fields"`
		BreakGlass bool            `json:"break_glass"`
		Method     string          `json:"method"`
		Officers   []string        `json:"officers"`
		Signed     string          `json:"signed"`
		With       *SubjectKey     `json:"with"`
	}
	if json.Unmarshal(opened.Data, &data) != nil { // some events are lists
		return out, nil
	}
	if data.Signed != "" {
		data.Reason = Approval{Signed: data.Signed}.Reason()
	}
	out.By, out.Reason, out.Fields, out.BreakGlass, out.Method = data.By, data.Reason, data.Fields, data.BreakGlass, data.Method
	switch {
	case r.Type == officerChanged:
		out.Whom = []string{r.ID}
	case r.Type == caseAssigned:
		out.Whom = data.Officers
	case r.Type == officerSignedOut: // whoever signs out themselves names nobody
		var whom string
		if json.Unmarshal(data.Officer, &whom) == nil && whom != "" {
			out.Whom = []string{whom}
		}
	case out.By == "":
		_ = json.Unmarshal(data.Officer, &out.By) // not a name: nobody is named
	}
	out.Compared, err = o.cfg.Files.compared(ctx, by, r, data.With)
	return out, err
}
