package main

import (
	"strings"
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

// A button that changes the form leads to what it has changed, without a script too:
// whoever goes by keys, or listens, goes on from there and not from the top of the page.
func TestConsoleFocusGoesOn(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.noScript()
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	goes := func(button, on, next string) {
		t.Helper()
		h.click(`button[value="` + button + `"]`)
		if !look(h.browser, chromedp.Evaluate[bool](`(e => { const r = e.getBoundingClientRect(); return e.matches("`+on+`") && r.top >= 0 && r.bottom <= innerHeight })(document.activeElement)`)) {
			t.Errorf("%s: the focus is on %s", button, look(h.browser, chromedp.Evaluate[string](`document.activeElement.outerHTML.slice(0, 200)`)))
		}
		if h.press(kb.Tab); next != "" && !look(h.browser, chromedp.Evaluate[bool](`document.activeElement.matches('`+next+`')`)) {
			t.Errorf("%s: the next key comes to %s", button, look(h.browser, chromedp.Evaluate[string](`document.activeElement.outerHTML.slice(0, 200)`)))
		}
	}
	const consent = ".safeguards/consent_or_authority"
	goes("add /subjects", "#f-subjects-1 > legend", at("/subjects/1/subject_ref"))
	goes("add /subjects", "#f-subjects-2 > legend", at("/subjects/2/subject_ref"))
	goes("remove /subjects/0", "#f-subjects-0 > legend", at("/subjects/0/subject_ref"))
	goes("remove /subjects/1", "#f-subjects-0 > legend", "")
	h.tap(`.set--element > .extra > summary`)
	h.run(chromedp.SetValue(chromedp.CSS(at("/subjects/0/claimed_birthplace/country")), "VN")) // which alone has units
	goes("add /subjects/0/documents", "#f-subjects-0-documents-0 > legend", "")
	goes("remove /subjects/0/documents/0", "button[value='add /subjects/0/documents']", "")
	h.write(at("/subjects/0/claimed_birthplace/text_as_given"), "Mỹ Tho")
	goes("find /subjects/0/claimed_birthplace", "#f-subjects-0-claimed_birthplace-unit > legend", `[name="/subjects/0/claimed_birthplace#unit"]`)
	h.accessible("a form after its button")
	goes("add /subjects", "#f-subjects-1 > legend", "")
	goes("add "+consent, "#f"+strings.NewReplacer(".", `\\.`, "/", "-").Replace(consent)+"-1 > legend", "")

	h.open("/messages/KH/out/" + s.oursSent())
	h.click(`a[href*="type=correction"]`)
	goes("anew /subjects/0/name", "#f-subjects-0-name-anew", at("/subjects/0/name/native"))
	goes("keep /subjects/0/name", "#f-subjects-0-name", "")
	s.quiet()
}

// Whoever goes past the end of an open menu by keys sees where they are (WCAG 2.4.11): it
// shuts, or without a script makes room. The officer's own says their whole name.
func TestConsoleMenuCoversNothing(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	for _, script := range []bool{true, false} {
		h.scripts(script)
		for _, width := range []int64{1280, 320} {
			h.width(width)
			for _, menu := range []string{".languages", ".who"} {
				h.open("/cases")
				h.run(chromedp.Focus(chromedp.CSS(menu + " summary")))
				h.press(kb.Enter)
				if text := look(h.browser, chromedp.Evaluate[string](`document.querySelector(".menu[open] .menu__body").innerText`)); menu == ".who" && !strings.Contains(text, officerLan.Name) {
					t.Errorf("the menu names its officer as %q", text)
				}
				for range 20 {
					h.press(kb.Tab)
					if under := look(h.browser, chromedp.Evaluate[string](`(e => { const r = e.getBoundingClientRect(), top = document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2); return e === document.body || e.contains(top) || top?.contains(e) ? "" : e.outerHTML.slice(0, 120) })(document.activeElement)`)); under != "" {
						t.Errorf("at %d, with a script %v, %s covers %s", width, script, menu, under)
						break
					}
				}
				if open := look(h.browser, chromedp.Evaluate[bool](`document.querySelector(".menu[open]") !== null`)); open == script {
					t.Errorf("at %d, with a script %v, %s is open: %v", width, script, menu, open)
				}
			}
		}
	}
	s.quiet()
}
