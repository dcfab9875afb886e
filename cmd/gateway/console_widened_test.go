package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Whoever is let in by an administrator, or may do more, is told of to the
// supervisors of their partners, for two weeks, and to nobody else.
func TestConsoleTellsWhoWasLetIn(t *testing.T) {
	s := &scene{pair: newPair(t, ""), t: t}
	var ahead atomic.Int64
	s.vn.halt()
	s.vn.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	s.vn.start()
	roster := s.vn.node.roster
	chief := func(id, partner string) exchange.Officer {
		return exchange.Officer{ID: id, Name: "Specimen", Roles: []exchange.Role{exchange.RoleSupervisor}, Partners: []string{partner}, Status: exchange.OfficerActive}
	}
	ours, theirs := chief("chief.kh", "KH"), chief("chief.la", "LA")
	for _, o := range []exchange.Officer{officerLan, officerQuan, ours, theirs} {
		if err := roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	told := func(by exchange.Officer) (out []string) {
		t.Helper()
		found, _, err := roster.Widenings(t.Context(), &by)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range found {
			out = append(out, strings.TrimSpace(w.ID+" "+w.By)+": "+strings.Join(w.What, " "))
		}
		slices.Reverse(out)
		return out
	}
	if got := strings.Join(told(theirs), ", "); got != "lan: added, quan: added, chief.kh: added" {
		t.Errorf("told is %q", got)
	}
	ahead.Store(int64(15 * 24 * time.Hour))
	thu := exchange.Officer{ID: "thu", Name: "Vũ Thị Thu (hư cấu)", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
	change := func(as string) {
		t.Helper()
		if err := roster.Administer(t.Context(), &officerQuan, thu, as); err != nil {
			t.Fatal(err)
		}
	}
	change("")
	if _, err := roster.InviteAs(t.Context(), &officerQuan, "thu", thu.Version()); err != nil {
		t.Fatal(err)
	}
	s.serve()
	for officer, sees := range map[string]bool{"chief.kh": true, "chief.la": false, "lan": false} {
		v := newVisitor(t, s.address)
		v.get(s.pages.OpenDoor("/", "chief.kh", "chief.la", "lan"))
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
		for _, text := range []string{"Cán bộ được thêm quyền", "Vũ Thị Thu", "thêm vào", "lời mời", "bởi Hoàng Văn Quân (hư cấu) (quan)"} {
			if p := v.get("/"); p.status != 200 || strings.Contains(p.body, text) != sees {
				t.Errorf("%s is told %q: %t (%d)", officer, text, !sees, p.status)
			}
		}
	}

	// What gives nothing is not told, nor what an officer does to their own entry.
	was := func() string { // and the entry goes on from as it stands
		o, err := roster.Officer(t.Context(), "thu")
		if err != nil {
			all, _ := roster.All(t.Context())
			o = &all[slices.IndexFunc(all, func(o exchange.Officer) bool { return o.ID == "thu" })]
		}
		thu = *o
		return o.Version()
	}
	was()
	thu.Invitation = nil
	if err := roster.Put(t.Context(), "thu", thu); err != nil {
		t.Fatal(err)
	}
	for _, give := range []func(){
		func() { thu.Name = "Vũ Thu (hư cấu)" },
		func() { thu.Roles = append(thu.Roles, exchange.RoleCompliance) },
		func() { thu.Roles, thu.Pins = thu.Roles[:1], []string{"sha256/" + strings.Repeat("A", 43) + "="} },
		func() { thu.Partners, thu.Police = []string{"KH", "LA"}, true },
		func() { thu.Status = exchange.OfficerSuspended },
		func() { thu.Status = exchange.OfficerActive },
		func() { thu.Partners = []string{exchange.EveryPartner} },
		func() { thu.Partners = []string{"KH"} },
	} {
		as := was()
		give()
		change(as)
	}
	want := []string{"thu quan: added", "thu quan: invitation", "thu quan: roles", "thu quan: pins", "thu quan: partners police", "thu quan: back", "thu quan: partners"}
	if got := told(ours); !slices.Equal(got, want) {
		t.Errorf("told is %q, want %q", got, want)
	}
	if got := told(thu); !slices.Equal(got, want[1:]) { // their own entry, but for that they are here
		t.Errorf("the officer is told %q, want %q", got, want[1:])
	}
	if got := told(officerLan); got != nil {
		t.Errorf("another officer is told %q", got)
	}
	if got := told(theirs); !slices.Equal(got, want[4:]) { // since thu is of their partner too
		t.Errorf("another partner's supervisor is told %q, want %q", got, want[4:])
	}
	for i := range 60 { // nobody is lost among many unsaid
		o := exchange.Officer{ID: fmt.Sprintf("one.%d", i), Name: "Specimen", Roles: []exchange.Role{exchange.RoleAdministrator}, Status: exchange.OfficerActive}
		if err := roster.Administer(t.Context(), &officerQuan, o, ""); err != nil {
			t.Fatal(err)
		}
	}
	if found, more, err := roster.Widenings(t.Context(), &theirs); err != nil || len(found) != 50 || !more {
		t.Errorf("of many, %d are told, more: %t, %v", len(found), more, err)
	}
	ahead.Store(int64(30 * 24 * time.Hour))
	if got := told(ours); len(got) != 0 {
		t.Errorf("after two weeks told is %q", got)
	}
	s.vn.check()
}
