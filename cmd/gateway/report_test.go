package main

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
)

var officerTuyet = exchange.Officer{ID: "tuyet", Name: "Vũ Thị Tuyết (hư cấu)", Roles: []exchange.Role{exchange.RoleCompliance}, Partners: []string{"KH"}, Status: exchange.OfficerActive}

// report makes a report as an officer and returns it.
func (g *testGateway) report(by exchange.Officer, wish exchange.ReportWish) (string, error) {
	g.t.Helper()
	var out bytes.Buffer
	wish.Reason = "quarterly review"
	_, err := g.node.reporter.Make(g.t.Context(), &by, wish, &out, func(int64, int64) {})
	return out.String(), err
}

// lines reads a report as a table, by the names of its columns.
func lines(t *testing.T, text string) []map[string]string {
	t.Helper()
	if !strings.Contains(text, "\r\n") || strings.HasPrefix(text, "\ufeff") {
		t.Fatalf("not RFC 4180 in plain UTF-8: %q", text[:min(len(text), 80)])
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%v\n%s", err, text)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		line := map[string]string{}
		for i, name := range rows[0] {
			line[name] = row[i]
		}
		out = append(out, line)
	}
	return out
}

// many takes a notice of n persons, every other one of a brokered marriage.
func (s *scene) many(n int, told func(exchange.Claims)) string {
	s.t.Helper()
	var subjects []string
	for i := range n {
		form := ""
		if i%2 == 0 {
			form = `,"national_form_code":"brokered_marriage"`
		}
		subjects = append(subjects, fmt.Sprintf(`{"subject_ref":"P-%d","name":{"native":"Nguyễn Thị Mẫu","script":"Latn","language":"vi","latin":"Nguyen Thi Mau"},"sex":"female","age_band":"18_24","claimed_citizenship":"VN","identified_on":"2026-11-01","identified_through":"rescue","trafficking_status":"PossibleVictimOfTrafficking","decision_making_organisation":"Police","needs":{"medical":true}%s}`, i, form))
	}
	return s.receives(exchange.TypeNotice, `{"subjects":[`+strings.Join(subjects, ",")+`]}`, told)
}

// Every report is made as its officer may see the record, and who asks is in the
// record before anything is read.
func TestReports(t *testing.T) {
	s := newScene(t)
	var sent exchange.Claims
	notice := s.many(13, func(c exchange.Claims) { sent = c })
	// One of the thirteen is somebody who was counted already.
	s.receivesIn(notice, exchange.TypeWithdrawal, `{"target":"`+sent.ID+`","reason":"duplicate","subjects":["P-12"]}`)
	accesses := func() int { return len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})) }

	before := accesses()
	text, err := s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindStatistics})
	if err != nil {
		t.Fatal(err)
	}
	if accesses() != before+1 {
		t.Errorf("%d accesses are recorded for a report", accesses()-before)
	}
	counted := map[string]map[string]string{}
	for _, l := range lines(t, text) {
		counted[l["table"]+"/"+l["under"]+"/"+l["row"]] = l
	}
	for at, want := range map[string][3]string{
		"outcomes//reported":                   {"15", "15", "100.0"}, // and the three persons of the scene
		"outcomes//verified":                   {"0", "15", "0.0"},
		"outcomes//confirmed":                  {"", "15", ""}, // one person
		"routes//rescued":                      {"", "15", ""}, // twelve; three are left
		"brokered_marriage//brokered_marriage": {"", "", ""},   // six of twelve; the twelve tell of the three
		"services//medical":                    {"0", "0", ""},
	} {
		if l := counted[at]; l["count"] != want[0] || l["of"] != want[1] || l["share_percent"] != want[2] {
			t.Errorf("%s: %v", at, l)
		}
	}
	if counted["about//status"]["note"] != "not an official form" || counted["about//hidden_below"]["note"] != "5" {
		t.Errorf("what the report says of itself: %v", counted["about//status"])
	}

	text, err = s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindHTCDS, Scope: exchange.Scope{Partner: "KH"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("HTCDS without names holds %q", secret)
		}
	}
	for _, l := range lines(t, text) {
		if l["case"] == notice && (l["prs_Gender"] != "Feminine" || l["vic_TraffickingStatus"] != "PossibleVictimOfTrafficking") {
			t.Errorf("a line of HTCDS: %v", l)
		}
	}
	text, err = s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindHTCDS, Names: true})
	if err != nil || !strings.Contains(text, "prs_Birthdate") || !strings.Contains(text, "1997-05") {
		t.Errorf("HTCDS with names: %v\n%s", err, text)
	}
	if named := lines(t, text); !slices.ContainsFunc(named, func(l map[string]string) bool {
		return l["name_native"] == "Nguyễn Thị Mẫu" && l["name_latin"] == "Nguyen Thi Mau"
	}) {
		t.Errorf("HTCDS with names has no name whose parts nobody has told apart:\n%s", text)
	}

	text, err = s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindDisclosure, Scope: exchange.Scope{Partner: "KH"}})
	if err != nil {
		t.Fatal(err)
	}
	disclosed := lines(t, text)
	if len(disclosed) != 1 || disclosed[0]["case"] != s.ours || !strings.Contains(disclosed[0]["personal_fields"], "/subjects/*/name") || disclosed[0]["agreement"] != "KH2005" || strings.Contains(text, "Chanthy") {
		t.Errorf("the register of disclosures:\n%s", text)
	}

	if _, err := s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindAccess}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindErasure}); err != nil {
		t.Fatal(err)
	}

	// A person's own file holds that person and nobody else, and who looked.
	text, err = s.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindSubject, Scope: exchange.Scope{Partner: "KH", Case: notice}, Subject: "P-3"})
	if err != nil {
		t.Fatal(err)
	}
	files := unzipped(t, text)
	var said []struct {
		Said map[string]any `json:"said"`
	}
	if err := json.Unmarshal(files["person.json"], &said); err != nil || len(said) != 1 || said[0].Said["subject_ref"] != "P-3" || bytes.Contains(files["person.json"], []byte("P-4")) {
		t.Errorf("%v\n%s", err, files["person.json"])
	}
	looks := lines(t, string(files["accesses.csv"]))
	if len(looks) != 3 || looks[1]["what"] != "htcds_export" || looks[2]["what"] != "htcds_export" || looks[0]["officer"] != "tuyet" || looks[0]["what"] != "subject_export" || looks[0]["reason"] != "quarterly review" {
		t.Errorf("who looked: %v", looks)
	}

	// What an officer may not see is in no report of theirs.
	for name, c := range map[string]struct {
		by   exchange.Officer
		wish exchange.ReportWish
		rule string
	}{
		"an officer without the role":     {officerMinh, exchange.ReportWish{Kind: export.KindStatistics}, ""},
		"a partner of somebody else":      {officerTuyet, exchange.ReportWish{Kind: export.KindStatistics, Scope: exchange.Scope{Partner: "LA"}}, ""},
		"evidence with police in it":      {officerTuyet, exchange.ReportWish{Kind: export.KindEvidence}, "evidence-scope"},
		"a person of no case":             {officerTuyet, exchange.ReportWish{Kind: export.KindSubject}, "subject-required"},
		"a person whom nobody speaks of":  {officerTuyet, exchange.ReportWish{Kind: export.KindSubject, Scope: exchange.Scope{Partner: "KH", Case: notice}, Subject: "P-99"}, "report-empty"},
		"a report that there is not":      {officerTuyet, exchange.ReportWish{Kind: "gossip"}, "report-unknown"},
		"a case without its partner":      {officerTuyet, exchange.ReportWish{Kind: export.KindHTCDS, Scope: exchange.Scope{Case: notice}}, "partner-required"},
		"a period that ends before it is": {officerTuyet, exchange.ReportWish{Kind: export.KindHTCDS, Scope: exchange.Scope{From: time.Now(), To: time.Now().Add(-time.Hour)}}, "period-turned"},
	} {
		out, err := s.vn.report(c.by, c.wish)
		if err == nil || exchange.AsProblem(err).Rule != c.rule || exchange.AsProblem(err).Kind.Status >= 500 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	s.quiet()
	s.vn.check()
}

func unzipped(t *testing.T, text string) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if out[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A report is asked for, made by the gateway, fetched by its officer alone, and
// gone when its time is over; each step is in the record.
func TestReportsAreDurable(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		p.vn.halt()
		later := new(atomic.Int64)
		p.vn.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		p.vn.start()
		p.kh.submit("VN")
		reports, ctx := p.vn.node.reports, t.Context()
		hoa, other := officerTuyet, officerTuyet
		other.ID = "tam"
		for _, o := range []exchange.Officer{hoa, other} {
			if err := p.vn.node.roster.Put(ctx, "", o); err != nil {
				t.Fatal(err)
			}
		}
		id, err := reports.Order(ctx, &hoa, exchange.ReportWish{Kind: export.KindHTCDS, Reason: "quarterly review"})
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			if list, err := reports.List(ctx, &hoa); err != nil || list[0].State != exchange.ReportDue {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		report, write, err := reports.Fetch(ctx, &hoa, id)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := write(&out); err != nil || int64(out.Len()) != report.File.Size || !strings.Contains(out.String(), "prs_Gender") {
			t.Errorf("%v\n%s", err, out.String())
		}
		if part, err := p.vn.node.db.Part(ctx, id, 1, 0); err != nil || bytes.Contains(part, []byte("prs_Gender")) {
			t.Errorf("at rest: %v %q", err, part)
		}
		if _, _, err := reports.Fetch(ctx, &other, id); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
			t.Errorf("somebody else's report: %v", err)
		}
		var types []string
		for _, r := range p.vn.rows(exchange.Filter{Kind: exchange.KindAccess}) {
			types = append(types, r.Type)
		}
		if !slices.Equal(types, []string{"htcds_export", "report_read"}) {
			t.Errorf("the record says %v", types)
		}
		later.Store(int64(reportsKept))
		if _, _, err := reports.Fetch(ctx, &hoa, id); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
			t.Errorf("a report whose time is over: %v", err)
		}
		p.vn.check()
	})
}

// Whoever looks again how far a report is gets the page anew: a link to the page's own
// address goes to a place in it and asks for nothing.
func TestConsoleReportsLookAgain(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("tuyet")
	again := regexp.MustCompile(`href="(/reports[^"#]*)#made">Xem lại tiến độ`)
	here, ask := "/reports", url.Values{"kind": {export.KindStatistics}, "reason": {"of the quarter"}}
	p := v.post(here, ask)
	for n := 0; !again.MatchString(p.body); n++ { // it was made before the page was
		if n == 20 {
			t.Fatalf("no page says that a report is being made: %d %s", p.status, p.body)
		}
		p = v.post(here, ask)
	}
	link := again.FindStringSubmatch(p.body)[1]
	if link == here {
		t.Error("the link asks for nothing")
	}
	if p := v.get(link); p.status != 200 || strings.Contains(p.body, `href="`+link+"#made") {
		t.Errorf("looked again once, and not twice: %d", p.status)
	}
	s.quiet()
}

// A compliance officer asks for a report, is told what is wrong with the wish and
// loses nothing, waits, and takes it away; nobody else is offered any.
func TestConsoleReports(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="tuyet"]`)
	b.open("/reports")
	b.language("en")
	b.run(chromedp.Click(chromedp.CSS(`input[name="kind"][value="subject"]`)), chromedp.SendKeys(chromedp.CSS("#f-subject"), "S-1"), chromedp.SendKeys(chromedp.CSS("#f-reason"), "request of the person"))
	b.click(`form[action="/reports"] button`)
	if text := b.text(); !strings.Contains(text, "Name the partner, the case and the person.") {
		t.Errorf("a person without a case:\n%s", text)
	}
	if kept := look(b, chromedp.Evaluate[string](`document.querySelector("#f-subject").value + "/" + document.querySelector("#f-reason").value + "/" + document.querySelector("[name=kind]:checked").value`)); kept != "S-1/request of the person/subject" {
		t.Errorf("what was typed is %q", kept)
	}
	b.accessible("a report that was not asked for")
	b.picture("reports-fault")
	b.run(chromedp.Click(chromedp.CSS(`input[name="kind"][value="statistics"]`)))
	b.click(`form[action="/reports"] button`)
	for range 100 {
		if b.open("/reports"); strings.Contains(b.text(), "Download (") {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	// A page that was opened before hears of it, and goes on with what is typed there.
	if !look(b, chromedp.Evaluate[bool](`(() => {
		const row = document.querySelector("[data-report]");
		const told = document.querySelector("#told[role=status]");
		if (told.textContent !== "" || !told.checkVisibility()) return false;
		row.dataset.state = "due"; row.lastElementChild.innerHTML = "<progress max=100></progress>"; document.getElementById("made").dataset.working = "1";
		const again = document.createElement("script"); again.src = "/assets/again/live.js"; document.head.append(again);
		return true })()`)) {
		t.Error("there is nothing that would tell it to whoever listens")
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#f-reason"), "of the next quarter"), chromedp.WaitVisible(chromedp.CSS("[data-report] button")))
	if kept := b.value("#f-reason"); kept != "of the next quarter" {
		t.Errorf("when a report is there, %q is left of what was typed", kept)
	}
	if told := look(b, chromedp.Evaluate[string](`document.getElementById("told").textContent`)); told != "Statistics: ready" {
		t.Errorf("whoever listens is told %q", told)
	}
	got := look(b, chromedp.Evaluate[string](`fetch(document.querySelector("form[action^='/reports/']").action, {method: "POST"}).then(async r => r.headers.get("content-disposition") + " " + (await r.text()).split("\r\n")[0])`, chromedp.EvalAwaitPromise))
	if got != "attachment; filename=statistics.csv table,row,under,title_vi,title_en,count,of,share_percent,median_days,note" {
		t.Errorf("the report came as %q", got)
	}
	b.as("minh")
	b.open("/reports")
	if text := b.text(); !strings.Contains(text, "You may not do this") {
		t.Errorf("a supervisor is offered reports:\n%s", text)
	}
	s.quiet()
	s.vn.check()
}

// A case's page leads whoever may report on it to a form that knows which case; its
// number is taken in any letters, and what begins several is not taken.
func TestConsoleReportsOnACase(t *testing.T) {
	s := newScene(t)
	link := "/reports?case=" + s.fresh + "&amp;partner=KH"
	if p := s.visitedBy("lan").get("/cases/KH/" + s.fresh); p.status != http.StatusOK || strings.Contains(p.body, "/reports") {
		t.Errorf("an officer is led to reports: %d", p.status)
	}
	v := newVisitor(t, s.address)
	v.get(s.pages.OpenDoor("/", "tuyet"))
	v.post("/sign-in/demonstration", url.Values{"officer": {"tuyet"}})
	if p := v.get("/cases/KH/" + s.fresh); !strings.Contains(p.body, `href="`+link+`"`) {
		t.Errorf("the case does not lead to its reports:\n%s", p.body)
	}
	p := v.get(html.UnescapeString(link))
	for _, chosen := range []string{`value="evidence" checked`, `value="KH" selected`, `name="case" value="` + s.fresh + `"`} {
		if !strings.Contains(p.body, chosen) {
			t.Errorf("the form has no %s", chosen)
		}
	}
	wish := url.Values{"kind": {"evidence"}, "partner": {"KH"}, "case": {s.fresh[:3]}, "reason": {"for the court"}}
	if p := v.post("/reports", wish); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "Có nhiều hồ sơ mà số bắt đầu như vậy") {
		t.Errorf("what begins the numbers of several cases: %d", p.status)
	}
	wish.Set("case", strings.ToUpper(s.fresh))
	v.post("/reports", wish)
	eventually(t, "the report is there", func() bool {
		p = v.get("/reports")
		return !strings.Contains(p.body, `data-state="due"`)
	})
	if !strings.Contains(p.body, `data-state="ready"`) || !strings.Contains(p.body, "<code>"+s.fresh+"</code>") {
		t.Errorf("of a number in capitals:\n%s", p.body)
	}
	s.quiet()
}
