package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

// A told step is what a step came to, for a person to read.
type told struct {
	step       *step
	at         time.Time
	draft      exchange.Draft
	safeguards []exchange.Safeguard
	held       []exchange.Missing // why its first draft did not leave
	approvals  []approved
	receipt    exchange.Receipt
	key        seal.Key // that signed the message
	pin        string   // of the sender's TLS certificate, as the receiver knows it
	standing   exchange.Standing
	clocks     []exchange.RunningClock
	late       bool
	changes    []changed
}

// A changed place of a corrected message.
type changed struct {
	op, pointer string
	was, is     any
}

// judge compares what happened with what the story says.
func (p *player) judge(ctx context.Context, s *step, t *told) error {
	sender, receiver := p.d.node(s.From), p.d.node(t.draft.To)
	var err error
	if t.receipt, t.key, t.pin, err = verdicts(ctx, sender, receiver, t.draft.ID); err != nil {
		return err
	}
	if t.approvals, err = p.d.approvals(ctx, sender, t.draft.To, t.draft.ID); err != nil {
		return err
	}
	who := map[string]bool{}
	for _, a := range t.approvals {
		who[a.officer] = true
	}
	if len(who) != s.Officers {
		return fmt.Errorf("%d different officers have released it in the record, expected %d", len(who), s.Officers)
	}
	if t.standing, err = p.standing(ctx, s.Then); err != nil {
		return err
	}
	if err := p.clocks(ctx, s, t); err != nil {
		return err
	}
	if s.Type == exchange.TypeCorrection {
		t.changes, err = p.diff(ctx, receiver, t)
	}
	return err
}

// verdicts verifies a receipt once more from what the sender's record holds:
// whoever signs one has checked schema, agreement, case, signature and TLS peer.
func verdicts(ctx context.Context, sender, receiver *node, id string) (exchange.Receipt, seal.Key, string, error) {
	fail := func(err error) (exchange.Receipt, seal.Key, string, error) {
		return exchange.Receipt{}, seal.Key{}, "", err
	}
	to := receiver.cfg.Self
	message, err := open(ctx, sender, exchange.MessageKey{Lane: exchange.Lane{Partner: to, Direction: exchange.Out}, ID: id})
	if err != nil {
		return fail(err)
	}
	outcome := sendResult{Sent: exchange.Sent{ID: id, Index: message.Row.Index}}
	if err := sender.look(ctx, to, &outcome); err != nil {
		return fail(err)
	}
	peer, err := sender.directory.Peer(to)
	if err != nil {
		return fail(err)
	}
	receipt, err := exchange.OpenReceipt([]byte(outcome.Receipt), peer, sender.cfg.Self, id, message.Data, sender.now())
	if err != nil {
		return fail(err)
	}
	known, err := receiver.directory.Peer(sender.cfg.Self)
	if err != nil {
		return fail(err)
	}
	return receipt, sender.signer.Public(), known.TLS.Pins[0], nil
}

// standing computes where the case stands from the record of each side, and
// compares: the two with each other, and with what the story says.
func (p *player) standing(ctx context.Context, then map[string]string) (exchange.Standing, error) {
	var seen [2]exchange.CaseFile
	sides := [2]string{"VN", p.story.Partner}
	for i, code := range sides {
		file, err := p.d.file(ctx, code, sides[1-i], p.caseID)
		if err != nil {
			return exchange.Standing{}, fmt.Errorf("the case in the record of %s: %w", code, err)
		}
		if file.Row.State != file.Standing.State || file.Row.Turn != file.Standing.Turn || file.Standing.Pending != 0 {
			return exchange.Standing{}, fmt.Errorf("%s: the case's row and its book differ, or a message is still on its way", code)
		}
		seen[i] = file
	}
	ours, theirs := seen[0].Standing, seen[1].Standing
	if ours.State != theirs.State || !reflect.DeepEqual(ours.Subjects, theirs.Subjects) || ours.Opened == theirs.Opened || !mirrored(ours.Turn, theirs.Turn) {
		return ours, fmt.Errorf("the two sides see the case differently: %v and %v", ours, theirs)
	}
	if len(ours.Subjects) != len(then) {
		return ours, fmt.Errorf("the case knows %d persons, expected %d", len(ours.Subjects), len(then))
	}
	for _, person := range ours.Subjects {
		state, remarks := stands(then[person.Ref])
		if person.State != state || !slices.Equal(person.Remarks, remarks) {
			return ours, fmt.Errorf("%s is %s %v on both sides, expected %s", person.Ref, person.State, person.Remarks, then[person.Ref])
		}
	}
	return ours, nil
}

// mirrored says whether each side says of the other what the other says of
// itself.
func mirrored(ours, theirs exchange.Turn) bool {
	opposite := map[exchange.Turn]exchange.Turn{exchange.TurnUs: exchange.TurnPartner, exchange.TurnPartner: exchange.TurnUs, exchange.TurnNobody: exchange.TurnNobody}
	return opposite[ours] == theirs
}

// file reads a case as an officer of a gateway sees it.
func (d *demo) file(ctx context.Context, code, partner, caseID string) (exchange.CaseFile, error) {
	return d.node(code).files.Case(ctx, d.officers[code][0].Officer, exchange.CaseKey{Partner: partner, Case: caseID})
}

// clocks reads Viet Nam's clocks in the case, and whether its record flags the
// message as late.
func (p *player) clocks(ctx context.Context, s *step, t *told) error {
	file, err := p.d.file(ctx, "VN", p.story.Partner, p.caseID)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(s.Clocks)) {
		clock, ok := newestClock(file.Clocks, id)
		if !ok || string(clock.Reading.State) != s.Clocks[id] {
			return fmt.Errorf("the clock %s is %q, expected %s", id, clock.Reading.State, s.Clocks[id])
		}
		if clock.Deadline.Scope != partners.ScopeInternal || clock.Deadline.Citation.EN == "" {
			return fmt.Errorf("the clock %s is not one of Viet Nam's own with a citation", id)
		}
		t.clocks = append(t.clocks, clock)
	}
	events, err := p.d.timeline(ctx, "VN", p.story.Partner, p.caseID)
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Kind == exchange.KindMessage && e.ID == t.draft.ID {
			t.late = e.Late
		}
	}
	if t.late != s.Late {
		return fmt.Errorf("flagged as late: %t, expected %t", t.late, s.Late)
	}
	return nil
}

// newestClock returns the clock of a deadline that started last.
func newestClock(clocks []exchange.RunningClock, id string) (exchange.RunningClock, bool) {
	for _, c := range slices.Backward(clocks) {
		if c.Deadline.ID == id {
			return c, true
		}
	}
	return exchange.RunningClock{}, false
}

// timeline reads the whole life of a case.
func (d *demo) timeline(ctx context.Context, code, partner, caseID string) ([]exchange.TimelineEntry, error) {
	return d.node(code).files.Timeline(ctx, d.officers[code][0].Officer, exchange.CaseKey{Partner: partner, Case: caseID}, 0, exchange.MaxCaseMessages)
}

// wait plays a step without a message: by this day Viet Nam's gateway has
// recorded by itself that a clock has run out.
func (p *player) wait(ctx context.Context, s *step, at time.Time) error {
	for {
		clock, index, err := p.overdue(ctx, s.Overdue)
		if err != nil {
			return err
		}
		if index >= 0 {
			p.d.say.overdue(s, at, clock, index)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the record does not say that the clock %s has run out: %w", s.Overdue, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// overdue looks for the event of a clock that has run out; index -1 for none.
func (p *player) overdue(ctx context.Context, id string) (exchange.RunningClock, int64, error) {
	file, err := p.d.file(ctx, "VN", p.story.Partner, p.caseID)
	if err != nil {
		return exchange.RunningClock{}, 0, err
	}
	clock, ok := newestClock(file.Clocks, id)
	if !ok || clock.Reading.State != partners.ClockOverdue {
		return clock, 0, fmt.Errorf("the clock %s is %q, expected overdue", id, clock.Reading.State)
	}
	events, err := p.d.timeline(ctx, "VN", p.story.Partner, p.caseID)
	for _, e := range events {
		if e.Kind == exchange.KindEvent && e.Type == "clock_overdue" && e.ID == clock.Message {
			return clock, e.Index, err
		}
	}
	return clock, -1, err
}

// diff reads what a correction has changed, as the receiver's officer does.
func (p *player) diff(ctx context.Context, receiver *node, t *told) ([]changed, error) {
	var c struct {
		Target string `json:"target"`
	}
	if err := json.Unmarshal(t.draft.Body, &c); err != nil {
		return nil, fmt.Errorf("read the correction: %w", err)
	}
	key := exchange.MessageKey{Lane: exchange.Lane{Partner: t.step.From, Direction: exchange.In}, ID: c.Target}
	versions, err := receiver.files.Message(ctx, p.d.officers[receiver.cfg.Self][0].Officer, key, "to see what was corrected")
	if err != nil {
		return nil, err
	}
	last := len(versions) - 1
	if last < 1 || versions[last].ID != t.draft.ID {
		return nil, errors.New("the receiver's record does not show the corrected version")
	}
	var out []changed
	for _, change := range versions[last].Changes {
		is := resolve(versions[last].Body, change.Pointer)
		if !reflect.DeepEqual(is, change.Value) {
			return nil, fmt.Errorf("the corrected message does not hold the change at %s", change.Pointer)
		}
		out = append(out, changed{change.Op, change.Pointer, resolve(versions[last-1].Body, change.Pointer), is})
	}
	return out, nil
}
