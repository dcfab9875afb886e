package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A browser is a real Chromium with nobody at its screen. Whatever it complains
// of, and whatever it asks of anybody but the console, fails the test.
type browser struct {
	t       *testing.T
	ctx     context.Context
	base    string
	axe     string
	limit   *time.Timer
	officer string // who was signed in by seat
	keys    int
	clicks  int

	scriptless bool // the pages' scripts are turned off

	mu         sync.Mutex
	complaints []string
}

// headless is Debian's Chromium without the windows that nobody sees: the same
// engine, in half the time.
const headless = "chromium-headless-shell"

// maxBrowsing is how long a test may take in a browser.
const maxBrowsing = 5 * time.Minute

func newBrowser(t *testing.T, base string) *browser {
	t.Helper()
	axe, err := os.ReadFile("../../exchange/console/testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(headless), chromedp.NoSandbox, chromedp.Flag("ignore-certificate-errors", true),
		chromedp.WindowSize(1280, 900), chromedp.UserDataDir(t.TempDir()))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	b := &browser{t: t, ctx: ctx, base: base, axe: string(axe), limit: time.AfterFunc(maxBrowsing, cancel)}
	t.Cleanup(func() { b.limit.Stop(); cancel(); stop() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // it starts here
		t.Fatal(err)
	}
	listen(b, log.EntryAdded, b.logged)
	listen(b, network.RequestWillBeSent, b.asked)
	for _, err := range []error{
		called(chromedp.Call(ctx, network.Enable, network.EnableParams{})), called(chromedp.Call(ctx, log.Enable, cdp.Empty{})),
		called(chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": "vi"}})),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func called[T any](_ T, err error) error { return err }

// listen hands every event of a kind on until the browser ends.
func listen[E any](b *browser, event cdp.Event[E], take func(E)) {
	events := chromedp.Events(b.ctx, event)
	go func() {
		for e, err := range events {
			if err != nil {
				return
			}
			take(e)
		}
	}()
}

func (b *browser) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complaints = append(b.complaints, fmt.Sprintf(format, args...))
}

// logged hears what the browser says of a page, a breach of the content
// security policy for one.
func (b *browser) logged(e log.EventEntryAdded) {
	if e.Entry.Source != log.EntrySourceNetwork { // a 404 that a test asks for
		b.complain("%s: %s", e.Entry.Source, e.Entry.Text)
	}
}

func (b *browser) asked(e network.EventRequestWillBeSent) {
	if !strings.HasPrefix(e.Request.URL, b.base+"/") && !strings.HasPrefix(e.Request.URL, "data:") { // the browser's own picture of a calendar
		b.complain("a request to %s", e.Request.URL)
	}
	for _, secret := range secrets {
		if strings.Contains(e.Request.URL, secret) || strings.Contains(e.Request.URL, url.QueryEscape(secret)) {
			b.complain("%q is in an address", secret)
		}
	}
}

// run does things and fails with what the browser complained of meanwhile.
func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.complaints) > 0 {
		b.t.Fatalf("the browser complains: %s", strings.Join(b.complaints, "; "))
	}
}

// look reads something off the page.
func look[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	out, err := chromedp.Run(b.ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	b.run()
	return out
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.base + path))
	b.shown()
}

// shown waits until a page is there as a person meets it: whole, and with the focus
// where the page puts it, which a busy browser does a moment after it shows the page.
func (b *browser) shown() {
	b.t.Helper()
	b.run(chromedp.WaitVisible(chromedp.CSS("main")))
	b.until(`document.readyState === "complete" && (document.activeElement !== document.body || !document.querySelector("[autofocus]"))`)
}

// until waits for what a script says, and no longer than 5 seconds: whoever looks next
// finds what is missing.
func (b *browser) until(script string) {
	b.t.Helper()
	for range 200 {
		if holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](script)); err == nil && holds {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
}

// reach scrolls to what a selector names, as far as a person would: out from under
// the buttons that stay at the foot of a form.
func (b *browser) reach(selector string) {
	b.t.Helper()
	if !look(b, chromedp.Evaluate[bool](fmt.Sprintf(`(e => { e?.scrollIntoView({block: "center", behavior: "instant"}); return e != null })(document.querySelector(%q))`, selector))) {
		b.t.Fatalf("%s has no %s:\n%s", b.path(), selector, b.text())
	}
}

// click follows what a selector names and waits for the next page.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.clicks++
	b.reach(selector)
	b.follow(chromedp.Click(chromedp.CSS(selector)))
}

// follow does what leads to another page and waits for it: until the page that was there
// is gone. A busy browser still shows it when the answer has come.
func (b *browser) follow(action chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	look(b, chromedp.Evaluate[string](`document.documentElement.dataset.was = "here"`))
	if _, err := chromedp.RunResponse(b.ctx, action); err != nil {
		b.t.Fatal(err)
	}
	b.until(`!document.documentElement.dataset.was`)
	b.shown()
}

func (b *browser) text() string {
	b.t.Helper()
	return look(b, chromedp.Text(chromedp.CSS("main")))
}

func (b *browser) title() string {
	b.t.Helper()
	return look(b, chromedp.Title())
}

func (b *browser) path() string {
	b.t.Helper()
	return look(b, chromedp.Evaluate[string]("location.pathname"))
}

// value is what stands in a field.
func (b *browser) value(selector string) string {
	b.t.Helper()
	return look(b, chromedp.Evaluate[string](fmt.Sprintf("document.querySelector(%q).value", selector)))
}

// language chooses one by the buttons of the frame.
func (b *browser) language(tag string) {
	b.t.Helper()
	b.run(chromedp.Click(chromedp.CSS(`.languages summary`)))
	b.click(`.languages button[value="` + tag + `"]`)
	if got := look(b, chromedp.Evaluate[string]("document.documentElement.lang")); got != tag {
		b.t.Fatalf("the page speaks %s, want %s", got, tag)
	}
}

// scheme sets light or dark, at once: nothing that is half way is measured.
func (b *browser) scheme(name string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}}); err != nil {
		b.t.Fatal(err)
	}
}

// scripts turns scripts on or off, from the next page on.
func (b *browser) scripts(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatal(err)
	}
}

// picture leaves a screenshot, and what the page needs letters for, where
// CONSOLE_PICTURES says.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("CONSOLE_PICTURES")
	if dir == "" {
		return
	}
	png := look(b, chromedp.FullScreenshot(100))
	if err := os.MkdirAll(dir, 0o750); err != nil {
		b.t.Fatal(err)
	}
	for suffix, seen := range map[string][]byte{".png": png, ".txt": []byte(look(b, chromedp.Evaluate[string](lettered)))} {
		if err := os.WriteFile(filepath.Join(dir, name+suffix), seen, 0o600); err != nil {
			b.t.Fatal(err)
		}
	}
}

// lettered is the text that a browser has written: also of choices that are not open.
const lettered = `[document.body, ...document.querySelectorAll("option")].map(e => e.innerText || e.text).join(" ")`

// press presses keys as a person would.
func (b *browser) press(keys string) {
	b.t.Helper()
	b.keys++
	b.run(chromedp.KeyEvent(keys))
}

// keyTo presses a key until what has the focus is what a selector names, and checks
// that the focus can be seen there.
func (b *browser) keyTo(key, selector string) {
	b.t.Helper()
	for range 80 {
		b.press(key)
		if !look(b, chromedp.Evaluate[bool](fmt.Sprintf("document.activeElement.matches(%q)", selector))) {
			continue
		}
		if !look(b, chromedp.Evaluate[bool](`(e => { const s = getComputedStyle(e); return s.outlineStyle !== "none" || s.boxShadow !== "none" })(document.activeElement)`)) {
			b.t.Errorf("the focus on %s cannot be seen", selector)
		}
		return
	}
	b.t.Fatalf("%q does not reach %s", key, selector)
}

func (b *browser) tabTo(selector string) {
	b.t.Helper()
	b.keyTo(kb.Tab, selector)
}

// enter presses Enter on what has the focus and waits for the next page.
func (b *browser) enter() {
	b.t.Helper()
	b.keys++
	b.follow(chromedp.KeyEvent(kb.Enter))
}
