package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// answered has Cambodia answer the request of ours field by field, and returns the
// addresses of both.
func (s *scene) answered() (request, answer string) {
	s.t.Helper()
	l := s.life(s.t)
	l.id = s.ours
	asked := s.oursSent()
	id := l.told(exchange.TypeIdentityResponse, `{"subjects":[{"subject_ref":"S-9","outcome":"probable","fields":{"name":"match","date_of_birth":"mismatch","parents":"not_checked"}}],"checked_on":"2026-11-19"}`,
		func(c *exchange.Claims) { c.InReplyTo, c.Purpose = asked, "identity_verification" })
	return "out/" + asked, "/messages/KH/in/" + id
}

// What was found of one field is said of no other: of the name not of other names, and
// of the parents not of one of them.
func TestConsoleIdentityResults(t *testing.T) {
	s := newScene(t)
	asked, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(
		`{"subjects":[{"subject_ref":"S-1","name":{"native":"Dara","script":"Latn","latin":"Dara"},"other_names":[{"native":"Sok","script":"Latn","latin":"Sok"}],"sex":"female","date_of_birth":"1990",
		"claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH","father":{"name":{"native":"Vuth","script":"Latn","latin":"Vuth"}}}]}`)}, consented)
	if err != nil {
		t.Fatal(err)
	}
	l := s.life(t)
	l.id = asked.Case
	id := l.told(exchange.TypeIdentityResponse, `{"subjects":[{"subject_ref":"S-1","outcome":"probable","fields":{"name":"match","parents":"mismatch"}}],"checked_on":"2026-11-19"}`,
		func(c *exchange.Claims) { c.InReplyTo, c.Purpose = asked.ID, "identity_verification" })
	v := s.visitedBy("lan")
	p := v.get("/messages/KH/in/" + id)
	said := map[string]string{}
	for _, row := range regexp.MustCompile(`(?s)<th scope="row" data-label="Mục">([^<]*)</th>(.*?)</tr>`).FindAllStringSubmatch(p.body, -1) {
		said[row[1]] = strings.Join(regexp.MustCompile(`khớp|không khớp|không nêu`).FindAllString(row[2], -1), " ")
	}
	for label, want := range map[string]string{"Họ tên": "khớp", "Tên gọi khác": "", "Cha": "", "Ngày sinh": "không nêu"} {
		if got, there := said[label]; !there || got != want {
			t.Errorf("of %s is said %q, want %q, in %v", label, got, want, said)
		}
	}
	if n := strings.Count(p.body, "không khớp"); n != 1 || !strings.Contains(p.body, "Cha mẹ") {
		t.Errorf("the result of the parents stands there %d times", n)
	}
	if link := `href="/messages/KH/out/` + asked.ID + `"><bdi>Yêu cầu xác minh nhân thân · `; !strings.Contains(p.body, link) {
		t.Errorf("the page does not lead to what it answers by its title: %s", link)
	}
	s.quiet()
}

// Whom an answer is about stands beside what it answers, field by field: masked,
// and shown for a reason, as a look at the message that tells it.
func TestConsoleIdentityBesideAnAnswer(t *testing.T) {
	s := newScene(t)
	request, answer := s.answered()
	accesses := func(n int, id string, fields ...string) {
		t.Helper()
		rows := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
		if len(rows) != n {
			t.Fatalf("%d accesses are in the record, want %d", len(rows), n)
		}
		if n == 0 {
			return
		}
		last := rows[n-1]
		opened, err := s.vn.node.opener.Open(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		if last.ID != id || !strings.Contains(string(opened.Data), `["`+strings.Join(fields, `","`)+`"]`) {
			t.Errorf("%s: %s, want %v of %s", last.ID, opened.Data, fields, id)
		}
	}
	v := newVisitor(t, s.address)
	v.get(s.link)
	as := func(officer string) *visitor {
		v.post("/sign-in/demonstration", url.Values{"officer": {officer}})
		return v
	}
	as("lan")

	p := v.get(answer)
	for _, want := range []string{"Người này, theo", `href="/messages/KH/` + request + `"`, `result--match">khớp<`, `result--mismatch">không khớp<`, "nữ", `name="who" value="` + request + `/subjects/0/name"`} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the answer's page lacks %s", want)
		}
	}
	for _, language := range []string{"en", "lo", "km", "zh", "vi"} { // "match" is what it is called in English, too
		v.post("/language", url.Values{"language": {language}})
		if told := v.get(answer); strings.Count(told.body, "result--") != strings.Count(p.body, "result--") {
			t.Errorf("in %s there are %d results, and %d in Vietnamese", language, strings.Count(told.body, "result--"), strings.Count(p.body, "result--"))
		}
	}
	hidden := []string{"Chanthy", "ចាន់ធី", "2011", "Takeo"}
	for _, name := range hidden {
		if strings.Contains(p.body, name) {
			t.Errorf("%s is shown to whoever has given no reason", name)
		}
	}
	if n := strings.Count(p.body, "Các trường"); n != 1 || !strings.Contains(p.body, "Cha mẹ") { // that of the parents, whom the request does not name
		t.Errorf("%d results stand apart from what they are about", n)
	}
	accesses(0, "")

	id := request[len("out/"):]
	name, birth := request+"/subjects/0/name", request+"/subjects/0/date_of_birth"
	if p := v.post(answer, url.Values{"who": {name}}); p.status != 422 || !strings.Contains(p.body, `value="`+name+`" checked`) || strings.Contains(p.body, "Chanthy") {
		t.Errorf("without a reason: %d %s", p.status, p.body)
	}
	accesses(0, "")
	if p := v.post(answer, url.Values{"who": {name}, "reason": {"đối chiếu với hộ chiếu"}}); p.status != 200 || !strings.Contains(p.body, "Chanthy") || !strings.Contains(p.body, "ចាន់ធី") || strings.Contains(p.body, "Takeo") {
		t.Errorf("the name alone: %d", p.status)
	}
	accesses(1, id, "/subjects/0/name")
	if p := v.post(answer, url.Values{"all": {"1"}, "reason": {"đối chiếu với hộ chiếu"}}); p.status != 200 || slices.ContainsFunc(hidden, func(s string) bool { return !strings.Contains(p.body, s) }) {
		t.Errorf("everything: %d", p.status)
	}
	accesses(2, id, "") // all that the request's own page would show
	if p := v.post(answer, url.Values{"who": {"in/" + s.asked + "/subjects/0/name", birth + "x"}, "reason": {"đối chiếu với hộ chiếu"}}); strings.Contains(p.body, "Nguyễn Thị") {
		t.Error("a message of another case is shown")
	}
	accesses(2, id, "")

	if p := as("an").post(answer, url.Values{"who": {name}, "reason": {"đối chiếu với hộ chiếu"}}); p.status != 403 || strings.Contains(p.body, "Chanthy") {
		t.Errorf("an auditor: %d", p.status)
	}
	accesses(2, id, "")
	s.quiet()
}

// A result stays beside what it is about: what a correction has made of that since,
// nobody has checked, and the page says so.
func TestConsoleIdentityCorrectedSince(t *testing.T) {
	s := newScene(t)
	request, answer := s.answered()
	target := request[len("out/"):]
	if _, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
		`{"target":"` + target + `","revision":1,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2004-03-09"}]}`)}, consented); err != nil {
		t.Fatal(err)
	}
	v := s.visitedBy("lan")
	row := regexp.MustCompile(`(?s)<th scope="row" data-label="Mục">Ngày sinh</th>.*?</tr>`)
	told, since := row.FindString(v.get(answer).body), "Đã được đính chính sau đó"
	if !strings.Contains(told, "không khớp") || !strings.Contains(told, since) || hasWord(told, "2004") || hasWord(told, "2011") {
		t.Errorf("masked it says %s", told)
	}
	shown := v.post(answer, url.Values{"all": {"1"}, "reason": {"đối chiếu với hộ chiếu"}}).body
	told = row.FindString(shown)
	if was, is := strings.Index(told, "2011"), strings.Index(told, "2004"); was < 0 || is < was || strings.Index(told, since) < was || strings.Count(shown, since) != 1 {
		t.Errorf("shown it says %s", told)
	}
	// Whoever corrects the answer answers what holds then.
	l := s.life(t)
	l.id = s.ours
	l.told(exchange.TypeCorrection, `{"target":"`+answer[strings.LastIndex(answer, "/")+1:]+`","revision":1,"reason":"new_information","changes":[{"op":"replace","pointer":"/subjects/0/fields/date_of_birth","value":"match"}]}`)
	if told = row.FindString(v.get(answer).body); strings.Contains(told, since) || strings.Contains(told, "không khớp") || !strings.Contains(told, "khớp") {
		t.Errorf("after the answer was corrected it says %s", told)
	}

	// A draft that was written before says so to whoever releases it.
	if p := v.get("/drafts/" + s.waiting); strings.Count(p.body, since) != 1 {
		t.Errorf("a draft does not say what its author did not know: %d", strings.Count(p.body, since))
	}
	s.quiet()
}

// An answer that crossed with a correction is about what stood before it, although it
// came later; and what a correction has taken out can still be looked at.
func TestConsoleIdentityCorrectedMeanwhile(t *testing.T) {
	s := newScene(t)
	asked := s.oursSent()
	correct := func(revision, change string) {
		t.Helper()
		sent, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
			`{"target":"` + asked + `","revision":` + revision + `,"reason":"clerical_error","changes":[` + change + `]}`)}, consented, exchange.Safeguard{Kind: "guardian_for_minor", On: "2026-11-02"})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is delivered", func() bool { return len(s.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1 })
	}
	correct("1", `{"op":"add","pointer":"/subjects/0/cccd","value":"082197000000"}`)
	l := s.life(t)
	l.id = s.ours
	answer := func(before time.Duration) string {
		return "/messages/KH/in/" + l.told(exchange.TypeIdentityResponse, `{"subjects":[{"subject_ref":"S-9","outcome":"probable","fields":{"name":"match","date_of_birth":"mismatch","cccd":"match"}}],"checked_on":"2026-11-19"}`,
			func(c *exchange.Claims) {
				c.InReplyTo, c.Purpose, c.IssuedAt = asked, "identity_verification", c.IssuedAt-int64(before.Seconds())
			})
	}
	knew := answer(0)
	correct("2", `{"op":"remove","pointer":"/subjects/0/cccd"},{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2004-03-09"}`)
	crossed := answer(time.Minute)
	v := s.visitedBy("lan")
	row := func(page page, label string) string {
		return regexp.MustCompile(`(?s)<th scope="row" data-label="Mục">` + label + `</th>.*?</tr>`).FindString(page.body)
	}
	const since, number = "Đã được đính chính sau đó", "082197000000"
	for path, label := range map[string]string{knew: "Số căn cước công dân", crossed: "Ngày sinh"} {
		told := row(v.get(path), label)
		if !strings.Contains(told, "khớp") || !strings.Contains(told, since) || !strings.Contains(told, `type="checkbox"`) || strings.Contains(told, number) {
			t.Errorf("%s says of %s: %s", path, label, told)
		}
	}
	if told := row(v.post(knew, url.Values{"all": {"1"}, "reason": {"đối chiếu với hộ chiếu"}}), "Số căn cước công dân"); !strings.Contains(told, number) {
		t.Errorf("what was answered and then taken out is shown to nobody: %s", told)
	}
	s.quiet()
}

// Whoever releases a return sees whom it brings home, from the message that tells
// it; and what does not fit together in that is said where it is shown.
func TestConsoleIdentityBesideADraft(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	if p := v.get("/drafts/" + s.waiting); !strings.Contains(p.body, `name="who" value="out/`+s.oursSent()+`/subjects/0/name"`) || strings.Contains(p.body, "Chanthy") {
		t.Error("the draft does not say whom it is about")
	}
	if p := v.post("/drafts/"+s.waiting, url.Values{"all": {"1"}, "reason": {"đọc trước khi ký"}}); !strings.Contains(p.body, "Chanthy") || !strings.Contains(p.body, `name="sha256"`) {
		t.Errorf("all of it: %d", p.status)
	}
	rows := s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(rows) != 2 || rows[0].Type != "draft_read" || rows[1].Type != "message_read" {
		t.Errorf("%+v", rows)
	}
	var odd string
	s.receives(exchange.TypeIdentityRequest, asked(`,"cccd":"082097000000"`), func(c exchange.Claims) { odd = "/messages/KH/in/" + c.ID }) // the number of a man
	if p := v.get(odd); strings.Contains(p.body, "không khớp trong chính") {
		t.Error("what is hidden is judged")
	}
	if p := v.post(odd, url.Values{"all": {"1"}, "reason": {"đọc trước khi ký"}}); !strings.Contains(p.body, "không khớp trong chính") {
		t.Error("what does not fit together is not said")
	}
}

// Whoever answers sees whom it is about beside the form: masked, and shown for a reason,
// which is in the record first. What was typed stays.
func TestConsoleIdentityBesideTheForm(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	blank := v.get("/write?to=KH&case=" + s.fresh + "&type=" + exchange.TypeIdentityResponse + "&re=" + s.asked)
	place := "in/" + s.asked + "/subjects/0/name"
	if !strings.Contains(blank.body, `name="who" value="`+place+`"`) || strings.Contains(blank.body, "Nguyễn") {
		t.Fatalf("the form of an answer: %d\n%s", blank.status, blank.body)
	}
	form := url.Values{
		"to": {"KH"}, "case": {s.fresh}, "type": {exchange.TypeIdentityResponse}, ".reply": {s.asked}, "version": {"0"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/outcome": {"probable"},
	}
	looks := func() int { return len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess, Type: "message_read"})) }
	id, version := exchange.NewID(), 0
	for _, try := range []struct {
		do, who, why string
		status       int
		says         []string
	}{
		{"show-all", "", "", 422, []string{"Viết lý do"}},
		{"show", "", "đối chiếu với sổ hộ tịch", 422, []string{"Chọn ít nhất một mục"}},
		{"show", place, "đối chiếu với sổ hộ tịch", 200, []string{"Nguyễn Thị Mẫu"}},
		{"show-all", "", "đối chiếu với sổ hộ tịch", 200, []string{"Nguyễn Thị Mẫu", "Tiền Giang", "tháng 5 năm 1997"}},
	} {
		form["do"], form["why"], form["version"] = []string{try.do}, []string{try.why}, []string{strconv.Itoa(version)}
		if form.Del("who"); try.who != "" {
			form.Set("who", try.who)
		}
		before := looks()
		p := v.post("/write/"+id, form)
		version++
		if p.status != try.status || looks()-before != map[int]int{200: 1, 422: 0}[try.status] || strings.Contains(p.body, "Nguyễn") != (try.status == 200) {
			t.Errorf("%s %q: %d, %d looks\n%s", try.do, try.why, p.status, looks()-before, p.body)
		}
		if try.who != "" && strings.Contains(p.body, "Tiền Giang") {
			t.Error("more than the name is shown")
		}
		if more := strings.Contains(p.body, `name="do" value="show-all"`); more != (try.do == "show" || try.status == 422) {
			t.Errorf("%s %q: what is still hidden can be asked for: %t", try.do, try.why, more)
		}
		for _, want := range append(try.says, `value="probable" checked`) {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s %q does not say %q", try.do, try.why, want)
			}
		}
	}
	if p := v.get("/write/" + id); strings.Contains(p.body, "Nguyễn") || !strings.Contains(p.body, `value="probable" checked`) {
		t.Error("the form, opened again, shows who it is, or has lost what was typed")
	}
	s.quiet()
}

// Of many persons each is beside what is answered of them and nothing else, in every
// width and without a script, and however many there are.
func TestConsoleIdentityOfEachPerson(t *testing.T) {
	s := newScene(t)
	const persons = 30
	var subjects []string
	for i := range persons {
		subjects = append(subjects, strings.NewReplacer(`"S-1"`, fmt.Sprintf(`"P-%d"`, i+1), "Nguyễn Thị Mẫu", fmt.Sprintf("Nguyễn Thị Mẫu Thứ %d", i+1)).Replace(fmt.Sprintf(person, "")))
	}
	var message string
	key := s.receives(exchange.TypeIdentityRequest, `{"subjects":[`+strings.Join(subjects, ",")+`]}`, func(c exchange.Claims) { message = c.ID })
	h := s.signIn("lan")
	h.noScript()
	h.open("/write?to=KH&case=" + key + "&type=" + exchange.TypeIdentityResponse + "&re=" + message)
	// astray names each person who does not stand, whole, in the own part of the form.
	astray := func(shown bool) string {
		t.Helper()
		return look(h.browser, chromedp.Evaluate[string](fmt.Sprintf(`(parts => parts.length + ": " + parts.filter(part => {
			const ref = part.querySelector("[name$=subject_ref]").value, n = ref.slice(2), who = part.querySelectorAll(".identity");
			const own = part.getBoundingClientRect(), it = who[0]?.getBoundingClientRect();
			return who.length !== 1 || it.top < own.top || it.bottom > own.bottom || it.left < own.left || it.right > own.right ||
				(%v ? !who[0].textContent.match("Mẫu Thứ " + n + "(?![0-9])") : who[0].querySelector("[name=who]").value !== "in/%s/subjects/" + (n-1) + "/name")
		}).map(part => part.querySelector("legend").textContent).join())([...document.querySelectorAll("#f-subjects-0, #f-subjects-0 ~ fieldset")])`, shown, message)))
	}
	for _, width := range []int64{1280, 768, 320} {
		if h.width(width); astray(false) != "30: " {
			t.Errorf("at %d beside another person's part: %s", width, astray(false))
		}
	}
	h.picture("write-answer-many-320")
	h.width(1280)
	h.picture("write-answer-many")
	h.click(`button[value="remove /subjects/2"]`)
	if astray(false) != "29: " {
		t.Errorf("without P-3: %s", astray(false))
	}
	h.click(`button[value="add /subjects"]`) // at the end
	if astray(false) != "30: " || h.value(at("/subjects/29/subject_ref")) != "P-3" {
		t.Errorf("with P-3 at the end: %s", astray(false))
	}
	h.write("#reason", "đối chiếu với sổ hộ tịch")
	h.click(`button[value="show-all"]`)
	if astray(true) != "30: " {
		t.Errorf("shown: %s", astray(true))
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 1 {
		t.Errorf("%d accesses are in the record", n)
	}
	s.quiet()
}

// A place of a list that was replaced says what it has become: the same code may be
// another place today.
func TestConsoleOldPlace(t *testing.T) {
	s := newScene(t)
	var message string
	s.receives(exchange.TypeIdentityRequest, asked(`,"last_residence":{"country":"VN","code":"82","code_list_version":"vn-provinces-2025-06","text_as_given":"Gò Công"}`), func(c exchange.Claims) { message = "/messages/KH/in/" + c.ID })
	p := s.visitedBy("lan").post(message, url.Values{"all": {"1"}, "reason": {"đối chiếu với hộ chiếu"}})
	if was, is := strings.Index(p.body, "Tỉnh Tiền Giang"), strings.Index(p.body, "nay là Tỉnh Đồng Tháp"); was < 0 || is < was {
		t.Errorf("the page does not say what became of the place: %d %d %d", p.status, was, is)
	}
	s.quiet()
}
