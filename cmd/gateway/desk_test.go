package main

import (
	"context"
	"encoding/json"
	"errors"
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

// Whoever can change the tables can neither make a message leave nor give an
// officer back what was taken: the record decides.
func TestBribedAdministratorReleasesNothing(t *testing.T) {
	p := newPair(t, "")
	n := p.vn.node
	db := p.vn.tables()
	for _, table := range []string{"draft", "officer"} { // an administrator can do this
		var triggers []string
		rows, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			triggers = append(triggers, name)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		for _, name := range triggers {
			if _, err := db.Exec("DROP TRIGGER " + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	bribed := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	author := exchange.Officer{ID: "tran.van.mau", Name: "Specimen", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
	if err := n.roster.Put(t.Context(), "", author); err != nil {
		t.Fatal(err)
	}
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	draft := exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: l.id, Body: json.RawMessage(`{"scope":"case","basis":"consent_withdrawn"}`)}
	view, err := n.desk.Submit(t.Context(), &author, draft, nil)
	if err != nil || view.Row.State != exchange.DraftWaiting {
		t.Fatalf("%s %v", view.Row.State, err)
	}
	bribed("UPDATE draft SET state = 'releasing' WHERE id = ?", view.Row.ID)
	if left, err := n.desk.Sweep(t.Context()); err == nil || left != 0 {
		t.Errorf("%d drafts left without an approval: %v", left, err)
	}
	if rows := p.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out}); len(rows) != 0 {
		t.Errorf("%d messages left", len(rows))
	}

	var before []byte
	if err := db.QueryRow("SELECT content FROM officer WHERE id = ?", author.ID).Scan(&before); err != nil {
		t.Fatal(err)
	}
	author.Status = exchange.OfficerSuspended
	if err := n.roster.Put(t.Context(), "", author); err != nil {
		t.Fatal(err)
	}
	if _, err := n.roster.Officer(t.Context(), author.ID); !errors.Is(err, exchange.ErrNotFound) {
		t.Errorf("a suspended officer acts: %v", err)
	}
	bribed("UPDATE officer SET content = ? WHERE id = ?", before, author.ID)
	if _, err := n.roster.Officer(t.Context(), author.ID); !errors.Is(err, exchange.ErrNotFound) {
		t.Errorf("an officer whose row was put back acts: %v", err)
	}
	bribed("INSERT INTO officer (id, changed_at, content) VALUES ('nobody', 0, ?)", before)
	if _, err := n.roster.Officer(t.Context(), "nobody"); err == nil {
		t.Error("somebody became an officer by an INSERT")
	}
}
