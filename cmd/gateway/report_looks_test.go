package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
)

// deedsOf returns what a trail says was done, with who did it and why.
func (s *scene) deedsOf(by exchange.Officer, f exchange.TrailFilter) []string {
	s.t.Helper()
	deeds, _, err := s.vn.node.oversight.Trail(s.t.Context(), &by, f, 0, 50)
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, d := range deeds {
		if d.Kind == exchange.KindAccess {
			out = append(out, strings.Join([]string{d.Entry, d.By, d.Partner, d.Case, d.Reason}, " "))
		}
	}
	return out
}

// An export of a case is an entry of that case, by whichever way it was made: those who
// work on it see it, auditors of its partner find it, the person is told of it, and the
// erasure of the case destroys the reason.
func TestReportsOfACaseAreEntriesOfIt(t *testing.T) {
	s := newScene(t)
	key := exchange.CaseKey{Partner: "KH", Case: s.overdue}
	scope := exchange.Scope{Partner: "KH", Case: s.overdue}
	if _, err := s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindEvidence, Scope: scope}); err != nil {
		t.Fatal(err)
	}
	s.vn.export(s.vn.path("one.zip"), "--case", s.overdue)
	looks, next, err := s.vn.node.files.Looks(t.Context(), &officerLan, key, 0, 50)
	if err != nil || next != 0 || len(looks) != 2 || looks[1].Officer != "tuyet" || looks[1].What != "evidence" || looks[1].Reason != "quarterly review" || looks[0].Reason != "a test" || looks[1].Wider {
		t.Errorf("who has looked: %+v %d %v", looks, next, err)
	}
	entries, err := s.vn.node.files.TimelineBefore(t.Context(), &officerLan, key, 0, 1)
	if err != nil || entries[0].Type != "evidence_export" {
		t.Errorf("the last of the timeline: %+v %v", entries, err)
	}
	want := "evidence_export tuyet KH " + s.overdue + " quarterly review"
	for name, f := range map[string]exchange.TrailFilter{
		"case": {Case: s.overdue}, "case of partner": {Partner: "KH", Case: s.overdue}, "partner": {Partner: "KH", Kind: exchange.KindAccess, Type: "evidence_export"}, "all": {},
	} {
		if deeds := s.deedsOf(officerAn, f); len(deeds) != 2 || deeds[1] != want {
			t.Errorf("an auditor who looks by %s finds %q", name, deeds)
		}
	}
	for kind, column := range map[string]string{export.KindAccess: "", export.KindSubject: "accesses.csv"} {
		text, err := s.vn.report(officerTuyet, exchange.ReportWish{Kind: kind, Scope: scope, Subject: "S-1"})
		if err != nil {
			t.Fatal(err)
		}
		if column != "" {
			text = string(unzipped(t, text)[column])
		}
		if !slices.ContainsFunc(lines(t, text), func(l map[string]string) bool {
			return l["what"] == "evidence_export" && l["officer"] == "tuyet" && l["case"] == s.overdue
		}) {
			t.Errorf("%s:\n%s", kind, text)
		}
	}
	if err := s.vn.erase(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.vn.rows(exchange.Filter{Kind: exchange.KindAccess, Partner: "KH", Case: s.overdue}) {
		if _, err := s.vn.node.opener.Open(t.Context(), r); !errors.Is(err, exchange.ErrErased) {
			t.Errorf("the reason of entry %d, %s, outlives the case: %v", r.Index, r.Type, err)
		}
	}
	s.quiet()
	s.vn.check()
}

// An export of a partner or of everything is one entry, and is found from each case that
// it held something of, and from no other. Why it was made is said to those alone who
// may see all of it.
func TestWiderReportsAreFoundFromTheirCases(t *testing.T) {
	s := newScene(t)
	everything := officerTuyet
	everything.Partners, everything.Police = []string{exchange.EveryPartner}, true
	laos := officerTuyet
	laos.Partners = []string{"LA"}
	before := s.vn.now()
	for _, made := range []struct {
		by   exchange.Officer
		wish exchange.ReportWish
	}{
		{officerTuyet, exchange.ReportWish{Kind: export.KindHTCDS, Names: true, Scope: exchange.Scope{Partner: "KH"}}},
		{everything, exchange.ReportWish{Kind: export.KindEvidence}},
		{everything, exchange.ReportWish{Kind: export.KindHTCDS, Scope: exchange.Scope{From: before}}}, // nothing came since
		{laos, exchange.ReportWish{Kind: export.KindHTCDS}},
		{everything, exchange.ReportWish{Kind: export.KindHTCDS, Scope: exchange.Scope{Partner: "ZZ"}}}, // nobody's code
		{everything, exchange.ReportWish{Kind: export.KindStatistics}},
	} {
		if _, err := s.vn.report(made.by, made.wish); err != nil {
			t.Fatal(err)
		}
	}
	late := s.receives(exchange.TypeIdentityRequest, asked(""), nil)
	table, bundle := "htcds_export tuyet KH  quarterly review", "evidence_export tuyet   "
	kh := officerLan
	kh.Partners = []string{"KH"}
	for _, id := range []string{s.overdue, s.fresh} {
		looks, next, err := s.vn.node.files.Looks(t.Context(), &kh, exchange.CaseKey{Partner: "KH", Case: id}, 0, 50)
		if err != nil || next != 0 || len(looks) != 2 || looks[1].What != "htcds" || looks[1].Partner != "KH" || looks[1].Reason != "quarterly review" ||
			looks[0].What != "evidence" || looks[0].Partner != "" || !looks[0].Withheld || looks[0].Reason != "" || looks[0].Officer != "tuyet" {
			t.Errorf("%s: %+v %d %v", id, looks, next, err)
		}
		if deeds := s.deedsOf(officerAn, exchange.TrailFilter{Case: id, Kind: exchange.KindAccess}); !slices.Equal(deeds, []string{bundle, table}) {
			t.Errorf("the audit of the case: %q", deeds)
		}
		// One at a time comes to the same end.
		first, next, err := s.vn.node.files.Looks(t.Context(), &officerLan, exchange.CaseKey{Partner: "KH", Case: id}, 0, 1)
		if err != nil || len(first) != 1 || first[0].Reason != "quarterly review" || next != first[0].Index {
			t.Fatalf("the first look: %+v %d %v", first, next, err)
		}
		second, next, err := s.vn.node.files.Looks(t.Context(), &officerLan, exchange.CaseKey{Partner: "KH", Case: id}, next, 1)
		if err != nil || len(second) != 1 || second[0].Index != looks[1].Index || next != 0 {
			t.Errorf("the second look: %+v %d %v", second, next, err)
		}
	}
	if looks, _, err := s.vn.node.files.Looks(t.Context(), &officerLan, exchange.CaseKey{Partner: "KH", Case: late}, 0, 50); err != nil || len(looks) != 0 {
		t.Errorf("a case that was opened later: %+v %v", looks, err)
	}
	if deeds := s.deedsOf(officerAn, exchange.TrailFilter{Type: "evidence_export"}); !slices.Equal(deeds, []string{bundle}) {
		t.Errorf("an auditor of one partner is told of %q", deeds)
	}
	if deeds := s.deedsOf(officerAn, exchange.TrailFilter{Case: exchange.NewID()}); len(deeds) != 0 {
		t.Errorf("the audit of no case: %q", deeds)
	}
	text, err := s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindAccess, Scope: exchange.Scope{Partner: "KH"}})
	if err != nil || len(slices.DeleteFunc(lines(t, text), func(l map[string]string) bool { return l["what"] != "htcds_export" || l["partner"] != "KH" })) != 1 || !strings.Contains(text, "evidence_export") {
		t.Errorf("%v\n%s", err, text)
	}
	// Whoever is no partner has no place of their own in the record.
	if rows := s.vn.rows(exchange.Filter{Partner: "ZZ"}); len(rows) != 0 {
		t.Errorf("%d entries are of nobody's code", len(rows))
	}
	if _, err := s.vn.report(everything, exchange.ReportWish{Kind: export.KindEvidence, Scope: exchange.Scope{Partner: "ZZ"}}); exchange.AsProblem(err).Rule != "report-empty" || len(s.vn.rows(exchange.Filter{Partner: "ZZ"})) != 0 {
		t.Errorf("evidence of nobody's code: %v", err)
	}

	v := s.visitedBy("lan")
	v.post("/language", url.Values{"language": {"en"}, "to": {"/"}})
	if p := v.get("/cases/KH/" + s.overdue); !strings.Contains(p.body, "with cases of other partners") || !strings.Contains(p.body, "Evidence was asked for") {
		t.Error("the case's page does not say that it was exported")
	}
	// Fetching a report says of what it is too.
	id, err := s.vn.node.reports.Order(t.Context(), &officerTuyet, exchange.ReportWish{Kind: export.KindHTCDS, Scope: exchange.Scope{Partner: "KH", Case: s.overdue}, Reason: "request of the person"})
	if err != nil {
		t.Fatal(err)
	}
	var write func(io.Writer) error
	eventually(t, "the report is made", func() bool {
		_, write, err = s.vn.node.reports.Fetch(t.Context(), &officerTuyet, id)
		return err == nil
	})
	if err := write(&bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	rows, err := s.vn.node.db.Newest(t.Context(), math.MaxInt64, exchange.Filter{Kind: exchange.KindAccess}, 1)
	if err != nil || rows[0].Type != "report_read" || rows[0].Partner != "KH" || rows[0].Case != s.overdue {
		t.Errorf("fetching it: %+v %v", rows, err)
	}
	s.quiet()
	s.vn.check()
}
