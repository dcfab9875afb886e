package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// at returns the gateway's scheduler and case files as they will be at a time.
func (g *testGateway) at(now time.Time) (*exchange.Scheduler, *exchange.CaseFiles) {
	g.t.Helper()
	n, clock := g.node, func() time.Time { return now }
	s, err := exchange.NewScheduler(exchange.SchedulerConfig{
		Jobs: n.db, Reader: n.db, Opener: n.opener, Directory: n.directory, Recorder: n.committer, Clock: clock, Logger: n.log,
	})
	if err != nil {
		g.t.Fatal(err)
	}
	files, err := exchange.NewCaseFiles(exchange.CaseFilesConfig{Reader: n.db, Opener: n.opener, Directory: n.directory, Roster: n.roster, Recorder: n.committer, Clock: clock})
	if err != nil {
		g.t.Fatal(err)
	}
	return s, files
}

// look lets the scheduler of a later day do its work, and returns the events
// that the case holds then.
func (g *testGateway) look(now time.Time, caseID string) []string {
	g.t.Helper()
	s, _ := g.at(now)
	if err := s.Work(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	var events []string
	for _, row := range g.rows(exchange.Filter{Kind: exchange.KindEvent, Case: caseID}) {
		if strings.HasPrefix(row.Type, "clock_") {
			events = append(events, row.Type)
		}
	}
	return events
}

var everyone = &exchange.Officer{ID: "test", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{exchange.EveryPartner}}

// stores runs a test with Viet Nam's record on each store.
func stores(t *testing.T, test func(t *testing.T, p *pair)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newPair(t, "")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newPair(t, newPostgres(t))) })
}

// The clocks of Viet Nam's own law run from a question to its answer, survive a
// restart, remind, run out once, and are shown with their citation.
func TestClocks(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		claims := p.kh.claims("VN")
		if r := p.kh.post(p.vn, p.kh.sign(claims)); r.status != 202 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		key := exchange.CaseKey{Partner: "KH", Case: claims.Case}
		issued := time.Unix(claims.IssuedAt, 0)
		hanoi, err := time.LoadLocation("Asia/Ho_Chi_Minh")
		if err != nil {
			t.Fatal(err)
		}
		day := func(n int) time.Time { // the end of the n-th day after
			y, m, d := issued.In(hanoi).Date()
			return time.Date(y, m, d+n, 23, 59, 59, 0, hanoi)
		}
		row, err := p.vn.node.db.Case(t.Context(), key)
		if err != nil || !row.DueAt.Equal(day(15)) {
			t.Fatalf("the case is due %s, want %s; %v", row.DueAt, day(15), err)
		}
		_, files := p.vn.at(issued)
		file, err := files.Case(t.Context(), everyone, key)
		if err != nil || len(file.Clocks) != 2 {
			t.Fatalf("%+v %v", file.Clocks, err)
		}
		for _, c := range file.Clocks {
			if !c.Ours || c.Reading.State != partners.ClockDue || c.Deadline.Scope != partners.ScopeInternal || c.Deadline.Citation.EN == "" || c.Deadline.Label.EN != "Viet Nam internal" {
				t.Errorf("%+v", c)
			}
		}
		p.vn.halt()
		p.vn.start()
		if got := p.vn.look(day(9), claims.Case); len(got) != 0 {
			t.Fatalf("too early: %v", got)
		}
		if got := p.vn.look(day(10), claims.Case); strings.Join(got, " ") != "clock_reminder" {
			t.Fatalf("five days before: %v", got)
		}
		p.vn.look(day(10), claims.Case)
		if got := p.vn.look(day(15), claims.Case); strings.Join(got, " ") != "clock_reminder clock_reminder" {
			t.Fatalf("on the last day: %v", got)
		}
		late := day(16)
		got := p.vn.look(late, claims.Case)
		if strings.Join(got, " ") != "clock_reminder clock_reminder clock_overdue" {
			t.Fatalf("a day late: %v", got)
		}
		if again := p.vn.look(late, claims.Case); len(again) != len(got) {
			t.Errorf("it runs out twice: %v", again)
		}
		_, files = p.vn.at(late)
		if file, err = files.Case(t.Context(), everyone, key); err != nil || file.Clocks[0].Reading.State != partners.ClockOverdue || file.Clocks[1].Reading.State != partners.ClockDue {
			t.Errorf("%+v %v", file.Clocks, err)
		}

		p.kh.halt() // it has not sent the question itself, and would refuse its answer
		body := json.RawMessage(`{"subjects":[{"subject_ref":"S-1","outcome":"insufficient"},{"subject_ref":"S-2","outcome":"insufficient"}]}`)
		if _, err := p.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityResponse, Case: claims.Case, InReplyTo: claims.ID, Body: body}); err != nil {
			t.Fatal(err)
		}
		if row, err = p.vn.node.db.Case(t.Context(), key); err != nil || !row.DueAt.IsZero() {
			t.Errorf("after the answer the case is due %s, %v", row.DueAt, err)
		}
		if again := p.vn.look(day(40), claims.Case); len(again) != len(got) {
			t.Errorf("an answered question goes on: %v", again)
		}
		if backlog, err := p.vn.node.db.Backlog(t.Context()); err != nil || backlog[exchange.ClockQueue].Due != 0 {
			t.Errorf("clock jobs are left: %+v %v", backlog[exchange.ClockQueue], err)
		}
		p.vn.check()
	})
}

// A time limit that was changed counts at once on the page of a case, in its head, too.
func TestChangedClockIsShown(t *testing.T) {
	p := newPair(t, "")
	claims := p.kh.claims("VN")
	if r := p.kh.post(p.vn, p.kh.sign(claims)); r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	p.vn.editAgreement(func(a *partners.Agreement) {
		for i := range a.Deadlines {
			if a.Deadlines[i].ID == "vn-identity-15" {
				a.Deadlines[i].Value, a.Deadlines[i].RemindBefore = 1, nil
			}
		}
	})
	p.vn.reload()
	file, err := p.vn.node.files.Case(t.Context(), everyone, exchange.CaseKey{Partner: "KH", Case: claims.Case})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(file.Clocks, func(c exchange.RunningClock) bool { return c.Deadline.ID == "vn-identity-15" })
	if due := file.Clocks[i].Reading.Due; !file.Row.DueAt.Equal(due) || due.After(time.Unix(claims.IssuedAt, 0).AddDate(0, 0, 3)) {
		t.Errorf("the case is due %s, its clock %s", file.Row.DueAt, due)
	}
	p.vn.check() // lists still have what the agreement of then has made
}

// A clock stops when everybody it was started for is answered for.
func TestClockWaitsForEverybody(t *testing.T) {
	p := newPair(t, "")
	claims := p.kh.claims("VN")
	if r := p.kh.post(p.vn, p.kh.sign(claims)); r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	p.kh.halt() // as above
	key := exchange.CaseKey{Partner: "KH", Case: claims.Case}
	due := func() time.Time {
		t.Helper()
		row, err := p.vn.node.db.Case(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return row.DueAt
	}
	answer := func(body string) {
		t.Helper()
		if _, err := p.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityResponse, Case: claims.Case, InReplyTo: claims.ID, Body: json.RawMessage(body)}); err != nil {
			t.Fatal(err)
		}
	}
	answer(`{"subjects":[{"subject_ref":"S-1","outcome":"insufficient"}]}`)
	if due().IsZero() {
		t.Error("one of two persons is answered for, and the clock stands")
	}
	withdrawal := claims
	withdrawal.ID, withdrawal.Type, withdrawal.Purpose = exchange.NewID(), exchange.TypeWithdrawal, "data_protection"
	withdrawal.Body = json.RawMessage(`{"target":"` + claims.ID + `","reason":"wrong_person","subjects":["S-2"]}`)
	if r := p.kh.post(p.vn, p.kh.sign(withdrawal)); r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if at := due(); !at.IsZero() {
		t.Errorf("nobody waits for an answer, and the case is due %s", at)
	}
}

// A partner cannot start a clock of ours in the past: its question counts from
// when it came, less the tolerated difference of clocks.
func TestBackdatedQuestion(t *testing.T) {
	p := newPair(t, "")
	claims := p.kh.claims("VN")
	claims.IssuedAt = time.Now().Add(-12 * 24 * time.Hour).Unix()
	claims.Expires = time.Now().Add(24 * time.Hour).Unix()
	if r := p.kh.post(p.vn, p.kh.sign(claims)); r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	file, err := p.vn.node.files.Case(t.Context(), &commandLine, exchange.CaseKey{Partner: "KH", Case: claims.Case})
	if err != nil || len(file.Clocks) == 0 {
		t.Fatalf("%d clocks, %v", len(file.Clocks), err)
	}
	for _, c := range file.Clocks {
		if left := time.Until(c.Reading.Due); left < 14*24*time.Hour {
			t.Errorf("%s is due in %s", c.Deadline.ID, left)
		}
	}
	p.vn.check()
}
