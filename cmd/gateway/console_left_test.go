package main

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// again returns the form of a page that sends again what was left.
func (p page) again() (string, url.Values) {
	_, note, _ := strings.Cut(p.body, `aria-labelledby="left-title"`)
	note, _, _ = strings.Cut(note, "</section>")
	form := regexp.MustCompile(`(?s)<form method="post" action="([^"]*)">(.*?)</form>`).FindStringSubmatch(note)
	if form == nil {
		return "", nil
	}
	values := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(form[2], -1) {
		values.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return html.UnescapeString(form[1]), values
}

// Whatever is sent after its session has ended is not done. What was typed is on the
// form's page once its officer has signed in, is sent again as it was, and then is gone;
// whoever else signs in sees nothing of it. Of a button the page says that it was not
// done, and a page is always where signing in leads to.
func TestConsoleFormsAfterTheirSession(t *testing.T) {
	s := newScene(t)
	base := s.atName(ConsoleConfig{})
	s.link = s.pages.OpenDoor("/", "lan", "minh", "quan", "tuyet")
	v := newVisitor(t, base)
	v.get(s.link)
	sits := func(officer, to string) page {
		t.Helper()
		return v.post("/sign-in/demonstration", url.Values{"officer": {officer}, "to": {to}})
	}
	message, fresh := "/messages/KH/in/"+s.asked, "/cases/KH/"+s.fresh
	for _, try := range []struct {
		officer, path string
		form          url.Values
		page          string
		typed         []string // nil: nothing that is kept
		then          string   // what the form does, once it is sent again
	}{
		{"lan", message, url.Values{"reason": {"họp liên ngành"}, "all": {"1"}}, message, []string{"họp liên ngành"}, "Nguyễn Thị Mẫu"},
		{"lan", message + "/proof", url.Values{"reason": {"họp liên ngành"}}, message + "/proof", []string{"họp liên ngành"}, "eyJ"},
		{"lan", "/find/person", url.Values{"name": {"Sok Dara"}, "birth": {"1998"}, "number": {"N123"}, "reason": {"người thân đến hỏi"}}, "/find", []string{"Sok Dara", "1998", "N123", "người thân đến hỏi"}, "Sok Dara"},
		{"lan", "/find", url.Values{"text": {"Sok Dara"}}, "/find", []string{"Sok Dara"}, "Sok Dara"},
		{"lan", fresh + "/print", url.Values{"show": {"all"}, "reason": {"họp liên ngành"}}, fresh + "/print", []string{"họp liên ngành"}, "Nguyễn Thị Mẫu"},
		{"lan", "/cases", url.Values{"case": {"nothing-of-it"}, "filter": {"1"}}, "/cases", []string{"nothing-of-it"}, "Không có hồ sơ nào khớp"},
		{"lan", "/drafts/" + s.held + "/amend", url.Values{"why": {"bổ sung căn cứ"}}, "/drafts/" + s.held, []string{"bổ sung căn cứ"}, "lan"},
		{"minh", fresh + "/officers", url.Values{"do": {"assign"}, "was": {""}, "officer": {"lan"}, "reason": {"lan theo dõi"}}, fresh, []string{"lan theo dõi"}, "lan"},
		{"tuyet", "/reports", url.Values{"kind": {"statistics"}, "reason": {"báo cáo quý bốn"}}, "/reports", []string{"báo cáo quý bốn"}, "báo cáo quý bốn"},
		{"quan", "/officers/new", url.Values{"id": {"thu"}, "name": {"Vũ Thị Thu"}, "role": {"officer"}, "partner": {"KH"}, "version": {""}}, "/officers/new", []string{"thu", "Vũ Thị Thu"}, "Vũ Thị Thu"},
		{"quan", "/officers/lan/invite", url.Values{"version": {"x"}}, "/officers/lan", nil, ""},
		{"minh", "/acknowledge/none", nil, "/", nil, ""},
		{"lan", "/drafts/" + s.held + "/statement", url.Values{"decision": {"release"}}, "/drafts/" + s.held, nil, ""},
		{"tuyet", "/reports/none", nil, "/reports", nil, ""},
	} {
		sits(try.officer, "/")
		if _, err := s.vn.node.db.EndSessions(t.Context(), try.officer); err != nil {
			t.Fatal(err)
		}
		p := v.post(try.path, try.form)
		q := p.at.Query()
		to, err := url.Parse(q.Get("to"))
		if err != nil || p.status != 200 || p.at.Path != "/sign-in" || to.Path != try.page || q.Has("kept") != (try.typed != nil) || q.Has("undone") == q.Has("kept") {
			t.Errorf("%s leads to %s (%d)", try.path, p.at, p.status)
			continue
		}
		other := map[bool]string{true: "minh", false: "lan"}[try.officer != "minh"]
		if p := sits(other, to.String()); try.typed != nil && strings.Contains(p.body, "left-title") {
			t.Errorf("%s: %s is shown what %s has typed", try.path, other, try.officer)
		}
		p = sits(try.officer, to.String())
		if p.status != 200 || p.at.Path != try.page || !strings.Contains(p.body, "việc này chưa được thực hiện") {
			t.Errorf("%s: at %s (%d) it is not said that nothing was done", try.path, p.at, p.status)
		}
		action, form := p.again()
		if try.typed == nil {
			if action != "" {
				t.Errorf("%s is offered again", try.path)
			}
			continue
		}
		for _, text := range try.typed {
			if address := p.at.String(); !strings.Contains(p.body, "<bdi>"+text+"</bdi>") || strings.Contains(address, text) || strings.Contains(address, url.QueryEscape(text)) {
				t.Errorf("%s: %q is lost, or in the address %s", try.path, text, address)
			}
		}
		if sent := v.post(action, form); action != try.path || sent.status != 200 || !strings.Contains(sent.body, try.then) {
			t.Errorf("%s: sent again to %s: %d\n%s", try.path, action, sent.status, sent.body)
		}
		if action, _ := v.get(to.String()).again(); action != "" {
			t.Errorf("%s: what was sent again is still kept", try.path)
		}
	}
	if _, known, err := s.vn.node.officerEntry(t.Context(), "thu"); err != nil || !known {
		t.Errorf("the new officer: %v %v", known, err)
	}
	s.leavesLittle(v, sits)
	s.quiet()
	s.vn.check()
}

// leavesLittle tries what must not be kept: of whoever has signed out, of a stranger, and
// more than a few.
func (s *scene) leavesLittle(v *visitor, sits func(officer, to string) page) {
	s.t.Helper()
	left := func() int {
		rows, err := s.vn.node.db.FormsOf(s.t.Context(), "lan")
		if err != nil {
			s.t.Fatal(err)
		}
		return len(rows)
	}
	before := left() // the draft that lan has opened
	search := url.Values{"text": {"Sok Dara"}}
	sits("lan", "/")
	v.post("/sign-out", nil)
	for name, of := range map[string]string{"a page of nobody": "", "a page of a stranger's making": "AAAA"} {
		stranger := newVisitor(s.t, v.base)
		stranger.of = of
		if p := stranger.post("/find", search); p.at.Path != "/sign-in" || !p.at.Query().Has("undone") || left() != before {
			s.t.Errorf("%s: at %s, %d are kept", name, p.at, left())
		}
	}
	if p := v.post("/sign-out", nil); p.at.String() != v.base+"/sign-in?out=1" {
		s.t.Errorf("signing out twice leads to %s", p.at)
	}
	sits("lan", "/")
	if _, err := s.vn.node.db.EndSessions(s.t.Context(), "lan"); err != nil {
		s.t.Fatal(err)
	}
	last := page{}
	for range 8 {
		last = v.post("/find", search)
	}
	if n := left() - before; n != 5 {
		s.t.Errorf("%d are kept", n)
	}
	to, err := url.Parse(last.at.Query().Get("to"))
	if err != nil {
		s.t.Fatal(err)
	}
	id := to.Query().Get("undone")
	sits("lan", "/")
	if p := v.get("/write/" + id); p.status != 404 || strings.Contains(p.body, "Sok Dara") {
		s.t.Errorf("what was left is a form of a message: %d", p.status)
	}
	if p := v.get("/"); strings.Contains(p.body, id) {
		s.t.Error("the page of work has it")
	}
	reads := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess, Type: "form_read"})
	if p := v.get(to.String()); !strings.Contains(p.body, "Sok Dara") || len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess, Type: "form_read"})) != len(reads)+1 {
		s.t.Error("it is not shown, or not in the record")
	}
	if p := v.post("/left/"+id, url.Values{"to": {"/find"}}); p.at.Path != "/find" || left() != before+4 {
		s.t.Errorf("dropped, and at %s with %d", p.at, left()-before)
	}
}

// A page that shows what an officer had typed has nothing in it by which its size could
// tell of that: it is not packed, or it has nothing of its address.
func TestConsolePackedPagesReflectNothing(t *testing.T) {
	s := newScene(t)
	form := exchange.NewID()
	values := url.Values{"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-77"}}
	if _, err := s.forms().Keep(t.Context(), &officerLan, exchange.Form{ID: form, Partner: "KH", Case: s.fresh, Type: exchange.TypeIdentityResponse, Values: values}); err != nil {
		t.Fatal(err)
	}
	left, err := s.forms().Leave(t.Context(), &officerLan, exchange.Left{Form: "/find/person", Path: "/find/person", Values: url.Values{"name": {"Chanthy"}, "reason": {"người thân đến hỏi"}}})
	if err != nil {
		t.Fatal(err)
	}
	v := s.visitedBy("lan")
	for path, shows := range map[string]string{"/write/" + form + "?x=guessed": "S-77", "/messages?case=guessed&undone=" + left: "Chanthy", "/cases?case=guessed": "guessed"} {
		req, err := http.NewRequest(http.MethodGet, s.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		answer, err := v.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		packed := answer.Header.Get("Content-Encoding") == "gzip"
		_ = answer.Body.Close()
		page := v.get(path).body
		if personal := shows != "guessed"; !strings.Contains(page, shows) || personal && packed && strings.Contains(page, "guessed") || !personal && !packed {
			t.Errorf("%s: packed %t\n%s", path, packed, page)
		}
	}
	s.quiet()
}

// A page that one officer has left open does nothing for whoever signs in after them in
// that browser: they are told, what was typed waits for the officer whose page it is,
// and whoever has signed in does the same from a page of their own.
func TestConsolePageOfAnotherOfficer(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	message, fresh := "/messages/KH/in/"+s.asked, "/cases/KH/"+s.fresh
	v.get(message)
	lans := v.of
	v.post("/sign-in/demonstration", url.Values{"officer": {"minh"}})
	minhs := v.of
	events := len(s.vn.rows(exchange.Filter{Partner: "KH", Case: s.fresh}))
	for _, try := range []struct {
		path string
		form url.Values
	}{
		{message, url.Values{"all": {"1"}, "reason": {"họp liên ngành"}}},
		{fresh + "/officers", url.Values{"do": {"take"}, "was": {""}}},
		{"/drafts/" + s.waiting + "/decision", url.Values{"decision": {exchange.DecisionReject}, "why": {"thiếu căn cứ"}}},
	} {
		try.form.Set(".of", lans)
		if p := v.post(try.path, try.form); p.at.Path != "/sign-in" || !strings.Contains(p.body, "Trang đó do cán bộ khác mở") || !strings.Contains(p.body, "Bạn đang đăng nhập là Lê Văn Minh") || strings.Contains(p.body, "Nguyễn Thị Mẫu") {
			t.Errorf("%s leads to %s:\n%s", try.path, p.at, p.body)
		}
	}
	if p := v.post("/sign-out", url.Values{"everywhere": {"1"}, ".of": {lans}}); !strings.Contains(p.body, "Trang đó do cán bộ khác mở") || !v.inside() {
		t.Errorf("lan's page signs minh out: %s", p.at)
	}
	if n := len(s.vn.rows(exchange.Filter{Partner: "KH", Case: s.fresh})); n != events {
		t.Errorf("%d entries of the case were made", n-events)
	}
	if d, err := s.vn.node.db.Draft(t.Context(), s.waiting); err != nil || d.State != exchange.DraftWaiting {
		t.Errorf("the draft is %s: %v", d.State, err)
	}
	again := url.Values{"all": {"1"}, "reason": {"họp liên ngành"}, ".of": {lans}}
	to := v.post(message, again).at.Query().Get("to")
	if p := v.get(to); strings.Contains(p.body, "họp liên ngành") {
		t.Error("minh is shown what stood on lan's page")
	}
	again.Set(".of", minhs)
	if p := v.post(message, again); p.at.Path != message || !strings.Contains(p.body, "Nguyễn Thị Mẫu") {
		t.Errorf("from a page of their own: %s", p.at)
	}
	if p := v.post("/sign-in/demonstration", url.Values{"officer": {"lan"}, "to": {to}}); !strings.Contains(p.body, "họp liên ngành") {
		t.Error("lan does not find what stood on her page")
	}
	s.quiet()
}

// The buttons of a preview carry nothing that was typed: pressed too late they leave the
// form as it was.
func TestConsolePreviewAfterASession(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	at := "/write/" + exchange.NewID()
	form := url.Values{
		"to": {"KH"}, "case": {s.fresh}, "type": {exchange.TypeIdentityResponse}, ".reply": {s.asked}, "version": {"0"}, "do": {"preview"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/outcome": {"probable"}, "/subjects/0/fields/name": {"match"},
	}
	preview := v.post(at, form)
	if preview.status != 200 || !strings.Contains(preview.body, "Đối tác sẽ thấy đúng như sau") {
		t.Fatalf("the preview: %d\n%s", preview.status, preview.body)
	}
	button := url.Values{"do": {"submit"}}
	for _, name := range []string{"ticket", "version"} {
		button.Set(name, html.UnescapeString(regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(preview.body)[1]))
	}
	if _, err := s.vn.node.db.EndSessions(t.Context(), "lan"); err != nil {
		t.Fatal(err)
	}
	if p := v.post(at, button); p.at.Path != "/sign-in" || !p.at.Query().Has("kept") {
		t.Errorf("pressed too late it leads to %s", p.at)
	}
	v.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	if p := v.get(at); !strings.Contains(p.body, `value="probable" checked`) || strings.Count(p.body, `name=".of"`) != strings.Count(p.body, `<form method="post"`) {
		t.Errorf("what was typed is lost, or the page's ticket is a part of it: %d\n%s", p.status, p.body)
	}

	// Whoever has signed in since is led on; somebody else is not led to a form that they do not have.
	kept := "/sign-in?" + url.Values{"to": {at}, "kept": {"1"}}.Encode()
	if p := v.get(kept); p.at.Path != at {
		t.Errorf("signed in, the page that says so leads to %s", p.at)
	}
	if p := v.post("/sign-in/demonstration", url.Values{"officer": {"minh"}, "to": {at}}); p.status != 200 || p.at.Path != "/" {
		t.Errorf("somebody else is led to %s: %d", p.at, p.status)
	}
	if p := v.get(kept); p.at.Path != "/sign-in" || !strings.Contains(p.body, "Trang đó do cán bộ khác mở") {
		t.Errorf("somebody else is told nothing at %s", p.at)
	}
	s.quiet()
}

// A form of an officer who may not come back is not kept, and whoever sent it is told.
func TestConsoleFormOfASuspendedOfficer(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	start := v.get("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	hidden := func(name string) string {
		return html.UnescapeString(regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(start.body)[1])
	}
	gone := officerLan
	gone.Status = exchange.OfficerSuspended
	if err := s.vn.node.roster.Put(t.Context(), "", gone); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "ticket": {hidden("ticket")}, "version": {"0"}, "do": {"preview"}, "/subjects#n": {"1"}, "/subjects/0/name/native": {"Chanthy"}}
	if p := v.post("/write/"+exchange.NewID(), form); p.at.RequestURI() != "/sign-in?undone=1" || !strings.Contains(p.body, "Việc bạn yêu cầu chưa được thực hiện") {
		t.Errorf("it leads to %s:\n%s", p.at, p.body)
	}
	s.quiet()
}

// The same in a browser, with scripts and without.
func TestConsoleReasonAfterASession(t *testing.T) {
	for name, scripts := range map[string]bool{"with scripts": true, "without scripts": false} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			h := s.signIn("lan")
			if !scripts {
				h.noScript()
			}
			h.open("/messages/KH/in/" + s.asked)
			h.tap(`input[value="/subjects/0/name"]`)
			h.write("#reason", "đối chiếu với sổ hộ tịch")
			if _, err := s.vn.node.db.EndSessions(t.Context(), "lan"); err != nil {
				t.Fatal(err)
			}
			h.click(`.why button:not([name])`)
			h.says("Những gì bạn nhập đã được giữ")
			h.click(`button[value="lan"]`)
			h.says("việc này chưa được thực hiện", "đối chiếu với sổ hộ tịch")
			h.accessible("a page whose form was not done")
			h.picture("left")
			h.click(`[aria-labelledby="left-title"] button:not(.govuk-button--secondary)`)
			h.says("Nguyễn Thị Mẫu")
			if look(h.browser, chromedp.Evaluate[bool](`document.querySelector("#left-title") !== null`)) {
				t.Error("what was done is still said not to be")
			}
			s.quiet()
		})
	}
}
