package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/repatriation-exchange/gateway/exchange"
)

// goes presses a key that leads to another page.
func (b *browser) goes(key string) {
	b.t.Helper()
	b.keys++
	b.follow(chromedp.KeyEvent(key))
}

// One of the five tasks: from the morning's list to the request that an overdue
// case waits for, and what must be known to answer it, by single keys.
func TestConsoleTaskOverdue(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.goes("?")
	b.accessible("the page about keys")
	b.picture("help")
	b.keys = 0
	b.press("g")
	b.goes("w")
	b.press("j") // the first row is what is due first
	b.goes(kb.Enter)
	if b.path() != "/cases/KH/"+s.overdue || !strings.Contains(b.text(), "Quá hạn") {
		t.Fatalf("%s is not the overdue case:\n%s", b.path(), b.text())
	}
	b.keyTo("j", `a[href^="/messages/KH/in/"]`) // what it waits for is the only message of its life
	b.goes(kb.Enter)
	if !strings.Contains(b.text(), "IVQ") {
		t.Fatalf("%s is not the request:\n%s", b.path(), b.text())
	}
	b.press("r")
	b.run(chromedp.KeyEvent("để trả lời yêu cầu quá hạn /j"))
	b.tabTo(`.why button[name="all"]`)
	b.enter()
	if !strings.Contains(b.text(), "Nguyễn Thị Mẫu") {
		t.Errorf("the request is not shown:\n%s", b.text())
	}
	b.byKeys("handle an overdue case, to what it asks")
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 1 {
		t.Fatalf("%d accesses", len(accesses))
	}

	// On a list, the key for finding leads to the number of a case.
	for _, list := range []string{"/cases", "/messages"} {
		b.open(list)
		if b.press("/"); look(b, chromedp.Evaluate[string](`document.activeElement.id`)) != "f-case" {
			t.Errorf("on %s the key for finding leads to something else than the number of a case", list)
		}
	}

	// Turned off, a key is a key.
	b.open("/help")
	b.run(chromedp.Click(chromedp.CSS("[data-keys] button")))
	b.press("j")
	b.press("/")
	if b.path() != "/help" {
		t.Errorf("a key that is turned off leads to %s", b.path())
	}

	// One menu is open at a time, and Escape shuts it, whatever is turned off.
	menus := func() int {
		return look(b, chromedp.Evaluate[int](`document.querySelectorAll("details.menu[open]").length`))
	}
	for _, menu := range []string{".languages summary", ".who summary"} {
		if b.run(chromedp.Click(chromedp.CSS(menu))); menus() != 1 {
			t.Errorf("with %s %d menus are open", menu, menus())
		}
	}
	if b.press(kb.Escape); menus() != 0 || !look(b, chromedp.Evaluate[bool](`document.activeElement.matches(".who summary")`)) {
		t.Error("Escape does not shut a menu, or loses the focus")
	}
	s.quiet()
}
