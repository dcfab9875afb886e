package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// beyond names what of an open menu is beyond the edge of the screen.
const beyond = `[...document.querySelectorAll("details.menu[open] .menu__body, details.menu[open] .menu__body *")].filter(e => { const r = e.getBoundingClientRect(); return r.width > 0 && (r.left < 0 || r.right > innerWidth) }).map(e => e.tagName + " " + e.textContent.trim().slice(0, 20)).join(", ")`

// On a telephone each menu opens on the screen, whole.
func TestConsoleMenusOnATelephone(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	for _, tag := range languages {
		h.width(1280)
		h.open("/help")
		h.language(tag)
		for _, width := range []int64{320, 375} {
			h.width(width)
			for _, menu := range []string{".languages", ".who"} {
				h.run(chromedp.Click(chromedp.CSS(menu + " summary")))
				if out := look(h.browser, chromedp.Evaluate[string](beyond)); out != "" {
					t.Errorf("%s of %s at %d is beyond the edge: %s", menu, tag, width, out)
				}
				if wide := h.wider(); wide != "" {
					t.Errorf("%s of %s at %d: %s", menu, tag, width, wide)
				}
				h.picture(fmt.Sprintf("menu%s-%s-%d", menu, tag, width))
				h.run(chromedp.Click(chromedp.CSS(menu + " summary")))
			}
		}
	}
}

// What narrows a list down is folded on a telephone until somebody unfolds it, and
// stands above the list where there is room.
func TestConsoleFiltersAreFoldedOnATelephone(t *testing.T) {
	h := newScene(t).signIn("lan")
	for _, page := range []string{"/messages", "/cases"} {
		h.open(page)
		shown := func() bool {
			return look(h.browser, chromedp.Evaluate[bool](`document.querySelector("#f-partner").checkVisibility({contentVisibilityAuto: true})`))
		}
		if h.width(1280); !shown() {
			t.Errorf("%s: with room the filters are folded", page)
		}
		if h.width(320); shown() {
			t.Errorf("%s: on a telephone the filters stand before the list", page)
		}
		h.run(chromedp.Click(chromedp.CSS(".sift summary")))
		if !shown() {
			t.Errorf("%s: the filters do not unfold", page)
		}
		h.accessible(page + " with its filters on a telephone")
		h.width(1280)
	}
}
