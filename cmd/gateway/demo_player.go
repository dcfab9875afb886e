package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A player plays one story over the real desks, outboxes and inboxes of the
// running gateways, and checks after every step that things stand as the story
// says: in the records of both sides.
type player struct {
	d      *demo
	story  *story
	from   int // the day on which the chapter begins
	caseID string
	link   string
	sent   map[string]posted // by the name of the step
}

// A posted message is one that a step has sent.
type posted struct {
	step *step
	id   string
	from string
}

// playStory plays a story from its first step to its last.
func (d *demo) playStory(ctx context.Context, s *story, from int) (*player, error) {
	p := &player{d: d, story: s, from: from, caseID: exchange.NewID(), link: newLink(), sent: map[string]posted{}}
	for i := range s.Steps {
		st := &s.Steps[i]
		if err := p.play(ctx, st); err != nil {
			name := st.Name
			if name == "" {
				name = st.Tell
			}
			return p, fmt.Errorf("%s, step %d (%s): %w", s.Name, i+1, name, err)
		}
	}
	return p, nil
}

// play plays one step.
func (p *player) play(ctx context.Context, s *step) error {
	at, err := p.d.clock.day(p.from+s.Day, s.At)
	if err != nil {
		return err
	}
	if err := p.d.moveTo(ctx, at); err != nil {
		return err
	}
	if s.Type == "" {
		return p.wait(ctx, s, at)
	}
	body, err := p.body(s, at)
	if err != nil {
		return err
	}
	draft := exchange.Draft{
		ID: exchange.NewID(), To: s.to(p.story.Partner), Type: s.Type, Case: p.caseID, InReplyTo: p.sent[s.Answers].id,
		Agreement: p.d.world.agreement(p.story.Partner), Approval: s.Approval, Body: body,
	}
	if s.Refused != nil {
		return p.refuse(ctx, s, draft, at)
	}
	if s.Waits {
		return p.leave(ctx, s, draft, at)
	}
	t := &told{step: s, at: at, draft: draft, safeguards: p.safeguards(s, at)}
	if err := p.send(ctx, s, draft, t); err != nil {
		return err
	}
	p.sent[s.Name] = posted{s, draft.ID, s.From}
	if err := p.judge(ctx, s, t); err != nil {
		return err
	}
	p.d.say.message(t)
	return nil
}

// leave puts a draft on its sender's desk, where it waits for officers.
func (p *player) leave(ctx context.Context, s *step, draft exchange.Draft, at time.Time) error {
	view, err := p.submit(ctx, p.d.node(s.From), s, draft, &told{at: at, safeguards: p.safeguards(s, at)})
	if err != nil {
		return err
	}
	if view.Row.State != exchange.DraftWaiting || view.Content.Officers != s.Officers {
		return fmt.Errorf("the draft is %s for %d officers, expected waiting for %d", view.Row.State, view.Content.Officers, s.Officers)
	}
	if _, err := p.standing(ctx, s.Then); err != nil {
		return err
	}
	p.d.waits[s.From] = view
	p.d.say.waits(s, at, draft.To)
	return nil
}

// send puts a draft on its sender's desk, completes it when it is held, lets the
// officers release it, and waits for the receipt.
func (p *player) send(ctx context.Context, s *step, draft exchange.Draft, t *told) error {
	n := p.d.node(s.From)
	settled := p.d.post.expect(draft.ID)
	view, err := p.submit(ctx, n, s, draft, t)
	if err != nil {
		return err
	}
	if view.Content.Officers != s.Officers {
		return fmt.Errorf("%d officers have to release it, expected %d", view.Content.Officers, s.Officers)
	}
	if view, err = p.d.release(ctx, n, view); err != nil {
		return err
	}
	if view.Row.State != exchange.DraftReleased {
		return fmt.Errorf("the draft is %s and does not leave", view.Row.State)
	}
	if !slices.Equal(view.Content.Withheld, s.Withheld) {
		return fmt.Errorf("the agreement withholds %v, expected %v", view.Content.Withheld, s.Withheld)
	}
	select {
	case kind := <-settled:
		if kind == exchange.KindReceipt {
			return nil
		}
		outcome := sendResult{Sent: exchange.Sent{ID: draft.ID}}
		if err := n.look(ctx, draft.To, &outcome); err != nil {
			return err
		}
		return fmt.Errorf("%s does not take it: %s", draft.To, outcome.Failure)
	case <-ctx.Done():
		return fmt.Errorf("no receipt has come: %w", ctx.Err())
	}
}

// submit gives a draft to the desk; one that must be held first lacks a member,
// is held for it, and is completed.
func (p *player) submit(ctx context.Context, n *node, s *step, draft exchange.Draft, t *told) (exchange.DraftView, error) {
	by, taken := p.d.officers[s.From][0], t.safeguards
	if s.Held == nil {
		return n.desk.Submit(ctx, by.Officer, draft, taken)
	}
	first := draft
	var err error
	if first.Body, err = without(draft.Body, s.Held.Without); err != nil {
		return exchange.DraftView{}, err
	}
	view, err := n.desk.Submit(ctx, by.Officer, first, taken)
	if err != nil {
		return view, err
	}
	lacks := view.Content.Missing
	if view.Row.State != exchange.DraftHeld || len(lacks) == 0 || lacks[0].Kind != s.Held.Missing {
		return view, fmt.Errorf("the first draft is %s and lacks %v, expected held for %s", view.Row.State, lacks, s.Held.Missing)
	}
	t.held = lacks
	return n.desk.Amend(ctx, by.Officer, view.Row.ID, view.Row.Version, draft, taken)
}

func (p *player) safeguards(s *step, at time.Time) []exchange.Safeguard {
	var out []exchange.Safeguard
	for _, taken := range s.Safeguards {
		out = append(out, exchange.Safeguard{Kind: taken.Kind, Basis: taken.Basis, On: at.AddDate(0, 0, taken.Days).Format(time.DateOnly)})
	}
	return out
}

// countersignature is the body of a record that the other side has signed,
// with what it countersigns: that message, and the SHA-256 of its exact bytes.
func (p *player) countersignature(name string) (json.RawMessage, error) {
	record := p.sent[name]
	receiver := p.d.node(record.step.to(p.story.Partner))
	key := exchange.MessageKey{Lane: exchange.Lane{Partner: record.from, Direction: exchange.In}, ID: record.id}
	opened, err := open(context.Background(), receiver, key)
	if err != nil {
		return nil, err
	}
	_, body, err := exchange.ReadMessage(opened.Data)
	if err != nil {
		return nil, err
	}
	m, ok := body.(map[string]any)
	if !ok {
		return nil, errors.New("the record has no body")
	}
	sum := sha256.Sum256(opened.Data)
	m["countersigns"] = map[string]string{"message": record.id, "message_sha256": base64.RawURLEncoding.EncodeToString(sum[:])}
	return json.Marshal(m)
}

// open reads one message of a gateway's record.
func open(ctx context.Context, n *node, key exchange.MessageKey) (exchange.Opened, error) {
	row, err := n.db.Message(ctx, key)
	if err != nil {
		return exchange.Opened{}, err
	}
	return n.opener.Open(ctx, row)
}

// moveTo moves the clock of all gateways, and lets each look at once at the
// clocks of its cases.
func (d *demo) moveTo(ctx context.Context, t time.Time) error {
	if err := d.clock.moveTo(t); err != nil {
		return err
	}
	return d.lookAtClocks(ctx)
}

// settle lets the clock show the true time from now on.
func (d *demo) settle(ctx context.Context) error {
	d.clock.settle()
	return d.lookAtClocks(ctx)
}

func (d *demo) lookAtClocks(ctx context.Context) error {
	for _, n := range d.nodes {
		if err := n.scheduler.Work(ctx); err != nil {
			return fmt.Errorf("%s: look at the clocks: %w", n.cfg.Self, err)
		}
	}
	return nil
}

// A postbox tells what became of messages: it hears of every commit.
type postbox struct {
	mu      sync.Mutex
	waiting map[string]chan exchange.Kind
}

// expect returns a channel that tells how the delivery of a message has ended: a
// receipt or a failure.
func (b *postbox) expect(id string) <-chan exchange.Kind {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting = map[string]chan exchange.Kind{}
	}
	b.waiting[id] = make(chan exchange.Kind, 1)
	return b.waiting[id]
}

func (b *postbox) noticed(batch []*exchange.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range batch {
		if e.Kind != exchange.KindReceipt && e.Kind != exchange.KindFailure {
			continue
		}
		if c, ok := b.waiting[e.ID]; ok {
			c <- e.Kind
			delete(b.waiting, e.ID)
		}
	}
}
