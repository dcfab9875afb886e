package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/store/throwaway"
	"github.com/repatriation-exchange/gateway/partners"
)

// A lost database: nothing is acknowledged meanwhile, nothing that was is
// lost, and the same bytes are taken when it is back.
func TestLostDatabase(t *testing.T) {
	server, err := throwaway.Start(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	url, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t, url)
	first := p.kh.sign(p.kh.claims("VN"))
	before := p.kh.post(p.vn, first)
	if before.status != http.StatusAccepted {
		t.Fatalf("got %d %s", before.status, before.body)
	}
	server.Kill()
	second := p.kh.sign(p.kh.claims("VN"))
	for range 3 {
		r := p.kh.post(p.vn, second)
		if slug, _, _ := r.problem(); slug != "store-unavailable" || r.header.Get("Retry-After") == "" {
			t.Errorf("without a database: %d %s", r.status, r.body)
		}
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message is taken when the database is back", func() bool {
		return p.kh.post(p.vn, second).status == http.StatusAccepted
	})
	if again := p.kh.post(p.vn, first); string(again.body) != string(before.body) {
		t.Errorf("the first receipt changed: %d %s", again.status, again.body)
	}
	// Connections that were idle when the server died are found dead one by one.
	eventually(t, "the record can be read", func() bool {
		_, err := p.vn.node.check(t.Context(), nil)
		return err == nil
	})
	if size := p.vn.check(); size != 3 {
		t.Errorf("%d entries", size)
	}
	if rows := p.vn.rows(exchange.Filter{Type: "recording_resumed"}); len(rows) != 1 {
		t.Errorf("the record says %d times that nothing could be recorded", len(rows))
	}
}

// A partner that is away delays nobody, and gets its message when it is back.
func TestDeadPartnerDelaysNobody(t *testing.T) {
	p := newPair(t, "")
	p.kh.halt()
	sent := p.vn.submit("KH")
	eventually(t, "a first attempt has failed", func() bool {
		attempts, err := p.vn.node.db.Backlog(context.Background())
		return err == nil && attempts["KH"].Due == 1 && strings.Contains(p.vn.log.String(), "will try again")
	})
	// Meanwhile Viet Nam takes messages and restarts: the outbox is durable.
	p.vn.halt()
	p.vn.start()
	p.kh.start()
	eventually(t, "it is delivered after both restarts", func() bool {
		return len(p.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
	})
	if rows := p.kh.rows(exchange.Filter{Kind: exchange.KindMessage}); len(rows) != 1 || rows[0].ID != sent.ID {
		t.Errorf("the partner has %d messages", len(rows))
	}
}

// A backlog that met an open circuit is delivered as soon as the partner is
// back: the probes lease no job that they do not carry.
func TestBacklogGoesOutWhenThePartnerIsBack(t *testing.T) {
	p := newPair(t, "")
	p.kh.halt()
	const n = 40
	for range n {
		p.vn.submit("KH")
	}
	eventually(t, "the circuit opens", func() bool { return strings.Contains(p.vn.log.String(), "state=open") })
	p.kh.start()
	// Well within a lease, which is a minute.
	eventually(t, "all are delivered", func() bool {
		return len(p.vn.rows(exchange.Filter{Kind: exchange.KindReceipt})) == n
	})
	if rows := p.kh.rows(exchange.Filter{Kind: exchange.KindMessage}); len(rows) != n {
		t.Errorf("the partner has %d messages", len(rows))
	}
	p.vn.check()
}

// circuit says whether the metric of a gateway's one partner has a value.
func (g *testGateway) circuit(value string) bool {
	g.t.Helper()
	families, err := g.node.collected.Gather()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "gateway_circuit_open" {
			return strings.Contains(f.String(), value)
		}
	}
	return false
}

// The metric forgets a circuit that was open when its partner's retry policy changed.
func TestCircuitOfAChangedPolicy(t *testing.T) {
	p := newPair(t, "")
	p.kh.halt()
	p.vn.submit("KH")
	eventually(t, "the circuit opens", func() bool { return p.vn.circuit("value:1") })
	soon := partners.Duration(20 * time.Millisecond)
	p.vn.editPartner("kh", func(p *partners.Partner) { p.RawRetry.DeadLetterAfter = &soon })
	p.vn.reload()
	eventually(t, "the message is given up", func() bool {
		b, err := p.vn.node.db.Backlog(t.Context())
		return err == nil && b["KH"].Dead == 1
	})
	eventually(t, "nothing is held back any more", func() bool { return !p.vn.node.courier.CircuitOpen("KH") && p.vn.circuit("value:0") })
}

// A circuit that has opened closes by itself once nothing is left to try: what was given
// up waits for a person, and no page says that anything is tried again by itself.
func TestCircuitClosesWhenNothingIsLeft(t *testing.T) {
	p := newPair(t, "")
	p.kh.halt()
	soon := partners.Duration(time.Second)
	p.vn.editPartner("kh", func(p *partners.Partner) { p.RawRetry.DeadLetterAfter = &soon })
	p.vn.reload()
	const n = 8
	for range n {
		p.vn.submit("KH")
	}
	eventually(t, "the circuit opens", func() bool { return p.vn.node.courier.CircuitOpen("KH") && p.vn.circuit("value:1") })
	eventually(t, "all are given up", func() bool {
		b, err := p.vn.node.db.Backlog(t.Context())
		return err == nil && b["KH"].Dead == n
	})
	eventually(t, "nothing is held back any more", func() bool { return !p.vn.node.courier.CircuitOpen("KH") && p.vn.circuit("value:0") })
	p.kh.start()
	if n, err := p.vn.node.oversight.RetryFor(t.Context(), "root", "KH", ""); err != nil || n != 8 {
		t.Fatalf("%d are tried again, %v", n, err)
	}
	eventually(t, "all are delivered", func() bool { return len(p.vn.rows(exchange.Filter{Kind: exchange.KindReceipt})) == n })
	p.vn.check()
}

// A message that the partner refuses for good is a dead letter with a failure
// in the record; a person may send it again.
func TestDeadLetterAndRetry(t *testing.T) {
	p := newPair(t, "")
	p.kh.editAgreement(func(a *partners.Agreement) { a.Status = "ended" })
	p.kh.reload()
	sent := p.vn.submit("KH")
	eventually(t, "it is given up", func() bool {
		return len(p.vn.rows(exchange.Filter{Kind: exchange.KindFailure, ID: sent.ID})) == 1
	})
	p.kh.editAgreement(func(a *partners.Agreement) { a.Status = "in_force" })
	p.kh.reload()
	if n, err := p.vn.node.oversight.RetryFor(t.Context(), "root", "KH", sent.ID); err != nil || n != 1 {
		t.Fatalf("%d jobs are tried again, %v", n, err)
	}
	if n, err := p.vn.node.oversight.RetryFor(t.Context(), "root", "KH", "no-such-message"); err != nil || n != 0 {
		t.Errorf("of a message that was not given up %d jobs are tried again, %v", n, err)
	}
	rows := p.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: "delivery_retried"})
	if len(rows) != 1 || rows[0].ID != sent.ID || rows[0].Case != sent.Case {
		t.Fatalf("the record says %+v of the retry", rows)
	}
	if opened, err := p.vn.node.opener.Open(t.Context(), rows[0]); err != nil || string(opened.Data) != `{"by":"root","message":"`+sent.ID+`"}` {
		t.Errorf("the retry is recorded as %s %v", opened.Data, err)
	}
	eventually(t, "it is delivered after all", func() bool {
		return len(p.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
	})
	p.vn.check()
}
