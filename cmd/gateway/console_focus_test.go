package main

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/repatriation-exchange/gateway/exchange"
)

// covered names what has the focus where it lies wholly under the bar of a form, or
// below the screen.
const covered = `(() => { const e = document.activeElement, bar = document.querySelector(".write__do"), edge = getComputedStyle(bar).position === "sticky" ? bar.getBoundingClientRect().top : innerHeight;
	return bar.contains(e) || e.getBoundingClientRect().top < edge ? "" : e.outerHTML.slice(0, 120) })()`

// Whoever goes through a form by keys sees where they are: nothing that has the focus is
// under the bar of its buttons (WCAG 2.4.11).
func TestConsoleFocusIsNotCovered(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	for _, size := range [][2]int64{{1280, 900}, {1280, 500}, {320, 568}} {
		h.run(chromedp.EmulateViewport(size[0], size[1]))
		h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
		look(h.browser, chromedp.Evaluate[int](`(all => { for (const e of all) e.open = true; return all.length })(document.querySelectorAll("form.write details"))`))
		for n := 0; !look(h.browser, chromedp.Evaluate[bool](`document.activeElement.value === "save"`)); n++ { // the last of them
			if n == 300 {
				t.Fatal("Tab does not come to the end of the form")
			}
			h.press(kb.Tab)
			if e := look(h.browser, chromedp.Evaluate[string](covered)); e != "" {
				t.Errorf("at %d by %d the bar covers %s", size[0], size[1], e)
			}
		}
	}
}
