package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/export"
)

// While nothing can be recorded nothing personal is shown, by no way that there is to
// see it; and the same is shown once it can be.
func TestConsoleShowsNothingUnrecorded(t *testing.T) {
	s := newScene(t)
	s.indexed()
	form := exchange.NewID()
	typed := url.Values{"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-77"}}
	if _, err := s.forms().Keep(t.Context(), &officerLan, exchange.Form{ID: form, Partner: "KH", Case: s.fresh, Type: exchange.TypeIdentityResponse, Values: typed}); err != nil {
		t.Fatal(err)
	}
	left, err := s.forms().Leave(t.Context(), &officerLan, exchange.Left{Form: "/find/person", Path: "/find/person", Values: url.Values{"name": {"Chanthy"}, "reason": {"người thân đến hỏi"}}})
	if err != nil {
		t.Fatal(err)
	}
	db := s.vn.tables()
	lan, tuyet := newVisitor(t, s.address), newVisitor(t, s.address)
	for officer, v := range map[string]*visitor{"lan": lan, "tuyet": tuyet} {
		v.get(s.pages.OpenDoor("/", "lan", "tuyet"))
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
	}
	tuyet.post("/reports", url.Values{"kind": {export.KindHTCDS}, "names": {"1"}, "partner": {"KH"}, "reason": {"báo cáo quý bốn"}})
	made := ""
	eventually(t, "the report is made", func() bool {
		if m := regexp.MustCompile(`<form method="post" action="(/reports/[^"]+)"`).FindStringSubmatch(tuyet.get("/reports").body); m != nil {
			made = m[1]
		}
		return made != ""
	})
	message, fresh, all := "/messages/KH/in/"+s.asked, "/cases/KH/"+s.fresh, url.Values{"all": {"1"}, "reason": {"đối chiếu với sổ hộ tịch"}}
	ways := []struct {
		by    *visitor
		path  string
		form  url.Values // nil: it is only opened
		shows string
	}{
		{lan, message, all, "Nguyễn Thị Mẫu"},
		{lan, message + "/proof", url.Values{"reason": {"đối chiếu với sổ hộ tịch"}}, "eyJ"},
		{lan, "/drafts/" + s.held, all, "Nguyễn Thị Mẫu"},
		{lan, fresh + "/print", url.Values{"show": {"all"}, "reason": {"họp liên ngành"}}, "Nguyễn Thị Mẫu"},
		{lan, fresh + "/print", url.Values{"show": {"all-pdf"}, "reason": {"họp liên ngành"}}, "%PDF"},
		{lan, "/compare/KH/" + s.fresh + "/S-1/with/KH/" + s.overdue + "/S-1", url.Values{"reason": {"có thể là một người"}}, "Nguyễn Thị Mẫu"},
		{lan, "/find/person", url.Values{"name": {"mau nguyen thi"}, "birth": {"1997"}, "reason": {"người thân đến hỏi"}}, s.fresh},
		{lan, "/find?undone=" + left, nil, "Chanthy"},
		{lan, "/write/" + form, nil, "S-77"},
		{tuyet, made, url.Values{}, "prs_"},
	}
	ask := func(v *visitor, path string, form url.Values) page {
		if form == nil {
			return v.get(path)
		}
		return v.post(path, form)
	}
	exec := func(stmt string) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), stmt); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TRIGGER no_room BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'no room'); END")
	exec("CREATE TRIGGER no_room_either BEFORE UPDATE ON session BEGIN SELECT RAISE(ABORT, 'no room'); END")
	for _, path := range []string{"/", fresh, message} { // what is masked can be read, and a deadline seen
		s.back.Add(-int64(2 * time.Minute)) // the use of the session is due to be noted
		if p := lan.get(path); p.status != http.StatusOK || p.at.Path != path {
			t.Errorf("%s while nothing can be written: %d at %s", path, p.status, p.at)
		}
	}
	for _, way := range ways {
		if p := ask(way.by, way.path, way.form); p.status != http.StatusServiceUnavailable || strings.Contains(p.body, way.shows) {
			t.Errorf("%s without a record: %d, and %d bytes", way.path, p.status, len(p.body))
		}
	}
	// What was typed and cannot be kept stays on the page, and the page says that it is not.
	exec("CREATE TRIGGER no_room_for_forms BEFORE INSERT ON form BEGIN SELECT RAISE(ABORT, 'no room'); END")
	unkept := url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"preview"}, "/subjects#n": {"1"}, "/subjects/0/name/native": {"Chanthavy"}}
	if p := lan.post("/write/"+exchange.NewID(), unkept); p.status != http.StatusServiceUnavailable || !strings.Contains(p.body, `value="Chanthavy"`) || !strings.Contains(p.body, "Lúc này không ghi lại được gì") {
		t.Errorf("a form that cannot be kept: %d\n%s", p.status, p.body)
	}
	exec("DROP TRIGGER no_room_for_forms")
	exec("DROP TRIGGER no_room")
	exec("DROP TRIGGER no_room_either")
	for _, way := range ways {
		if p := ask(way.by, way.path, way.form); p.status != http.StatusOK || !strings.Contains(p.body, way.shows) {
			t.Errorf("%s with a record: %d, and %d bytes", way.path, p.status, len(p.body))
		}
	}
	s.quiet()
}
