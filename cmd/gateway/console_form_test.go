package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// permitPhotographs lets photographs go both ways, as an agreement may.
func (g *testGateway) permitPhotographs() {
	g.editAgreement(func(a *partners.Agreement) {
		for i := range a.Permits {
			a.Permits[i].Fields = slices.DeleteFunc(a.Permits[i].Fields, func(f partners.FieldRule) bool { return strings.HasSuffix(f.Pointer, "/photo") })
		}
	})
	g.reload()
}

// upload chooses a file for a field.
func (h hand) upload(selector, name string, content []byte) {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.run(chromedp.SetUploadFiles(chromedp.CSS(selector), []string{path}))
}

// A photograph goes from a form, where an agreement permits it, to the partner as a
// file: what is none and what is too large is told, it is kept with the form by
// itself, and no page shows it.
func TestConsoleSendsAPhotograph(t *testing.T) {
	s := newScene(t)
	s.vn.permitPhotographs()
	s.kh.permitPhotographs()
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	const photo = "/subjects/0/photo/content"
	h := s.signIn("lan")
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	h.tap(`.set--element > .extra > summary`)
	h.upload(at(photo), "picture.png", []byte("<html><script>1</script>"))
	h.click(toPreview)
	h.says("Tệp này không phải ảnh JPEG hay PNG")
	h.accessible("a file that is no picture")
	h.picture("photo-fault")
	h.upload(at(photo), "picture.png", append(slices.Clone(picture.Bytes()[:8]), "<html><script>1</script>"...)) // it only begins like one
	h.click(toPreview)
	h.says("Tệp này không phải ảnh JPEG hay PNG")
	h.upload(at(photo), "picture.png", nil)
	h.click(`.write__do button[value="save"]`)
	h.says("Ảnh: Tệp này trống")
	h.upload(at(photo), "picture.png", append(slices.Clone(picture.Bytes()), make([]byte, 400_000)...))
	h.click(toPreview)
	h.says("Tệp này quá lớn")

	h.upload(at(photo), "picture.png", picture.Bytes())
	kept := func() string {
		forms, err := s.vn.node.db.FormsOf(t.Context(), "lan")
		if err != nil || len(forms) != 1 {
			t.Fatal(forms, err)
		}
		return forms[0].ID
	}
	id := kept()
	all, err := exchange.NewForms(exchange.FormsConfig{Store: s.vn.node.db, Roster: s.vn.node.roster, Recorder: s.vn.node.committer, Opener: s.vn.node.opener, Clock: s.vn.now})
	if err != nil {
		t.Fatal(err)
	}
	want := base64.StdEncoding.EncodeToString(picture.Bytes())
	holds := func() (string, string) {
		form, err := all.Resume(t.Context(), &officerLan, id)
		if err != nil {
			t.Fatal(err)
		}
		v := url.Values(form.Values)
		return v.Get(photo), v.Get("/subjects/0/photo/media_type")
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if content, kind := holds(); content == want && kind == "image/png" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the photograph is not kept by itself")
		}
	}
	h.write(at("/subjects/0/name/native"), "Chanthy")
	h.tap(choice("/subjects/0/sex", "female"))
	h.write(at("/subjects/0/date_of_birth#y"), "1998")
	h.write(at("/subjects/0/claimed_birthplace/text_as_given"), "Takeo")
	h.consents("20")
	h.click(`.write__do button[value="save"]`)
	h.says("Đã giữ một tệp")
	h.accessible("a form with a photograph")
	h.picture("photo-form")
	if content, kind := holds(); content != want || kind != "image/png" {
		t.Errorf("after a post without it the photograph is %d bytes of %q", len(content), kind)
	}
	h.click(toPreview)
	h.says("kB")
	if n := look(h.browser, chromedp.Evaluate[int](`document.querySelectorAll("main img, main object, main embed").length`)); n != 0 {
		t.Errorf("%d pictures are on the page", n)
	}
	h.click(toSend)
	h.says("Đã ký và ghi vào nhật ký")
	rows := s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: id})
	if len(rows) != 1 {
		t.Fatalf("%d messages", len(rows))
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if got := s.kh.rows(exchange.Filter{Kind: exchange.KindMessage, ID: id}); len(got) == 1 {
			opened, err := s.kh.node.opener.Open(t.Context(), got[0])
			if err != nil {
				t.Fatal(err)
			}
			if _, body, err := exchange.ReadMessage(opened.Data); err != nil || !strings.Contains(jsonOf(t, body), `"photo":{"content":"`+want+`","media_type":"image/png"}`) {
				t.Errorf("the partner's photograph is another: %v", err)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("the partner has not taken the message")
		}
	}
	s.quiet()
	s.vn.check()
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// A photograph that is not permitted because it is of a child says so.
func TestConsoleRefusesAPhotographOfAChild(t *testing.T) {
	s := newScene(t)
	s.vn.permitPhotographs()
	v := s.visitedBy("lan")
	p := v.post("/write/"+exchange.NewID(), url.Values{
		"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"preview"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/name/native": {"Chanthy"}, "/subjects/0/sex": {"female"}, "/subjects/0/date_of_birth#y": {"2015"}, "/subjects/0/claimed_citizenship": {"KH"},
		"/subjects/0/claimed_birthplace/country": {"KH"}, "/subjects/0/claimed_birthplace/text_as_given": {"Takeo"}, "/subjects/0/photo/media_type": {"image/png"}, "/subjects/0/photo/content": {"aaaa"},
	})
	if p.status != 422 || !strings.Contains(p.body, "Ảnh: Thỏa thuận không cho phép gửi mục này về người chưa thành niên") {
		t.Errorf("%d %s", p.status, p.body)
	}
	s.quiet()
}

// Where a message has more persons, each safeguard is of one of them or of all; what
// one still lacks is said by name of the person and of the safeguard.
func TestConsoleSafeguardsByPerson(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.noScript()
	h.open("/write?to=KH&type=" + exchange.TypeIdentityRequest)
	const consent = ".safeguards/consent_or_authority"
	if look(h.browser, chromedp.Evaluate[int](`document.querySelectorAll('[name$="/for"], button[value^="add .safeguards"]').length`)) != 0 {
		t.Error("of one person the form asks whose safeguard it is")
	}
	h.click(`button[value="add /subjects"]`)
	for i, name := range []string{"Chanthy", "Chantha"} {
		person := []string{"/subjects/0", "/subjects/1"}[i]
		h.write(at(person+"/name/native"), name)
		h.tap(choice(person+"/sex", "female"))
		h.write(at(person+"/date_of_birth#y"), "1998")
		h.write(at(person+"/claimed_birthplace/text_as_given"), "Takeo")
	}
	h.pick(at(consent+"/0/for"), "S-2")
	h.consents("20")
	h.click(toPreview)
	h.says("Bản nháp sẽ được giữ lại", "S-1")
	h.click(`button[value="edit"]`)
	h.click(`button[value="add ` + consent + `"]`)
	if got := h.value(at(consent + "/1/for")); got != "S-1" {
		t.Errorf("the next safeguard is for %q", got)
	}
	h.tap(choice(consent+"/1/basis", "authority"))
	h.write(at(consent+"/1/on#d"), "19")
	h.write(at(consent+"/1/on#m"), "11")
	h.write(at(consent+"/1/on#y"), "2026")
	h.accessible("safeguards by person")
	h.picture("safeguards")
	h.click(toPreview)
	h.says("được ký và gửi ngay", "S-2 đồng ý 20/11/2026", "S-1 thẩm quyền 19/11/2026")
	h.picture("safeguards-preview")
	h.click(toSend)
	h.says("Đã ký và ghi vào nhật ký")
	s.quiet()
}

// What an agreement withholds is struck through before it is sent, and is not sent.
func TestConsolePreviewStrikesThrough(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	form := url.Values{
		"to": {"KH"}, "type": {exchange.TypeNotice}, "version": {"0"}, "do": {"preview"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/age_band": {"12_15"}, "/subjects/0/sex": {"female"},
		"/subjects/0/type_of_exploitation": {"ForcedLabour"}, "/subjects/0/claimed_citizenship": {"KH"}, "/subjects/0/trafficking_status": {"PossibleVictimOfTrafficking"},
		"/subjects/0/decision_making_organisation": {"Police"}, "/subjects/0/identified_on#d": {"2"}, "/subjects/0/identified_on#m": {"11"}, "/subjects/0/identified_on#y": {"2026"},
	}
	id := exchange.NewID()
	p := v.post("/write/"+id, form)
	if m := regexp.MustCompile(`(?s)is-withheld.*?<s>(.*?)</s>`).FindStringSubmatch(p.body); p.status != 200 || m == nil || !strings.Contains(m[1], "ForcedLabour") {
		t.Fatalf("what is withheld is not struck through: %d %s", p.status, p.body)
	}
	s.quiet()
}

// An answer whose conclusion its own results do not bear out says so before it is sent,
// and can be sent all the same.
func TestConsolePreviewSaysWhatContradicts(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	const but, all = "Kết luận là khớp, nhưng có mục ghi không khớp", "Kết luận là không khớp, nhưng mọi mục"
	for _, c := range []struct{ outcome, name, birth, says string }{
		{"match", "mismatch", "match", but}, {"match", "match", "not_checked", ""}, {"probable", "mismatch", "match", ""},
		{"no_match", "match", "match", all}, {"no_match", "mismatch", "match", ""},
	} {
		form := url.Values{
			"to": {"KH"}, "case": {s.fresh}, "type": {exchange.TypeIdentityResponse}, ".reply": {s.asked}, "version": {"0"}, "do": {"preview"},
			"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/outcome": {c.outcome},
			"/subjects/0/fields/name": {c.name}, "/subjects/0/fields/date_of_birth": {c.birth},
		}
		p := v.post("/write/"+exchange.NewID(), form)
		if !strings.Contains(p.body, "Đối tác sẽ thấy đúng như sau") || strings.Contains(p.body, but) != (c.says == but) || strings.Contains(p.body, all) != (c.says == all) {
			t.Errorf("%+v: %d\n%s", c, p.status, p.body)
		}
	}
	s.quiet()
}

// A form of a case that was erased meanwhile says so and is gone; it is no error of
// the gateway, and opening a page of work still works.
func TestConsoleFormOfAnErasedCase(t *testing.T) {
	s := &scene{pair: newPair(t, ""), t: t}
	vn := s.vn.signatories(t)
	if err := s.vn.node.roster.Put(t.Context(), "", officerLan); err != nil {
		t.Fatal(err)
	}
	s.serve()
	l := s.life(t)
	question := l.told(exchange.TypeIdentityRequest, asked(""))
	notice := l.asksErasure()
	v := s.visitedBy("lan")
	id := exchange.NewID()
	form := url.Values{"to": {"KH"}, "case": {l.id}, "type": {exchange.TypeIdentityResponse}, ".reply": {question}, "version": {"0"}, "do": {"save"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}}
	if p := v.post("/write/"+id, form); p.status != 200 {
		t.Fatalf("%d", p.status)
	}
	l.erase(vn, notice)
	if p := v.get("/write/" + id); p.status != 410 || !strings.Contains(p.body, "xóa") {
		t.Errorf("a form of an erased case: %d", p.status)
	}
	form.Set("version", "1")
	for _, do := range []string{"save", "preview", "submit"} {
		form.Set("do", do)
		if p := v.post("/write/"+id, form); p.status != 410 && p.status != 404 {
			t.Errorf("%s: %d", do, p.status)
		}
	}
	if p := v.get("/"); p.status != 200 || strings.Contains(p.body, id) {
		t.Errorf("the page of work: %d", p.status)
	}
	s.quiet()
}

// The heaviest form comes, with all that it loads but letters, in less than 150 kB.
func TestConsoleFormsAreLight(t *testing.T) {
	s := newScene(t)
	s.vn.permitPhotographs()
	v := s.visitedBy("lan")
	weigh := func(path string) (int, string) {
		req, err := http.NewRequest(http.MethodGet, s.address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		answer, err := v.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		packed, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Encoding") != "gzip" {
			t.Fatal(path, answer.StatusCode, answer.Header.Get("Content-Encoding"), err)
		}
		unpacked, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(unpacked)
		if err != nil {
			t.Fatal(err)
		}
		return len(packed), string(text)
	}
	offered := regexp.MustCompile(`href="(/write\?[^"]*)"`)
	_, opening := weigh("/open")
	forms := []string{"/write?to=KH&case=" + s.ours + "&type=" + exchange.TypeCorrection + "&target=" + s.oursSent()}
	for _, m := range offered.FindAllStringSubmatch(opening, -1) {
		forms = append(forms, strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	assets := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+\.(?:css|js))"`)
	heaviest, which := 0, ""
	for _, tag := range []string{"vi", "en", "lo", "km", "zh"} {
		v.post("/language", url.Values{"language": {tag}, "to": {"/"}})
		for _, form := range forms {
			size, page := weigh(form)
			for _, m := range assets.FindAllStringSubmatch(page, -1) {
				asset, _ := weigh(m[1])
				size += asset
			}
			if size > heaviest {
				heaviest, which = size, tag+" "+form
			}
		}
	}
	t.Logf("the heaviest of %d forms in five languages: %d bytes, %s", len(forms), heaviest, which)
	if heaviest >= 150_000 || len(forms) < 4 {
		t.Errorf("%d forms, the heaviest %d bytes: %s", len(forms), heaviest, which)
	}
}

// A year that was mistyped makes no child of an adult: the form says so where it stands.
func TestConsoleImplausibleDay(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	form := url.Values{
		"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"preview"}, "/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"},
		"/subjects/0/name/native": {"Chanthy"}, "/subjects/0/sex": {"female"}, "/subjects/0/date_of_birth#y": {"2089"}, "/subjects/0/claimed_birthplace/country": {"KH"}, "/subjects/0/claimed_birthplace/text_as_given": {"Takeo"}, "/subjects/0/claimed_citizenship": {"KH"},
	}
	p := v.post("/write/"+exchange.NewID(), form)
	if p.status != 422 || !strings.Contains(p.body, "Ngày này chưa đến") || !regexp.MustCompile(`(?s)href="#[^"]*date_of_birth[^"]*">[^<]*Ngày này chưa đến`).MatchString(p.body) {
		t.Errorf("born in 2089: %d\n%s", p.status, p.body)
	}
	form.Set("/subjects/0/date_of_birth#y", "1989")
	if p := v.post("/write/"+exchange.NewID(), form); p.status != 200 || !strings.Contains(p.body, "Đối tác sẽ thấy đúng như sau") {
		t.Errorf("born in 1989: %d\n%s", p.status, p.body)
	}
	s.quiet()
}

// A list that takes several asks for one or more, and a reference of a form that a field
// has says which form.
func TestConsoleSaysWhatAFieldTakes(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	form := url.Values{"to": {"KH"}, "type": {exchange.TypeInformationRequest}, "version": {"0"}, "do": {"preview"}, "/link": {"too short"}}
	p := v.post("/write/"+exchange.NewID(), form)
	for _, want := range []string{"Liên kết: Liên kết có từ 22 đến 64", "Từ 22 đến 64 chữ cái", ": Hãy chọn một hoặc nhiều mục."} {
		if p.status != 422 || !strings.Contains(p.body, want) {
			t.Errorf("the page lacks %q: %d %s", want, p.status, p.body)
		}
	}
	s.quiet()
}

// Of a message of many persons the summary says of whom each fault is, and that there
// may be more than it tells.
func TestConsoleFaultsOfManyPersons(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	form := url.Values{"to": {"KH"}, "type": {exchange.TypeIdentityRequest}, "version": {"0"}, "do": {"preview"}, "/subjects#n": {"12"}}
	for i := range 12 {
		form.Set(fmt.Sprintf("/subjects/%d/subject_ref", i), fmt.Sprintf("S-%d", i+1))
	}
	p := v.post("/write/"+exchange.NewID(), form)
	for _, want := range []string{">Người S-1 › Giới tính: ", ">Người S-2 › ", "<li>Có thể còn chỗ khác"} { // which is at no place, and no link
		if p.status != 422 || !strings.Contains(p.body, want) {
			t.Errorf("the summary lacks %q: %d", want, p.status)
		}
	}
	s.quiet()
}

// A return is offered the gates of its border and the airports, by any part of a name;
// another gate, or a window that has passed, is said to whoever sends or releases it, and
// nobody has declared tomorrow that they want to return.
func TestConsoleReturnThatDoesNotFit(t *testing.T) {
	s := newScene(t)
	confirmed := s.receivesIn(s.ours, exchange.TypeNationality, `{"subjects":[{"subject_ref":"S-9","outcome":"confirmed","evidence_types":["`+firstCode(t, "nationality-evidence")+`"],"decided_on":"2026-11-20"}]}`)
	body := func(declared, gate, from, to string) json.RawMessage {
		return json.RawMessage(`{"nationality_confirmation":"` + confirmed.ID + `","subjects":[{"subject_ref":"S-9","minor":true,"guardian":{"kind":"appointed_representative","agreed_on":"2026-11-19"},"voluntariness":{"declared":true,"declared_on":"` + declared + `","interpreted":true},"non_refoulement":{"checked":true,"checked_on":"2026-11-20","outcome":"no_risk_found"},"needs":{"medical":true}}],"window":{"from":"` + from + `","to":"` + to + `"},"gate":"` + gate + `","mode":"road"}`)
	}
	year := strconv.Itoa(time.Now().Year() + 1)
	submit := func(body json.RawMessage) (exchange.DraftView, error) {
		return s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeReturnRequest, Case: s.ours, Body: body}, []exchange.Safeguard{consented})
	}
	if _, err := submit(body(year+"-01-02", "moc-bai", year+"-12-07", year+"-12-11")); exchange.AsProblem(err).Rule != "day-future" {
		t.Errorf("voluntariness of a future day: %v", err)
	}
	h := s.signIn("lan")
	const elsewhere, past = "không nằm trên biên giới giữa hai bên", "Khoảng thời gian dự kiến đã qua"
	for _, c := range []struct {
		gate, to string
		doubts   []bool
	}{
		{"cau-treo", "2025-12-11", []bool{true, true}}, {"moc-bai", year + "-12-11", []bool{false, false}}, {"noi-bai", "2025-12-11", []bool{false, true}}, {"a-gate-of-two-partners", year + "-12-11", []bool{false, false}},
	} {
		draft, err := submit(body("2026-11-20", c.gate, "2025-12-07", c.to))
		if err != nil {
			t.Fatal(err)
		}
		h.open("/drafts/" + draft.Row.ID)
		page := h.text()
		if strings.Contains(page, elsewhere) != c.doubts[0] || strings.Contains(page, past) != c.doubts[1] {
			t.Errorf("%s until %s: %s", c.gate, c.to, page)
		}
	}

	form := "/write?" + url.Values{"to": {"KH"}, "case": {s.ours}, "type": {exchange.TypeReturnRequest}, "target": {confirmed.ID}}.Encode()
	h.open(form)
	for gate, offered := range map[string]bool{"moc-bai": true, "noi-bai": true, "cau-treo": false, "lao-cai": false} {
		if n := look(h.browser, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", `datalist option[value$="(`+gate+`)"]`))); (n == 1) != offered {
			t.Errorf("%s is offered %d times", gate, n)
		}
	}
	h.write(at("/gate"), "Ngã Ba")
	h.click(toPreview)
	h.says("Hãy chọn một mục trong danh mục.")
	h.open(form)
	h.write(at("/gate"), "mộc bài")
	h.click(toPreview)
	if text := h.text(); strings.Contains(text, "Hãy chọn một mục trong danh mục.") {
		t.Errorf("a part of a gate's name is not taken:\n%s", text)
	}
	s.quiet()
}
