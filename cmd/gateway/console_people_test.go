package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// astray names the links of a page into itself that lead nowhere.
const astray = `[...document.querySelectorAll('a[href^="#"]')].filter(a => !document.getElementById(decodeURIComponent(a.hash.slice(1)))).map(a => a.hash).join()`

// Where many persons are, each is a link to what the page tells of them: children in
// their order, of a case to its line and from there to the message that says who they
// are, whose index leads to each.
func TestConsoleLeadsToEachPerson(t *testing.T) {
	s := newScene(t)
	key, message := s.ofMany(13, 1, 2, 13)
	h := s.signIn("lan")
	minors := func() string {
		t.Helper()
		return look(h.browser, chromedp.Evaluate[string](`[...document.querySelectorAll(".minor .ref")].map(e => e.textContent + " " + (e.hash ?? "")).join()`))
	}
	h.open("/cases/KH/" + key)
	if got := minors(); got != "P-1 #person-P-1,P-2 #person-P-2,P-13 #person-P-13" {
		t.Errorf("the case leads to children: %s", got)
	}
	h.click(`#persons tr#person-P-13 th a`)
	if got := look(h.browser, chromedp.Evaluate[string](`location.pathname + " " + document.querySelector(":target h3").firstChild.textContent.trim()`)); got != "/messages/KH/in/"+message+" Người P-13" {
		t.Errorf("a person of the case leads to %s", got)
	}
	if got := look(h.browser, chromedp.Evaluate[string](`[...document.querySelectorAll(".index a")].map(a => a.textContent).join()`)); strings.Count(got, "P-") != 13 || !strings.HasPrefix(got, "P-1,P-2,P-3,") {
		t.Errorf("the index of the message: %s", got)
	}
	if got := minors(); got != "P-1 #person-P-1,P-2 #person-P-2,P-13 #person-P-13" {
		t.Errorf("the message leads to children: %s", got)
	}
	for _, width := range []int64{1280, 320} {
		h.width(width)
		h.accessible(fmt.Sprintf("a message of many at %d", width))
		if wide := h.wider(); wide != "" {
			t.Errorf("at %d: %s", width, wide)
		}
	}
	h.picture("message-many-320")
	h.width(1280)

	pages := []string{"/cases/KH/" + key, "/messages/KH/in/" + message, "/messages/KH/in/" + s.asked, "/drafts/" + s.waiting, "/drafts/" + s.held}
	for _, path := range pages {
		if h.open(path); look(h.browser, chromedp.Evaluate[string](astray)) != "" {
			t.Errorf("%s leads astray: %s", path, look(h.browser, chromedp.Evaluate[string](astray)))
		}
	}
	h.open("/messages/KH/in/" + s.asked)
	if look(h.browser, chromedp.Evaluate[bool](`document.querySelector(".index") !== null`)) {
		t.Error("a message of one person has an index")
	}
	s.quiet()
}

// A form and its preview lead to children in the same way.
func TestConsoleFormLeadsToChildren(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	form := url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"save"}, "/subjects#n": {"2"}}
	for i, ref := range []string{"S-10", "S-2"} {
		for name, value := range map[string]string{"subject_ref": ref, "name/native": "Chanthy", "sex": "female", "date_of_birth#y": "2015", "claimed_birthplace/country": "KH", "claimed_birthplace/text_as_given": "Takeo", "claimed_citizenship": "KH"} {
			form.Set(fmt.Sprintf("/subjects/%d/%s", i, name), value)
		}
	}
	leads := func(p page, want ...string) {
		t.Helper()
		_, banner, _ := strings.Cut(p.body, `<section class="minor"`)
		banner, _, _ = strings.Cut(banner, "</section>")
		var got []string
		for _, m := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(banner, -1) {
			got = append(got, m[1])
			if !strings.Contains(p.body, `id="`+m[1]+`"`) {
				t.Errorf("%s is nowhere", m[1])
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the banner leads to %q: %d\n%s", got, p.status, banner)
		}
	}
	leads(v.post("/write/"+exchange.NewID(), form), "f-subjects-1", "f-subjects-0")
	form.Set("do", "preview")
	leads(v.post("/write/"+exchange.NewID(), form), "person-S-2", "person-S-10")
	s.quiet()
}

// A preview says of whom the message says nothing but the reference, and speaks of what
// is struck through only where something is.
func TestConsolePreviewOfAReference(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	key, message := s.questioned()
	form := url.Values{"to": {"KH"}, "case": {key}, "type": {exchange.TypeInformationResponse}, ".reply": {message}, "version": {"0"}, "do": {"preview"},
		"/answers#n": {"1"}, "/answers/0/question": {"case_known"}, "/answers/0/result": {"yes"}, "/legal_basis": {"the instrument"}, "/handling_caveat": {"no_onward_sharing"},
		".recipient": {"KH-NCCT"}, "/subjects#n": {"1"}, "/subjects/0/subject_ref": {"P-1"}}
	p := v.post("/write/"+exchange.NewID(), form)
	if p.status != 200 || !strings.Contains(p.body, "Thông điệp chỉ nêu mã của người này.") || strings.Contains(p.body, "gạch ngang") {
		t.Errorf("%d\n%s", p.status, p.body)
	}
	s.quiet()
}

// Who may be the same in the case itself is named as of it, and leads to their line there.
func TestConsoleDuplicatesOfTheCaseItself(t *testing.T) {
	s := newScene(t)
	key, message := s.ofMany(2)
	v := s.visitedBy("lan")
	eventually(t, "the two are found alike", func() bool { return strings.Contains(v.get("/cases/KH/"+key).body, "/with/KH/"+key+"/P-2") })
	for _, path := range []string{"/cases/KH/" + key, "/messages/KH/in/" + message} {
		if p := v.get(path); !strings.Contains(p.body, `<a class="govuk-link" href="/cases/KH/`+key+`#person-P-2">người P-2 của hồ sơ này</a>`) || strings.Contains(p.body, "KH · người P-2") {
			t.Errorf("%s: %d\n%s", path, p.status, p.body)
		}
	}
	s.quiet()
}
