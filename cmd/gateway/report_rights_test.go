package main

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
	"github.com/repatriation-exchange/gateway/exchange/store"
)

// officerNga is a compliance officer who sees everything.
var officerNga = exchange.Officer{ID: "nga", Name: "Đỗ Thị Nga (hư cấu)", Roles: []exchange.Role{exchange.RoleCompliance}, Partners: []string{exchange.EveryPartner}, Police: true, Status: exchange.OfficerActive}

// ordered asks for a report and waits until it is made or has failed.
func (s *scene) ordered(by exchange.Officer, wish exchange.ReportWish) exchange.Report {
	s.t.Helper()
	wish.Reason = "quarterly review"
	id, err := s.vn.node.reports.Order(s.t.Context(), &by, wish)
	if err != nil {
		s.t.Fatal(err)
	}
	var out exchange.Report
	eventually(s.t, "the report is made", func() bool {
		list, err := s.vn.node.reports.List(s.t.Context(), &by)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range list {
			if r.ID == id {
				out = r
			}
		}
		return out.State != exchange.ReportDue
	})
	return out
}

// A report is for whoever could ask for the same now. Once its officer sees less than when
// it was made they cannot have it, though it is there; once they see as much again they can.
func TestReportsFollowTheRights(t *testing.T) {
	s := newScene(t)
	reports, ctx := s.vn.node.reports, t.Context()
	is := func(change func(*exchange.Officer)) exchange.Officer {
		t.Helper()
		o := officerNga
		change(&o)
		if err := s.vn.node.roster.Put(ctx, "", o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	all := is(func(*exchange.Officer) {})
	made := map[string]string{}
	for name, wish := range map[string]exchange.ReportWish{
		"evidence of everything":   {Kind: export.KindEvidence},
		"statistics of everything": {Kind: export.KindStatistics},
		"accesses of a partner":    {Kind: export.KindAccess, Scope: exchange.Scope{Partner: "KH"}},
		"evidence of a case":       {Kind: export.KindEvidence, Scope: exchange.Scope{Partner: "KH", Case: s.fresh}},
	} {
		r := s.ordered(all, wish)
		if made[name] = r.ID; r.State != exchange.ReportReady {
			t.Fatalf("%s: %+v", name, r)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*exchange.Officer)
		given  bool
	}{
		{"she sees what she saw", func(*exchange.Officer) {}, true},
		{"no police information any more", func(o *exchange.Officer) { o.Police = false }, false},
		{"one partner alone", func(o *exchange.Officer) { o.Partners = []string{"LA"} }, false},
		{"as many partners as there are, but not those to come", func(o *exchange.Officer) { o.Partners = []string{"CN", "GB", "KH", "LA"} }, false},
		{"another role", func(o *exchange.Officer) { o.Roles = []exchange.Role{exchange.RoleAuditor} }, false},
		{"she sees it again", func(*exchange.Officer) {}, true},
	} {
		by := is(c.change)
		listed, err := reports.List(ctx, &by)
		if err != nil || len(listed) != len(made) {
			t.Fatalf("%s: %d reports, %v", c.name, len(listed), err)
		}
		for _, r := range listed {
			if (r.Withheld == nil) != c.given {
				t.Errorf("%s: a list says of %s: %v", c.name, r.Wish.Kind, r.Withheld)
			}
		}
		for name, id := range made {
			_, write, err := reports.Fetch(ctx, &by, id)
			if (err == nil) != c.given || err != nil && exchange.AsProblem(err).Kind.Status >= 500 {
				t.Errorf("%s: %s: %v", c.name, name, err)
			}
			if err != nil {
				continue
			}
			var out bytes.Buffer
			if err := write(&out); err != nil || out.Len() == 0 {
				t.Errorf("%s: %s has %d bytes, %v", c.name, name, out.Len(), err)
			}
		}
	}

	// They may have changed before it is made: the record knows her otherwise than whoever asked.
	narrow := is(func(o *exchange.Officer) { o.Partners = []string{"LA"} })
	wish := exchange.ReportWish{Kind: export.KindEvidence, Scope: exchange.Scope{Partner: "KH"}}
	if r := s.ordered(all, wish); r.State != exchange.ReportFailed || r.File.Problem != "not-found" {
		t.Errorf("of a partner whom she does not see any more: %+v", r)
	}
	// What she has asked for since is hers.
	if r := s.ordered(narrow, exchange.ReportWish{Kind: export.KindStatistics}); r.Withheld != nil {
		t.Errorf("made under what she sees now: %v", r.Withheld)
	}
	s.quiet()
	s.vn.check()
}

// fetchForm is the form by which the page of reports hands one out.
var fetchForm = regexp.MustCompile(`<form method="post" action="(/reports/[^"]+)"`)

// What an officer's reports were made under, and what somebody has altered of one, the page
// says of that one alone; and an altered one is told in words and not cut off.
func TestConsoleReportsOneCannotBeHad(t *testing.T) {
	s := newScene(t)
	tuyet := s.visitedBy("tuyet")
	for range 2 {
		tuyet.post("/reports", url.Values{"kind": {export.KindStatistics}, "reason": {"báo cáo quý bốn"}})
	}
	var made [][]string
	eventually(t, "the reports are made", func() bool {
		made = fetchForm.FindAllStringSubmatch(tuyet.get("/reports").body, -1)
		return len(made) == 2
	})
	db := s.vn.tables()
	alter := func(stmt, id string) {
		t.Helper()
		rearm := disarm(t, db, store.SQLite)
		defer rearm()
		if _, err := db.ExecContext(t.Context(), stmt, strings.TrimPrefix(id, "/reports/")); err != nil {
			t.Fatal(err)
		}
	}
	const altered = "Nó đã bị sửa sau khi được ghi"
	alter("UPDATE report_part SET content = zeroblob(length(content)) WHERE report = ?", made[0][1])
	if p := tuyet.post(made[0][1], nil); p.status != 500 || !strings.Contains(p.body, altered) {
		t.Errorf("one whose part was altered: %d %s", p.status, p.body)
	}
	alter("DELETE FROM report_part WHERE report = ?", made[0][1])
	if p := tuyet.post(made[0][1], nil); p.status != 500 || !strings.Contains(p.body, altered) {
		t.Errorf("one whose part is gone: %d %s", p.status, p.body)
	}
	if read := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess, Type: "report_read"}); len(read) != 0 {
		t.Errorf("the record has it that she got %d", len(read))
	}
	for column, id := range map[string]string{"wish": made[0][1], "file": made[1][1]} {
		alter("UPDATE report SET "+column+" = zeroblob(length("+column+")) WHERE id = ?", id)
		p := tuyet.get("/reports")
		if p.status != 200 || strings.Contains(p.body, id+`"`) || !strings.Contains(p.body, altered) || !strings.Contains(p.body, ">đã bị sửa<") {
			t.Errorf("one whose %s was altered: %d %s", column, p.status, p.body)
		}
		if p := tuyet.post(id, nil); p.status != 500 || !strings.Contains(p.body, altered) {
			t.Errorf("and to fetch it: %d %s", p.status, p.body)
		}
	}
	tuyet.post("/reports", url.Values{"kind": {export.KindStatistics}, "reason": {"báo cáo quý bốn"}})
	eventually(t, "another one is made, and offered beside them", func() bool { return len(fetchForm.FindAllString(tuyet.get("/reports").body, -1)) == 1 })

	narrowed := officerTuyet
	narrowed.Partners = []string{"LA"}
	if err := s.vn.node.roster.Put(t.Context(), "", narrowed); err != nil {
		t.Fatal(err)
	}
	if p := tuyet.get("/reports"); p.status != 200 || fetchForm.MatchString(p.body) || !strings.Contains(p.body, "Báo cáo được lập khi bạn được xem nhiều hơn bây giờ") {
		t.Errorf("once she sees less: %d %s", p.status, p.body)
	}
	s.quiet()
}
