package main

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// An administrator adds, changes and invites officers, and sees no case. Nobody
// else can, nobody changes their own entry, and every change says who made it.
func TestConsoleOfficers(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.atName(ConsoleConfig{Passwords: true}))
	b.open(s.link)
	b.as("quan")
	if at := look(b, chromedp.Evaluate[string]("location.pathname")); at != "/officers" {
		t.Errorf("an administrator begins at %s", at)
	}
	b.open("/officers/new")
	b.run(chromedp.SendKeys(chromedp.CSS("#id"), "Thu"), chromedp.SendKeys(chromedp.CSS("#name"), "Vũ Thị Thu (hư cấu)"), chromedp.Click(chromedp.CSS(`input[name="partner"][value="KH"]`)))
	b.click(`main form button.govuk-button`)
	if text := b.text(); !strings.Contains(text, "Mã cán bộ cần từ 2 đến 64") || look(b, chromedp.Evaluate[string](`document.querySelector("#name").value`)) != "Vũ Thị Thu (hư cấu)" {
		t.Errorf("a wrong identifier, or what was typed is lost:\n%s", text)
	}
	b.accessible("an officer's form with a mistake")
	b.picture("officer-fault")
	look(b, chromedp.Evaluate[string](`document.querySelector("#id").value = "thu"`))
	b.click(`main form button.govuk-button`)
	if text := b.text(); !strings.Contains(text, "Đã lưu") || !strings.Contains(text, "bởi Hoàng Văn Quân (hư cấu) (quan)") {
		t.Errorf("it was not saved, or nobody did it:\n%s", text)
	}
	thu, err := s.vn.node.roster.Officer(t.Context(), "thu")
	if err != nil || !slices.Equal(thu.Partners, []string{"KH"}) || !slices.Equal(thu.Roles, []exchange.Role{exchange.RoleOfficer}) || thu.Police {
		t.Errorf("%+v %v", thu, err)
	}
	const blind = "Chưa chọn đối tác nào"
	tick := chromedp.Click(chromedp.CSS(`input[name="partner"][value="KH"]`))
	for _, without := range []bool{true, false} { // and then with one again
		b.run(tick)
		b.click(`main form button.govuk-button`)
		if text := b.text(); strings.Contains(text, blind) != without || !strings.Contains(text, "Đã lưu") {
			t.Errorf("saved without a partner: %t\n%s", without, text)
		}
		if without {
			b.accessible("an officer without a partner")
		}
	}
	if b.open("/officers/quan"); strings.Contains(b.text(), blind) {
		t.Error("an administrator is asked for a partner")
	}
	b.open("/officers/thu")
	b.click(`form[action="/officers/thu/invite"] button`)
	link := regexp.MustCompile(`https://localhost:\d+(/join/[A-Z0-9]+)`).FindStringSubmatch(b.text())
	if link == nil {
		t.Fatalf("no link:\n%s", b.text())
	}
	b.accessible("an officer with an invitation")
	b.picture("officer-invited")
	guest := newVisitor(t, b.base)
	if p := guest.get(link[1]); p.status != 200 || !strings.Contains(p.body, "Vũ Thị Thu") {
		t.Errorf("the invitation: %d", p.status)
	}
	for _, path := range []string{"/cases/KH/" + s.fresh, "/messages/KH/in/" + s.asked, "/drafts/" + s.waiting} {
		if b.open(path); strings.Contains(b.text(), "Campuchia") {
			t.Errorf("an administrator sees %s", path)
		}
	}
	s.administers(b.base)
	s.quiet()
	s.vn.check()
}

// administers tries what an administrator must not be able to do, and what
// nobody else may.
func (s *scene) administers(address string) {
	s.t.Helper()
	quan, others := newVisitor(s.t, address), newVisitor(s.t, address)
	link := s.pages.OpenDoor("/", "lan", "quan")
	quan.get(link)
	quan.post("/sign-in/demonstration", url.Values{"officer": {"quan"}})
	version := func(id string) string {
		o, known, err := s.vn.node.officerEntry(s.t.Context(), id)
		if err != nil || !known {
			s.t.Fatal(known, err)
		}
		return o.Version()
	}
	form := func(id string, changes url.Values) url.Values {
		out := url.Values{"version": {version(id)}, "name": {"X"}, "role": {"officer"}, "every": {"1"}}
		for name, values := range changes {
			out[name] = values
		}
		return out
	}
	for name, try := range map[string]struct {
		id   string
		form url.Values
	}{
		"their own entry":             {"quan", form("quan", url.Values{"role": {"officer", "administrator"}})},
		"an old version":              {"lan", form("lan", url.Values{"version": {version("an")}})},
		"an administrator with cases": {"lan", form("lan", url.Values{"role": {"officer", "administrator"}})},
		"an unknown role":             {"lan", form("lan", url.Values{"role": {"king"}})},
		"an unknown partner":          {"lan", form("lan", url.Values{"every": nil, "partner": {"XX"}})},
		"a pin that is none":          {"lan", form("lan", url.Values{"pins": {"sha1/AAAA"}})},
	} {
		before := version(try.id)
		if p := quan.post("/officers/"+try.id, try.form); p.status != 422 || version(try.id) != before {
			s.t.Errorf("%s: %d", name, p.status)
		}
	}
	if p := quan.post("/officers/quan/invite", url.Values{"version": {version("quan")}}); p.status != 422 {
		s.t.Errorf("an administrator invites themselves: %d", p.status)
	}
	signed := newVisitor(s.t, address)
	signed.get(s.pages.OpenDoor("/", "lan", "quan"))
	signed.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	if seats, err := s.vn.node.db.SessionsOf(s.t.Context(), "lan"); err != nil || len(seats) == 0 {
		s.t.Errorf("nobody is signed in as lan (%v)", err)
	}
	if p := quan.post("/officers/lan", form("lan", url.Values{"status": {"suspended"}})); p.status != 200 {
		s.t.Errorf("suspending: %d", p.status)
	}
	if _, err := s.vn.node.roster.Officer(s.t.Context(), "lan"); err == nil {
		s.t.Error("a suspended officer acts")
	}
	if seats, err := s.vn.node.db.SessionsOf(s.t.Context(), "lan"); err != nil || len(seats) != 0 {
		s.t.Errorf("a suspended officer has %d sessions (%v)", len(seats), err)
	}
	deeds, _, err := s.vn.node.oversight.Trail(s.t.Context(), &officerMinh, exchange.TrailFilter{Type: "officer_signed_out"}, 0, 1)
	if err != nil || len(deeds) != 1 || deeds[0].By != "quan" || !slices.Equal(deeds[0].Whom, []string{"lan"}) {
		s.t.Errorf("who put whom out: %+v %v", deeds, err)
	}
	if p := quan.post("/officers/lan", form("lan", nil)); p.status != 200 {
		s.t.Errorf("resuming: %d", p.status)
	}
	others.get(s.pages.OpenDoor("/", "lan", "quan"))
	others.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	for _, path := range []string{"/officers", "/officers/an", "/officers/new"} {
		if p := others.get(path); p.status != 403 {
			s.t.Errorf("an officer sees %s: %d", path, p.status)
		}
	}
	if p := others.post("/officers/an", form("an", nil)); p.status != 403 {
		s.t.Errorf("an officer changes another one: %d", p.status)
	}
	if p := others.post("/officers/an/invite", form("an", nil)); p.status != 403 {
		s.t.Errorf("an officer invites another one: %d", p.status)
	}
}

// Of two administrators who save one entry at the same moment, at one process or at two,
// one is told that it was changed meanwhile, as whoever comes second is: a suspension that
// was said to be in force is. What the officer does to it at that moment stays, too.
func TestConsoleAdministratorsAtTheSameMoment(t *testing.T) {
	s := newScene(t)
	thu := exchange.Officer{ID: "thu", Name: "Vũ Thị Thu (hư cấu)", Roles: []exchange.Role{exchange.RoleAdministrator}, Status: exchange.OfficerActive}
	for _, o := range []exchange.Officer{officerQuan, thu} {
		if err := s.vn.node.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	signsIn := func(s *scene, officer string) *visitor {
		v := newVisitor(t, s.address)
		v.get(s.pages.OpenDoor("/", "quan", "thu"))
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
		return v
	}
	quan := signsIn(s, "quan")
	for where, other := range map[string]*visitor{"one process": signsIn(s, "thu"), "two processes": signsIn(s.beside(), "thu")} {
		for round := range 6 {
			was, _, err := s.vn.node.officerEntry(t.Context(), "lan")
			if err != nil {
				t.Fatal(err)
			}
			form := func(name, status string) url.Values {
				return url.Values{"version": {was.Version()}, "name": {name}, "role": {"officer"}, "every": {"1"}, "status": {status}}
			}
			var all sync.WaitGroup
			var suspends, renames page
			all.Go(func() { suspends = quan.post("/officers/lan", form(was.Name, "suspended")) })
			all.Go(func() { renames = other.post("/officers/lan", form(fmt.Sprintf("Lan %s %d", where, round), "active")) })
			all.Go(func() {
				if round%2 == 0 { // else one of the two has it
					return
				}
				if _, err := s.vn.node.roster.Change(t.Context(), "lan", "lan", func(o *exchange.Officer, _ bool) error {
					o.Pins = []string{fmt.Sprintf("sha256/%s %d", where, round)}
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			const saved, late = "Đã lưu", "Người khác vừa sửa mục này"
			is, _, err := s.vn.node.officerEntry(t.Context(), "lan")
			if err != nil {
				t.Fatal(err)
			}
			told := 0
			for _, p := range []page{suspends, renames} {
				if told += strings.Count(p.body, saved); (p.status == 422) != strings.Contains(p.body, late) || (p.status == 200) != strings.Contains(p.body, saved) {
					t.Errorf("%s, round %d: %d", where, round, p.status)
				}
			}
			if told > 1 || told+round%2 == 0 || (suspends.status == 200) != (is.Status == exchange.OfficerSuspended) || (renames.status == 200) != strings.HasPrefix(is.Name, "Lan "+where) || len(is.Pins) != round%2 {
				t.Errorf("%s, round %d: %d and %d, and the entry is %+v", where, round, suspends.status, renames.status, is)
			}
			if err := s.vn.node.roster.Put(t.Context(), "", officerLan); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.quiet()
	s.vn.check()
}

// A case of another's partner opens in an emergency: with a reason, for an hour,
// recorded first; a supervisor is told until they say that they know.
func TestConsoleEmergency(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.atName(ConsoleConfig{}))
	b.open(s.link)
	b.as("hoa")
	path, message := "/cases/KH/"+s.fresh, "/messages/KH/in/"+s.asked
	if b.open(message); strings.Contains(b.text(), "Campuchia") {
		t.Error("a message of another's partner is seen")
	}
	if b.open(path); strings.Contains(b.text(), "Campuchia") || !strings.Contains(b.text(), "khẩn cấp") {
		t.Errorf("a case of another's partner:\n%s", b.text())
	}
	b.open("/emergency")
	b.run(chromedp.SendKeys(chromedp.CSS("#case"), strings.ToUpper(strings.ReplaceAll(s.fresh, "-", " ")))) // as it was read over the telephone
	look(b, chromedp.Evaluate[string](`document.querySelector("#partner").value = "KH"`))
	b.click(`main form button.govuk-button`)
	if text := b.text(); !strings.Contains(text, "Viết lý do") {
		t.Errorf("without a reason:\n%s", text)
	}
	b.accessible("an emergency without a reason")
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nothing was opened", n)
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "nạn nhân đang ở cửa khẩu, người phụ trách đi vắng"))
	b.click(`main form button.govuk-button`)
	if text := b.text(); !strings.Contains(text, "theo quyền khẩn cấp đến") || !strings.Contains(text, "nạn nhân đang ở cửa khẩu") {
		t.Errorf("the case is not open:\n%s", text)
	}
	b.accessible("a case in an emergency")
	b.picture("case-emergency")
	if b.open("/cases/KH/" + s.overdue); !strings.Contains(b.text(), "Không tìm thấy") {
		t.Error("another case is open too")
	}
	if b.open("/"); !strings.Contains(b.text(), "Đang mở cho tôi trong trường hợp khẩn cấp") || !strings.Contains(b.text(), s.fresh) {
		t.Errorf("the way back to the case is nowhere:\n%s", b.text())
	}
	b.everyWay("work-emergency", "/")
	b.open(message)
	if text := b.text(); strings.Contains(text, "Nguyễn Thị Mẫu") || !strings.Contains(text, "được che") {
		t.Errorf("an emergency unmasks:\n%s", text)
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "đọc tên để đón"), chromedp.Click(chromedp.CSS(`input[value="/subjects/0/name"]`)))
	b.click(`.why button:not([name])`)
	if text := b.text(); !strings.Contains(text, "Nguyễn Thị Mẫu") {
		t.Errorf("a reveal in an emergency:\n%s", text)
	}
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 2 || accesses[0].Type != "case_emergency" {
		t.Fatalf("the accesses are %+v", accesses)
	}
	for _, row := range accesses {
		if opened, err := s.vn.node.opener.Open(t.Context(), row); err != nil || !strings.Contains(string(opened.Data), `"break_glass":true`) {
			t.Errorf("%s %v", opened.Data, err)
		}
	}

	b.as("lan") // is assigned, and sees who looked
	b.open(path)
	if text := b.text(); !strings.Contains(text, "đọc tên để đón") || !strings.Contains(text, "Họ tên") || !strings.Contains(strings.ToLower(text), "khẩn cấp") {
		t.Errorf("who looked is not told:\n%s", text)
	}
	if b.open("/"); strings.Contains(b.text(), "Hồ sơ được mở khẩn cấp") {
		t.Error("an officer is asked to supervise")
	}
	b.as("minh")
	if text := b.text(); !strings.Contains(text, "Hồ sơ được mở khẩn cấp") || !strings.Contains(text, "hoa") {
		t.Fatalf("a supervisor is not told:\n%s", text)
	}
	b.click(`form[action^="/acknowledge/"] button`)
	if strings.Contains(b.text(), "Hồ sơ được mở khẩn cấp") {
		t.Error("it waits after a supervisor said that they know")
	}
	if n := len(s.vn.rows(exchange.Filter{Type: "emergency_acknowledged"})); n != 1 {
		t.Errorf("%d acknowledgements are in the record", n)
	}

	// An hour later it is closed again.
	s.back.Store(-int64(61 * time.Minute))
	b.as("hoa")
	if b.open(path); strings.Contains(b.text(), "Campuchia") {
		t.Errorf("it is open after an hour:\n%s", b.text())
	}
	s.quiet()
	s.vn.check()
}
