package main

import (
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Submitting twice under one identifier sends once, also where the case was left
// to the gateway, and leaves no second case behind.
func TestSubmitTwiceSendsOnce(t *testing.T) {
	p := newPair(t, "")
	draft := draftTo("KH")
	draft.ID = exchange.NewID()
	var cases []string
	for range 2 {
		sent, err := p.vn.node.outbox.Submit(t.Context(), draft, consented)
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, sent.Case)
	}
	if cases[0] != cases[1] {
		t.Errorf("the cases are %v", cases)
	}
	if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out}); len(rows) != 1 {
		t.Errorf("it was sent %d times", len(rows))
	}
	if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: "safeguards"}); len(rows) != 1 {
		t.Errorf("its safeguards are in the record %d times", len(rows))
	}
	draft.Body = []byte(asked(""))
	if _, err := p.vn.node.outbox.Submit(t.Context(), draft, consented); exchange.AsProblem(err).Kind != exchange.ProblemIDReused {
		t.Errorf("another body under the same identifier: %v", err)
	}
}
