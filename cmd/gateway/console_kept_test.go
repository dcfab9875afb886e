package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Whoever leaves a form takes nothing of it away with them, however soon after the last
// key: by a link, by an address, or for another language.
func TestConsoleKeepsWhatIsLeft(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	const field = "/subjects/0/claimed_birthplace/text_as_given"
	fresh := "/write?to=KH&type=" + exchange.TypeIdentityRequest
	kept := func(text string) string {
		t.Helper()
		for range 100 {
			rows, err := s.vn.node.db.FormsOf(t.Context(), "lan")
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if form, err := s.forms().Resume(t.Context(), &officerLan, row.ID); err == nil && url.Values(form.Values).Get(field) == text {
					return row.ID
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("%q is not kept", text)
		return ""
	}
	h.open(fresh)
	h.write(at(field), "Takeo")
	h.click(`.bar__nav a[href="/"]`)
	h.says("Biểu mẫu chưa xong")
	if id := kept("Takeo"); look(h.browser, chromedp.Evaluate[int](fmt.Sprintf(`document.querySelectorAll('a[href="/write/%s"]').length`, id))) == 0 {
		t.Errorf("the page of work does not have it yet:\n%s", h.text())
	}

	h.open("/write/" + kept("Takeo"))
	h.write(at(field), "2 ")
	h.run(chromedp.Navigate(s.address + "/help")) // nothing waits for this
	kept("2 Takeo")

	h.open(fresh)
	h.write(at(field), "Kampot")
	h.language("en")
	if got := h.value(at(field)); got != "Kampot" {
		t.Errorf("in another language the form has %q", got)
	}
	if page := h.text(); !strings.Contains(page, "Saved at") {
		t.Errorf("the page says:\n%s", page)
	}
	kept("Kampot")
	if rows, err := s.vn.node.db.FormsOf(t.Context(), "lan"); err != nil || len(rows) != 2 {
		t.Errorf("%d forms are kept (%v)", len(rows), err)
	}
	s.quiet()
}
