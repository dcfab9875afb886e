package main

import (
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
