package main

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// asks describes a person of a request, and asksOf is a draft that asks of some.
func asks(ref, name, year, place string) string {
	return fmt.Sprintf(`{"subject_ref":%q,"name":{"native":%q,"script":"Latn","latin":%q},"sex":"female","date_of_birth":%q,"claimed_birthplace":{"country":"KH","text_as_given":%q},"claimed_citizenship":"KH"}`, ref, name, name, year, place)
}

func asksOf(persons ...string) exchange.Draft {
	return exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: []byte(`{"subjects":[` + strings.Join(persons, ",") + `]}`)}
}

// heldDraft submits a draft of lan's that safeguards are missing for, so that it does not leave.
func (s *scene) heldDraft(persons ...string) (id string) {
	s.t.Helper()
	view, err := s.vn.node.desk.Submit(s.t.Context(), &officerLan, asksOf(persons...), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return view.Row.ID
}

func (s *scene) amends(by exchange.Officer, id string, version int64, persons ...string) {
	s.t.Helper()
	if _, err := s.vn.node.desk.Amend(s.t.Context(), &by, id, version, asksOf(persons...), nil); err != nil {
		s.t.Fatal(err)
	}
}

// changes opens a draft for changing it, and returns what its form would post.
func (v *visitor) changes(s *scene, by exchange.Officer, id string) url.Values {
	s.t.Helper()
	v.post("/drafts/"+id+"/amend", url.Values{"why": {"bổ sung căn cứ"}})
	return s.kept(by, id)
}

// kept is what the page of a form that is kept would post.
func (s *scene) kept(by exchange.Officer, id string) url.Values {
	s.t.Helper()
	form, err := s.forms().Resume(s.t.Context(), &by, id)
	if err != nil {
		s.t.Fatal(err)
	}
	out := url.Values{"to": {form.Partner}, "case": {form.Case}, "type": {form.Type}, "version": {fmt.Sprint(form.Version)}}
	for name, values := range form.Values {
		out[name] = values
	}
	return out
}

// posts are the address and the version of the form on a page.
func (p page) posts() (path, version string) {
	if m := regexp.MustCompile(`<form method="post" action="(/write/[^"]+)"`).FindStringSubmatch(p.body); m != nil {
		path = m[1]
	}
	if m := regexp.MustCompile(`name="version" value="([^"]*)"`).FindStringSubmatch(p.body); m != nil {
		version = m[1]
	}
	return path, version
}

// proposed is what a page that shows two versions proposes, and carries on.
func (p page) proposed() url.Values {
	out := url.Values{"do": {"merge"}}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">|name="(take [^"]+)" value="(mine|theirs)" checked`).FindAllStringSubmatch(p.body, -1) {
		out.Add(m[1]+m[3], m[2]+m[4])
	}
	return out
}

// However often a draft was changed since an officer began to: what they have not touched
// is not proposed to be undone, and whom both have added are two.
func TestConsoleChangedTwiceMeanwhile(t *testing.T) {
	s := newScene(t)
	id := s.heldDraft(asks("S-1", "Chanthy", "1990", "Takeo"), asks("S-2", "Bopha", "1991", "Takeo"))
	v := s.visitedBy("minh")
	form := v.changes(s, officerMinh, id)
	for i, place := range []string{"Kandal", "Kampot"} {
		s.amends(officerLan, id, int64(i+1), asks("S-1", "Chanthy", "1989", place), asks("S-3", "Sokha", "1993", "Takeo"))
	}
	form.Set("do", "preview")
	for name, value := range map[string]string{"/subjects#n": "3", "/subjects/2/subject_ref": "S-3", "/subjects/2/name/native": "Dara"} {
		form.Set(name, value)
	}
	_, version := v.post("/write/"+id, form).posts()
	proposed := v.post("/write/"+id, url.Values{"version": {version}, "known": {""}, "do": {"submit"}}).proposed()
	for _, place := range []string{"/subjects/0/date_of_birth", "/subjects/0/claimed_birthplace", "/subjects/1"} {
		if got := proposed.Get("take " + place); got != "theirs" {
			t.Errorf("%s, which minh has not touched: %q is proposed", place, got)
		}
	}
	if page := v.post("/write/"+id, proposed); page.status != http.StatusOK {
		t.Fatalf("%d %s", page.status, page.body)
	}
	is := s.kept(officerMinh, id)
	if got := fmt.Sprint(is["/subjects/0/subject_ref"], is["/subjects/1/subject_ref"], is["/subjects/2/subject_ref"], is["/subjects/1/name/native"], is["/subjects/2/name/native"]); got != "[S-1] [S-4] [S-3] [Dara] [Sokha]" {
		t.Errorf("the persons are %s", got)
	}
	s.quiet()
}

// Nobody gets the number of somebody who was in the draft once, in whatever version.
func TestConsoleNumbersNobodyAnew(t *testing.T) {
	s := newScene(t)
	id := s.heldDraft(asks("S-1", "Chanthy", "1990", "Takeo"), asks("S-2", "Bopha", "1991", "Takeo"))
	for version := range int64(6) { // more than are kept
		s.amends(officerLan, id, version+1, asks("S-1", "Chanthy", fmt.Sprint(1980+version), "Takeo"))
	}
	v := s.visitedBy("minh")
	form := v.changes(s, officerMinh, id)
	form.Set("do", "add /subjects")
	v.post("/write/"+id, form)
	if got := s.kept(officerMinh, id).Get("/subjects/1/subject_ref"); got != "S-3" {
		t.Errorf("the new person is %q", got)
	}
	s.quiet()
}

// A choice that cannot be taken is not silently left: here the draft was changed, and so
// was the form in another window.
func TestConsoleChoosesBetweenThree(t *testing.T) {
	s := newScene(t)
	id := s.heldDraft(asks("S-1", "Chanthy", "1990", "Takeo"))
	v := s.visitedBy("minh")
	form := v.changes(s, officerMinh, id)
	window := url.Values{}
	for name, values := range form {
		window[name] = values
	}
	window.Set("do", "save")
	window.Set("/subjects/0/date_of_birth#y", "1977")
	v.post("/write/"+id, window)
	s.amends(officerLan, id, 1, asks("S-1", "Chanthy", "1990", "Kandal"))
	form.Set("do", "preview")
	form.Set("/subjects/0/sex", "male")
	p := v.post("/write/"+id, form)
	for n := 0; strings.Contains(p.body, `value="merge"`); n++ {
		if n == 3 {
			t.Fatal("it asks for ever")
		}
		choice := p.proposed()
		if choice.Has("take /subjects/0/date_of_birth") {
			choice.Set("take /subjects/0/date_of_birth", "theirs")
		}
		p = v.post("/write/"+id, choice)
	}
	if got := s.kept(officerMinh, id).Get("/subjects/0/date_of_birth#y"); got != "1977" && (p.status != http.StatusConflict || !strings.Contains(p.body, "Lựa chọn của bạn không được áp dụng")) {
		t.Errorf("the year is %s, and the page says nothing of it: %d", got, p.status)
	}
	s.quiet()
}

// Whoever has written a draft that was taken back has written what is made of it, also
// where the new form could not be kept at once.
func TestConsoleKeepsWhoHasWritten(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	desk := s.vn.node.desk
	view, err := desk.Read(t.Context(), &officerMinh, s.held, "looking at it in a test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := desk.Amend(t.Context(), &officerMinh, s.held, 1, view.Content.Draft, nil); err != nil {
		t.Fatal(err)
	}
	form := v.changes(s, officerLan, s.held)
	if err := desk.Discard(t.Context(), &officerMinh, s.held, 0, "trùng với hồ sơ khác"); err != nil {
		t.Fatal(err)
	}
	var others []string
	for range exchange.MaxForms - 1 {
		others = append(others, exchange.NewID())
		if _, err := s.forms().Keep(t.Context(), &officerLan, exchange.Form{ID: others[len(others)-1], Partner: "KH", Type: exchange.TypeIdentityRequest, Values: url.Values{}}); err != nil {
			t.Fatal(err)
		}
	}
	// As the thirty-first it is refused; one of the others goes, and it is pressed again.
	form.Set("do", "new")
	p := v.post("/write/"+s.held, form)
	if p.status != http.StatusUnprocessableEntity {
		t.Fatalf("%d %s", p.status, p.body)
	}
	for _, id := range others {
		if err := s.forms().Drop(t.Context(), &officerLan, id); err != nil {
			t.Fatal(err)
		}
	}
	path, version := p.posts()
	form.Set("version", version)
	path, version = v.post(path, form).posts()
	form.Set("version", version)
	form.Set("do", "preview")
	path, version = v.post(path, form).posts()
	v.post(path, url.Values{"version": {version}, "known": {""}, "do": {"submit"}})
	is, err := desk.Outline(t.Context(), &officerLan, strings.TrimPrefix(path, "/write/"))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(is.Authors())); !slices.Equal(got, []string{"lan", "minh"}) {
		t.Errorf("its authors are %q", got)
	}
	s.quiet()
}

// What comes back after its session, and meets a newer version of its form, is kept beside
// it and can be opened, also where it changed a draft.
func TestConsoleKeepsAChangeBeside(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	p := v.post("/drafts/"+s.held+"/amend", url.Values{"why": {"bổ sung căn cứ"}})
	ticket := regexp.MustCompile(`name="ticket" value="([^"]*)"`).FindStringSubmatch(p.body)
	late := s.kept(officerLan, s.held)
	window := s.kept(officerLan, s.held)
	window.Set("do", "save")
	v.post("/write/"+s.held, window)
	late.Set("do", "save")
	late.Set("ticket", ticket[1])
	late.Set("/subjects/0/date_of_birth#y", "1977")
	newVisitor(t, s.address).post("/write/"+s.held, late)
	rows, err := s.forms().List(t.Context(), &officerLan)
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d forms are kept (%v)", len(rows), err)
	}
	for _, row := range rows {
		p := v.get("/write/" + row.ID)
		if p.status != http.StatusOK || row.ID != s.held && !strings.Contains(p.body, "1977") {
			t.Errorf("%d %s", p.status, p.body)
		}
	}
	s.quiet()
}
