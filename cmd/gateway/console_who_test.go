package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
)

// What an officer looks at again and again is one line of a case's timeline, which
// opens; somebody else's look in between is a line of its own, and so is a single one.
func TestConsoleFoldsLooks(t *testing.T) {
	s := newScene(t)
	eventually(t, "its time limit is near", func() bool {
		return len(s.vn.rows(exchange.Filter{Case: s.fresh, Type: "clock_reminder"})) == 1
	})
	asked := exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: s.asked}
	for _, look := range []struct {
		by     *exchange.Officer
		reason string
	}{{&officerLan, "the first look"}, {&officerLan, "the second look"}, {&officerMinh, "a look in between"}, {&officerLan, "the last look"}} {
		if _, err := s.vn.node.files.Message(t.Context(), look.by, asked, look.reason); err != nil {
			t.Fatal(err)
		}
	}
	v := s.visitedBy("lan")
	p := v.get("/cases/KH/" + s.fresh)
	_, timeline, _ := strings.Cut(p.body, `<ol class="line">`)
	timeline, _, _ = strings.Cut(timeline, "</section>")
	lines := strings.Split(timeline, `<li class="line__item`)[1:]
	if len(lines) != 7 { // and the reminder, the message and its two corrections
		t.Fatalf("the timeline has %d lines:\n%s", len(lines), timeline)
	}
	for i, want := range [][]string{{"the last look"}, {"a look in between"}, {"2 lần", "the second look", "the first look"}, nil, nil, nil, {"/messages/KH/in/" + s.asked}} {
		if got := strings.Contains(lines[i], "<details"); got != (i == 2) {
			t.Errorf("line %d folds: %t\n%s", i, got, lines[i])
		}
		for _, text := range want {
			_, after, found := strings.Cut(lines[i], text) // one after the other
			if lines[i] = after; !found {
				t.Errorf("line %d does not say %q", i, text)
			}
		}
	}
	s.quiet()
}

// A draft's page looks at the draft and at whom it is about: several of them are one
// line too.
func TestConsoleFoldsLooksAtDrafts(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("minh")
	for range 3 {
		if p := v.post("/drafts/"+s.waiting, url.Values{"all": {"1"}, "reason": {"to decide on it"}}); p.status != 200 {
			t.Fatalf("%d %s", p.status, p.body)
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 6 {
		t.Fatalf("%d looks are in the record", n)
	}
	if p := v.get("/cases/KH/" + s.ours); !strings.Contains(p.body, "6 lần") || strings.Count(p.body, `line__item--access`) != 1 {
		t.Errorf("they are %d lines:\n%s", strings.Count(p.body, `line__item--access`), p.body)
	}
	s.quiet()
}

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
	v := s.visitedBy("lan")
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
	v := s.visitedBy("lan")
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
