package main

import (
	"net/url"
	"strings"
	"testing"

	chromium "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange/console"
)

// The pages of a demonstration say what there is to try, in every language, and with which
// command its officers sign; the statement and the command are copied by a button. No
// office's pages say any of it.
func TestConsoleDemonstration(t *testing.T) {
	s := newScene(t)
	var tasks []console.Task
	for _, name := range console.TaskNames() {
		tasks = append(tasks, console.Task{Name: name, To: "/cases/KH/" + s.overdue})
	}
	s.pages.Furnish(console.Demonstration{Tasks: tasks, Sign: func(officer string) string { return "bin/gateway officer sign " + officer + ".key" }})
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	for _, language := range []string{"vi", "en", "lo", "km", "zh"} {
		b.language(language)
		if n := look(b, chromedp.Evaluate[int](`document.querySelectorAll("[aria-labelledby=tasks-title] a[href='/cases/KH/`+s.overdue+`']").length`)); n != len(tasks) {
			t.Errorf("in %s the page of work has %d tasks", language, n)
		}
		b.accessible("the tasks of a demonstration in " + language)
	}
	b.language("en")
	b.open("/drafts/" + s.waiting)
	decides("release")(b)
	b.accessible("a statement that can be copied")
	for _, name := range []string{"clipboard-write", "clipboard-read"} { // a person's browser asks them at most for the second
		may := chromium.SetPermissionParams{Permission: &chromium.PermissionDescriptor{Name: name}, Setting: chromium.PermissionSettingGranted}
		if _, err := chromedp.Call(b.ctx, chromium.SetPermission, may); err != nil {
			t.Fatal(err)
		}
	}
	for of, want := range map[string]string{"statement": b.value("#statement"), "command": "bin/gateway officer sign lan.key"} {
		b.run(chromedp.Click(chromedp.CSS(`[data-copy="`+of+`"]`)), chromedp.WaitVisible(chromedp.CSS(`[data-copy="`+of+`"] + [role="status"]:not(:empty)`)))
		if got := look(b, chromedp.Evaluate[string](`navigator.clipboard.readText()`, chromedp.EvalAwaitPromise)); got != want || want == "" {
			t.Errorf("of the %s %q was copied", of, got)
		}
	}
	s.quiet()

	o := newOffice(t, ConsoleConfig{ClientCertificates: true})
	v := newVisitor(t, o.address, o.card)
	if p := v.post("/sign-in/certificate", url.Values{}); p.at.Path != "/" || strings.Contains(p.body, "tasks-title") {
		t.Errorf("an office is led to the tasks of a demonstration: %s %s", p.at, p.body)
	}
}
