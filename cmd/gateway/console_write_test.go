package main

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A hand does in a browser what an officer does; the browser counts.
type hand struct{ *browser }

// amend opens a draft, for a reason, to change it.
func (h hand) amend(draft, why string) {
	h.t.Helper()
	h.open("/drafts/" + draft)
	h.write("#amend-why", why)
	h.click(`form[action$="/amend"] button`)
}

// signIn opens the console as one of the scene's officers.
func (s *scene) signIn(officer string) hand {
	s.t.Helper()
	b := newBrowser(s.t, s.address)
	b.open(s.link)
	b.as(officer)
	b.clicks, b.keys = 0, 0
	return hand{b}
}

// tap clicks what stays on the page.
func (h hand) tap(selectors ...string) {
	h.t.Helper()
	for _, selector := range selectors {
		h.clicks++
		h.reach(selector)
		h.run(chromedp.Click(chromedp.CSS(selector)))
	}
}

// write types a text into a field, which costs a click to reach it.
func (h hand) write(selector, text string) {
	h.t.Helper()
	h.clicks++
	h.keys += len([]rune(text))
	h.run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// pick chooses in a list.
func (h hand) pick(selector, value string) {
	h.t.Helper()
	h.clicks += 2
	h.run(chromedp.SetValue(chromedp.CSS(selector), value))
}

// says fails when the page lacks a text.
func (h hand) says(texts ...string) {
	h.t.Helper()
	page := h.text()
	for _, want := range texts {
		if !strings.Contains(page, want) {
			h.t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}

// value returns what a field holds.
func (h hand) value(selector string) string {
	h.t.Helper()
	return look(h.browser, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).value", selector)))
}

// at returns a selector for a field of a form.
func at(name string) string { return fmt.Sprintf(`[name=%q]`, name) }

func choice(name, value string) string { return fmt.Sprintf(`[name=%q][value=%q]`, name, value) }

const (
	toPreview = `.write__do button[value="preview"]`
	toSend    = `button[value="submit"]`
)

// task compares what a task takes with what docs/console.md says.
func (h hand) task(name string) {
	h.t.Helper()
	page, err := os.ReadFile("../../docs/console.md")
	if err != nil {
		h.t.Fatal(err)
	}
	want := fmt.Sprintf("| %s | %d | %d |", name, h.clicks, h.keys)
	if !strings.Contains(string(page), want) {
		h.t.Errorf("docs/console.md does not say %q", want)
	}
}

// sent returns the last message of a case that we sent, and its body.
func (s *scene) sent(caseID string) (exchange.Claims, string) {
	s.t.Helper()
	rows := s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Case: caseID})
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i].Direction != exchange.Out {
			continue
		}
		opened, err := s.vn.node.opener.Open(s.t.Context(), rows[i])
		if err != nil {
			s.t.Fatal(err)
		}
		claims, _, err := exchange.ReadMessage(opened.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		return claims, string(claims.Body)
	}
	s.t.Fatal("we have sent nothing in this case")
	return exchange.Claims{}, ""
}

// The first task: from what waits to an answer that is signed and sent.
func TestConsoleAnswersAVerificationRequest(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.click(`a[href="/cases/KH/` + s.overdue + `"]`)
	h.click(`.line a[href^="/messages/KH/in/"]`)
	h.write("#reason", "đối chiếu hộ tịch")
	h.click(`.why button[name="all"]`)
	h.says("Nguyễn Thị Mẫu", "Có thể gửi")
	h.accessible("a message that waits for an answer")
	h.picture("answer-message")
	h.click(`.say__first .govuk-button`)
	h.accessible("the form of an answer")
	h.picture("answer-form")
	h.tap(choice("/subjects/0/outcome", "match"), choice("/subjects/0/fields/name", "match"), choice("/subjects/0/fields/date_of_birth", "match"))
	h.click(toPreview)
	h.says("Đối tác sẽ thấy đúng như sau", "được ký và gửi ngay")
	h.accessible("the preview of an answer")
	h.picture("answer-preview")
	h.click(toSend)
	h.says("Đã ký và ghi vào nhật ký")
	claims, body := s.sent(s.overdue)
	if claims.Type != exchange.TypeIdentityResponse || claims.InReplyTo == "" || body != `{"subjects":[{"fields":{"date_of_birth":"match","name":"match"},"outcome":"match","subject_ref":"S-1"}]}` {
		t.Errorf("sent was %+v %s", claims, body)
	}
	h.task("answer a verification request")
	if forms, err := s.vn.node.db.FormsOf(t.Context(), "lan"); err != nil || len(forms) != 0 {
		t.Errorf("a form that was sent is kept: %v %v", forms, err)
	}
	s.quiet()
	s.vn.check()
}

// The second: a request that does not hold what an answer needs is turned down.
func TestConsoleRefusesAMalformedRequest(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.click(`a[href="/cases/KH/` + s.overdue + `"]`)
	h.click(`.line a[href^="/messages/KH/in/"]`)
	h.click(`.say__first a[href*="refuse=1"]`)
	h.tap(choice("/subjects/0/outcome", "insufficient"))
	h.click(toPreview)
	h.click(toSend)
	h.says("Đã ký và ghi vào nhật ký")
	if claims, body := s.sent(s.overdue); claims.Type != exchange.TypeIdentityResponse || body != `{"subjects":[{"outcome":"insufficient","subject_ref":"S-1"}]}` {
		t.Errorf("sent was %+v %s", claims, body)
	}
	h.task("refuse a malformed request")
	s.quiet()
}

// again returns one more visitor who has signed in.
func (s *scene) again(officer string) *visitor {
	s.t.Helper()
	s.link = s.pages.OpenDoor("/", "lan", "minh", "an", "tuyet")
	return s.visitedBy(officer)
}

// Whoever answers what was answered already is told so, by whom and when, on the form and
// on the preview; so is whoever was looking at a preview while another officer answered,
// and then a second press sends theirs all the same. The question's page tells all answers.
func TestConsoleSaysWhatWasAnswered(t *testing.T) {
	s := newScene(t)
	s.kh.halt() // Cambodia has not asked itself, and would refuse the answers meanwhile
	lan, minh := s.visitedBy("lan"), s.again("minh")
	const told, since, mine = "Câu hỏi này đã được trả lời", "Trong lúc bạn xem", "Lê Văn Minh"
	previews := func(v *visitor, outcome string) (string, page) {
		id := exchange.NewID()
		return id, v.post("/write/"+id, url.Values{
			"to": {"KH"}, "case": {s.fresh}, "type": {exchange.TypeIdentityResponse}, ".reply": {s.asked}, "version": {"0"}, "do": {"preview"},
			"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/outcome": {outcome}, "/subjects/0/fields/name": {"match"}, "/subjects/0/fields/date_of_birth": {"mismatch"},
		})
	}
	presses := func(v *visitor, id string, p page) page {
		known := regexp.MustCompile(`name="known" value="([^"]*)"`).FindStringSubmatch(p.body)
		if known == nil {
			t.Fatalf("no preview: %d %s", p.status, p.body)
		}
		return v.post("/write/"+id, url.Values{"version": {"1"}, "known": {known[1]}, "do": {"submit"}})
	}
	question, form := "/messages/KH/in/"+s.asked, "/write?to=KH&case="+s.fresh+"&type="+exchange.TypeIdentityResponse+"&re="+s.asked
	if p := lan.get(question); strings.Contains(p.body, "Đã trả lời") {
		t.Error("nobody has answered, and the question says so")
	}
	first, shown := previews(lan, "no_match")
	if strings.Contains(shown.body, told) {
		t.Error("nobody has answered, and the preview says so")
	}
	if p := minh.get(form); strings.Contains(p.body, told) || !strings.Contains(p.body, "Trần Thị Lan (hư cấu) (lan) cũng đang viết một thông điệp loại này") {
		t.Errorf("the form does not tell of the other officer: %s", p.body)
	}
	second, other := previews(minh, "probable")
	sent := presses(minh, second, other)
	if sent.at.Path != "/messages/KH/out/"+second {
		t.Fatalf("the first answer: %d %s", sent.status, sent.at)
	}
	if p := lan.get(question); !strings.Contains(p.body, "Đã trả lời") || !strings.Contains(p.body, `href="/messages/KH/out/`+second+`"`) || !strings.Contains(p.body, mine) {
		t.Errorf("the question does not say who has answered: %s", p.body)
	}
	if p := lan.get(form); !strings.Contains(p.body, told) || strings.Contains(p.body, since) || !strings.Contains(p.body, `href="/messages/KH/out/`+second+`"`) {
		t.Errorf("the form does not say that it was answered: %s", p.body)
	}
	late := presses(lan, first, shown)
	if late.status != 409 || !strings.Contains(late.body, since) || !strings.Contains(late.body, `href="/messages/KH/out/`+second+`"`) || !strings.Contains(late.body, mine) {
		t.Fatalf("an answer that came second: %d %s", late.status, late.body)
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: first})); n != 0 {
		t.Fatal("it has left, and nobody was asked")
	}
	if p := presses(lan, first, late); p.at.Path != "/messages/KH/out/"+first {
		t.Errorf("pressed a second time: %d %s", p.status, p.at)
	}
	if _, p := previews(lan, "match"); p.status != 200 || !strings.Contains(p.body, told) || strings.Contains(p.body, since) || strings.Count(p.body, `href="/messages/KH/out/`) != 2 {
		t.Errorf("the preview does not say what was answered: %d %s", p.status, p.body)
	}
	s.link = s.pages.OpenDoor("/", "lan")
	h := s.signIn("lan")
	for _, path := range []string{question, form} {
		h.open(path)
		h.says("Lê Văn Minh (hư cấu)")
		h.accessible("what was answered, at " + path)
	}
	s.kh.start()
	eventually(t, "Cambodia refuses both", func() bool {
		return len(s.vn.rows(exchange.Filter{Kind: exchange.KindFailure})) == 2
	})
	if p := lan.get(question); strings.Contains(p.body, "Đã trả lời") || !strings.Contains(p.body, "Trả lời không đến được đối tác") {
		t.Errorf("what never arrived counts as an answer: %s", p.body)
	}
	if p := lan.get(form); strings.Contains(p.body, told) {
		t.Errorf("what never arrived counts as an answer in the form: %s", p.body)
	}
	s.quiet()
	s.vn.check()
}

// noScript turns scripts off, as in a browser that has none; what the test itself
// asks of the page still works.
func (h hand) noScript() {
	h.t.Helper()
	h.scriptless = true
	h.scripts(false)
}

// A case is opened by a request for verification, without any script: what is
// wrong comes back at its place, in words, with all that was typed; a second
// document is added and taken away; the code of a place is found.
func TestConsoleOpensACaseWithoutScript(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.noScript()
	h.open("/cases")
	h.click(`main a[href="/open"]`)
	h.accessible("what opens a case")
	h.picture("opening")
	h.click(`a[href*="to=KH"][href*="type=` + exchange.TypeIdentityRequest + `"]`)
	h.says("Hãy lưu trước khi mở liên kết")
	h.accessible("an empty form")
	h.picture("open-form")
	person := "/subjects/0"
	h.write(at(person+"/name/native"), "Chanthy")
	h.write(at(person+"/date_of_birth#m"), "13")
	h.write(at(person+"/date_of_birth#y"), "98")
	h.write(at(person+"/claimed_birthplace/text_as_given"), "Tiền Giang")
	h.click(toPreview)
	h.says("Giới tính: Hãy chọn một mục.", "Ngày sinh: Ghi một ngày có thật")
	h.accessible("a form with faults")
	h.picture("open-faults")
	for name, want := range map[string]string{person + "/name/native": "Chanthy", person + "/date_of_birth#y": "98", person + "/claimed_citizenship": "Campuchia (KH)"} {
		if got := h.value(at(name)); got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	h.tap(choice(person+"/sex", "female"))
	h.run(chromedp.SetValue(chromedp.CSS(at(person+"/date_of_birth#y")), "1998"), chromedp.SetValue(chromedp.CSS(at(person+"/date_of_birth#m")), "5"))
	h.tap(`.set--element > .extra > summary`)
	units := func(country string) bool { // are offered for a birth there
		t.Helper()
		h.run(chromedp.SetValue(chromedp.CSS(at(person+"/claimed_birthplace/country")), country))
		h.click(`button[value="add /subjects/0/documents"]`)
		return look(h.browser, chromedp.Evaluate[bool](`!!document.querySelector('button[value="find /subjects/0/claimed_birthplace"]')`))
	}
	if units("Campuchia") || !units("viet nam") {
		t.Error("the units of Viet Nam are offered for a birth in Cambodia, or not for one in Viet Nam")
	}
	h.click(`button[value="remove /subjects/0/documents/1"]`)
	h.pick(at(person+"/documents/0/type"), "passport")
	h.run(chromedp.SendKeys(chromedp.CSS(at(person+"/documents/0/mrz")), "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C37UTO7408122F1204159ZE184226B<<<<<10"))
	h.click(`button[value="add /subjects/0/documents"]`)
	h.click(toPreview)
	h.says("Số kiểm tra không khớp", "Loại: ")
	h.click(`button[value="remove /subjects/0/documents/1"]`)
	h.run(chromedp.SetValue(chromedp.CSS(at(person+"/documents/0/mrz")), "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"))
	h.run(chromedp.SetValue(chromedp.CSS(at(person+"/claimed_birthplace/text_as_given")), "Mỹ Tho"))
	h.click(`button[value="find /subjects/0/claimed_birthplace"]`)
	h.picture("open-unit")
	h.accessible("a form with units to choose from")
	h.tap(`[name="/subjects/0/claimed_birthplace#unit"]:not([value=""])`)
	h.click(toPreview)
	h.says("căn cứ thẩm quyền", "Bản nháp sẽ được giữ lại", "tháng 5 năm 1998", "Phường Mỹ Tho")
	h.picture("open-preview")
	h.click(`button[value="edit"]`)
	h.consents("20")
	h.click(toPreview)
	h.says("được ký và gửi ngay")
	h.click(toSend)
	h.says("Đã ký và ghi vào nhật ký")
	s.quiet()
}

// A session ends while an officer is writing. What comes back then waits for them
// alone, and is marked; somebody without the form's ticket leaves nothing.
func TestConsoleKeepsWhatASessionLeaves(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.noScript()
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	h.write(at("/subjects/0/name/native"), "Chanthy")
	address := h.value(`form.write input[name="version"]`)
	if address != "0" {
		t.Fatalf("a form that nobody has saved has version %s", address)
	}
	if n, err := s.vn.node.db.EndSessions(t.Context(), "lan"); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	h.click(toPreview)
	h.says("Những gì bạn nhập đã được giữ")
	h.accessible("signing in to go on with a form")
	h.picture("session-ended")
	h.click(`button[value="lan"]`)
	h.says("gửi đến khi phiên làm việc đã hết")
	if got := h.value(at("/subjects/0/name/native")); got != "Chanthy" {
		t.Errorf("the name is %q", got)
	}
	h.accessible("a form that came unattended")
	form := look(h.browser, chromedp.Evaluate[string](`document.querySelector("form.write").getAttribute("action")`))

	// Its officer alone: another one does not find it, and leaves nothing in it.
	h.as("minh")
	h.open(form)
	h.says("Không tìm thấy trang")
	forms, err := s.vn.node.db.FormsOf(t.Context(), "lan")
	if err != nil || len(forms) != 1 || forms[0].Version != 1 || strings.Contains(string(forms[0].Content), "Chanthy") {
		t.Errorf("the forms are %+v %v", forms, err)
	}
	if forms, err := s.vn.node.db.FormsOf(t.Context(), "minh"); err != nil || len(forms) != 0 {
		t.Errorf("another officer has %+v %v", forms, err)
	}
	s.quiet()
}

// With the page's script it is the same, however long the officer goes on typing: one
// form, with all of it.
func TestConsoleKeepsWhatIsTypedAfterASession(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	const place = "/subjects/0/claimed_birthplace/text_as_given"
	names := []string{"/subjects/0/name/native", place, "/subjects/0/date_of_birth#y"}
	said := []string{"Đã lưu lúc", "Những gì bạn nhập đã được giữ", "Những gì bạn nhập đã được giữ"}
	for i, text := range []string{"Chanthy", "Takeo", "1998"} {
		h.write(at(names[i]), text)
		h.keeps(int64(i+1), said[i])
		if n, err := s.vn.node.db.EndSessions(t.Context(), "lan"); err != nil || n != map[bool]int{true: 1}[i == 0] {
			t.Fatal(n, err)
		}
	}
	h.write(at(place), " 2") // not kept yet when the button is pressed
	h.click(toPreview)
	h.says("Những gì bạn nhập đã được giữ")
	h.click(`button[value="lan"]`)
	h.says("gửi đến khi phiên làm việc đã hết")
	for i, want := range []string{"Chanthy", "Takeo 2", "1998"} {
		if got := h.value(at(names[i])); got != want {
			t.Errorf("%s holds %q, want %q", names[i], got, want)
		}
	}
	if forms, err := s.vn.node.db.FormsOf(t.Context(), "lan"); err != nil || len(forms) != 1 {
		t.Errorf("%d forms are kept (%v)", len(forms), err)
	}

	// A page that stays open goes on when its officer has signed in elsewhere.
	if _, err := s.vn.node.db.EndSessions(t.Context(), "lan"); err != nil {
		t.Fatal(err)
	}
	h.write(at(place), "3")
	h.keeps(5, "Những gì bạn nhập đã được giữ")
	look(h.browser, chromedp.Evaluate[int](`fetch("/sign-in/demonstration", {method: "POST", body: new URLSearchParams({officer: "lan", to: "/help"})}).then(r => r.status)`, chromedp.EvalAwaitPromise))
	h.write(at(place), "4")
	h.keeps(6, "Đã lưu lúc")

	// And a form that another window has changed meanwhile is kept beside what that
	// has saved: the officer comes to what they have typed last.
	forms := s.forms()
	rows, err := s.vn.node.db.FormsOf(t.Context(), "lan")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := forms.Resume(t.Context(), &officerLan, rows[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := forms.Keep(t.Context(), &officerLan, elsewhere); err != nil {
		t.Fatal(err)
	}
	if _, err := s.vn.node.db.EndSessions(t.Context(), "lan"); err != nil {
		t.Fatal(err)
	}
	h.write(at(place), "5")
	h.keeps(6, "cửa sổ khác")
	h.click(toPreview)
	h.click(`button[value="lan"]`)
	if got := h.value(at(place)); !strings.Contains(got, "345") { // a text that is typed later stands before it
		t.Errorf("the place is %q", got)
	}
	if rows, err := s.vn.node.db.FormsOf(t.Context(), "lan"); err != nil || len(rows) != 2 {
		t.Errorf("%d forms are kept (%v)", len(rows), err)
	}
	s.quiet()
}

// keeps waits until the page says how its form was kept, and looks at the version.
func (h hand) keeps(version int64, words string) {
	h.t.Helper()
	var text, got string
	for range 100 {
		text, got = look(h.browser, chromedp.Text(chromedp.CSS("#saved"))), h.value(`form.write input[name="version"]`)
		if strings.Contains(text, words) && got == fmt.Sprint(version) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	h.t.Fatalf("the form has version %s and the page says %q, want %d and %q", got, text, version, words)
}

// With the page's script what is typed is kept by itself, and a form that another
// window has changed is not overwritten.
func TestConsoleSavesByItself(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	h.write(at("/subjects/0/name/native"), "Chanthy")
	saved := func(want string) {
		t.Helper()
		for range 100 {
			if text := look(h.browser, chromedp.Text(chromedp.CSS("#saved"))); strings.Contains(text, want) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("the page does not say %q", want)
	}
	saved("Đã lưu lúc")
	// Whoever listens hears the first of it, and then only what goes wrong.
	heard := func() string {
		return look(h.browser, chromedp.Evaluate[string](`[...document.querySelectorAll(".write__do [role=status]")].map(e => e.textContent.replace(/ lúc.*/, "")).join("|")`))
	}
	if heard() != "Đã lưu" {
		t.Errorf("the first time is heard %q", heard())
	}
	look(h.browser, chromedp.Evaluate[bool](`(e => { const all = e.closest(".write__do"); new MutationObserver(() => { e.dataset.times = (+e.dataset.times || 0) + 1 }).observe(all.querySelector("[role=status]"), {childList: true}); return true })(document.getElementById("saved"))`))
	h.write(at("/subjects/0/name/latin"), "Chanthy")
	eventually(t, "it is kept again", func() bool { return h.value(`form.write input[name="version"]`) == "2" })
	if times := look(h.browser, chromedp.Evaluate[string](`document.getElementById("saved").dataset.times ?? "never"`)); times != "never" {
		t.Errorf("it is heard again: %s", times)
	}
	forms, err := s.vn.node.db.FormsOf(t.Context(), "lan")
	if err != nil || len(forms) != 1 {
		t.Fatal(forms, err)
	}
	if path := look(h.browser, chromedp.Evaluate[string]("location.pathname")); path != "/write/"+forms[0].ID {
		t.Errorf("a reload would go to %s", path)
	}
	// Another window saves the same form.
	lan := officerLan
	all, err := exchange.NewForms(exchange.FormsConfig{Store: s.vn.node.db, Roster: s.vn.node.roster, Recorder: s.vn.node.committer, Opener: s.vn.node.opener, Clock: s.vn.now})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := all.Open(t.Context(), &lan, forms[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere.Values["/subjects/0/name/native"], elsewhere.Values["/found_on#y"] = []string{"Chanthou"}, []string{"2026"}
	if _, err := all.Keep(t.Context(), &lan, elsewhere); err != nil {
		t.Fatal(err)
	}
	h.write(at("/subjects/0/claimed_birthplace/text_as_given"), "Takeo")
	saved("cửa sổ khác")
	if !strings.Contains(heard(), "cửa sổ khác") {
		t.Errorf("what went wrong is heard as %q", heard())
	}
	h.click(`.write__do button[value="save"]`)
	h.says("Hai bản khác nhau", "Chanthou", "Takeo", "2026")
	h.accessible("two versions of a form")
	h.picture("conflict-window")
	h.tap(choice("take /found_on", "theirs"))
	h.click(`button[value="merge"]`)
	if got := [3]string{h.value(at("/subjects/0/name/native")), h.value(at("/subjects/0/claimed_birthplace/text_as_given")), h.value(at("/found_on#y"))}; got != [3]string{"Chanthy", "Takeo", "2026"} {
		t.Errorf("the form holds %v", got)
	}
	s.quiet()
}
