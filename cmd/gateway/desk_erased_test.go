package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A pausedRecorder is where a test comes in before, or after, the first entry of a type is
// recorded.
type pausedRecorder struct {
	exchange.Recorder
	at            string
	before, after func()
}

func (p *pausedRecorder) Record(ctx context.Context, e *exchange.Entry) error {
	before, after := p.before, p.after
	if e.Type != p.at {
		before, after = nil, nil
	} else {
		p.at = ""
	}
	if before != nil {
		before()
	}
	err := p.Recorder.Record(ctx, e)
	if after != nil {
		after()
	}
	return err
}

// pausedDesk is a desk that a test comes in at.
func (g *testGateway) pausedDesk(p pausedRecorder) *exchange.Desk {
	g.t.Helper()
	n := g.node
	p.Recorder = n.committer
	d, err := exchange.NewDesk(exchange.DeskConfig{
		Self: n.cfg.Self, Outbox: n.outbox, Roster: n.roster, Store: n.db, Reader: n.db, Recorder: &p, Opener: n.opener, Clock: n.now, Logger: n.log,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

// decision is what an officer signs about a draft.
func (s *signatory) decision(t *testing.T, view exchange.DraftView, decision, reason string) []byte {
	t.Helper()
	statement := exchange.Statement{
		Officer: s.ID, Audience: "VN", ID: exchange.NewID(), IssuedAt: time.Now().Unix(), Draft: view.Row.ID, Version: view.Row.Version, SHA256: view.SHA256,
		Decision: decision, Reason: reason,
	}
	signed, err := statement.Sign(s.signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// What a draft says does not outlive the erasure of its case, whatever is done to it at
// the same moment: it would be sealed with the new key.
func TestDraftsGoWithTheirCase(t *testing.T) {
	notice := func(caseID string) exchange.Draft {
		return exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: caseID, Body: json.RawMessage(`{"scope":"case","basis":"consent_withdrawn"}`)}
	}
	for name, does := range map[string]func(t *testing.T, g *testGateway, vn []signatory, caseID string, erases func()) (draft string, err error){
		"discarded": func(t *testing.T, g *testGateway, vn []signatory, caseID string, erases func()) (string, error) {
			view, err := g.node.desk.Submit(t.Context(), &vn[0].Officer, notice(caseID), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := g.node.desk.Decide(t.Context(), &vn[1].Officer, view.Row.ID, vn[1].decision(t, view, exchange.DecisionReject, "not this one")); err != nil {
				t.Fatal(err)
			}
			return view.Row.ID, g.pausedDesk(pausedRecorder{at: "draft_discarded", before: erases}).Discard(t.Context(), &vn[0].Officer, view.Row.ID, 0, "")
		},
		"submitted": func(t *testing.T, g *testGateway, vn []signatory, caseID string, erases func()) (string, error) {
			view, err := g.pausedDesk(pausedRecorder{at: "draft_submitted", before: erases}).Submit(t.Context(), &vn[0].Officer, notice(caseID), nil)
			return view.Row.ID, err
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, "")
			vn := p.vn.signatories(t)
			l := p.life(t)
			l.told(exchange.TypeIdentityRequest, asked(""))
			asks := l.asksErasure()
			draft, err := does(t, p.vn, vn, l.id, func() { l.erase(vn, asks) })
			if exchange.AsProblem(err).Kind != exchange.ProblemErased {
				got, unread := p.vn.node.desk.Read(t.Context(), &vn[0].Officer, draft, "a look after the erasure")
				t.Errorf("%v; after the erasure it reads %s %s %v", err, got.Row.State, got.Content.Draft.Body, unread)
			}
			p.vn.check()
		})
	}
}

// Who has written the confirmation of an erasure is known when what it held is gone: they
// do not let it out among themselves then either.
func TestErasureKeepsItsAuthors(t *testing.T) {
	p := newPair(t, "")
	vn := p.vn.signatories(t)
	author, other, third := vn[0], vn[1], p.vn.signatory("erases.three")
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	asks := l.asksErasure()
	confirms := exchange.Draft{To: "KH", Type: exchange.TypeErasureConfirmation, Case: l.id, InReplyTo: asks, Body: erasedOn(time.Now())}
	view, err := p.vn.node.desk.Submit(t.Context(), &author.Officer, confirms, nil)
	if err != nil {
		t.Fatal(err)
	}
	if view, err = p.vn.node.desk.Amend(t.Context(), &other.Officer, view.Row.ID, 1, confirms, nil); err != nil {
		t.Fatal(err)
	}
	view = p.vn.decide(t, []signatory{other, third}, view)
	lines := func(status partners.Status) {
		p.vn.editPartner("kh", func(k *partners.Partner) { k.Status = status })
		p.vn.reload()
	}
	lines(partners.Suspended) // so that it is erased, and its confirmation cannot leave yet
	if _, err := p.vn.node.desk.Erase(t.Context(), &other.Officer, exchange.CaseKey{Partner: "KH", Case: l.id}, "the person has asked for it"); exchange.AsProblem(err).Kind == exchange.ProblemErased {
		t.Fatal(err)
	}
	third.Status = exchange.OfficerSuspended
	if err := p.vn.node.roster.Put(t.Context(), "", third.Officer); err != nil {
		t.Fatal(err)
	}
	lines(partners.Active)
	if _, err := p.vn.node.desk.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if view, err = p.vn.node.desk.Read(t.Context(), &author.Officer, view.Row.ID, "to sign it now"); err != nil || view.Row.State != exchange.DraftWaiting {
		t.Fatalf("%s %v", view.Row.State, err)
	}
	if _, err := p.vn.node.desk.Decide(t.Context(), &author.Officer, view.Row.ID, author.decision(t, view, exchange.DecisionRelease, "")); exchange.AsProblem(err).Rule != "approval-own" {
		t.Errorf("two authors let it out: %v", err)
	}
	p.vn.check()
}
