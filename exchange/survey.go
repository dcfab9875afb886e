package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A SurveyRequest says who reads what of the record for a report, and why.
type SurveyRequest struct {
	Report   string                  `json:"access"` // the report's kind
	Officer  *Officer                `json:"-"`
	By       string                  `json:"officer"` // this and the next two are set by Survey
	What     string                  `json:"what"`
	Partners []string                `json:"partners"` // that the officer may see; nil: every one
	Reason   string                  `json:"reason"`
	Scope    Scope                   `json:"scope"`
	Subject  string                  `json:"subject,omitempty"`
	Fields   []string                `json:"fields,omitempty"` // JSON Pointers or names of what the report shows; none: counts alone
	Done     func(done, total int64) `json:"-"`                // may be nil
}

// A Scope selects entries; its zero value selects the whole record.
type Scope struct {
	From    time.Time `json:"from,omitzero"` // inclusive
	To      time.Time `json:"to,omitzero"`   // exclusive
	Partner string    `json:"partner,omitempty"`
	Case    string    `json:"case,omitempty"`
}

// A Surveyed is one message as a report reads it: as its corrections have left it.
type Surveyed struct {
	Row      Row
	Claims   Claims
	Body     any
	Kind     Conversation // of its case
	Revision int          // how often it was corrected
	Erased   bool         // only the row is left
	Dead     bool         // ours, and the partner does not take it
}

// Survey calls fn for every message that an officer may see, in the order of
// the record, for a report. Who reads, what and why is in the record before the
// first message is opened. From and To narrow it to messages of that time, unless
// all is set: then everything up to now is read, and the caller looks at the times.
func (c *CaseFiles) Survey(ctx context.Context, req SurveyRequest, all bool, fn func(Surveyed) error) error {
	by := req.Officer
	if err := c.RecordSurvey(ctx, req); err != nil {
		return err
	}
	head, err := c.cfg.Reader.Head(ctx)
	if err != nil {
		return err
	}
	f := Filter{Kind: KindMessage, Partner: req.Scope.Partner, Case: req.Scope.Case, Partners: by.Scope()}
	if !all {
		f.Since, f.Until = req.Scope.From, req.Scope.To
	}
	cases := map[CaseKey]*Book{}
	return c.cfg.Reader.Entries(ctx, 0, head.Size, f, func(r Row) error {
		if req.Done != nil {
			req.Done(r.Index+1, head.Size)
		}
		return c.survey(ctx, by, r, cases, fn)
	})
}

// maxSurveyed bounds the cases whose books one survey holds at a time.
const maxSurveyed = 4096

// survey opens one message, if the officer may see its case.
func (c *CaseFiles) survey(ctx context.Context, by *Officer, r Row, cases map[CaseKey]*Book, fn func(Surveyed) error) error {
	key := CaseKey{r.Partner, r.Case}
	book, known := cases[key]
	if !known {
		var err error
		if book, err = c.cfg.Opener.Book(ctx, key); err != nil {
			return fmt.Errorf("open the case of entry %d: %w", r.Index, err)
		}
		if len(cases) >= maxSurveyed {
			clear(cases)
		}
		cases[key] = book
	}
	kind := book.Kind()
	if !by.Sees(r.Partner, kind) || kind == "" && !by.Police {
		return nil
	}
	target := MessageKey{Lane{r.Partner, r.Direction}, r.ID}
	out := Surveyed{Row: r, Kind: kind}
	versions, err := c.judge.Versions(ctx, target, r.Case)
	if errors.Is(err, ErrErased) { // what is left says no more than that there was something
		return fn(Surveyed{Row: r, Kind: kind, Erased: true})
	}
	if err != nil {
		return fmt.Errorf("open entry %d: %w", r.Index, err)
	}
	if note := book.find(r.ID, r.Direction == Out); note != nil {
		out.Dead = note.Status == dead
	}
	last := versions[len(versions)-1]
	out.Claims, out.Body, out.Revision = versions[0].Claims, last.Body, len(versions)-1
	return fn(out)
}

// mayReport says whether an officer makes reports of this scope.
func mayReport(by *Officer, scope Scope) error {
	switch {
	case !by.Has(RoleCompliance):
		return forbidden("make reports")
	case scope.Partner != "" && !by.Sees(scope.Partner, Return):
		return problem(ProblemNotFound, "There is no such partner.")
	case scope.Case != "" && scope.Partner == "":
		return problem(ProblemRequest, "A case is named together with its partner.").rule("partner-required")
	case !scope.From.IsZero() && !scope.To.IsZero() && !scope.From.Before(scope.To):
		return problem(ProblemRequest, "The period ends before it begins.").rule("period-turned")
	}
	return nil
}

// RecordSurvey puts who asks for a report, why and of what into the record, in the
// case or with the partner that it concerns, or else with the house. It is called for
// a report that opens no message; Survey does it by itself.
func (c *CaseFiles) RecordSurvey(ctx context.Context, req SurveyRequest) error {
	if err := mayReport(req.Officer, req.Scope); err != nil {
		return err
	}
	if err := checkReason(req.Reason); err != nil {
		return err
	}
	e := &Entry{Kind: KindAccess, Direction: Out, ID: NewID(), Type: req.Report + "_export"}
	if req.Scope.Case != "" {
		if _, err := c.row(ctx, req.Officer, CaseKey{req.Scope.Partner, req.Scope.Case}); err != nil {
			return err
		}
	}
	about := c.about(req.Officer, req.Scope)
	e.Partner, e.Case, req.Partners = about.Partner, about.Case, req.Officer.Scope()
	req.By, req.What, req.Fields = req.Officer.ID, req.Report, slices.Compact(slices.Sorted(slices.Values(req.Fields)))
	var err error
	if e.Data, err = json.Marshal(req); err != nil {
		return fmt.Errorf("write an access: %w", err)
	}
	if err := c.cfg.Recorder.Record(ctx, e); err != nil {
		return fmt.Errorf("record an access: %w", err)
	}
	return nil
}

// about says of what a report is an entry: of the case that it is of, else of the one
// partner that it is of, else of the house. Whoever is no partner gets no place of
// their own in the record.
func (c *CaseFiles) about(by *Officer, s Scope) CaseKey {
	code := s.Partner
	if only := by.Scope(); code == "" && len(only) == 1 {
		code = only[0]
	}
	if _, known := c.cfg.Directory.Snapshot().Partner(code); !known && s.Case == "" {
		return houseCase
	}
	return CaseKey{code, s.Case}
}
