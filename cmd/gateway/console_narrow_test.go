package main

import (
	"fmt"
	"testing"

	screen "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
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

// overlapping names what of a page runs out of the part that it is in, into its neighbour.
const overlapping = `[...document.querySelectorAll(".split__main, .split__side, .panel, .sheet, .person > *")].flatMap(part => { const r = part.getBoundingClientRect();
	return [...part.querySelectorAll("*")].filter(e => { const own = e.getBoundingClientRect(); return own.width > 1 && (own.right > r.right + 1 || own.left < r.left - 1) && !e.closest(".govuk-visually-hidden, pre, details:not([open]) > :not(summary)") }).slice(0, 2).map(e => part.className + " has " + e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 30)) }).join("; ")`

// Whoever has letters of twice the size in their browser has a page on which nothing runs
// into what is beside it (WCAG 1.4.4), on a wide screen too.
func TestConsoleLargeLetters(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	if _, err := chromedp.Call(h.ctx, screen.SetFontSizes, screen.SetFontSizesParams{FontSizes: &screen.FontSizes{Standard: 32, Fixed: 26}}); err != nil {
		t.Fatal(err)
	}
	for _, width := range []int64{1280, 1600, 2000, 2600} {
		h.width(width)
		for name, path := range map[string]string{
			"case": "/cases/KH/" + s.ours, "draft": "/drafts/" + s.waiting, "work": "/", "message": "/messages/KH/in/" + s.asked,
			"answer": "/write?to=KH&case=" + s.fresh + "&type=" + exchange.TypeIdentityResponse + "&re=" + s.asked,
		} {
			h.open(path)
			if size := look(h.browser, chromedp.Evaluate[string](`getComputedStyle(document.documentElement).fontSize`)); size != "28px" && size != "32px" {
				t.Fatalf("the letters are of %s", size)
			}
			if out := look(h.browser, chromedp.Evaluate[string](overlapping)); out != "" {
				t.Errorf("the %s at %d: %s", name, width, out)
			}
			if wide := h.wider(); wide != "" {
				t.Errorf("the %s at %d scrolls sideways: %s", name, width, wide)
			}
			h.picture(fmt.Sprintf("large-%s-%d", name, width))
		}
	}
	s.quiet()
}
