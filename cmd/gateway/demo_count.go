package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A demoResult is the object that demo --json ends with. Every number is
// counted in the records of the five gateways.
type demoResult struct {
	Messages int           `json:"messages"`
	Receipts int           `json:"receipts"`
	Partners int           `json:"partners"`
	Verified bool          `json:"verified"`
	Record   []recordState `json:"record"`
	Stories  []storyResult `json:"stories"`
	Refused  string        `json:"refused"` // the problem that the tampered copy met
	Seconds  float64       `json:"seconds"`

	Officers    int            `json:"officers"`
	Approvals   int            `json:"approvals"`   // statements of officers that released something
	Held        int            `json:"held"`        // drafts that were held for a safeguard
	Waiting     int            `json:"waiting"`     // drafts that wait for officers
	Corrections int            `json:"corrections"` // messages of these types
	Withdrawals int            `json:"withdrawals"`
	Counters    int            `json:"counter_proposals"`
	Late        int            `json:"late"`     // answers that Viet Nam's record flags as late
	Refusals    int            `json:"refusals"` // entries: at the sender's own gateway and at the receiver's
	Types       map[string]int `json:"types"`
}

// A recordState is one gateway's record after the demo, recomputed.
type recordState struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
}

// A storyResult is one case of the demo.
type storyResult struct {
	Name     string            `json:"name"`
	Partner  string            `json:"partner"`
	Case     string            `json:"case"`
	State    string            `json:"state"`
	Persons  map[string]string `json:"persons"` // subject_ref: where each stands
	Messages int               `json:"messages"`
	Late     int               `json:"late"` // answers that Viet Nam's record flags as late
}

// outcome reads from Viet Nam's record what a story came to.
func (p *player) outcome(ctx context.Context) (storyResult, error) {
	out := storyResult{Name: p.story.Name, Partner: p.story.Partner, Case: p.caseID, Persons: map[string]string{}}
	file, err := p.d.file(ctx, "VN", p.story.Partner, p.caseID)
	if err != nil {
		return out, err
	}
	out.State = string(file.Row.State)
	for _, person := range file.Standing.Subjects {
		out.Persons[person.Ref] = string(person.State)
	}
	events, err := p.d.timeline(ctx, "VN", p.story.Partner, p.caseID)
	for _, e := range events {
		if e.Kind == exchange.KindMessage {
			out.Messages++
		}
		if e.Late {
			out.Late++
		}
	}
	return out, err
}

// count reads every record from its beginning.
func (d *demo) count(ctx context.Context, r *demoResult) error {
	arrived := 0
	r.Types = map[string]int{}
	for _, n := range d.nodes {
		officers, err := n.roster.All(ctx)
		if err != nil {
			return err
		}
		r.Officers += len(officers)
		waiting, err := n.desk.Drafts(ctx, d.officers[n.cfg.Self][0].Officer, exchange.DraftFilter{State: exchange.DraftWaiting})
		if err != nil {
			return err
		}
		r.Waiting += len(waiting)
		if err := n.db.Entries(ctx, 0, math.MaxInt64, exchange.Filter{}, func(row exchange.Row) error {
			if row.Kind == exchange.KindMessage && row.Direction == exchange.In {
				arrived++
				return nil
			}
			return r.add(ctx, n.node, row)
		}); err != nil {
			return fmt.Errorf("count the record of %s: %w", n.cfg.Self, err)
		}
	}
	for _, s := range r.Stories {
		r.Late += s.Late
	}
	if arrived != r.Messages || r.Receipts != r.Messages {
		return fmt.Errorf("%d messages left, %d arrived, %d receipts came", r.Messages, arrived, r.Receipts)
	}
	return nil
}

// add counts one entry of a record.
func (r *demoResult) add(ctx context.Context, n *node, row exchange.Row) error {
	switch {
	case row.Kind == exchange.KindReceipt:
		r.Receipts++
	case row.Kind == exchange.KindRefusal:
		r.Refusals++
	case row.Kind == exchange.KindFailure:
		return errors.New("a message was not delivered")
	case row.Kind == exchange.KindEvent && row.Type == "draft_"+exchange.DecisionRelease:
		r.Approvals++
	case row.Kind == exchange.KindEvent && row.Type == "draft_submitted":
		opened, err := n.opener.Open(ctx, row)
		if err != nil {
			return err
		}
		var draft struct{ State exchange.DraftState }
		if err := json.Unmarshal(opened.Data, &draft); err != nil {
			return fmt.Errorf("read a draft's event: %w", err)
		}
		if draft.State == exchange.DraftHeld {
			r.Held++
		}
	case row.Kind == exchange.KindMessage:
		return r.addMessage(ctx, n, row)
	}
	return nil
}

func (r *demoResult) addMessage(ctx context.Context, n *node, row exchange.Row) error {
	r.Messages++
	r.Types[row.Type]++
	switch row.Type {
	case exchange.TypeCorrection:
		r.Corrections++
	case exchange.TypeWithdrawal:
		r.Withdrawals++
	case exchange.TypeReturnResponse:
		opened, err := n.opener.Open(ctx, row)
		if err != nil {
			return err
		}
		_, body, err := exchange.ReadMessage(opened.Data)
		if err != nil {
			return err
		}
		if resolve(body, "/counter") != nil {
			r.Counters++
		}
	}
	return nil
}

// verify recomputes every record.
func (d *demo) verify(ctx context.Context) ([]recordState, error) {
	var states []recordState
	for _, n := range d.nodes {
		report, err := n.check(ctx, nil)
		if err != nil {
			return states, fmt.Errorf("check the record of %s: %w", n.cfg.Self, err)
		}
		d.say.record(n.node, report)
		if !report.OK() {
			return states, fmt.Errorf("the record of %s does not hold: %v", n.cfg.Self, report.Findings)
		}
		states = append(states, recordState{report.Origin, report.Size, report.Root.String()})
	}
	return states, nil
}
