package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/repatriation-exchange/gateway/exchange"
)

// hostile is what a name may be made of by somebody who means no name: signs
// that cannot be seen or turn the writing around, heaps of marks, markup.
var hostile = map[string]string{
	"bidi":       "Mau \u202egpj.exe\u202c \u2066x\u2069",
	"zero width": "Ma\u200bu \u200cTh\u2060i\ufeff",
	"marks":      "Max" + strings.Repeat("\u0301", 30) + "u",
	"script":     `<script>alert(1)</script><img src=x onerror=alert(1)>"'`,
	"right":      "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
	"emoji":      "👩‍👩‍👧‍👦 🏳️‍🌈 " + strings.Repeat("🦄", 100),
	"long":       strings.Repeat("W", 256),
	"lines":      "\u00a0\u3000\u115f\u3164",
}

// Hostile names are shown for what they are: wherever an officer sees them no
// sign is hidden, nothing is markup, and the page fits a telephone.
func TestConsoleHostileNames(t *testing.T) {
	s := newScene(t)
	var names []string
	for _, name := range hostile {
		native, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf(`{"native":%s,"latin":"Mau","script":"Latn"}`, native))
	}
	var message string
	caseID := s.receives(exchange.TypeIdentityRequest, asked(`,"other_names":[`+strings.Join(names, ",")+`]`), func(c exchange.Claims) { message = c.ID })
	s.indexed()
	all, why := url.Values{"all": {"1"}, "reason": {hostile["script"] + strings.Repeat("w", 700)}}, url.Values{"reason": {"to see whether it is one person"}}
	pages := map[string]func(*browser){
		"/messages/KH/in/" + message:                                 submits("/messages/KH/in/"+message, all),
		"/cases/KH/" + caseID + "/print":                             submits("/cases/KH/"+caseID+"/print", url.Values{"show": {"all"}, "reason": {"to print it"}}),
		"/cases/KH/" + caseID:                                        func(*browser) {},
		"/compare/KH/" + caseID + "/S-1/with/KH/" + s.fresh + "/S-1": submits("/compare/KH/"+caseID+"/S-1/with/KH/"+s.fresh+"/S-1", why),
	}
	h := s.signIn("lan")
	for path, do := range pages {
		h.open(path)
		do(h.browser)
		h.narrow(path)
		// What a reader sees holds no sign that cannot be seen, but for joiners in emoji.
		for _, sign := range []string{"\u202e", "\u202c", "\u2066", "\u2069", "\u200b", "\u2060", "\ufeff", "\u3164", "\u115f", strings.Repeat("\u0301", 5)} {
			if text := h.text(); strings.Contains(text, sign) {
				t.Errorf("%s shows %+q as it came", path, sign)
			}
		}
		h.accessible(path)
	}
	h.open("/messages/KH/in/" + message)
	pages["/messages/KH/in/"+message](h.browser)
	h.says("U+202E", "U+200B", "U+0301 ×26", hostile["script"], hostile["right"])
	h.picture("hostile")

	// Neither does a reference that is as long as it may be, on any screen.
	var long string
	ref := strings.Repeat("W", 64)
	longCase := s.receives(exchange.TypeIdentityRequest, strings.ReplaceAll(asked(""), `"S-1"`, `"`+ref+`"`), func(c exchange.Claims) { long = c.ID })
	for _, path := range []string{"/messages/KH/in/" + long, "/cases/KH/" + longCase, "/cases/KH/" + longCase + "/print", "/write?to=KH&case=" + longCase + "&type=" + exchange.TypeIdentityResponse + "&re=" + long, "/"} {
		for _, width := range []int64{320, 768, 1280} {
			h.width(width)
			h.open(path)
			if wide := h.wider(); wide != "" || path != "/" && !strings.Contains(h.text(), ref) {
				t.Errorf("%s at %d is wider than the screen: %s", path, width, wide)
			}
		}
	}

	// Neither does a reason without a space widen the pages of those who read it.
	for _, page := range []struct{ officer, path string }{{"lan", "/cases/KH/" + caseID}, {"minh", "/cases/KH/" + caseID}, {"minh", "/audit"}} {
		h.as(page.officer)
		h.open(page.path)
		if wide := h.wider(); wide != "" || !strings.Contains(h.text(), "wwww") {
			t.Errorf("%s of %s is wider than the screen: %s", page.path, page.officer, wide)
		}
		h.narrow(page.path)
	}
	s.quiet()
}

// narrow fails when a page scrolls sideways on a telephone.
func (b *browser) narrow(where string) {
	b.t.Helper()
	b.width(320)
	if wide := b.wider(); wide != "" {
		b.t.Errorf("%s at 320 is wider than the screen: %s", where, wide)
	}
	b.width(1280)
}

// A receipt may say what this gateway does not know. Its page shows what was checked,
// and says that there is more; what a partner writes there is nowhere to be read.
func TestConsoleHostileReceipt(t *testing.T) {
	s := newScene(t)
	const note = "Phạm Văn Thử \u202egpj.exe"
	s.kh.behave(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			payload, err := exchange.PayloadOf(answer.Body.Bytes())
			if err != nil {
				t.Errorf("not a receipt: %s", answer.Body)
				return
			}
			payload = append(bytes.TrimSuffix(payload, []byte("}")), (`,"note":"` + note + `"}`)...)
			receipt, err := s.kh.signer().Sign(exchange.TypReceipt, payload)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
			w.WriteHeader(answer.Code)
			_, _ = w.Write(receipt)
		})
	})
	sent := s.vn.submit("KH")
	eventually(t, "the message is receipted", func() bool {
		return len(s.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
	})
	p := s.visitedBy("lan").get("/messages/KH/out/" + sent.ID + "/proof")
	if p.status != 200 || !strings.Contains(p.body, "message_sha256") || !strings.Contains(p.body, "còn nói 1 điều") {
		t.Errorf("%d:\n%s", p.status, p.body)
	}
	if strings.Contains(p.body, "Phạm") || strings.Contains(p.body, "\u202e") {
		t.Errorf("what nobody checked is shown:\n%s", p.body)
	}
}

// Where the pages of a case's events are before and after one.
var (
	earlier = regexp.MustCompile(`href="(\?before=\d+)#timeline"`)
	later   = regexp.MustCompile(`href="(\?from=\d+)#timeline"`)
)

// A case of as many persons as there may be, with hundreds of events: each page
// has so much of it as it has of any, and says where the rest is.
func TestConsoleHugeCase(t *testing.T) {
	s := newScene(t)
	key := exchange.CaseKey{Partner: "KH", Case: exchange.NewID()}
	var message string
	for request := range exchange.MaxCasePersons / 50 {
		var subjects []string
		for i := range 50 {
			subjects = append(subjects, strings.Replace(fmt.Sprintf(person, ""), `"S-1"`, fmt.Sprintf(`"P-%d"`, 50*request+i), 1))
		}
		message = s.receivesIn(key.Case, exchange.TypeIdentityRequest, `{"subjects":[`+strings.Join(subjects, ",")+`]}`).ID
	}
	v := s.visitedBy("minh")
	s.indexed() // the persons are alike, and each one's line says so
	path := "/cases/KH/" + key.Case
	const items = `<li class="line__item`
	before := v.get(path)
	if n := strings.Count(before.body, `<span class="ref">P-`); n < exchange.MaxCasePersons || before.status != 200 {
		t.Fatalf("%d, and %d persons", before.status, n)
	}
	if two, ten := strings.Index(before.body, `<span class="ref">P-2<`), strings.Index(before.body, `<span class="ref">P-10<`); two < 0 || ten < two {
		t.Errorf("P-2 stands at %d, and P-10 at %d", two, ten)
	}
	// For a few of them others are looked for, and for the rest when an officer wants it.
	if n := strings.Count(before.body, "chưa tìm"); n != exchange.MaxCasePersons-10 || !strings.Contains(before.body, `href="?alike=all#persons"`) {
		t.Errorf("for %d persons nobody was looked for", n)
	}
	whole := v.get(path + "?alike=all")
	if n := strings.Count(whole.body, "chưa tìm") + strings.Count(whole.body, `href="?alike=all`); n != 0 || strings.Count(whole.body, "giống ") < exchange.MaxCasePersons {
		t.Errorf("asked for the rest, and %d are not there; %d are alike", n, strings.Count(whole.body, "giống "))
	}
	for i := range 250 { // two events each
		for _, officers := range [][]string{{"lan"}, nil} {
			if err := s.vn.node.files.Assign(t.Context(), &officerMinh, key, officers, fmt.Sprintf("shared anew for the %dth time", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	after := v.get(path)
	const perEvent, shown = 2000, 100 // bytes of a line, lines of a page
	if n := strings.Count(after.body, items); n != shown || len(after.body) > len(before.body)+shown*perEvent {
		t.Errorf("the page has %d of 504 events and %d bytes; with 4 events it had %d", n, len(after.body), len(before.body))
	}
	if !strings.Contains(after.body, "for the 249th time") || strings.Contains(after.body, "for the 0th time") {
		t.Error("the page does not begin with what happened last")
	}
	seen, end := 0, path
	walk := func(link *regexp.Regexp) {
		for next := end; next != ""; {
			p := v.get(next)
			seen, end = seen+strings.Count(p.body, items), next
			if next = ""; link.MatchString(p.body) && seen < 2000 {
				next = path + link.FindStringSubmatch(p.body)[1]
			}
		}
	}
	if walk(earlier); seen != 504 || strings.Contains(v.get(end).body, "for the 0th time") || !strings.Contains(v.get(end).body, message) {
		t.Errorf("from page to page there are %d events, back to %s", seen, end)
	}
	if walk(later); seen != 2*504 || !strings.Contains(v.get(end).body, "for the 249th time") {
		t.Errorf("the way from the beginning ends at %s, after %d events", end, seen)
	}
	if paper := v.get(path + "/print").body; !strings.Contains(paper, "for the 249th time") || strings.Contains(paper, message) || !strings.Contains(paper, "bản in có phần mới nhất") {
		t.Error("paper has no room for what happened last, or does not say what it leaves out")
	}
	for _, page := range []struct {
		path string
		form url.Values
	}{
		{"/", nil}, {"/cases", nil}, {path + "/print", nil}, {"/messages/KH/in/" + message, nil}, {"/audit", nil},
		{"/messages/KH/in/" + message, url.Values{"all": {"1"}, "reason": {"to see all of them"}}}, {path + "/print", url.Values{"show": {"all"}, "reason": {"to print all of them"}}},
	} {
		p := v.get(page.path)
		if page.form != nil {
			p = v.post(page.path, page.form)
		}
		if p.status != 200 || len(p.body) > 2<<20 || !utf8.ValidString(p.body) {
			t.Errorf("%s: %d, %d bytes", page.path, p.status, len(p.body))
		}
	}
	s.quiet()
}

// What is typed past every bound is refused in words, on a page that is no larger
// for it.
func TestConsoleHugeInput(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	at, over := strings.Repeat("w", 60<<10), strings.Repeat("w", 65<<10)
	for _, try := range []struct {
		path string
		form url.Values
	}{
		{"/find", url.Values{"text": {"x"}}},
		{"/find/person", url.Values{"name": {"x"}, "reason": {"because"}}},
		{"/messages/KH/in/" + s.asked, url.Values{"all": {"1"}, "reason": {"x"}}},
		{"/emergency", url.Values{"case": {"x"}, "partner": {"KH"}, "reason": {"because"}}},
		{"/sign-in/password", url.Values{"officer": {"x"}, "password": {"x"}, "code": {"x"}}},
	} {
		for field, values := range try.form {
			if values[0] != "x" {
				continue
			}
			for _, text := range []string{at, over} {
				form := url.Values{}
				for name, values := range try.form {
					form[name] = values
				}
				form.Set(field, text)
				p := v.post(try.path, form)
				if p.status >= 500 || len(p.body) > 300<<10 {
					t.Errorf("%s of %d bytes in %s: %d, %d bytes", try.path, len(text), field, p.status, len(p.body))
				}
				if len(form.Encode()) > 64<<10 && p.status != 413 {
					t.Errorf("%s of %d bytes in %s is not too large: %d", try.path, len(text), field, p.status)
				}
			}
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record", n)
	}

	// A form of a message may hold a picture from a camera; whoever is not signed in
	// does not send one.
	camera := url.Values{"/subjects/0/name/native": {strings.Repeat("w", 3<<20)}, "do": {"save"}, "to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}}
	if p := newVisitor(t, s.address).post("/write/"+exchange.NewID(), camera); p.status != 413 {
		t.Errorf("a stranger sends 3 MB: %d", p.status)
	}
	if p := v.post("/write/"+exchange.NewID(), camera); p.status != 422 || !strings.Contains(p.body, "Biểu mẫu quá lớn") {
		t.Errorf("an officer sends 3 MB: %d", p.status)
	}
	s.quiet()
}
