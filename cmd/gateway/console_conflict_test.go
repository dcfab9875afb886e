package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// Two officers change one draft: the second is told, sees both, and chooses.
func TestConsoleTwoOfficersOnOneDraft(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	amend := func() {
		h.open("/drafts/" + s.held)
		h.click(`form[action$="/amend"] button`)
		h.says("Viết lý do, từ 5 đến 1000 ký tự.")
		h.write("#amend-why", "bổ sung căn cứ")
		h.click(`form[action$="/amend"] button`)
	}
	submit := func(year string) {
		h.open("/write/" + s.held)
		h.run(chromedp.SetValue(chromedp.CSS(at("/subjects/0/date_of_birth#y")), year))
		h.click(toPreview)
		h.click(toSend)
	}
	amend()
	h.as("minh")
	amend()
	h.says("Trần Thị Lan (hư cấu) (lan) cũng đang sửa bản nháp này")
	h.accessible("a form that two officers have open")
	h.picture("two-officers")
	h.as("lan")
	submit("1990")
	h.says("Bản nháp được giữ lại")
	h.as("minh")
	submit("1991")
	h.says("Hai bản khác nhau", "Trần Thị Lan (hư cấu) (lan) đã sửa bản nháp này", "1990", "1991", "Khi bạn bắt đầu")
	if n := look(h.browser, chromedp.Evaluate[int](`document.querySelectorAll(".diff tbody tr").length`)); n != 1 {
		t.Errorf("one date differs, and the page has %d places:\n%s", n, h.text())
	}
	if at := look(h.browser, chromedp.Evaluate[string](`document.querySelector(".crumb a").getAttribute("href")`)); at != "/drafts/"+s.held {
		t.Errorf("the way back is %s", at)
	}
	h.accessible("two officers' versions")
	h.picture("conflict-officers")
	h.click(`button[value="merge"]`)
	h.click(toPreview)
	h.click(toSend)
	h.says("Bản nháp được giữ lại")
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.held, "looking at it in a test")
	if err != nil || view.Row.Version != 3 || !strings.Contains(string(view.Content.Draft.Body), `"date_of_birth":"1991`) {
		t.Errorf("%+v %s %v", view.Row, view.Content.Draft.Body, err)
	}
	// And it is discarded, for a reason.
	h.write("#discard-why", "trùng với hồ sơ khác")
	h.click(`form[action$="/discard"] button`)
	h.says("Bản nháp đã bị bỏ")
	s.quiet()
	s.vn.check()
}

// Of two officers who change different places of a draft neither undoes what the other
// did: what the second has not touched is proposed as the first has left it.
func TestConsoleKeepsTheOthersChange(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	const place, year = "/subjects/0/claimed_birthplace/text_as_given", "/subjects/0/date_of_birth"
	amend := func() {
		h.amend(s.held, "bổ sung căn cứ")
	}
	amend()
	h.as("minh")
	amend()
	h.as("lan")
	h.open("/write/" + s.held)
	h.run(chromedp.SetValue(chromedp.CSS(at(year+"#y")), "1990"))
	h.click(toPreview)
	h.click(toSend)
	h.as("minh")
	h.open("/write/" + s.held)
	h.run(chromedp.SetValue(chromedp.CSS(at(place)), "Takeo"))
	h.click(toPreview)
	h.click(toSend)
	h.says("Hai bản khác nhau")
	h.accessible("two officers' versions, of different places")
	h.click(`button[value="merge"]`)
	h.click(toPreview)
	h.click(toSend)
	h.says("Bản nháp được giữ lại")
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.held, "looking at it in a test")
	if body := string(view.Content.Draft.Body); err != nil || !strings.Contains(body, `"date_of_birth":"1990`) || !strings.Contains(body, `"text_as_given":"Takeo"`) {
		t.Errorf("%s %v", body, err)
	}
	if p := s.again("lan").get("/drafts/" + s.held); !regexp.MustCompile(`<span class="quiet">lan</span> <span class="quiet">\(tôi\)</span>, `).MatchString(p.body) {
		t.Errorf("its authors are not told apart: %s", p.body)
	}
	s.quiet()
}

// A person whom one of two officers has taken out is a difference of their own, told field by
// field, and stays out where the other one has not touched them; a long line breaks.
func TestConsoleOnePersonLess(t *testing.T) {
	s := newScene(t)
	person := func(ref, year, zone string) string {
		return fmt.Sprintf(`{"subject_ref":%q,"name":{"native":"Chanthy","script":"Latn","latin":"Chanthy"},"sex":"female","date_of_birth":%q,"claimed_birthplace":{"country":"KH","text_as_given":"Takeo"},"claimed_citizenship":"KH","documents":[{"type":"passport","number":"N1","issuing_state":"KHM","mrz_as_read":%q}]}`, ref, year, zone)
	}
	zone := func(name string) string {
		return (name + strings.Repeat("<", 44))[:44] + "\n" + strings.Repeat("7", 44)
	}
	draft := asksOf
	view, err := s.vn.node.desk.Submit(t.Context(), &officerLan, draft(person("S-1", "1990", zone("P<KHMA")), person("S-2", "1992", zone("P<KHMB")), person("S-3", "1994", zone("P<KHMC"))), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := view.Row.ID
	h := s.signIn("minh")
	h.amend(id, "bổ sung căn cứ")
	if _, err := s.vn.node.desk.Amend(t.Context(), &officerLan, id, 1, draft(person("S-1", "1990", zone("P<KHMD")), person("S-3", "1994", zone("P<KHMC"))), nil); err != nil {
		t.Fatal(err)
	}
	h.run(chromedp.SetValue(chromedp.CSS(at("/subjects/2/date_of_birth#y")), "1995"), chromedp.SetValue(chromedp.CSS(at("/subjects/0/documents/0/mrz_as_read")), zone("P<KHME")))
	h.click(toPreview)
	h.click(toSend)
	h.says("Hai bản khác nhau", "Người S-2", "Giới tính", "Khi bạn bắt đầu", "P<KHMA")
	if places := look(h.browser, chromedp.Evaluate[string](`[...document.querySelectorAll(".diff input:checked")].map(e => e.name + "=" + e.value).join(" ")`)); places != "take /subjects/0/documents/0=mine take /subjects/1=theirs take /subjects/2/date_of_birth=mine" {
		t.Errorf("proposed is %s", places)
	}
	h.accessible("two versions, of which one has a person less")
	h.picture("conflict-persons")
	if h.width(320); h.wider() != "" {
		t.Errorf("on a telephone it is too wide: %s", h.wider())
	}
	h.picture("conflict-persons-320")
	h.width(1280)
	h.click(`button[value="merge"]`)
	h.click(toPreview)
	h.click(toSend)
	h.says("Bản nháp được giữ lại")
	view, err = s.vn.node.desk.Read(t.Context(), &officerMinh, id, "looking at it in a test")
	if body := string(view.Content.Draft.Body); err != nil || strings.Contains(body, "S-2") || !strings.Contains(body, `"date_of_birth":"1995"`) || !strings.Contains(body, "KHME") {
		t.Errorf("%s %v", body, err)
	}
	s.quiet()
}

// Two who are added at the same moment are two persons, each with what was recorded of
// them, and the page says what it proposes of each.
func TestConsoleTwoPersonsMore(t *testing.T) {
	s := newScene(t)
	person := func(ref, name string) string { return asks(ref, name, "1990", "Takeo") }
	draft := asksOf
	consent := func(ref, paper string) exchange.Safeguard {
		return exchange.Safeguard{Kind: partners.SafeguardConsent, Subject: ref, On: "2026-11-20", Basis: "consent", Reference: paper}
	}
	// Held for what none of these is, so that it does not leave.
	view, err := s.vn.node.desk.Submit(t.Context(), &officerLan, draft(person("S-1", "Chanthy")), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := view.Row.ID
	h := s.signIn("minh")
	h.amend(id, "thêm một người")
	if _, err := s.vn.node.desk.Amend(t.Context(), &officerLan, id, 1, draft(person("S-1", "Chanthy"), person("S-2", "Sokha")), []exchange.Safeguard{consent("S-2", "giấy của Sokha")}); err != nil {
		t.Fatal(err)
	}
	h.click(`button[value="add /subjects"]`)
	for place, value := range map[string]string{"/subjects/1/name/native": "Bopha", "/subjects/1/date_of_birth#y": "1995", "/subjects/1/claimed_birthplace/text_as_given": "Kandal"} {
		h.run(chromedp.SetValue(chromedp.CSS(at(place)), value))
	}
	h.tap(`input[name="/subjects/1/sex"][value="female"]`)
	h.click(toPreview)
	h.click(toSend)
	h.says("Hai bản khác nhau", "Người S-2", "Người S-3", "Sokha", "Bopha", "giấy của Sokha")
	if places := look(h.browser, chromedp.Evaluate[string](`[...document.querySelectorAll(".diff input:checked")].map(e => e.name + "=" + e.value).join(" ")`)); places != "take .safeguards/consent_or_authority/0=theirs take /subjects/1=mine take /subjects/2=theirs" {
		t.Errorf("proposed is %s", places)
	}
	h.accessible("two versions, each of which has a person more")
	h.picture("conflict-two-more")
	h.click(`button[value="merge"]`)
	h.click(toPreview)
	h.click(toSend)
	view, err = s.vn.node.desk.Read(t.Context(), &officerMinh, id, "looking at it in a test")
	if err != nil {
		t.Fatal(err)
	}
	var body struct {
		Subjects []struct {
			Ref  string `json:"subject_ref"`
			Name struct{ Native string }
		}
	}
	if err := json.Unmarshal(view.Content.Draft.Body, &body); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(body.Subjects); got != "[{S-1 {Chanthy}} {S-3 {Bopha}} {S-2 {Sokha}}]" {
		t.Errorf("the persons are %s", got)
	}
	if got := view.Content.Safeguards; len(got) != 1 || got[0] != consent("S-2", "giấy của Sokha") {
		t.Errorf("the safeguards are %+v", got)
	}
	s.quiet()
}

// Whoever has seen two versions of a correction is asked again when what it corrects has
// moved on once more: nothing is chosen that they have not seen.
func TestConsoleCorrectedTwiceMeanwhile(t *testing.T) {
	s := newScene(t)
	target := s.oursSent()
	corrects := func(revision, pointer, value string) {
		if _, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeCorrection, Case: s.ours, Body: json.RawMessage(
			`{"target":"` + target + `","revision":` + revision + `,"reason":"clerical_error","changes":[{"op":"replace","pointer":"` + pointer + `","value":"` + value + `"}]}`)}, consented, exchange.Safeguard{Kind: "guardian_for_minor", On: "2026-11-02"}); err != nil {
			t.Fatal(err)
		}
	}
	v := s.visitedBy("lan")
	path := "/write/" + exchange.NewID()
	form := url.Values{
		"to": {"KH"}, "case": {s.ours}, "type": {exchange.TypeCorrection}, "version": {"0"}, ".target": {target}, ".revision": {"1"}, ".reason": {"other"}, "do": {"preview"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-9"}, "/subjects/0/sex": {"female"}, "/subjects/0/claimed_citizenship": {"KH"},
	}
	hidden := func(p page, name string) string {
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(p.body)
		if m == nil {
			t.Fatalf("the page has no %s: %d %s", name, p.status, p.body)
		}
		return m[1]
	}
	corrects("1", "/subjects/0/sex", "male")
	p := v.post(path, form)
	if strings.Contains(p.body, "take /subjects/0/claimed_citizenship") || !strings.Contains(p.body, "take /subjects/0/sex") {
		t.Fatalf("what differs: %d %s", p.status, p.body)
	}
	form.Set("do", "merge")
	form.Set("take /subjects/0/sex", "theirs")
	for _, name := range []string{"version", "amends", "revisions"} {
		form.Set(name, hidden(p, name))
	}
	corrects("2", "/subjects/0/claimed_citizenship", "VN")
	if p = v.post(path, form); p.status != 409 || !strings.Contains(p.body, "take /subjects/0/claimed_citizenship") {
		t.Errorf("what has moved on is not shown: %d", p.status)
	}
	s.quiet()
}

// A choice on a page that one has gone back to after it was made is not taken, and that is
// said: what it was between is gone.
func TestConsoleChoosesTooLate(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	path := "/write/" + exchange.NewID()
	writes := func(sex string) url.Values {
		return url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"autosave"}, "/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/sex": {sex}}
	}
	const late = "Lựa chọn của bạn không được áp dụng"
	if p := v.post(path, writes("male")); p.status != http.StatusOK { // in another window
		t.Fatal(p.status)
	}
	form := writes("female")
	form.Set("do", "preview")
	p := v.post(path, form)
	version := regexp.MustCompile(`name="version" value="([^"]*)"`).FindStringSubmatch(p.body)
	if p.status != http.StatusConflict || version == nil {
		t.Fatalf("%d %s", p.status, p.body)
	}
	form.Set("do", "merge")
	form.Set("version", version[1])
	form.Set("amends", "0")
	form.Set("take /subjects/0/sex", "mine")
	for range 2 { // the second press asks for what the first one has done
		if p := v.post(path, form); p.status != http.StatusOK || strings.Contains(p.body, late) {
			t.Errorf("mine: %d %s", p.status, p.body)
		}
	}
	form.Set("take /subjects/0/sex", "theirs")
	if p := v.post(path, form); p.status != http.StatusConflict || !strings.Contains(p.body, late) || !strings.Contains(p.body, `value="female" checked`) {
		t.Errorf("theirs, of what is gone: %d %s", p.status, p.body)
	}
	s.quiet()
}

// A form that no page has made is refused or cut to size, and nothing runs on for it.
func TestConsoleForgedForm(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	id := exchange.NewID()
	form := url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"autosave"}, "/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}}
	if p := v.post("/write/"+id, form); p.status != 200 {
		t.Fatal(p.status)
	}
	form.Set("version", "1")
	form.Set("amends", "0")
	for name, value := range map[string]string{".safeguards/foo#n": "9000000000000000000", ".safeguards/foo/0/on#y": "2026", "/subjects#n": "9000000000000000000", "/subjects/0/documents#n": "-1", ".safeguards/consent_or_authority/7/on#y": "2026"} {
		form.Set(name, value)
	}
	for _, do := range []string{"merge", "add /subjects", "remove /subjects/0", "preview"} {
		form.Set("do", do)
		if p := v.post("/write/"+id, form); p.status >= 500 {
			t.Errorf("%s: %d", do, p.status)
		}
	}
	s.quiet()
}
