package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// A number leads to what it names; what a text names is listed; a text that
// names nothing may be a person's name, and is not lost.
func TestConsoleFind(t *testing.T) {
	s := newScene(t)
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	today := time.Now().In(time.FixedZone("", 7*60*60))
	find := func(text string) {
		t.Helper()
		b.open("/find")
		b.run(chromedp.SendKeys(chromedp.CSS("#text"), text))
		b.click(".seek button")
	}
	for _, w := range []struct{ typed, at, says string }{
		{s.fresh, "/cases/KH/" + s.fresh, "Hồi hương"},
		{s.asked, "/messages/KH/in/" + s.asked, "IVQ"},
		{s.held, "/drafts/" + s.held, "Còn thiếu"},
		{s.fresh[:8], "/find", s.fresh}, // both cases of the morning begin so
		{"campuchia", "/find", "Campuchia"},
		{"ivq", "/find", "Yêu cầu xác minh nhân thân"},
		{"đang xác minh", "/find", "Tình trạng Đang xác minh"},
		{"minh", "/find", "Cán bộ Lê Văn Minh (hư cấu) minh"},
		{"Cambodia", "/find", "Campuchia"}, // as other pages name it
		{"柬埔寨", "/find", "Campuchia"},
		{"quá hạn", "/find", "Cách xem Quá hạn"},
		{"CHO DOI TAC", "/find", "Cách xem Chờ đối tác"},
		{"Waiting for the partner", "/find", "Cách xem Chờ đối tác"},
		{today.Format("2/1/2006"), "/find", "Ngày " + today.Format("02/01/2006")},
		{today.Format("2 January 2006"), "/find", "Ngày " + today.Format("02/01/2006")}, // as English pages write it
		{"Nguyễn Thị Mẫu", "/find", "Không có hồ sơ, thông điệp"},
	} {
		find(w.typed)
		if at := b.path(); at != w.at || !strings.Contains(b.text(), w.says) {
			t.Errorf("%q leads to %s, which lacks %q:\n%s", w.typed, at, w.says, b.text())
		}
	}
	if got := b.value("#name"); got != "Nguyễn Thị Mẫu" {
		t.Errorf("the name is not offered for a search: %q", got)
	}
	if find("lan"); b.value("#name") != "lan" {
		t.Errorf("an officer is called so, and a person cannot be: %q", b.value("#name"))
	}
	find("quá hạn")
	if b.click(`#main a[href="/cases?by=due&due=overdue"]`); b.path() != "/cases" || !strings.Contains(b.text(), s.overdue) {
		t.Errorf("the name of a tab leads to %s:\n%s", b.path(), b.text())
	}
	find("lan")
	b.click(`#main a[href="/messages?by=lan"]`)
	if b.path() != "/messages" || b.value("#f-by") != "lan" {
		t.Errorf("an officer's messages are at %s", b.path())
	}
	find("Nguyễn Thị Mẫu")
	b.accessible("nothing was found")
	b.run(chromedp.SendKeys(chromedp.CSS("#birth"), "31/31/98"))
	b.click(".ask button")
	text := b.text()
	if !strings.Contains(text, "Không đọc được ngày sinh") || !strings.Contains(text, "Viết lý do tìm") || b.value("#birth") != "31/31/98" {
		t.Errorf("a search with mistakes:\n%s", text)
	}
	b.accessible("a search with mistakes")
	b.picture("find-faults")
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nobody was looked for", n)
	}
	s.quiet()
	s.vn.check()
}

// A number is found as a letter, a table or a telephone gives it, and a list that
// is cut says so and leads to all of it. A number is nobody's name.
func TestConsoleFindsNumbers(t *testing.T) {
	s := newScene(t)
	var last string
	for i := range 11 {
		last = fmt.Sprintf("c0ffee00-e797-7000-8000-0000000000%02d", i)
		s.receivesIn(last, exchange.TypeIdentityRequest, asked(""))
	}
	v := s.visitedBy("lan")
	find := func(text string) page { return v.post("/find", url.Values{"text": {text}}) }
	for _, typed := range []string{
		last, strings.ToUpper(last), "KH " + last, "kh/" + last, strings.ReplaceAll(last, "-", ""), strings.ReplaceAll(strings.ToUpper(last), "-", " "),
		strings.ReplaceAll(last, "-", " – "), strings.ReplaceAll(last, "-", "\u00ad\u2011"),
	} {
		if p := find(typed); p.at.Path != "/cases/KH/"+last {
			t.Errorf("%q leads to %s", typed, p.at)
		}
	}
	if p := find("KH " + strings.ToUpper(s.asked)); p.at.Path != "/messages/KH/in/"+s.asked {
		t.Errorf("a message's number leads to %s", p.at)
	}
	for typed, all := range map[string]string{"C0FFEE00-E797": "/cases?case=c0ffee00-e797", "KH c0ffee00-e797…": "/cases?case=c0ffee00-e797&amp;partner=KH", "c0ffee00": "/cases?case=c0ffee00"} {
		p := find(typed)
		if n := strings.Count(p.body, `class="govuk-link" href="/cases/KH/c0ffee00`); n != 10 || !strings.Contains(p.body, `href="`+all+`"`) {
			t.Errorf("%q: %d cases, and all of them are not at %s", typed, n, all)
		}
		if p := v.get(strings.ReplaceAll(all, "&amp;", "&")); strings.Count(p.body, `class="govuk-link" href="/cases/KH/c0ffee00`) != 11 {
			t.Errorf("%s does not list them", all)
		}
	}
	for _, typed := range []string{"https://console.example.vn/cases/KH/" + last, s.address + "/cases/KH/" + last + "?looks=all#looks", "/cases/KH/" + last} {
		if p := find(typed); p.at.Path != "/cases/KH/"+last {
			t.Errorf("%q leads to %s", typed, p.at)
		}
	}
	message := "/messages/KH/in/" + s.asked
	shown := regexp.MustCompile(`Mục số ([\d.]+) trong nhật ký`).FindStringSubmatch(v.get(message).body)
	if shown == nil {
		t.Fatal("the page of a message does not say which entry it is")
	}
	for _, typed := range []string{s.address + message, s.address + message + "/proof", shown[0], "mục số " + shown[1], "Muc so" + shown[1], "Entry " + shown[1] + " of the record", "存证记录第 " + shown[1] + " 条"} {
		if p := find(typed); p.at.Path != message {
			t.Errorf("%q leads to %s", typed, p.at)
		}
	}
	if p := find("Mục số 999.999"); !strings.Contains(p.body, "Không có hồ sơ, thông điệp") {
		t.Errorf("an entry that is not there: %s", p.at)
	}
	if p := find("LA C0FFEE00"); strings.Contains(p.body, "/cases/KH/") || strings.Contains(p.body, `name="name" value="LA`) {
		t.Error("a case of another partner is found, or its number is taken for a name")
	}
	if p := v.post("/cases", url.Values{"filter": {"1"}, "case": {"C0FFEE00E797"}}); p.at.String() != s.address+"/cases?case=c0ffee00-e797" {
		t.Errorf("the list's own field leads to %s", p.at)
	}
	if err := s.vn.node.files.Assign(t.Context(), &officerMinh, exchange.CaseKey{Partner: "KH", Case: s.fresh}, []string{"minh"}, ""); err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{s.address + message, shown[0]} {
		if p := find(typed); p.at.Path != "/find" || strings.Contains(p.body, s.fresh) {
			t.Errorf("%q leads to %s, which is another officer's", typed, p.at)
		}
	}
	s.quiet()
}

// A person is found by what is not known for sure, as people say it and as pages write it.
func TestConsoleFindsPersonAsPeopleSay(t *testing.T) {
	s := newScene(t)
	s.indexed()
	v := s.visitedBy("lan")
	for _, w := range []struct{ name, birth string }{
		{"Nguyễn Mẫu", "khoảng 1997"}, {"Nguyễn Mẫu", "khoảng năm 1997"}, {"Nguyen Mau", "about 1998"}, {"Nguyễn Mẫu", "1997~"},
		{"Nguyễn Mẫu", "1995-1997"}, {"Nguyễn Mẫu", "từ 1995 đến 1997"}, {"P<VNMNGUYEN<<THI<MAU<<<<<", ""},
	} {
		p := v.post("/find/person", url.Values{"name": {w.name}, "birth": {w.birth}, "reason": {"người thân đến hỏi"}})
		if p.status != 200 || !strings.Contains(p.body, `href="/cases/KH/`+s.fresh+`"`) {
			t.Errorf("%s, %s: %d, nobody is found", w.name, w.birth, p.status)
		}
	}
	s.quiet()
}

// One of the five tasks: find a person by an approximate name, by keys alone.
func TestConsoleTaskFindsPerson(t *testing.T) {
	s := newScene(t)
	s.indexed()
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.keys = 0
	b.press("g")
	b.goes("f")
	b.tabTo("#name")
	b.run(chromedp.KeyEvent("mau nguyen thi"))
	b.tabTo("#birth")
	b.run(chromedp.KeyEvent("1997"))
	b.tabTo("#reason")
	b.run(chromedp.KeyEvent("người thân đến hỏi"))
	b.enter()
	text := b.text()
	if !strings.Contains(text, "có thể là người này") || !strings.Contains(text, s.fresh) || !strings.Contains(text, "Tên cùng các chữ cái") {
		t.Fatalf("the person is not found:\n%s", text)
	}
	b.accessible("a person who was found")
	b.picture("find-person")
	b.keyTo("j", `a[href="/cases/KH/`+s.fresh+`"]`)
	b.enter()
	if !strings.Contains(b.text(), s.fresh) {
		t.Errorf("this is not the case:\n%s", b.text())
	}
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 1 || accesses[0].Type != "person_search" {
		t.Errorf("the accesses are %+v", accesses)
	}
	b.byKeys("find a person by an approximate name")
	s.quiet()
}

// indexed waits until the blind index has read all of the record.
func (s *scene) indexed() {
	s.t.Helper()
	head, err := s.vn.node.db.Head(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		s.vn.node.registrant.Wake()
		if next, err := s.vn.node.db.Place(s.t.Context(), registerFollower); err == nil && next >= head.Size {
			return
		}
		if time.Now().After(end) {
			s.t.Fatal("the index does not follow the record")
		}
	}
}

// Who is not there is not compared, and nothing of it is in the record.
func TestConsoleComparesNobody(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	one, other := "KH/"+s.fresh+"/", "KH/"+s.overdue+"/"
	for _, path := range []string{
		"/compare/" + one + "S-1/with/" + other + "S-99", "/compare/" + one + "S-99/with/" + other + "S-1", "/compare/" + one + "S-1/with/" + other + url.PathEscape("<script>"),
	} {
		if p := v.get(path); p.status != 404 {
			t.Errorf("%s: %d", path, p.status)
		}
		for _, reason := range []string{"có thể là một người", ""} {
			if p := v.post(path, url.Values{"reason": {reason}}); p.status != 404 {
				t.Errorf("%s, because %q: %d", path, reason, p.status)
			}
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nobody was there", n)
	}
	s.quiet()
}

// Two persons who may be one, side by side: hidden until there is a reason, and
// both looks are in the record before anything is shown.
func TestConsoleCompares(t *testing.T) {
	s := newScene(t)
	s.indexed()
	b := newBrowser(t, s.address)
	b.open(s.link)
	b.click(`button[value="lan"]`)
	b.open("/cases/KH/" + s.fresh)
	b.click(`a[href^="/compare/"]`)
	b.click(".why button")
	if !strings.Contains(b.text(), "Viết lý do") {
		t.Errorf("without a reason:\n%s", b.text())
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are in the record, and nothing was shown", n)
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#reason"), "có thể là một người"))
	b.click(".why button")
	text := b.text()
	for _, want := range []string{"Nguyễn Thị Mẫu", "tháng 5 năm 1997", "1998", "Tiền Giang", "Trùng", "Lần xem này đã được ghi",
		"Nguyễn Thị Mẫu Họ tên theo chữ gốc", "Nguyen Thi Mau Họ tên bằng chữ La-tinh", "Mau Tên gọi khác 1 › Họ tên bằng chữ La-tinh"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.accessible("two persons, " + scheme)
		b.picture("compare-shown-" + scheme)
	}
	accesses := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(accesses) != 2 || accesses[0].Type != "person_read" || accesses[0].Case == accesses[1].Case {
		t.Errorf("the accesses are %+v", accesses)
	}
	s.quiet()
	s.vn.check()
}

// A comparison says on the pages of both cases, and in the audit, who was compared with
// whom; of a case that somebody may not see it says only that there was one.
func TestConsoleSaysWhoWasCompared(t *testing.T) {
	s := newScene(t)
	lan := s.visitedBy("lan")
	if p := lan.post("/compare/KH/"+s.fresh+"/S-1/with/KH/"+s.ours+"/S-9", url.Values{"reason": {"có thể là một người"}}); p.status != 200 || !strings.Contains(p.body, `<td data-label="S-9, KH `+s.ours[:13]+`…">`) {
		t.Fatalf("%d %s", p.status, p.body)
	}
	const hidden = "với một người trong hồ sơ mà bạn không được xem"
	looks := func(v *visitor, caseID string) string {
		body := v.get("/cases/KH/" + caseID).body
		return words(body[strings.Index(body, `id="looks"`):])
	}
	for caseID, want := range map[string]string{s.fresh: "So sánh một người Người S-1 , với người S-9 , KH " + s.ours, s.ours: "So sánh một người Người S-9 , với người S-1 , KH " + s.fresh} {
		if got := looks(lan, caseID); !strings.Contains(got, want) || strings.Contains(got, "Những người có thể") {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	an := newVisitor(t, s.address)
	an.get(s.pages.OpenDoor("/", "an"))
	an.post("/sign-in/demonstration", url.Values{"officer": {"an"}})
	if got := words(an.get("/audit").body); !strings.Contains(got, "Người S-1 , với người S-9 , KH "+s.ours) || !strings.Contains(got, "Người S-9 , với người S-1 , KH "+s.fresh) {
		t.Errorf("the audit:\n%s", got)
	}
	if err := s.vn.node.files.Assign(t.Context(), &officerMinh, exchange.CaseKey{Partner: "KH", Case: s.ours}, []string{"minh"}, ""); err != nil {
		t.Fatal(err)
	}
	if got := looks(lan, s.fresh); !strings.Contains(got, hidden) || strings.Contains(got, s.ours) || strings.Contains(got, "S-9") {
		t.Errorf("a case of another officer is named:\n%s", got)
	}
	s.quiet()
}

// words are what a page says, without its markup.
func words(body string) string {
	return strings.Join(strings.Fields(regexp.MustCompile(`(?s)<[^>]*>`).ReplaceAllString(body, " ")), " ")
}

// What cannot be looked for is told at the field that it is in, and nothing was looked for.
func TestConsoleFindFaults(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	for _, try := range []struct{ field, value, at, says string }{
		{"number", "abc", "number-fault", "ít nhất 5 ký tự"},
		{"name", "សុខ", "latin-fault", "Viết thêm bằng chữ La-tinh"},
		{"birth", "1990-2010", "birth-fault", "rộng nhất là 5 năm"},
	} {
		form := url.Values{"reason": {"người thân đến hỏi"}, try.field: {try.value}}
		if try.field == "birth" {
			form.Set("name", "Bui Thi Mau")
		}
		p := v.post("/find/person", form)
		_, fault, _ := strings.Cut(p.body, `id="`+try.at+`"`)
		if fault, _, _ = strings.Cut(fault, "</p>"); p.status != 422 || !strings.Contains(fault, try.says) {
			t.Errorf("%s %s: %d %q", try.field, try.value, p.status, fault)
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Type: "person_search"})); n != 0 {
		t.Errorf("%d searches are in the record", n)
	}
	s.quiet()
}
