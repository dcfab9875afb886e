package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/repatriation-exchange/gateway/exchange"
)

// The five tasks by a mouse and by keys alone; docs/console.md says what each takes.

// types writes into what has the focus; characters are not counted as keys.
func (b *browser) types(text string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(text))
}

// skip leads past the navigation.
func (b *browser) skip() {
	b.t.Helper()
	b.tabTo(`.govuk-skip-link`)
	b.press(kb.Enter)
}

// choose takes one of a group of radio buttons, as keys do: Tab reaches the group,
// an arrow goes on in it.
func (b *browser) choose(name, value string) {
	b.t.Helper()
	b.tabTo(at(name))
	b.press(" ")
	for range 10 {
		if look(b, chromedp.Evaluate[string](`document.activeElement.checked ? document.activeElement.value : ""`)) == value {
			return
		}
		b.press(kb.ArrowDown)
	}
	b.t.Fatalf("no key chooses %s of %s", value, name)
}

// byKeys compares the keys that a task takes with the last column of the table.
func (b *browser) byKeys(name string) {
	b.t.Helper()
	page, err := os.ReadFile("../../docs/console.md")
	if err != nil {
		b.t.Fatal(err)
	}
	if row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %s \| .*\| %d \|$`, regexp.QuoteMeta(name), b.keys)); !row.Match(page) {
		b.t.Errorf("docs/console.md does not say that it takes %d keys to %s", b.keys, name)
	}
}

// toRequest opens the request that the overdue case waits for, by keys.
func (b *browser) toRequest(s *scene) {
	b.t.Helper()
	b.keyTo("j", `a[href="/cases/KH/`+s.overdue+`"]`)
	b.enter()
	b.keyTo("j", `.line a[href^="/messages/KH/in/"]`)
	b.enter()
}

func TestConsoleTaskAnswerByKeys(t *testing.T) {
	s := newScene(t)
	b := s.signIn("lan").browser
	b.toRequest(s)
	b.press("r")
	b.types("đối chiếu hộ tịch")
	b.tabTo(`.why button[name="all"]`)
	b.enter()
	b.keyTo("a", `.say__first .govuk-button`)
	b.enter()
	b.skip()
	for _, field := range []string{"outcome", "fields/name", "fields/date_of_birth"} {
		b.choose("/subjects/0/"+field, "match")
	}
	b.keyTo("a", toPreview)
	b.enter()
	b.keyTo("a", toSend)
	b.enter()
	if text := b.text(); !strings.Contains(text, "Đã ký và ghi vào nhật ký") {
		t.Errorf("it was not sent:\n%s", text)
	}
	if _, body := s.sent(s.overdue); body != `{"subjects":[{"fields":{"date_of_birth":"match","name":"match"},"outcome":"match","subject_ref":"S-1"}]}` {
		t.Errorf("sent was %s", body)
	}
	b.byKeys("answer a verification request")
	s.quiet()
}

func TestConsoleTaskRefuseByKeys(t *testing.T) {
	s := newScene(t)
	b := s.signIn("lan").browser
	b.toRequest(s)
	b.keyTo("a", `.say__first .govuk-button`)
	b.tabTo(`.say__first a[href*="refuse=1"]`)
	b.enter()
	b.skip()
	b.choose("/subjects/0/outcome", "insufficient")
	b.keyTo("a", toPreview)
	b.enter()
	b.keyTo("a", toSend)
	b.enter()
	if _, body := s.sent(s.overdue); body != `{"subjects":[{"outcome":"insufficient","subject_ref":"S-1"}]}` {
		t.Errorf("sent was %s", body)
	}
	b.byKeys("refuse a malformed request")
	s.quiet()
}

func TestConsoleTaskOverdueByMouse(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.click(`a[href="/cases/KH/` + s.overdue + `"]`)
	h.says("Quá hạn")
	h.click(`.line a[href^="/messages/KH/in/"]`)
	h.write("#reason", "để trả lời yêu cầu quá hạn")
	h.click(`.why button[name="all"]`)
	h.says("Nguyễn Thị Mẫu")
	h.task("handle an overdue case, to what it asks")
	s.quiet()
}

func TestConsoleTaskFindsByMouse(t *testing.T) {
	s := newScene(t)
	s.indexed()
	h := s.signIn("lan")
	h.click(`a[href="/find"]`)
	h.write("#name", "mau nguyen thi")
	h.write("#birth", "1997")
	h.write("#reason", "người thân đến hỏi")
	h.click(`form[action="/find/person"] .govuk-button`)
	h.says("có thể là người này")
	h.click(`a[href="/cases/KH/` + s.fresh + `"]`)
	if file := h.path(); file != "/cases/KH/"+s.fresh {
		t.Errorf("%s is not the case", file)
	}
	h.task("find a person by an approximate name")
	if accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess}); len(accesses) != 1 || accesses[0].Type != "person_search" {
		t.Errorf("the accesses are %+v", accesses)
	}
	s.quiet()
}
