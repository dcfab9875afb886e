package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// The page of a message of ours says which safeguards were recorded before it left and
// of which day, whether an officer or a program has sent it; where their papers are it
// says with everything else, and that is a look.
func TestConsoleSafeguardsOfAMessage(t *testing.T) {
	s := newScene(t)
	taken := consented
	taken.Reference = "CV-17/2026"
	request := exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: []byte(
		`{"subjects":[{"subject_ref":"S-4","name":{"native":"ចាន់ធី","script":"Khmr","language":"km","latin":"Chanthy"},"sex":"female","date_of_birth":"1990","claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH"}]}`)}
	sent, err := s.vn.node.outbox.Submit(t.Context(), request, taken)
	if err != nil {
		t.Fatal(err)
	}
	draft, err := s.vn.node.desk.Submit(t.Context(), &officerLan, request, []exchange.Safeguard{taken})
	if err != nil {
		t.Fatal(err)
	}
	v := s.visitedBy("lan")
	for _, id := range []string{sent.ID, draft.Row.ID} {
		path := "/messages/KH/out/" + id
		p := v.get(path)
		for _, want := range []string{"Sự đồng ý hoặc căn cứ thẩm quyền", "đồng ý · 02/11/2026 · đã ghi nhận tại đây", "Số tham chiếu giấy tờ hiện ra khi xem tất cả"} {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s does not say %q:\n%s", path, want, p.body)
			}
		}
		if strings.Contains(p.body, taken.Reference) || strings.Contains(p.body, `href="/drafts/`+id+`"`) != (id == draft.Row.ID) {
			t.Errorf("%s says where the paper is, or leads to no draft:\n%s", path, p.body)
		}
		looks := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess}))
		if p := v.post(path, url.Values{"all": {"1"}, "reason": {"để đối chiếu giấy tờ"}}); !strings.Contains(p.body, taken.Reference) {
			t.Errorf("%s does not say where the paper is to whoever sees all of it:\n%s", path, p.body)
		}
		if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != looks+1 {
			t.Errorf("%s: %d looks are in the record", path, n-looks)
		}
	}
	s.quiet()
}

// A message that will not be delivered says why, and what can be done: a supervisor
// tries it again, and its author writes it anew, as a new message with what it said.
func TestConsoleUndeliverable(t *testing.T) {
	s := newScene(t)
	s.givesUp()
	draft, err := s.vn.node.desk.Submit(t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: []byte(
		`{"subjects":[{"subject_ref":"S-5","name":{"native":"ចាន់ធី","script":"Khmr","language":"km","latin":"Chanthy"},"sex":"female","date_of_birth":"1990","claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH"}]}`)},
		[]exchange.Safeguard{consented})
	if err != nil {
		t.Fatal(err)
	}
	path := "/messages/KH/out/" + draft.Row.ID
	h := s.signIn("minh")
	for range 200 {
		if h.open(path); strings.Contains(h.text(), "Không gửi được") {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	h.says("Không gửi được", "đã ngừng", "no answer", "Tình trạng liên lạc với đối tác này")
	h.accessible("a message that will not be delivered")
	h.click(`form[action="/partners/KH/retry"] button`)
	h.says("sẽ được gửi lại")
	if rows := s.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: "delivery_retried", ID: draft.Row.ID}); len(rows) != 1 {
		t.Errorf("%d entries say who tried it again", len(rows))
	}

	h.as("lan")
	h.open(path)
	if n := look(h.browser, chromedp.Evaluate[int](`document.querySelectorAll('form[action="/partners/KH/retry"]').length`)); n != 0 {
		t.Error("an officer may try it again")
	}
	h.click(`a[href="/drafts/` + draft.Row.ID + `#again-why"]`)
	if strings.Contains(h.text(), "Lý do bỏ") {
		t.Error("what was sent can be discarded")
	}
	// Its draft leads there and back, and says no more of its way than is true.
	h.says("Không gửi được", "Nội dung đã ký")
	if text := h.text(); strings.Contains(text, "đã gửi") || look(h.browser, chromedp.Evaluate[int](`document.querySelectorAll('a[href="`+path+`"]').length`)) != 1 {
		t.Errorf("the page of the draft of what did not arrive:\n%s", text)
	}
	h.write("#again-why", "đối tác không nhận được")
	h.click(`form[action$="/again"] button`)
	if h.value(at("/subjects/0/name/latin")) != "Chanthy" {
		t.Error("it has to be written from nothing")
	}
	h.click(toPreview)
	h.click(toSend)
	if again := h.path(); again == path || !strings.HasPrefix(again, "/messages/KH/out/") {
		t.Errorf("written anew, it leads to %s:\n%s", again, h.text())
	}
	s.quiet()
}

// The page of a draft that became a message leads to it and says how far that has come, to
// whoever reads it.
func TestConsoleDraftOfAMessage(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("minh")
	for want, draft := range map[string]exchange.Draft{
		"Không gửi được": {To: "KH", Case: s.fresh, Type: exchange.TypeIdentityResponse, InReplyTo: s.asked, Body: []byte( // they know of no such question
			`{"subjects":[{"subject_ref":"S-1","outcome":"insufficient"}]}`)},
		"Đối tác đã nhận và ký biên nhận": {To: "KH", Type: exchange.TypeIdentityRequest, Body: []byte(
			`{"subjects":[{"subject_ref":"S-5","name":{"native":"ចាន់ធី","script":"Khmr","language":"km","latin":"Chanthy"},"sex":"female","date_of_birth":"1990","claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH"}]}`)},
	} {
		became, err := s.vn.node.desk.Submit(t.Context(), &officerLan, draft, []exchange.Safeguard{consented})
		if err != nil || became.Row.State != exchange.DraftReleased {
			t.Fatal(became.Row.State, err)
		}
		eventually(t, "the draft's page says "+want, func() bool {
			p := v.get("/drafts/" + became.Row.ID)
			return strings.Contains(p.body, `href="/messages/KH/out/`+became.Row.ID+`"`) && strings.Contains(p.body, want) && !strings.Contains(p.body, "đã gửi")
		})
	}
	s.quiet()
}

// A case in which we have sent nothing does not say that the partner holds all of it.
func TestConsoleUnsent(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	for path, want := range map[string]string{s.overdue: "chưa gửi gì", s.ours: "đối tác đã nhận đủ"} {
		page := v.get("/cases/KH/" + path).body
		for _, said := range []string{"chưa gửi gì", "đối tác đã nhận đủ"} {
			if strings.Contains(page, said) != (said == want) {
				t.Errorf("%s: it says %q: %v", path, said, said != want)
			}
		}
	}
	s.quiet()
}

// Of the two answers to an identity check, that about the identity comes first; when it
// was sent, its page leads to the other.
func TestConsoleNextStep(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	primary := regexp.MustCompile(`class="govuk-button" role="button" href="/write\?[^"]*type=([a-z_]+)"`)
	secondary := regexp.MustCompile(`class="govuk-button govuk-button--secondary" role="button" href="/write\?[^"]*type=([a-z_]+)"`)
	asked := v.get("/messages/KH/in/" + s.asked).body
	first, then := primary.FindAllStringSubmatch(asked, -1), secondary.FindAllStringSubmatch(asked, -1)
	if len(first) != 1 || first[0][1] != exchange.TypeIdentityResponse || len(then) != 1 || then[0][1] != exchange.TypeNationality {
		t.Errorf("first is %v, then %v", first, then)
	}
	sent, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityResponse, Case: s.fresh, InReplyTo: s.asked, Body: []byte(
		`{"subjects":[{"subject_ref":"S-1","outcome":"match","fields":{"name":"match"}}],"checked_on":"2026-11-20"}`)})
	if err != nil {
		t.Fatal(err)
	}
	if page := v.get("/messages/KH/out/" + sent.ID).body; !regexp.MustCompile(`href="/write\?[^"]*type=` + exchange.TypeNationality + `"`).MatchString(page) {
		t.Errorf("it does not lead to what comes next:\n%s", page)
	}
	s.quiet()
}
