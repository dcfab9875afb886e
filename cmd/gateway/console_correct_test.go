package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// oursSent is the message of ours that asks for the child of the scene.
func (s *scene) oursSent() string {
	s.t.Helper()
	for _, row := range s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Case: s.ours, Direction: exchange.Out}) {
		return row.ID
	}
	s.t.Fatal("we have sent nothing in this case")
	return ""
}

// consents types that consent was given on a day.
func (h hand) consents(day string) {
	h.t.Helper()
	const at0 = ".safeguards/consent_or_authority/0"
	h.tap(choice(at0+"/basis", "consent"))
	h.write(at(at0+"/on#d"), day)
	h.write(at(at0+"/on#m"), "11")
	h.write(at(at0+"/on#y"), "2026")
}

// A message of ours is corrected without any script: what is masked stays so until
// it is shown, which is recorded first, or is written anew unseen; only what was
// changed is sent, and the partner takes it.
func TestConsoleCorrects(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.noScript()
	target := s.oursSent()
	h.open("/messages/KH/out/" + target)
	h.click(`a[href*="type=correction"]`)
	h.says("Đính chính:", "giữ nguyên")
	masked := func(where string, texts ...string) {
		t.Helper()
		page := look(h.browser, chromedp.Evaluate[string]("document.documentElement.outerHTML"))
		for _, text := range texts {
			if strings.Contains(page, text) {
				t.Errorf("%s shows %q", where, text)
			}
		}
	}
	masked("the form", "Chanthy", "ចាន់ធី", "2011", "Takeo")
	h.accessible("the form of a correction")
	h.picture("correct-form")
	h.click(toPreview)
	h.says("Chưa có gì thay đổi")
	h.tap(`[name="field"][value="/subjects/0/date_of_birth"]`)
	h.click(`button[value="show"]`)
	h.says("Viết lý do, từ 5 đến 1000 ký tự.")
	h.accessible("a correction's reveal without a reason")
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nothing was shown", n)
	}
	h.write("#reason", "người thân báo sai năm sinh") // what was chosen is still chosen
	h.click(`button[value="show"]`)
	if got := h.value(at("/subjects/0/date_of_birth#y")); got != "2011" {
		t.Fatalf("the year is %q", got)
	}
	masked("the form with a date shown", "Chanthy", "ចាន់ធី", "Takeo")
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 1 || accesses[0].ID != target {
		t.Fatalf("the accesses are %+v", accesses)
	}
	if opened, err := s.vn.node.opener.Open(t.Context(), accesses[0]); err != nil || !strings.Contains(string(opened.Data), `"fields":["/subjects/0/date_of_birth"]`) {
		t.Errorf("%s %v", opened.Data, err)
	}
	h.run(chromedp.SetValue(chromedp.CSS(at("/subjects/0/date_of_birth#y")), "2010"))
	h.click(`button[value="anew /subjects/0/name"]`)
	h.write(at("/subjects/0/name/native"), "ចាន់ថា")
	h.write(at("/subjects/0/name/latin"), "Chantha")
	h.pick(at(".reason"), "statement_changed")
	h.click(toPreview)
	h.says("Bản nháp sẽ được giữ lại", "căn cứ thẩm quyền")
	h.click(`button[value="edit"]`)
	h.consents("21")
	h.click(toPreview)
	h.says("Những gì thay đổi", "2011", "2010", "Chantha", "được ký và gửi ngay")
	h.says("Lý do", "lời khai")
	if page := h.text(); strings.Contains(page, "Thao tác") || strings.Contains(page, "Vị trí") || strings.Contains(page, target) {
		t.Errorf("the preview says in codes what its differences say in words:\n%s", page)
	}
	masked("the preview", "Chanthy", "ចាន់ធី", "Takeo")
	h.accessible("the preview of a correction")
	h.picture("correct-preview")
	h.click(toSend)
	h.says("Đã ký và ghi vào nhật ký")
	claims, body := s.sent(s.ours)
	want := `{"changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2010"},{"op":"replace","pointer":"/subjects/0/name","value":{"latin":"Chantha","native":"ចាន់ថា","script":"Khmr"}}],"reason":"statement_changed","revision":1,"target":"` + target + `"}`
	if claims.Type != exchange.TypeCorrection || body != want {
		t.Errorf("sent was %s\n%s\nwant\n%s", claims.Type, body, want)
	}
	for end := time.Now().Add(20 * time.Second); len(s.kh.rows(exchange.Filter{Kind: exchange.KindMessage, ID: claims.ID})) == 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the partner has not taken the correction")
		}
	}
	h.open("/messages/KH/out/" + target)
	h.says("Đính chính lần 1")
	masked("the message", "Chantha", "2010")
	s.quiet()
	s.vn.check()
}

// A message was corrected while somebody else was writing a correction: nothing is
// turned back unseen. What they have typed is kept, they are shown both, and choose.
func TestConsoleCorrectionsMeet(t *testing.T) {
	s := newScene(t)
	target := s.oursSent()
	h := s.signIn("lan")
	h.open("/messages/KH/out/" + target)
	h.click(`a[href*="type=correction"]`)
	h.tap(choice("/subjects/0/sex", "unknown"))
	h.click(`button[value="anew /subjects/0/date_of_birth"]`)
	h.write(at("/subjects/0/date_of_birth#y"), "2010")
	h.pick(at(".reason"), "clerical_error")
	if _, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + target + `","revision":1,"reason":"new_information","changes":[{"op":"replace","pointer":"/subjects/0/sex","value":"male"},{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2009"}]}`)}, consented); err != nil {
		t.Fatal(err)
	}
	h.click(toPreview)
	h.says("đã được đính chính sau khi bạn bắt đầu", "2010")
	if text := h.text(); hasWord(text, "2009") || hasWord(text, "2011") {
		t.Errorf("what is masked is shown:\n%s", text)
	}
	h.accessible("a correction that comes second")
	h.picture("correct-meets")
	h.tap(choice("take /subjects/0/sex", "theirs"))
	h.click(`button[value="merge"]`)
	h.consents("21")
	h.click(toPreview)
	h.says("2010", "được ký và gửi ngay")
	h.click(toSend)
	want := `{"changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2010"}],"reason":"clerical_error","revision":2,"target":"` + target + `"}`
	if _, body := s.sent(s.ours); body != want {
		t.Errorf("sent was\n%s, want\n%s", body, want)
	}
	s.quiet()
	s.vn.check()
}

// A field that an officer has not been shown cannot be guessed at, taken along or
// written over unasked, whatever their browser sends.
func TestConsoleCorrectionHides(t *testing.T) {
	s := newScene(t)
	target := s.oursSent()
	v := s.visitedBy("lan")
	id := exchange.NewID()
	form := url.Values{
		"to": {"KH"}, "case": {s.ours}, "type": {exchange.TypeCorrection}, "version": {"0"}, ".target": {target}, ".revision": {"1"}, ".reason": {"other"}, "do": {"preview"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-9"}, "/subjects/0/sex": {"female"}, "/subjects/0/claimed_citizenship": {"KH"},
		"/subjects/0/date_of_birth#y": {"2011"},
	}
	if p := v.post("/write/"+id, form); p.status != 422 || !strings.Contains(p.body, "Chưa có gì thay đổi") {
		t.Errorf("what is typed over something hidden, unasked: %d", p.status)
	}
	for year, says := range map[string]string{"2011": "a right guess", "2010": "a wrong one"} {
		form.Set("/subjects/0/date_of_birth#y", year)
		form.Set(".anew", "/subjects/0/date_of_birth")
		p := v.post("/write/"+exchange.NewID(), form)
		if p.status != 200 || strings.Count(p.body, "<ins>") != 1 || !strings.Contains(p.body, "<del><span class=\"diff__row\"><span class=\"masked\">") {
			t.Errorf("%s is told from others: %d %s", says, p.status, p.body)
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses, and nothing was shown", n)
	}
	form.Set(".target", s.asked)
	if p := v.post("/write/"+exchange.NewID(), form); p.status != 404 {
		t.Errorf("a partner's message as the target: %d", p.status)
	}
	s.quiet()
}

// The page of a correction that waits shows neither what it says nor what it
// replaces before somebody has given a reason, which is recorded first.
func TestConsoleCorrectionOfTheHiddenIsHidden(t *testing.T) {
	s := newScene(t)
	held, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + s.oursSent() + `","revision":1,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2013-04"}]}`)}, nil)
	if err != nil || held.Row.State != exchange.DraftHeld {
		t.Fatalf("%s: %v", held.Row.State, err)
	}
	v := s.visitedBy("lan")
	before, after := "2011", "tháng 4 năm 2013"
	page := v.get("/drafts/" + held.Row.ID)
	if page.status != 200 || !strings.Contains(page.body, "Những gì thay đổi") || strings.Contains(page.body, before) || hasWord(page.body, "2013") {
		t.Errorf("unasked: %d %s", page.status, page.body)
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses, and nothing was shown", n)
	}
	page = v.post("/drafts/"+held.Row.ID, url.Values{"all": {"1"}, "reason": {"đọc trước khi ký"}})
	if page.status != 200 || !strings.Contains(page.body, before) || !strings.Contains(page.body, after) {
		t.Errorf("with a reason: %d %s", page.status, page.body)
	}
	if rows := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess}); len(rows) != 1 || rows[0].Type != "draft_read" {
		t.Errorf("the accesses are %+v", rows)
	}
	s.quiet()
}

// A correction of what two officers had to release waits for two as well, and they
// read what it changes before they sign.
func TestConsoleCorrectsAReturn(t *testing.T) {
	s := newScene(t)
	s.kh.halt() // it has no record of the confirmation that the scene forges
	officers := s.vn.signatories(t)
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.waiting, "to release it in a test")
	if err != nil {
		t.Fatal(err)
	}
	s.vn.decide(t, officers, view)
	h := s.signIn("lan")
	h.open("/messages/KH/out/" + s.waiting)
	h.click(`a[href*="type=correction"]`)
	h.run(chromedp.SetValue(chromedp.CSS(at("/window/to#d")), "14"))
	h.pick(at(".reason"), "new_information")
	h.write(at(".safeguards/non_refoulement/0/on#d"), "22")
	h.write(at(".safeguards/non_refoulement/0/on#m"), "11")
	h.write(at(".safeguards/non_refoulement/0/on#y"), "2026")
	h.click(toPreview)
	h.says("14/12/2026", "11/12/2026", "2 cán bộ")
	h.click(toSend)
	h.says("Bản nháp đang chờ", "14/12/2026", "Những gì thay đổi")
	h.accessible("a correction that waits")
	h.picture("correct-draft")
	draft := strings.TrimPrefix(h.path(), "/drafts/")

	// It is changed once more before anybody has released it.
	h.write("#amend-why", "đổi lại ngày")
	h.click(`form[action$="/amend"] button`)
	if got := h.value(at("/window/to#d")); got != "14" {
		t.Errorf("the form holds %q", got)
	}
	h.run(chromedp.SetValue(chromedp.CSS(at("/window/to#d")), "15"))
	h.click(toPreview)
	h.click(toSend)
	h.says("15/12/2026")
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: draft})); n != 0 {
		t.Fatal("it has left with nobody's release")
	}
	if view, err = s.vn.node.desk.Read(t.Context(), &officerMinh, draft, "to release it in a test"); err != nil {
		t.Fatal(err)
	}
	s.vn.decide(t, officers[:1], view)
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: draft})); n != 0 {
		t.Fatal("it has left with one officer's release")
	}
	if view, err = s.vn.node.desk.Read(t.Context(), &officerMinh, draft, "to release it in a test"); err != nil {
		t.Fatal(err)
	}
	s.vn.decide(t, officers[1:], view)
	if _, body := s.sent(s.ours); !strings.Contains(body, `"pointer":"/window/to","value":"2026-12-15"`) {
		t.Errorf("sent was %s", body)
	}
	s.quiet()
	s.vn.check()
}

// What an agreement withholds of a child is not asked for in a correction either; where
// it comes all the same, it is refused by the name of its field.
func TestConsoleCorrectionWithholds(t *testing.T) {
	s := newScene(t)
	sent, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeNotice, Body: json.RawMessage(
		`{"subjects":[{"subject_ref":"S-1","sex":"female","age_band":"12_15","claimed_citizenship":"KH","identified_on":"2026-11-02","trafficking_status":"PossibleVictimOfTrafficking","decision_making_organisation":"Police","needs":{"medical":true}},` +
			`{"subject_ref":"S-2","sex":"female","age_band":"25_39","claimed_citizenship":"KH","identified_on":"2026-11-02","trafficking_status":"PossibleVictimOfTrafficking","decision_making_organisation":"Police","needs":{"medical":true}}]}`)}, consented, exchange.Safeguard{Kind: "guardian_for_minor", On: "2026-11-02"})
	if err != nil {
		t.Fatal(err)
	}
	v := s.visitedBy("lan")
	const field = "/type_of_exploitation"
	form := v.get("/write?to=KH&case=" + sent.Case + "&type=" + exchange.TypeCorrection + "&target=" + sent.ID)
	if form.status != 200 || strings.Contains(form.body, "/subjects/0"+field) || !strings.Contains(form.body, "/subjects/1"+field) {
		t.Errorf("of a child: %v, of a grown-up: %v (%d)", strings.Contains(form.body, "/subjects/0"+field), strings.Contains(form.body, "/subjects/1"+field), form.status)
	}
	all := url.Values{
		"to": {"KH"}, "case": {sent.Case}, "type": {exchange.TypeCorrection}, "version": {"0"}, ".target": {sent.ID}, ".revision": {"1"}, ".reason": {"other"}, "do": {"preview"},
		"/subjects#n": {"2"}, "/subjects/0" + field: {"ForcedLabour"},
	}
	for i, band := range []string{"12_15", "25_39"} {
		at := fmt.Sprintf("/subjects/%d", i)
		for name, value := range map[string]string{"subject_ref": fmt.Sprintf("S-%d", i+1), "sex": "female", "age_band": band, "claimed_citizenship": "KH",
			"trafficking_status": "PossibleVictimOfTrafficking", "decision_making_organisation": "Police", "identified_on#d": "2", "identified_on#m": "11", "identified_on#y": "2026"} {
			all.Set(at+"/"+name, value)
		}
	}
	p := v.post("/write/"+exchange.NewID(), all)
	if p.status != 422 || !strings.Contains(p.body, "Người S-1 › Hình thức bóc lột: Thỏa thuận không cho phép") {
		t.Errorf("where it comes all the same: %d %s", p.status, p.body)
	}
	s.quiet()
}

// Whoever corrects what an answer says of a person sees of whom it says it, as whoever
// wrote the answer did.
func TestConsoleCorrectsAnAnswerInView(t *testing.T) {
	s := newScene(t)
	s.kh.halt() // it has no record of the request that the scene forges
	sent, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityResponse, Case: s.fresh, InReplyTo: s.asked,
		Body: json.RawMessage(`{"subjects":[{"subject_ref":"S-1","outcome":"match","fields":{"name":"match","date_of_birth":"match"}}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	h := s.signIn("lan")
	h.open("/messages/KH/out/" + sent.ID)
	h.click(`a[href*="type=correction"]`)
	h.says("S-1")
	if page := h.text(); !strings.Contains(page, "Họ tên") || strings.Contains(page, "Mẫu") {
		t.Errorf("who it is about is not beside the form, or not masked:\n%s", page)
	}
	h.accessible("the correction of an answer")
	h.tap(choice("/subjects/0/fields/name", "mismatch"))
	h.click(`button[value="show-all"]`)
	h.says("Viết lý do, từ 5 đến 1000 ký tự.")
	h.write("#reason", "đối chiếu lại hộ tịch")
	h.click(`button[value="show-all"]`)
	h.says("Nguyễn Thị Mẫu")
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 1 {
		t.Errorf("%d accesses are in the record", n)
	}
	h.pick(at(".reason"), "clerical_error")
	h.click(toPreview)
	h.click(toSend)
	if _, body := s.sent(s.fresh); !strings.Contains(body, `{"op":"replace","pointer":"/subjects/0/fields/name","value":"mismatch"}`) {
		t.Errorf("sent was %s", body)
	}
	s.quiet()
}
