package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A view that an officer keeps is a tab of that officer alone, on that list
// alone; what is typed wrong comes back as it was typed.
func TestConsoleViews(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.open("/messages?box=in&type=" + exchange.TypeIdentityRequest)
	b.run(chromedp.Click(chromedp.CSS(".keep summary")))
	b.run(chromedp.SendKeys(chromedp.CSS("#view-name"), strings.Repeat("x", 60)))
	look(b, chromedp.Evaluate[string](`document.querySelector("#view-name").value += "y"`)) // past maxlength
	b.click(".keep__form button")
	if text := b.text(); !strings.Contains(text, "nhiều nhất 60 ký tự") || look(b, chromedp.Evaluate[int](`document.querySelector("#view-name").value.length`)) != 61 {
		t.Errorf("a name that is too long:\n%s", text)
	}
	b.accessible("a view that was not kept")
	b.run(chromedp.SetValue(chromedp.CSS("#view-name"), "Yêu cầu mới"))
	b.click(".keep__form button")
	if got := look(b, chromedp.Text(chromedp.CSS(".views a[aria-current]"))); !strings.Contains(got, "Yêu cầu mới") {
		t.Errorf("the tab that is shown is %q", got)
	}
	b.accessible("a view of one's own")
	b.picture("messages-view")
	b.open("/cases")
	if strings.Contains(b.text(), "Yêu cầu mới") {
		t.Error("a view of messages is a tab of cases")
	}
	views := s.vn.node
	of := func(o exchange.Officer) []exchange.SavedView {
		t.Helper()
		kept, err := exchange.NewViews(views.db, views.opener)
		if err != nil {
			t.Fatal(err)
		}
		list, err := kept.List(t.Context(), &o, "messages")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if len(of(officerLan)) != 1 || len(of(officerMinh)) != 0 {
		t.Errorf("lan has %v, minh %v", of(officerLan), of(officerMinh))
	}
	b.open("/messages?box=in&type=" + exchange.TypeIdentityRequest)
	b.click(`.keep button[name="drop"]`)
	if len(of(officerLan)) != 0 || strings.Contains(b.text(), "Yêu cầu mới") {
		t.Error("the view is still there")
	}
	s.quiet()
}

// What somebody types into a filter may be a name: it comes to stand in an address
// only when it is the beginning of a case's number.
func TestConsoleFiltersKeepNamesOutOfAddresses(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address) // which complains of a secret in an address
	b.open(s.link)
	b.click(`button[value="minh"]`)
	type typed struct{ page, field, text string }
	for _, c := range []typed{{"/cases", "case", "Chanthy"}, {"/messages", "case", "Chanthy"}, {"/audit", "case", "Chanthy"}, {"/record", "message", "Chanthy"}} {
		b.open(c.page)
		b.run(chromedp.SendKeys(chromedp.CSS("#f-"+c.field), c.text))
		b.click(`form[action="` + c.page + `"] .filters__do button`)
		if at := look(b, chromedp.Evaluate[string]("location.pathname + location.search")); at != c.page {
			t.Errorf("%s typed into %s leads to %s", c.text, c.field, at)
		}
		if got := b.value("#f-" + c.field); got != c.text {
			t.Errorf("of what was typed into %s of %s stands %q", c.field, c.page, got)
		}
	}
	for _, c := range []typed{{"/cases", "case", s.fresh[:30]}, {"/messages", "case", s.fresh}, {"/audit", "case", s.fresh}, {"/messages", "case", s.fresh[:35]}, {"/audit", "case", s.fresh[:35]}} {
		b.open(c.page)
		b.run(chromedp.SendKeys(chromedp.CSS("#f-"+c.field), c.text))
		b.click(`form[action="` + c.page + `"] .filters__do button`)
		if at := look(b, chromedp.Evaluate[string]("location.pathname + location.search")); at != c.page+"?"+c.field+"="+c.text && (c.page == "/cases" || at != c.page+"?"+c.field+"="+s.fresh) {
			t.Errorf("%s typed into %s leads to %s", c.text, c.field, at)
		}
	}
	for _, page := range []string{"/messages", "/audit"} { // both are of one case
		b.open(page)
		b.run(chromedp.SendKeys(chromedp.CSS("#f-case"), s.fresh[:3]))
		b.click(`form[action="` + page + `"] .filters__do button`)
		if b.path() != page || !strings.Contains(b.text(), "Có nhiều hồ sơ mà số bắt đầu như vậy") || b.value("#f-case") != s.fresh[:3] {
			t.Errorf("%s does not say that more cases begin so:\n%s", page, b.text())
		}
		b.accessible(page + " of a case that was not named whole")
	}
	s.quiet()
}

// A list tells what waits in each case, and which concern a child or are urgent, as the
// request reads now: an officer knows where to begin. It is on the case's page and the
// message's, too.
func TestConsoleSaysWhatWaits(t *testing.T) {
	s := newScene(t)
	child := strings.Replace(fmt.Sprintf(person, ""), `"date_of_birth":"1998"`, `"date_of_birth":"2015"`, 1)
	var request string
	id := s.receives(exchange.TypeIdentityRequest, `{"urgent":true,"subjects":[`+child+`]}`, func(c exchange.Claims) { request = c.ID })
	v := s.visitedBy("lan")
	row := func(path, id string) string {
		t.Helper()
		_, after, found := strings.Cut(v.get(path).body, `href="/cases/KH/`+id+`"`)
		if !found {
			t.Fatalf("%s does not list the case", path)
		}
		after, _, _ = strings.Cut(after, "</tr>")
		return after
	}
	says := func(text string, urgent, minor bool) {
		t.Helper()
		if !strings.Contains(text, "Yêu cầu xác minh nhân thân") || strings.Contains(text, ">khẩn<") != urgent || strings.Contains(text, ">chưa thành niên<") != minor {
			t.Errorf("urgent %t, minor %t:\n%s", urgent, minor, text)
		}
	}
	for _, path := range []string{"/", "/cases"} {
		says(row(path, id), true, true)
		says(row(path, s.fresh), false, false) // the corrections are not what waits
	}
	message := v.get("/messages/KH/in/" + request)
	for _, p := range []page{message, v.get("/cases/KH/" + id)} {
		if !strings.Contains(p.body, ">khẩn<") {
			t.Errorf("%s does not say that it is urgent", p.at)
		}
	}
	s.receivesIn(id, exchange.TypeCorrection, `{"target":"`+request+`","revision":1,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/urgent","value":false}]}`)
	says(row("/", id), false, true)
	if p := v.get("/messages/KH/in/" + request); strings.Contains(p.body, ">khẩn<") {
		t.Error("the message is still urgent")
	}
	if line := row("/cases", s.ours); !strings.Contains(line, "Xác nhận quốc tịch") { // what came from them last
		t.Errorf("in a case of ours what waits is\n%s", line)
	}
	s.quiet()
}

// So do the list of messages, the lists of drafts, also of a case that nobody knows yet,
// and the form in which somebody writes of a child.
func TestConsoleMarksMessagesAndDrafts(t *testing.T) {
	s := newScene(t)
	child := strings.Replace(fmt.Sprintf(person, ""), `"date_of_birth":"1998"`, `"date_of_birth":"2015"`, 1)
	var request, answered string
	s.receives(exchange.TypeIdentityRequest, `{"urgent":true,"subjects":[`+child+`]}`, func(c exchange.Claims) { request = c.ID })
	s.receives(exchange.TypeIdentityRequest, `{"subjects":[`+fmt.Sprintf(person, "")+`]}`, func(c exchange.Claims) { answered = c.ID })
	held, err := s.vn.node.desk.Submit(t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(`{"urgent":true,"subjects":[` + child + `]}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ours := s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Case: s.ours, Direction: exchange.Out})[0].ID
	v := s.visitedBy("lan")
	says := func(path, row string, urgent, minor bool) {
		t.Helper()
		_, after, found := strings.Cut(v.get(path).body, `href="`+row+`"`)
		after, _, _ = strings.Cut(after, "</tr>")
		if !found || strings.Contains(after, ">khẩn<") != urgent || strings.Contains(after, ">chưa thành niên<") != minor {
			t.Errorf("%s, %s: urgent %t, minor %t:\n%s", path, row, urgent, minor, after)
		}
	}
	says("/messages", "/messages/KH/in/"+request, true, true)
	says("/messages", "/messages/KH/in/"+answered, false, false)
	says("/messages", "/messages/KH/out/"+ours, false, true)
	says("/", "/drafts/"+held.Row.ID, true, true)
	says("/cases/KH/"+held.Row.Case, "/drafts/"+held.Row.ID, true, true)

	// A correction says nothing of whom it is about, and its case does.
	correction, err := s.vn.node.desk.Submit(t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + ours + `","revision":1,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/subjects/0/claimed_birthplace/text_as_given","value":"Kandal"}]}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	says("/", "/drafts/"+correction.Row.ID, false, true)

	form := func(born string) bool {
		return strings.Contains(v.post("/write/"+exchange.NewID(), url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"save"},
			"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/date_of_birth#y": {born}}).body, `class="minor"`)
	}
	if !form("2015") || form("1980") {
		t.Errorf("the form tells of a child: %t, of an adult: %t", form("2015"), form("1980"))
	}
}

// A child whom a correction has made an adult stays protected, and the pages say why.
func TestConsoleSaysWhyAMinorIsOne(t *testing.T) {
	s := newScene(t)
	child := strings.Replace(fmt.Sprintf(person, ""), `"date_of_birth":"1998"`, `"date_of_birth":"2015"`, 1)
	var request string
	id := s.receives(exchange.TypeIdentityRequest, `{"subjects":[`+child+`]}`, func(c exchange.Claims) { request = c.ID })
	v := s.visitedBy("lan")
	const why = "Một thông điệp trước đó của hồ sơ này cho biết như vậy"
	says := func(before bool) {
		t.Helper()
		for _, path := range []string{"/cases/KH/" + id, "/messages/KH/in/" + request, "/cases/KH/" + id + "/print"} {
			if p := v.get(path); !strings.Contains(p.body, `class="minor"`) || strings.Contains(p.body, why) != before {
				t.Errorf("%s, an earlier message %t:\n%s", path, before, p.body)
			}
		}
	}
	says(false)
	s.receivesIn(id, exchange.TypeCorrection, `{"target":"`+request+`","revision":1,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"1998"}]}`)
	says(true)
	s.receivesIn(id, exchange.TypeCorrection, `{"target":"`+request+`","revision":2,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2012"}]}`)
	says(false)
}

// An officer who has no partner yet is told so.
func TestConsoleWithoutPartners(t *testing.T) {
	s := newScene(t)
	none := officerLan
	none.Partners = nil
	if err := s.vn.node.roster.Put(t.Context(), "", none); err != nil {
		t.Fatal(err)
	}
	if p := s.visitedBy("lan").get("/partners"); p.status != 200 || !strings.Contains(p.body, "Bạn chưa được phân công đối tác nào") || !strings.Contains(p.body, "<h1") {
		t.Errorf("%d\n%s", p.status, p.body)
	}
	s.quiet()
}
