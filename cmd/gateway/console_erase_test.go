package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
)

// Two consoles, one case: Cambodia asks for an erasure, Viet Nam's page says step
// by step what it still takes, destroys it once, and the confirmation leaves
// after that and not before; then Cambodia erases its own, without a script.
func TestConsoleErases(t *testing.T) {
	p := newPair(t, "")
	here, there := &scene{pair: p, t: t}, &scene{pair: &pair{vn: p.kh, kh: p.vn}, t: t}
	laos := exchange.Officer{ID: "minh", Name: "Lê Văn Minh (hư cấu)", Roles: []exchange.Role{exchange.RoleSupervisor}, Partners: []string{"LA"}, Status: exchange.OfficerActive}
	for _, s := range []*scene{here, there} {
		for _, o := range []exchange.Officer{officerLan, laos, officerAn, officerTuyet} {
			if err := s.vn.node.roster.Put(t.Context(), "", o); err != nil {
				t.Fatal(err)
			}
		}
		s.serve()
	}
	vn, kh := p.vn.signatories(t), p.kh.signatories(t)
	asks := p.vn.submit("KH")
	settled := func(at *testGateway, id string) {
		t.Helper()
		eventually(t, "it is delivered", func() bool { return len(at.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: id})) == 1 })
	}
	settled(p.vn, asks.ID)
	path := "/cases/KH/" + asks.Case
	h := here.signIn("lan")
	h.language("en")
	if h.open(path); strings.Contains(h.text(), "Erasing the case") {
		t.Error("nobody has asked for an erasure, and the page speaks of one")
	}
	h.open(path + "/erase")
	h.says("A notice asks to erase the whole case", "Such a notice has to come from the partner or be sent from here.")

	notice := p.kh.release(t, kh, exchange.Draft{To: "VN", Type: exchange.TypeErasureNotice, Case: asks.Case, Body: json.RawMessage(`{"scope":"case","basis":"consent_withdrawn"}`)})
	settled(p.kh, notice.Row.ID)
	h.open("/messages/KH/in/" + notice.Row.ID)
	h.run(chromedp.WaitVisible(chromedp.CSS(`a[href="` + path + `/erase"]`)))
	h.open(path)
	h.says("Erasing the case", "0 of 2 have signed", "Answer the notice with the outcome done")
	if strings.Contains(h.text(), "Go on to the erasure") {
		t.Error("it can be erased before two officers have signed")
	}
	for _, list := range []string{"/messages?open=1", "/cases?turn=us", "/"} {
		if h.open(list); !strings.Contains(h.text(), "Erasure notice") {
			t.Errorf("%s does not say that the notice waits for us:\n%s", list, h.text())
		}
	}
	done := json.RawMessage(`{"outcome":"done","erased_on":"` + time.Now().Format(time.DateOnly) + `"}`)
	answer := p.vn.release(t, vn, exchange.Draft{To: "KH", Type: exchange.TypeErasureConfirmation, Case: asks.Case, InReplyTo: notice.Row.ID, Body: done})
	other, err := p.vn.node.desk.Submit(t.Context(), &vn[0].Officer, exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: asks.Case, Body: json.RawMessage(`{"scope":"case","basis":"consent_withdrawn"}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.open("/drafts/" + answer.Row.ID + "?done=decided") // as whoever signed it last comes there
	h.says("All have signed it. It leaves when the case is erased", "Your signature is in the record. All have signed; the message leaves when the case is erased.")
	if text := h.text(); strings.Contains(text, "being signed") {
		t.Errorf("what waits for the erasure is said to be signed:\n%s", text)
	}
	h.open(path)
	h.says("2 of 2 have signed", "Send or discard it; otherwise it would be destroyed unread.")

	// The notice has its answer, which waits: it is shown instead of asked for again.
	for _, page := range []string{path, "/messages/KH/in/" + notice.Row.ID} {
		h.open(page)
		h.says("A draft that has not left answers it")
		if n := look(h.browser, chromedp.Evaluate[int](`document.querySelectorAll('a[href*="type=`+exchange.TypeErasureConfirmation+`"]').length`)); n != 0 {
			t.Errorf("%s asks for an answer that is there", page)
		}
	}
	h.click(`.say__first a[href="/drafts/` + answer.Row.ID + `"]`)

	// Whoever posts all the same destroys nothing, and keeps what they typed.
	v := newVisitor(t, here.address)
	enter := func(officer string) {
		v.get(here.pages.OpenDoor("/", "lan", "minh", "an"))
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
	}
	enter("lan")
	if p := v.post(path+"/erase", url.Values{"reason": {"the person has asked for it"}}); p.status != 422 || !strings.Contains(p.body, "the person has asked for it") {
		t.Errorf("with a draft that waits: %d", p.status)
	}
	if err := p.vn.node.desk.Discard(t.Context(), &vn[0].Officer, other.Row.ID, 0, "one notice is enough"); err != nil {
		t.Fatal(err)
	}
	if p := v.post(path+"/erase", url.Values{"reason": {" so "}}); p.status != 422 || !strings.Contains(p.body, ">so</textarea>") {
		t.Errorf("without a reason: %d", p.status)
	}
	for officer, status := range map[string]int{"an": 403, "minh": 404} {
		enter(officer)
		if p := v.post(path+"/erase", url.Values{"reason": {"the person has asked for it"}}); p.status != status {
			t.Errorf("%s erases: %d, want %d", officer, p.status, status)
		}
		if p := v.get(path + "/erase"); p.status != status {
			t.Errorf("%s asks for the page: %d, want %d", officer, p.status, status)
		}
	}
	if n := len(p.vn.rows(exchange.Filter{Type: "case_erased"})) + len(p.kh.rows(exchange.Filter{Kind: exchange.KindMessage, ID: answer.Row.ID})); n != 0 {
		t.Fatal("something was erased, or confirmed, too early")
	}

	h.everyWay("case-erasure", path)
	h.says("Tiếp tục xóa")
	h.everyWay("erase", path+"/erase")
	h.says("Không ai khôi phục lại được.")
	h.language("en")
	h.open(path)
	h.click(`#erasure a[href$="/erase"]`)
	h.run(chromedp.SendKeys(chromedp.CSS("#reason"), "the person has asked for it"))
	h.click(`form[action$="/erase"] button`)
	h.says("The case is erased.", "Only the proof that there were messages remains.")
	h.accessible("after the erasure")
	h.picture("case-just-erased")
	settled(p.vn, answer.Row.ID)
	for _, page := range []string{"/drafts/" + answer.Row.ID, "/messages/KH/out/" + answer.Row.ID} {
		if h.open(page); hasWord(h.text(), "1970") {
			t.Errorf("%s has a time that nobody knows:\n%s", page, h.text())
		}
	}
	p.erased(t, p.vn, exchange.CaseKey{Partner: "KH", Case: asks.Case})
	register, err := p.vn.report(officerTuyet, exchange.ReportWish{Kind: export.KindErasure})
	if err != nil {
		t.Fatal(err)
	}
	if last := lines(t, register); last[len(last)-1]["type"] != "case_erased" || last[len(last)-1]["at"] == "" {
		t.Errorf("the register does not say when the case was erased:\n%s", register)
	}

	// A second press leads to the same end and does nothing.
	before := p.vn.check()
	enter("lan")
	signedIn := p.vn.check()
	if p := v.post(path+"/erase", url.Values{"reason": {"the person has asked for it"}}); p.status != 200 || p.at.Path != path {
		t.Errorf("a second press: %d %s", p.status, p.at)
	}
	if after := p.vn.check(); after != signedIn || before > signedIn {
		t.Errorf("a second press has made %d entries", after-signedIn)
	}

	// The side that asked has its answer, and erases its own.
	kc := newVisitor(t, there.address)
	kc.get(there.link)
	kc.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	path = "/cases/VN/" + asks.Case
	if p := kc.get(path); !strings.Contains(p.body, path+"/erase") {
		t.Errorf("Cambodia is not offered it: %s", p.body)
	}
	if p := kc.post(path+"/erase", url.Values{"reason": {"and ours as well"}}); p.status != 200 || p.at.Query().Get("erased") == "" {
		t.Errorf("Cambodia erases: %d %s", p.status, p.at)
	}
	p.erased(t, p.kh, exchange.CaseKey{Partner: "VN", Case: asks.Case})
	here.quiet()
	there.quiet()
}

// Whoever erases a case that the partner keeps is told that the partner keeps it.
func TestConsoleErasesWhatThePartnerKeeps(t *testing.T) {
	p := newPair(t, "")
	here, there := &scene{pair: p, t: t}, &scene{pair: &pair{vn: p.kh, kh: p.vn}, t: t}
	for _, s := range []*scene{here, there} {
		if err := s.vn.node.roster.Put(t.Context(), "", officerLan); err != nil {
			t.Fatal(err)
		}
		s.serve()
	}
	vn, kh := p.vn.signatories(t), p.kh.signatories(t)
	asks := p.vn.submit("KH")
	notice := p.vn.release(t, vn, exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: asks.Case, Body: json.RawMessage(`{"scope":"case","basis":"consent_withdrawn"}`)})
	taken := func(at *testGateway, id string) {
		t.Helper()
		eventually(t, "it is there", func() bool { return len(at.rows(exchange.Filter{Kind: exchange.KindMessage, ID: id})) == 1 })
	}
	taken(p.kh, notice.Row.ID)
	answer := p.kh.release(t, kh, exchange.Draft{To: "VN", Type: exchange.TypeErasureConfirmation, Case: asks.Case, InReplyTo: notice.Row.ID, Body: json.RawMessage(`{"outcome":"refused_legal_hold","kept_because":["legal_hold"]}`)})
	taken(p.vn, answer.Row.ID)
	v := here.visitedBy("lan")
	for _, path := range []string{"/cases/KH/" + asks.Case, "/cases/KH/" + asks.Case + "/erase"} {
		if page := v.get(path); !strings.Contains(page.body, "họ trả lời “từ chối: phải lưu giữ theo pháp luật”") {
			t.Errorf("%s does not say that the partner keeps it:\n%s", path, page.body)
		}
	}
	if page := there.visitedBy("lan").get("/cases/VN/" + asks.Case); !strings.Contains(page.body, "Ta đã trả lời thông báo này: “từ chối: phải lưu giữ theo pháp luật”") {
		t.Errorf("who has refused is asked as if they had not:\n%s", page.body)
	}
	here.quiet()
}
