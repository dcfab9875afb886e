package main

import (
	"fmt"
	"net/url"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// questioned takes a police question, and returns its case and itself.
func (s *scene) questioned() (key, message string) {
	s.t.Helper()
	l := s.life(s.t)
	message = l.told(exchange.TypeInformationRequest, string(schemas.Example(exchange.TypeInformationRequest)), func(c *exchange.Claims) { c.Recipient = "VN-MPS" })
	return l.id, message
}

// Whoever answers questions reads each of them where its answer stands, and chooses no
// question but one that nobody has asked. What says more to an answer is asked for in the
// open, and what is wrong says of which question it is.
func TestConsoleAnswersWhatWasAsked(t *testing.T) {
	s := newScene(t)
	key, message := s.questioned()
	h := s.signIn("lan")
	h.noScript()
	h.open("/write?" + url.Values{"to": {"KH"}, "case": {key}, "type": {exchange.TypeInformationResponse}, "re": {message}}.Encode())
	asked := []string{"Vụ việc đã được biết đến chưa?", "Tố tụng đang ở giai đoạn nào?", "Có người môi giới tham gia không?"}
	for i, question := range asked {
		title := look(h.browser, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector("#f-answers-%d > legend").textContent`, i)))
		control := look(h.browser, chromedp.Evaluate[string](fmt.Sprintf(`(e => e.tagName + " " + e.type)(document.querySelector('[name="/answers/%d/question"]'))`, i)))
		if title != question || control != "INPUT hidden" {
			t.Errorf("answer %d: %q, a %s", i, title, control)
		}
	}
	for field, open := range map[string]bool{"/stage": true, "/broker": true, "/contact_unit": false, "/marriage_broker": false} {
		if got := look(h.browser, chromedp.Evaluate[bool](fmt.Sprintf(`!document.querySelector(%q).closest("details.extra")`, at(field)))); got != open {
			t.Errorf("%s stands in the open: %t", field, got)
		}
	}
	for _, width := range []int64{1280, 320} {
		h.width(width)
		h.accessible(fmt.Sprintf("the answer at %d", width))
		if wide := h.wider(); wide != "" {
			t.Errorf("at %d: %s", width, wide)
		}
		h.picture(fmt.Sprintf("write-answers-%d", width))
	}
	h.width(1280)

	h.click(toPreview)
	for i, question := range asked {
		line := look(h.browser, chromedp.Evaluate[string](fmt.Sprintf(`document.querySelector('.govuk-error-summary a[href="#f-answers-%d-result-0"]')?.textContent ?? ""`, i)))
		if line != question+" › Kết quả: Hãy chọn một mục." {
			t.Errorf("what is wrong with answer %d: %q", i, line)
		}
	}
	h.click(`button[value="add /answers"]`)
	h.pick(at("/answers/3/question"), "case_known") // it is answered already, and this is another question's place
	h.tap(choice("/answers/0/result", "yes"), choice("/answers/1/result", "no"), choice("/answers/2/result", "refused"), choice("/answers/3/result", "no"))
	h.click(`button[value="save"]`)
	if got := look(h.browser, chromedp.Evaluate[string](`document.querySelector('[name="/answers/3/question"]').tagName`)); got != "SELECT" {
		t.Errorf("a question that was asked once stands fixed twice: %s", got)
	}
	h.pick(at("/answers/3/question"), "suspects_known")
	h.tap(choice("/stage", "investigation"))
	h.click(`button[value="save"]`)
	if got := look(h.browser, chromedp.Evaluate[string](`[...document.querySelectorAll('[name$="/question"]')].map(e => e.value).join()`)); got != "case_known,stage_of_proceedings,broker_known,suspects_known" || h.value(at("/stage")+":checked") != "investigation" {
		t.Errorf("what is kept: %s, %s", got, h.value(at("/stage")+":checked"))
	}
	s.quiet()
}

// The link that a return and a police request share is made by a button, at random, without
// a script; what was typed there stays.
func TestConsoleMakesALink(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.noScript()
	const button, folded = `button[value="fill /link"]`, `details.extra:has(#f-link) > summary`
	unfold := func(kind string) {
		t.Helper()
		h.open("/write?to=KH&type=" + kind)
		h.run(chromedp.Click(chromedp.CSS(folded)))
	}
	made := map[string]bool{}
	for _, kind := range []string{exchange.TypeInformationRequest, exchange.TypeIdentityRequest} {
		unfold(kind)
		h.click(button)
		link := h.value(at("/link"))
		if made[link] = true; !regexp.MustCompile("^[A-Za-z0-9_-]{22,64}$").MatchString(link) {
			t.Errorf("the link of %s is %q", kind, link)
		}
		if got := look(h.browser, chromedp.Evaluate[string](`document.activeElement.name + (document.activeElement.checkVisibility({contentVisibilityAuto: true}) ? "" : ", folded")`)); got != "/link" {
			t.Errorf("the page begins at %q", got)
		}
		if look(h.browser, chromedp.Evaluate[bool](fmt.Sprintf("document.querySelector(%q) !== null", button))) {
			t.Error("a link that is there can be made again")
		}
		h.accessible(kind + " with its link")
	}
	if len(made) != 2 {
		t.Error("two links are the same")
	}
	unfold(exchange.TypeInformationRequest)
	h.write(at("/link"), "dictated-on-the-telephone")
	h.click(button)
	if got := h.value(at("/link")); got != "dictated-on-the-telephone" {
		t.Errorf("what was typed has become %q", got)
	}
	s.quiet()
}
