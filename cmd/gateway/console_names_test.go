package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A name in Latin letters is typed once, and corrected once: whichever way its message is
// taken up again, the field that its officer left empty is empty, and follows.
func TestConsoleCorrectsANameOnce(t *testing.T) {
	const wrong, right = "Trần Văn Lỗi", "Hoàn Toàn Khác"
	s := newScene(t)
	submit := func(safeguards ...exchange.Safeguard) exchange.DraftView {
		t.Helper()
		view, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(
			`{"subjects":[{"subject_ref":"S-1","name":{"native":"` + wrong + `","latin":"` + wrong + `","script":"Latn"},"sex":"male","date_of_birth":"1991","claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH"}]}`)}, safeguards)
		if err != nil {
			t.Fatal(err)
		}
		return view
	}
	h := s.signIn("lan")
	corrects := func(way string) {
		t.Helper()
		if got := [2]string{h.value(at("/subjects/0/name/native")), h.value(at("/subjects/0/name/latin"))}; got != [2]string{wrong, ""} {
			t.Errorf("%s: the form has %q", way, got)
		}
		h.run(chromedp.SetValue(chromedp.CSS(at("/subjects/0/name/native")), right))
		h.click(toPreview)
		if page := h.text(); !strings.Contains(page, right) || way != "correct" && strings.Contains(page, wrong) {
			t.Errorf("%s: the preview has two names:\n%s", way, page)
		}
	}

	held := submit()
	h.open("/drafts/" + held.Row.ID)
	h.write("#amend-why", "sửa lại họ tên")
	h.click(`form[action$="/amend"] button`)
	corrects("amend")

	sent := submit(consented)
	h.open("/messages/KH/out/" + sent.Row.ID)
	h.click(`a[href*="type=correction"]`)
	h.write("#reason", "sửa lại họ tên")
	h.click(`button[value="show-all"]`)
	h.pick(at(".reason"), "clerical_error")
	h.consents("21")
	corrects("correct")
	h.click(toSend)
	if _, body := s.sent(sent.Row.Case); !strings.Contains(body, `{"op":"replace","pointer":"/subjects/0/name/latin","value":"`+right+`"},{"op":"replace","pointer":"/subjects/0/name/native","value":"`+right+`"}`) {
		t.Errorf("correct: sent was %s", body)
	}

	s.vn.editAgreement(func(a *partners.Agreement) {
		for i := range a.Permits {
			if a.Permits[i].Type == exchange.TypeIdentityRequest {
				a.Permits[i].Release = &partners.Release{Officers: 1}
			}
		}
	})
	s.vn.reload()
	s.waiting = submit(consented).Row.ID
	s.rejects(officerLan, "sai họ tên của người này")
	h.open("/drafts/" + s.waiting)
	h.write("#again-why", "sửa lại họ tên")
	h.click(`form[action$="/again"] button`)
	corrects("again")
	s.quiet()
}
