package main

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
)

// A signatory is an officer of a gateway who releases drafts.
type signatory struct {
	exchange.Officer
	signer *seal.Signer
}

// signatories adds two officers to a gateway.
func (g *testGateway) signatories(t *testing.T) []signatory {
	t.Helper()
	return []signatory{g.signatory("erases.one"), g.signatory("erases.two")}
}

// signatory is an officer who may sign.
func (g *testGateway) signatory(id string) signatory {
	g.t.Helper()
	key, err := certs.GenerateKey(certs.ES256)
	if err != nil {
		g.t.Fatal(err)
	}
	s := signatory{exchange.Officer{ID: id, Name: "Specimen", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{exchange.EveryPartner}, Status: exchange.OfficerActive}, nil}
	if s.signer, err = seal.NewSigner(key, id+"-1", certs.ES256); err != nil {
		g.t.Fatal(err)
	}
	var jwk partners.JWK
	if err := json.Unmarshal(s.signer.Public().JWK(), &jwk); err != nil {
		g.t.Fatal(err)
	}
	s.Keys = []partners.JWK{jwk}
	if err := g.node.roster.Put(g.t.Context(), "", s.Officer); err != nil {
		g.t.Fatal(err)
	}
	return s
}

// confirms has both officers release the confirmation that answers a notice.
func (l *life) confirms(vn []signatory, notice string) exchange.DraftView {
	l.t.Helper()
	return l.vn.release(l.t, vn, exchange.Draft{To: "KH", Type: exchange.TypeErasureConfirmation, Case: l.id, InReplyTo: notice, Body: erasedOn(time.Now())})
}

// erase has the case erased here, as a notice asks.
func (l *life) erase(vn []signatory, notice string) {
	l.t.Helper()
	l.confirms(vn, notice)
	if _, err := l.vn.node.desk.Erase(l.t.Context(), &vn[0].Officer, exchange.CaseKey{Partner: "KH", Case: l.id}, "the person has asked for it"); err != nil {
		l.t.Fatal(err)
	}
}

// asksErasure is a notice from Cambodia for the whole case.
func (l *life) asksErasure() string {
	l.t.Helper()
	return l.told(exchange.TypeErasureNotice, `{"scope":"case","basis":"consent_withdrawn"}`, func(c *exchange.Claims) { c.Purpose = "data_protection" })
}

// release submits a draft, and both officers release it.
func (g *testGateway) release(t *testing.T, officers []signatory, draft exchange.Draft) exchange.DraftView {
	t.Helper()
	view, err := g.node.desk.Submit(t.Context(), &officers[0].Officer, draft, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g.decide(t, officers, view)
}

// decide lets officers release a draft that waits.
func (g *testGateway) decide(t *testing.T, officers []signatory, view exchange.DraftView) exchange.DraftView {
	t.Helper()
	for _, o := range officers {
		statement := exchange.Statement{
			Officer: o.ID, Audience: g.code, ID: exchange.NewID(), IssuedAt: time.Now().Unix(),
			Draft: view.Row.ID, Version: view.Row.Version, SHA256: view.SHA256, Decision: exchange.DecisionRelease,
		}
		signed, err := statement.Sign(o.signer)
		if err != nil {
			t.Fatal(err)
		}
		if view, err = g.node.desk.Decide(t.Context(), &o.Officer, view.Row.ID, signed); err != nil {
			t.Fatal(err)
		}
	}
	return view
}

// An erasure takes the partner's notice and two officers; it destroys what the
// case held on this side, tells the partner so and not before, and leaves every
// proof valid. The partner, who asked, then erases its own.
func TestErasure(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		vn, kh := p.vn.signatories(t), p.kh.signatories(t)
		asks := p.vn.submit("KH")
		arrived := func(at *testGateway, id string) {
			t.Helper()
			eventually(t, "it arrives", func() bool {
				return len(at.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.In, ID: id})) == 1
			})
		}
		settled := func(at *testGateway, id string) {
			t.Helper()
			eventually(t, "it is delivered", func() bool { return len(at.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: id})) == 1 })
		}
		settled(p.vn, asks.ID)
		here, there := exchange.CaseKey{Partner: "KH", Case: asks.Case}, exchange.CaseKey{Partner: "VN", Case: asks.Case}
		refused := func(rule string, by *exchange.Officer, of *testGateway, key exchange.CaseKey) {
			t.Helper()
			before := len(of.rows(exchange.Filter{Kind: exchange.KindRefusal}))
			_, err := of.node.desk.Erase(t.Context(), by, key, "the person has asked for it")
			if p := exchange.AsProblem(err); err == nil || p.Rule != rule {
				t.Fatalf("%v, want the rule %s", err, rule)
			}
			if after := len(of.rows(exchange.Filter{Kind: exchange.KindRefusal})); after != before+1 {
				t.Errorf("%s: the attempt is not in the record", rule)
			}
		}
		refused("erasure-not-asked", &vn[0].Officer, p.vn, here)

		notice := p.kh.release(t, kh, exchange.Draft{To: "VN", Type: exchange.TypeErasureNotice, Case: asks.Case, Body: json.RawMessage(`{"scope":"case","basis":"consent_withdrawn"}`)})
		arrived(p.vn, notice.Row.ID)
		settled(p.kh, notice.Row.ID)
		refused("erasure-not-released", &vn[0].Officer, p.vn, here)
		refused("erasure-unanswered", &kh[0].Officer, p.kh, there)

		done := json.RawMessage(`{"outcome":"done","erased_on":"` + time.Now().Format(time.DateOnly) + `"}`)
		answer := p.vn.release(t, vn, exchange.Draft{To: "KH", Type: exchange.TypeErasureConfirmation, Case: asks.Case, InReplyTo: notice.Row.ID, Body: done})
		if answer.Row.State != exchange.DraftReleasing {
			t.Fatalf("what confirms an erasure that was not made is %s", answer.Row.State)
		}
		if left, err := p.vn.node.desk.Sweep(t.Context()); left != 0 || err != nil {
			t.Fatalf("%d left: %v", left, err)
		}
		other, err := p.vn.node.desk.Submit(t.Context(), &vn[0].Officer, exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: asks.Case, Body: json.RawMessage(`{"scope":"case","basis":"consent_withdrawn"}`)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		refused("erasure-open-drafts", &vn[0].Officer, p.vn, here)
		if err := p.vn.node.desk.Discard(t.Context(), &vn[0].Officer, other.Row.ID, 0, "one notice is enough"); err != nil {
			t.Fatal(err)
		}
		if _, err := p.vn.node.desk.Erase(t.Context(), &vn[0].Officer, here, "so"); exchange.AsProblem(err).Rule != "reason-required" {
			t.Errorf("without a reason: %v", err)
		}
		auditor := exchange.Officer{ID: "auditor", Roles: []exchange.Role{exchange.RoleAuditor}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
		if _, err := p.vn.node.desk.Erase(t.Context(), &auditor, here, "an auditor only looks"); exchange.AsProblem(err).Kind != exchange.ProblemForbidden {
			t.Errorf("an auditor: %v", err)
		}

		before := filepath.Join(t.TempDir(), "before.zip")
		p.vn.export(before)
		erasure, err := p.vn.node.desk.Erase(t.Context(), &vn[1].Officer, here, "the person has asked for it")
		if err != nil || erasure.Notice != notice.Row.ID || len(erasure.Approvals) != 2 {
			t.Fatalf("%+v %v", erasure, err)
		}
		arrived(p.kh, answer.Row.ID)
		settled(p.vn, answer.Row.ID)
		if row, err := p.vn.node.db.Draft(t.Context(), answer.Row.ID); err != nil || row.State != exchange.DraftReleased {
			t.Errorf("the confirmation's draft is %s %v", row.State, err)
		}
		p.erased(t, p.vn, here)
		if _, err := p.vn.node.desk.Erase(t.Context(), &vn[1].Officer, here, "once more, to be sure"); exchange.AsProblem(err).Kind != exchange.ProblemErased {
			t.Errorf("a second time: %v", err)
		}
		timeline, err := p.vn.node.files.Timeline(t.Context(), &vn[0].Officer, here, 0, 100)
		if last := timeline[len(timeline)-1]; err != nil || last.Kind != exchange.KindReceipt || last.ID != answer.Row.ID {
			t.Errorf("%+v %v", last, err)
		}
		if _, err := p.vn.node.files.Message(t.Context(), &vn[0].Officer, exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.Out}, ID: asks.ID}, "a look after the erasure"); exchange.AsProblem(err).Kind != exchange.ProblemErased {
			t.Errorf("an erased message is read: %v", err)
		}
		if _, err := p.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Case: asks.Case, Body: json.RawMessage(asked(""))}, consented); exchange.AsProblem(err).Kind != exchange.ProblemErased {
			t.Errorf("an erased case goes on: %v", err)
		}

		// The side that asked has its answer, and erases its own.
		if erasure, err := p.kh.node.desk.Erase(t.Context(), &kh[0].Officer, there, "and ours as well"); err != nil || erasure.Confirmation != nil {
			t.Fatalf("%+v %v", erasure, err)
		}
		p.erased(t, p.kh, there)
		after := filepath.Join(t.TempDir(), "after.zip")
		p.vn.export(after)
		for _, path := range []string{before, after} {
			if out, code := verify(t, path, "--key", p.vn.logKey()); code != 0 {
				t.Errorf("%s: verify exits %d:\n%s", filepath.Base(path), code, out)
			}
		}
	})
}

// erased checks that nothing can be read of what a case held, and that the record
// holds.
func (p *pair) erased(t *testing.T, of *testGateway, key exchange.CaseKey) {
	t.Helper()
	c, err := of.node.db.Case(t.Context(), key)
	if err != nil || c.ErasedTo == 0 {
		t.Fatalf("%+v %v", c, err)
	}
	for _, row := range of.rows(exchange.Filter{Partner: key.Partner, Case: key.Case}) {
		_, err := of.node.opener.Open(t.Context(), row)
		if gone := errors.Is(err, exchange.ErrErased); gone != (row.Index < c.ErasedTo) {
			t.Errorf("entry %d, %s: %v", row.Index, row.Type, err)
		}
	}
	of.check()
}

// A process that dies between the erasure and its confirmation leaves the
// confirmation to the sweep.
func TestErasureIsConfirmedAfterACrash(t *testing.T) {
	p := newPair(t, "")
	vn := p.vn.signatories(t)
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	notice := l.asksErasure()
	answer := l.confirms(vn, notice)
	data, err := json.Marshal(exchange.Erasure{By: vn[0].ID, Reason: "the person has asked for it", Notice: notice, Confirmation: &answer.Content.Draft, Approvals: answer.Content.Approvals})
	if err != nil {
		t.Fatal(err)
	}
	e := &exchange.Entry{Kind: exchange.KindEvent, Direction: exchange.Out, Partner: "KH", Case: l.id, ID: answer.Row.ID, Type: "case_erased", Data: data, Erases: true}
	if err := p.vn.node.committer.Record(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if _, err := p.vn.node.desk.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, ID: answer.Row.ID}); len(rows) != 1 {
		t.Errorf("the confirmation left %d times", len(rows))
	}
	p.vn.check()
}
