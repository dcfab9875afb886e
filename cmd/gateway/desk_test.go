package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// The sweep, which finishes what a crash interrupted, may meet a release that is
// just under way: whoever submits is told what became of the draft, not that
// somebody else has changed it.
func TestSweepBesideSubmit(t *testing.T) {
	p := newPair(t, "")
	n := p.vn.node
	officer := exchange.Officer{
		ID: "tran.van.mau", Name: "Specimen", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"KH"}, Status: exchange.OfficerActive,
	}
	if err := n.roster.Put(t.Context(), "", officer); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for ctx.Err() == nil {
			if _, err := n.desk.Sweep(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("the sweep: %v", err)
			}
		}
	})
	consent := exchange.Safeguard{Kind: partners.SafeguardConsent, Basis: "consent", On: time.Now().Format(time.DateOnly)}
	for range 30 {
		view, err := n.desk.Submit(t.Context(), &officer, exchange.Draft{To: "KH", Type: benchType, Body: schemas.Example(benchType)}, []exchange.Safeguard{consent})
		if err != nil || view.Row.State != exchange.DraftReleased {
			t.Errorf("%s: %v", view.Row.State, err)
		}
	}
	stop()
	sweeping.Wait()
}
