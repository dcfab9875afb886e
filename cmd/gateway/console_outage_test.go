package main

import (
	"bytes"
	"html"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A partner goes down while an officer writes to it. The open page says that its line
// is held back, what was typed stays and is sent, and the message is the partner's as
// soon as it is back.
func TestConsolePartnerGoesDown(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	h.write(at("/subjects/0/name/native"), "Chanthy")
	h.tap(choice("/subjects/0/sex", "female"))
	h.write(at("/subjects/0/date_of_birth#y"), "1998")
	h.write(at("/subjects/0/claimed_birthplace/text_as_given"), "Takeo")
	h.consents("20")
	line := func() string {
		return look(h.browser, chromedp.Evaluate[string](`document.querySelector("#live [data-live=lines]:not([hidden]) strong")?.textContent ?? ""`))
	}
	if got := line(); got != "" {
		t.Fatalf("nothing is held back, and the page says %q", got)
	}

	s.kh.halt()
	for range 40 { // others' messages, which find that nobody is there
		s.vn.submit("KH")
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(line(), "Đường truyền tạm giữ: Campuchia"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the open page says %q of the line", line())
		}
	}
	if got := h.value(at("/subjects/0/name/native")); got != "Chanthy" {
		t.Errorf("what was typed is %q", got)
	}
	if link := look(h.browser, chromedp.Evaluate[string](`(e => e?.checkVisibility() ? e.getAttribute("href") : "")(document.querySelector("#live [data-live=lines] a"))`)); link != "/partners" {
		t.Errorf("what is said of the line leads to %q", link)
	}
	h.accessible("a form whose partner is away")
	h.picture("partner-away")

	h.click(toPreview)
	h.click(toSend)
	h.says("Đã ký và ghi vào nhật ký")
	rows := s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, Type: exchange.TypeIdentityRequest})
	asked := rows[len(rows)-1]
	h.open("/messages/KH/out/" + asked.ID)
	h.says("Chưa có biên nhận")
	h.open("/partners/KH")
	h.picture("partner-held-back")

	s.kh.start()
	eventually(t, "the request is delivered", func() bool {
		return len(s.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: asked.ID})) == 1
	})
	if got := s.kh.rows(exchange.Filter{Kind: exchange.KindMessage, ID: asked.ID}); len(got) != 1 {
		t.Errorf("the partner has it %d times", len(got))
	}
	h.open("/messages/KH/out/" + asked.ID)
	h.says("Đối tác đã nhận và ký biên nhận")
	s.quiet()
	s.vn.check()
}

// storeGoes takes the table of sessions away, and so who anybody is, and returns what
// brings it back.
func (s *scene) storeGoes() (back func()) {
	s.t.Helper()
	db := s.vn.tables()
	rename := func(from, to string) {
		if _, err := db.ExecContext(s.t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
			s.t.Fatal(err)
		}
	}
	rename("session", "session_away")
	return func() { rename("session_away", "session") }
}

// sentBack returns the form of a page that sends again what it could not take.
func (p page) sentBack() (path string, values url.Values) {
	_, form, found := strings.Cut(p.body, "Những gì bạn nhập không bị mất")
	if action := regexp.MustCompile(`<form method="post" action="([^"]*)"`).FindStringSubmatch(form); found && action != nil {
		path, values = html.UnescapeString(action[1]), url.Values{}
	}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(form, -1) {
		values.Add(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return path, values
}

// What was typed into a message is not lost when the store is away at the moment in which
// its button is pressed: the page that says so holds it, and sends it again.
func TestConsoleStoreGoesDown(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	h.write(at("/subjects/0/name/native"), `Chanthy "><i>`)
	h.write(at("/subjects/0/date_of_birth#y"), "1998")
	back := s.storeGoes()
	h.click(toPreview)
	h.says("Nhật ký tạm thời không truy cập được", "chưa được thực hiện", "Những gì bạn nhập không bị mất")
	h.accessible("a form that was sent while the store was away")
	h.picture("store-away")
	h.click("main form button") // it is away still
	h.says("Những gì bạn nhập không bị mất")
	back()
	h.click("main form button")
	if got := h.value(at("/subjects/0/name/native")); got != `Chanthy "><i>` {
		t.Errorf("what was typed is %q:\n%s", got, h.text())
	}
	if got := h.value(at("/subjects/0/date_of_birth#y")); got != "1998" {
		t.Errorf("the year is %q", got)
	}
	s.quiet()
}

// So it is with every form that somebody types into, file and all, and with no other: what
// lets somebody in is never sent back, nor is what another site has sent.
func TestConsoleSendsBackWhatItCannotTake(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	id := exchange.NewID()
	v.post("/write/"+id, s.answering("insufficient"))
	v.get("/")
	other := exchange.NewID()
	photo := "\xff\xd8\xff\xe0 a picture"
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for name, values := range s.answering("refused") {
		_ = parts.WriteField(name, values[0])
	}
	file, _ := parts.CreateFormFile("/subjects/0/photograph/content", "a.jpg")
	_, _ = file.Write([]byte(photo))
	_ = parts.Close()
	pictured := func() page {
		req, err := http.NewRequest(http.MethodPost, v.base+"/write/"+other, bytes.NewReader(body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", parts.FormDataContentType())
		return v.do(req)
	}
	tries := map[string]url.Values{
		"/write/" + id: {"version": {"1"}, "known": {""}, "do": {"submit"}, "ticket": {"t"}, ".left": {"x"}, ".reply": {s.asked}, "/a": {"một", "hai\n\"<b>"}},
		"/find/person": {"name": {"Sok Dara"}, "reason": {"người thân đến hỏi"}},
		"/messages/KH/in/" + s.asked + "?x=1&y=%3c": {"reason": {"họp liên ngành"}, "field": {"/a", "/b"}},
		"/drafts/" + s.waiting + "/decision":        {"decision": {"release"}, "signed": {"eyJ"}},
	}
	secret := map[string]url.Values{
		"/sign-in/password": {"officer": {"lan"}, "password": {"một câu dài dễ nhớ"}, "code": {"123456"}}, "/sign-in/passkey": {"passkey": {"secret"}, "token": {"secret"}},
		"/join/token": {"password": {"một câu dài dễ nhớ"}, "code": {"123456"}, "setup": {"secret"}}, "/account/passkeys": {"passkey": {"secret"}, "name": {"khóa"}},
		"/language": {"to": {"/"}, "language": {"en"}}, "/sign-out": {}, "/nowhere": {"name": {"Sok Dara"}},
	}
	back := s.storeGoes()
	for path, sent := range tries {
		sent.Set(".of", v.of)
		p := v.post(path, sent)
		if to, values := p.sentBack(); p.status != http.StatusServiceUnavailable || to != path || values.Encode() != sent.Encode() || p.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, to %q comes %v", path, p.status, to, values)
		}
	}
	p := pictured()
	to, values := p.sentBack()
	if to != "/write/"+other || values.Get("/subjects/0/outcome") != "refused" || !strings.Contains(p.body, `enctype="multipart/form-data"`) {
		t.Errorf("with a picture: %d, to %q comes %v", p.status, to, values)
	}
	if p := v.post("/drafts/"+s.waiting+"/decision", url.Values{"decision": {"release"}, "passkey": {"secret"}, "token": {"secret"}}); strings.Contains(p.body, "secret") {
		t.Errorf("what a passkey has signed comes back: %s", p.body)
	}
	for path, sent := range secret {
		p := v.post(path, sent)
		if to, _ := p.sentBack(); p.status != http.StatusServiceUnavailable || to != "" || strings.Contains(p.body, "một câu dài") || strings.Contains(p.body, "secret") || strings.Contains(p.body, "123456") {
			t.Errorf("%s: %d, and it comes back: %s", path, p.status, p.body)
		}
	}
	foreign, err := http.NewRequest(http.MethodPost, v.base+"/find/person", strings.NewReader("name=Sok+Dara"))
	if err != nil {
		t.Fatal(err)
	}
	foreign.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := v.do(foreign); strings.Contains(p.body, "Sok Dara") {
		t.Errorf("another site's form comes back, to be sent from here: %s", p.body)
	}
	if p := v.post("/find/person", url.Values{"name": {strings.Repeat("x", maxSent)}}); strings.Contains(p.body, "xxx") {
		t.Errorf("%d bytes come back", len(p.body))
	}
	back()
	if p := v.post(to, values); p.status != http.StatusOK || !strings.Contains(p.body, "refused") {
		t.Errorf("sent again: %d %s", p.status, p.body)
	}
	s.quiet()
}

// A store that stands still, as while somebody else holds its tables, is said to be away
// while the server can still read what was sent, which is not lost, and send an answer.
func TestPagesOfAStoreThatStandsStill(t *testing.T) {
	s := newSceneOn(t, newPostgres(t))
	v := s.visitedBy("lan")
	v.client.Timeout = 2 * time.Minute
	db := s.vn.tables()
	held := func(table string, meanwhile func()) {
		t.Helper()
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		meanwhile()
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	form := s.answering("refused")
	form.Set(".of", v.of)
	form.Set("/subjects/0/remarks", strings.Repeat("x", 20_000)) // more than is read ahead
	path := "/write/" + exchange.NewID()
	held("session", func() { // nobody is known
		p := v.post(path, form)
		if to, values := p.sentBack(); p.status != http.StatusServiceUnavailable || to != path || values.Encode() != form.Encode() {
			t.Errorf("%d, to %q comes %d bytes: %s", p.status, to, len(values.Encode()), p.body[:min(len(p.body), 2000)])
		}
	})
	held("cases", func() {
		if p := v.get("/cases"); p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, "Nhật ký tạm thời không truy cập được") {
			t.Errorf("%d %s", p.status, p.body)
		}
	})
	if p := v.post(path, form); p.status != http.StatusOK {
		t.Errorf("sent again: %d %s", p.status, p.body)
	}
	s.quiet()
}

// maxSent is more than a form of anything but a message may have.
const maxSent = 65 << 10
