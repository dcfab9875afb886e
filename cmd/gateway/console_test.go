package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A look at what is masked: refused without a reason, recorded before it is
// shown, and only what was asked for.
func TestConsoleReveal(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.open("/messages/KH/in/" + s.asked)
	b.run(chromedp.Click(chromedp.CSS(`input[value="/subjects/0/other_names"]`)))
	b.click(`.why button:not([name])`)
	if text := b.text(); !strings.Contains(text, "Viết lý do, từ 5 đến 1000 ký tự.") || strings.Contains(text, "gpj.exe") {
		t.Errorf("without a reason:\n%s", text)
	}
	b.accessible("a reveal without a reason")
	b.picture("message-fault")
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nothing was shown", n)
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "đối chiếu với sổ hộ tịch")) // what was chosen is still chosen
	b.click(`.why button:not([name])`)
	text := b.text()
	if !strings.Contains(text, "U+202E") || !strings.Contains(text, "gpj.exe") {
		t.Errorf("the chosen field is not shown, or its hidden character is:\n%s", text)
	}
	for _, secret := range secrets {
		if strings.Contains(text, secret) || strings.Contains(b.title(), secret) {
			t.Errorf("%q was shown, and nobody asked for it", secret)
		}
	}
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 1 || accesses[0].Type != "message_read" || accesses[0].ID != s.asked {
		t.Fatalf("the accesses are %+v", accesses)
	}
	opened, err := s.vn.node.opener.Open(t.Context(), accesses[0])
	if err != nil || string(opened.Data) != `{"officer":"lan","reason":"đối chiếu với sổ hộ tịch","what":"message","fields":["/subjects/0/other_names"]}` {
		t.Errorf("%s %v", opened.Data, err)
	}
	b.accessible("a message with a field shown")

	b.open("/messages/KH/in/" + s.asked)
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "để trả lời yêu cầu"))
	b.click(`.why button[name="all"]`)
	text = b.text()
	for _, want := range []string{"Nguyễn Thị Mẫu", "tháng 5 năm 1997", "082197000000", "Tiền Giang", "1998"} {
		if !strings.Contains(text, want) {
			t.Errorf("with everything shown, %q is missing", want)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.accessible("a message with everything shown, " + scheme)
		b.picture("message-shown-" + scheme)
	}
	b.scheme("light")

	// Whoever releases a draft has read all of it; then the command is there.
	b.open("/drafts/" + s.waiting)
	if strings.Contains(b.text(), "Phê duyệt và ký") {
		t.Error("an unread draft can be signed")
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "đọc trước khi ký"))
	b.click(`.why button[name="all"]`)
	if text := b.text(); !strings.Contains(text, "Phê duyệt và ký") || !strings.Contains(text, "Y tế") {
		t.Errorf("a draft that was read:\n%s", text)
	}
	b.accessible("a draft that was read")
	b.picture("draft-shown")

	// The case shows who looked.
	b.open("/cases/KH/" + s.fresh)
	if text := b.text(); !strings.Contains(text, "bởi Trần Thị Lan (hư cấu) (lan)") || !strings.Contains(text, "để trả lời yêu cầu") {
		t.Errorf("the timeline does not say who looked and why:\n%s", text)
	}
	b.run(chromedp.EmulateViewport(390, 844))
	for _, page := range []struct{ name, path string }{{"work", "/"}, {"case", "/cases/KH/" + s.ours}, {"message", "/messages/KH/in/" + s.asked}} {
		b.open(page.path)
		if look(b, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > innerWidth")) {
			t.Errorf("%s is wider than a telephone", page.name)
		}
		b.picture(page.name + "-narrow")
	}
	s.quiet()
	s.vn.check()
}

// From what waits to a field that is shown with a reason, by keys alone.
func TestConsoleByKeyboard(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.tabTo(`button[value="lan"]`)
	b.enter()
	b.tabTo(`.govuk-skip-link`)
	b.press(kb.Enter) // past the navigation
	b.tabTo(`a[href="/cases/KH/` + s.overdue + `"]`)
	b.enter()
	b.tabTo(`a[href^="/messages/KH/in/"]`)
	b.enter()
	b.tabTo(`input[value="/subjects/0/name"]`)
	b.press(" ")
	b.tabTo(`#reason`)
	b.run(chromedp.KeyEvent("đối chiếu hộ tịch"))
	b.tabTo(`.why button:not([name])`)
	b.enter()
	if text := b.text(); !strings.Contains(text, "Nguyễn Thị Mẫu") || strings.Contains(text, "Tiền Giang") {
		t.Errorf("the name is not shown, or more than it:\n%s", text)
	}
	t.Logf("%d keys, and the reason", b.keys)
}
