package main

import (
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
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
	h.amend(held.Row.ID, "sửa lại họ tên")
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

	s.vn.releasedBy(1)
	s.waiting = submit(consented).Row.ID
	s.rejects(officerLan, "sai họ tên của người này")
	h.open("/drafts/" + s.waiting)
	h.write("#again-why", "sửa lại họ tên")
	h.click(`form[action$="/again"] button`)
	corrects("again")
	s.quiet()
}

// What is wrong with a name is told at the field that it was typed into, and not at one
// that follows from it and was left empty, as its hint says.
func TestConsoleSaysWhatIsWrongWithAName(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	const native, latin = `id="f-subjects-0-name-native-fault"`, `id="f-subjects-0-name-latin-fault"`
	preview := func(name, inLatin string) page {
		t.Helper()
		return v.post("/write/"+exchange.NewID(), url.Values{
			"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"preview"},
			"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/sex": {"female"}, "/subjects/0/date_of_birth#y": {"1998"}, "/subjects/0/claimed_citizenship": {"KH"},
			"/subjects/0/claimed_birthplace/country": {"KH"}, "/subjects/0/claimed_birthplace/text_as_given": {"Takeo"},
			"/subjects/0/name/native": {name}, "/subjects/0/name/latin": {inLatin},
		})
	}
	for _, c := range []struct{ name, latin, at, says string }{
		{"Trần\u00a0Văn\u2009Lỗi\u00a0", "", "", ""},     // spaces of other kinds are spaces
		{"ចាន់\u200bធី", "Chanthy", "", ""},              // Khmer is written with it
		{"ចាន់ធី\u202e", "Chanthy", native, "U+202E"},    // and not with this
		{"Trần Văn\u200b Lỗi", "", native, "U+200B"},     //
		{"Trần Văn Lỗi\u200e", "", native, "U+200E"},     //
		{"Trần Văn Lỗi", "Tran\u200e", latin, "U+200E"},  //
		{"", "", native, "Mục này cần được điền"},        //
		{"Trần Văn Lỗi 2", "", latin, "không phải chữ "}, // it has to be written without that
		{"Trần Văn Lỗi", "Лоев", latin, "Chỉ dùng chữ La-tinh"},
	} {
		p := preview(c.name, c.latin)
		if c.at == "" {
			if p.status != 200 || !strings.Contains(p.body, "Đối tác sẽ thấy đúng như sau") || strings.Contains(p.body, "U+00A0") || strings.Contains(p.body, "U+2009") {
				t.Errorf("%q: %d %s", c.name, p.status, p.body)
			}
			continue
		}
		_, fault, _ := strings.Cut(p.body, c.at)
		fault, _, _ = strings.Cut(html.UnescapeString(fault), "</p>")
		if p.status != 422 || !strings.Contains(fault, c.says) || strings.Count(p.body, `name-native-fault"`)+strings.Count(p.body, `name-latin-fault"`) != 2 { // once as what describes the field
			t.Errorf("%q, %q: %d %q", c.name, c.latin, p.status, fault)
		}
	}
	s.quiet()
}
