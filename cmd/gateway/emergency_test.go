package main

import (
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What was acknowledged since hides no emergency that still waits.
func TestEmergencyIsNotBuried(t *testing.T) {
	p := newPair(t, "")
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	key := exchange.CaseKey{Partner: "KH", Case: l.id}
	away := exchange.Officer{ID: "away", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"LA"}, Status: exchange.OfficerActive}
	files := p.vn.node.files
	opens := func() string {
		t.Helper()
		if err := files.BreakGlass(t.Context(), &away, key, "she stands at the border"); err != nil {
			t.Fatal(err)
		}
		waiting, err := files.Emergencies(t.Context(), &officerMinh)
		if err != nil || len(waiting) == 0 {
			t.Fatalf("%v %v", waiting, err)
		}
		return waiting[0].ID
	}
	first := opens()
	for range 60 {
		if err := files.Acknowledge(t.Context(), &officerMinh, opens()); err != nil {
			t.Fatal(err)
		}
	}
	if waiting, err := files.Emergencies(t.Context(), &officerMinh); err != nil || len(waiting) != 1 || waiting[0].ID != first {
		t.Errorf("%d wait (%v)", len(waiting), err)
	}
}
