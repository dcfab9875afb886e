package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Officers are called by their names, and what the code itself writes into the
// record is said in words.
func TestConsoleNamesOfficers(t *testing.T) {
	s := newScene(t)
	key := exchange.CaseKey{Partner: "KH", Case: s.fresh}
	form := exchange.NewID()
	if _, err := s.forms().Keep(t.Context(), &officerLan, exchange.Form{ID: form, Partner: key.Partner, Case: key.Case, Type: exchange.TypeIdentityResponse, Values: url.Values{}}); err != nil {
		t.Fatal(err)
	}
	if err := s.vn.node.files.Assign(t.Context(), &officerMinh, key, []string{"lan"}, "they speak Khmer"); err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t, s.address)
	v.get(s.link)
	v.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	v.get("/write/" + form)
	const lan, minh = `Trần Thị Lan (hư cấu) <span class="quiet">lan</span>`, `Lê Văn Minh (hư cấu) <span class="quiet">minh</span>`
	for path, want := range map[string][]string{
		"/cases/KH/" + s.fresh: {"bởi Lê Văn Minh (hư cấu) (minh)", "Giao cho: Trần Thị Lan (hư cấu) (lan)", "<strong>" + lan + "</strong>", "Biểu mẫu chưa xong của chính người đó", "để soạn tiếp"},
		"/cases":               {"giao cho Trần Thị Lan (hư cấu) (lan)"},
		"/drafts/" + s.waiting: {minh},
		"/":                    {minh},
		"/messages":            {`<option value="minh">Lê Văn Minh (hư cấu) (minh)</option>`},
	} {
		p := v.get(path)
		for _, text := range want {
			if !strings.Contains(p.body, text) {
				t.Errorf("%s does not say %q", path, text)
			}
		}
		if strings.Contains(p.body, exchange.OwnForm) {
			t.Errorf("%s says in English %q", path, exchange.OwnForm)
		}
	}
	if p := v.post("/messages", url.Values{"filter": {"1"}, "by": {"minh"}}); p.at.RequestURI() != "/messages?by=minh" {
		t.Errorf("the choice of an author leads to %s", p.at)
	}

	v.post("/sign-in/demonstration", url.Values{"officer": {"minh"}})
	if p := v.get("/audit?officer=minh&kind=assigned"); strings.Count(p.body, minh) != 1 || !strings.Contains(p.body, "→ Trần Thị Lan (hư cấu) (lan)") {
		t.Errorf("the audit does not name who has assigned the case:\n%s", p.body)
	}
	if p := v.get("/audit?officer=lan"); !strings.Contains(p.body, "để soạn tiếp") || strings.Contains(p.body, exchange.OwnForm) {
		t.Error("the audit does not say in words why a form was opened")
	}
	s.quiet()
}

// Links that lead to different places say so: two answers of one type, and two cases
// that may be of one person.
func TestConsoleTellsLinksApart(t *testing.T) {
	s := newScene(t)
	s.back.Store(int64(9 * 24 * time.Hour))
	s.receivesIn(s.fresh, exchange.TypeIdentityRequest, strings.ReplaceAll(asked(""), `"S-1"`, `"S-2"`))
	s.back.Store(0)
	s.indexed()
	v := newVisitor(t, s.address)
	v.get(s.link)
	v.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	p := v.get("/cases/KH/" + s.fresh)
	offered := regexp.MustCompile(`</span> (Yêu cầu xác minh nhân thân, [^<]+)</span>`)
	about := map[string]bool{}
	for _, m := range offered.FindAllStringSubmatch(p.body, -1) {
		about[m[1]] = true
	}
	if len(about) != 2 {
		t.Errorf("of two requests the answers on offer name %v", about)
	}
	if !strings.Contains(p.body, `<code title="`+s.overdue+`">`+s.overdue[:13]+"…</code>") {
		t.Error("the number of the case of somebody alike is not begun")
	}
	s.quiet()
}
