package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/schemas"
)

// reads shows all of a draft to a visitor, and returns the page.
func (v *visitor) reads(draft string) page {
	v.t.Helper()
	return v.post("/drafts/"+draft, url.Values{"reason": {"đọc trước khi ký"}, "all": {"1"}})
}

// asks fills the form of a decision without a script and returns the statement
// that has to be signed, with the form.
func (v *visitor) asks(shown page, draft, decision, why string) (string, url.Values) {
	v.t.Helper()
	statement, form, _ := v.asksWith(shown, draft, decision, why)
	return statement, form
}

// asksWith is asks, and returns the command that signs it, too.
func (v *visitor) asksWith(shown page, draft, decision, why string) (statement string, form url.Values, command string) {
	v.t.Helper()
	hidden := func(name string) string {
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(shown.body)
		if m == nil {
			v.t.Fatalf("the page has no %s: %s", name, shown.body)
		}
		return m[1]
	}
	form = url.Values{"decision": {decision}, "sha256": {hidden("sha256")}, "version": {hidden("version")}, "why": {why}}
	p := v.post("/drafts/"+draft+"/decision", form)
	m := regexp.MustCompile(`(?s)<textarea [^>]*readonly[^>]*>(\{.*?\})</textarea>`).FindStringSubmatch(p.body)
	if m == nil {
		return "", form, ""
	}
	if m := regexp.MustCompile(`<code id="command">(.*?)</code>`).FindStringSubmatch(p.body); m != nil {
		command = html.UnescapeString(m[1])
	}
	return html.UnescapeString(m[1]), form, command
}

// Without a script and without a passkey an officer signs the statement that the
// page shows where their key is, and pastes it. What does not count says why,
// and nothing typed is lost.
func TestConsoleDecideByKey(t *testing.T) {
	s := newScene(t)
	keys := map[string]string{}
	for _, o := range []exchange.Officer{officerLan, officerMinh} {
		keys[o.ID] = filepath.Join(t.TempDir(), o.ID+".key")
		if err := addKey(&o, keys[o.ID], false); err != nil {
			t.Fatal(err)
		}
		if err := s.vn.node.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	visitors := map[string]*visitor{}
	for _, id := range []string{"lan", "minh"} {
		v := newVisitor(t, s.address)
		v.get(s.pages.OpenDoor("/", "lan", "minh"))
		v.post("/sign-in/demonstration", url.Values{"officer": {id}})
		visitors[id] = v
	}
	lan, minh := visitors["lan"], visitors["minh"]
	signs := func(id, statement string) string {
		cmd := newOfficer()
		var out bytes.Buffer
		cmd.SetArgs([]string{"sign", keys[id]})
		cmd.SetIn(strings.NewReader(statement + "\n"))
		cmd.SetOut(&out)
		cmd.SetErr(new(bytes.Buffer))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	handsIn := func(v *visitor, form url.Values, signed string) page {
		form.Set("signed", signed)
		return v.post("/drafts/"+s.waiting+"/decision", form)
	}

	if _, form := lan.asks(lan.reads(s.waiting), s.waiting, "reject", "no"); form == nil {
		t.Fatal("no form")
	} else if p := lan.post("/drafts/"+s.waiting+"/decision", form); p.status != 422 || strings.Contains(p.body, "gateway officer sign") {
		t.Errorf("a rejection without a reason: %d", p.status)
	}
	statement, form := lan.asks(lan.reads(s.waiting), s.waiting, "release", "")
	if p := handsIn(lan, form, "eyJ"); p.status != 422 || !strings.Contains(p.body, ">eyJ</textarea>") {
		t.Errorf("what is no statement: %d, or it is lost", p.status)
	}
	if p := handsIn(lan, form, signs("minh", statement)); p.status != 422 {
		t.Errorf("signed by another officer: %d", p.status)
	}
	var other exchange.Statement
	if err := json.Unmarshal([]byte(statement), &other); err != nil {
		t.Fatal(err)
	}
	other.SHA256 = "AAAA"
	if p := handsIn(lan, form, signs("lan", string(other.Bytes()))); p.status != 422 || !strings.Contains(p.body, "bản nháp hoặc phiên bản khác") {
		t.Errorf("about other words: %d", p.status)
	}
	if p := handsIn(lan, form, signs("lan", statement)); p.status != 200 || p.at.Path != "/drafts/"+s.waiting || !strings.Contains(p.body, "Bạn đã ký") || !strings.Contains(p.body, "Chữ ký của bạn đã được ghi") || !strings.Contains(p.body, "phiên bản 2") {
		t.Fatalf("signed and handed in: %d %s", p.status, p.at)
	}
	if p := handsIn(lan, form, signs("lan", statement)); strings.Contains(p.body, "thông điệp đã được ký") {
		t.Error("one officer releases twice")
	}

	// Its author amends it: it has to be released anew, and the difference shows.
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.waiting, "to change the days")
	if err != nil {
		t.Fatal(err)
	}
	stale, staleForm := minh.asks(minh.reads(s.waiting), s.waiting, "release", "")
	draft := view.Content.Draft
	draft.Body = bytes.Replace(draft.Body, []byte("2026-12-11"), []byte("2026-12-12"), 1)
	checked := exchange.Safeguard{Kind: "non_refoulement", On: "2026-11-20"} // it was withheld from the body
	if view, err = s.vn.node.desk.Amend(t.Context(), &officerMinh, s.waiting, 0, draft, append(view.Content.Safeguards, checked)); err != nil || view.Row.State != exchange.DraftWaiting {
		t.Fatal(view.Content.Missing, err)
	}
	if p := handsIn(minh, staleForm, signs("minh", stale)); !strings.Contains(p.body, "đã thay đổi hoặc đã được quyết định") {
		t.Errorf("a decision about a version that is gone: %d %s", p.status, p.at)
	}
	if e := view.Content.Earlier[0]; !e.At.Before(e.Approvals[0].At) {
		t.Errorf("the version before was written at %s, and released at %s", e.At, e.Approvals[0].At)
	}
	masked := lan.get("/drafts/" + s.waiting)
	if !strings.Contains(masked.body, "kể từ lần bạn ký") || !strings.Contains(masked.body, "12/12/2026") || !strings.Contains(masked.body, "11/12/2026") {
		t.Errorf("the difference does not show: %s", masked.body)
	}
	statement, form = lan.asks(lan.reads(s.waiting), s.waiting, "release", "")
	handsIn(lan, form, signs("lan", statement))
	statement, form = minh.asks(minh.reads(s.waiting), s.waiting, "reject", "cửa khẩu đóng cửa ngày ấy")
	if p := handsIn(minh, form, signs("minh", statement)); p.status != 200 || !strings.Contains(p.body, "bị bác") {
		t.Fatalf("a rejection: %d", p.status)
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: s.waiting})); n != 0 {
		t.Error("a rejected draft has left")
	}
	if p := lan.get("/cases/KH/" + s.ours); !strings.Contains(p.body, "Một cán bộ đã bác bản nháp") {
		t.Error("the case does not tell of the rejection")
	}
	s.quiet()
	s.vn.check()
}

// Task: the same release by officers who have no passkey. They copy the statement, sign it
// with the command and paste the line that it prints; the terminal is not counted.
func TestConsoleReleaseByCommand(t *testing.T) {
	s := newScene(t)
	const name = "release a repatriation by the command, each of two officers"
	b := newBrowser(t, s.address)
	b.open(s.link)
	pastes := func(key string) { // where the focus is
		t.Helper()
		var out bytes.Buffer
		cmd := newOfficer()
		cmd.SetArgs([]string{"sign", key})
		cmd.SetIn(strings.NewReader(b.value("#statement")))
		cmd.SetOut(&out)
		cmd.SetErr(new(bytes.Buffer))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.run(chromedp.SetValue(chromedp.CSS("#signed"), strings.TrimSpace(out.String())))
	}
	keyOf := func(o exchange.Officer) string {
		t.Helper()
		key := filepath.Join(t.TempDir(), o.ID+".key")
		if err := addKey(&o, key, false); err != nil {
			t.Fatal(err)
		}
		if err := s.vn.node.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
		return key
	}

	key := keyOf(officerMinh)
	b.as("minh")
	b.clicks, b.keys = 0, 0
	h := hand{b}
	h.click(`a[href="/drafts/` + s.waiting + `"]`)
	h.write("#reason", "đọc trước khi ký")
	h.click(`.why button[name="all"]`)
	h.click(`button[name="decision"][value="release"]`)
	h.tap(`[data-copy="statement"]`, "#signed")
	pastes(key)
	h.click(`[data-plain]`)
	h.says("Bạn đã ký")
	h.task(name)

	key = keyOf(officerLan)
	b.as("lan") // who uses no mouse
	b.keys = 0
	b.keyTo("j", `a[href="/drafts/`+s.waiting+`"]`)
	b.enter()
	b.press("r")
	b.types("đọc trước khi ký")
	b.tabTo(`.why button[name="all"]`)
	b.enter()
	b.keyTo("a", `button[name="decision"][value="release"]`)
	b.enter()
	b.skip()
	b.tabTo(`[data-copy="statement"]`)
	b.press(kb.Enter)
	b.tabTo("#signed")
	b.keys++ // Ctrl and V
	pastes(key)
	b.tabTo(`[data-plain]`)
	b.enter()
	h.says("thông điệp đã được ký")
	b.byKeys(name)
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: s.waiting})); n != 1 {
		t.Errorf("%d messages left", n)
	}
	s.quiet()
}

// Where one officer is enough, nobody releases a draft of their own: no button,
// and no statement that counts.
func TestConsoleNotOwn(t *testing.T) {
	s := newScene(t)
	lan := officerLan
	key := filepath.Join(t.TempDir(), "lan.key")
	if err := addKey(&lan, key, false); err != nil {
		t.Fatal(err)
	}
	if err := s.vn.node.roster.Put(t.Context(), "", lan); err != nil {
		t.Fatal(err)
	}
	signer, err := officerSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	view, err := s.vn.node.desk.Submit(t.Context(), &lan, exchange.Draft{To: "KH", Type: exchange.TypeErasureNotice, Case: s.fresh, Body: json.RawMessage(`{"scope":"case","basis":"purpose_fulfilled"}`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if view.Row.State != exchange.DraftWaiting {
		t.Fatalf("an erasure is %s", view.Row.State)
	}
	v := s.visitedBy("lan")
	p := v.get("/drafts/" + view.Row.ID)
	if view.Content.Officers < 2 && (strings.Contains(p.body, `value="release"`) || !strings.Contains(p.body, "cán bộ khác phải phê duyệt")) {
		t.Errorf("the author is offered it: %s", p.body)
	}
	for range 2 {
		statement := exchange.Statement{Officer: "lan", Audience: "VN", ID: exchange.NewID(), IssuedAt: s.vn.now().Unix(), Draft: view.Row.ID, Version: view.Row.Version, SHA256: view.SHA256, Decision: exchange.DecisionRelease}
		signed, err := statement.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		v.post("/drafts/"+view.Row.ID+"/decision", url.Values{"signed": {string(signed)}, "decision": {"release"}})
		if again, err := s.vn.node.desk.Outline(t.Context(), &lan, view.Row.ID); err == nil {
			view.Row.Version = again.Row.Version
		}
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: view.Row.ID})); n != 0 {
		t.Error("its author alone has released it")
	}
}

// A draft that an officer has signed, and that waits for another one, is found again: on
// their page of work and on that of its case, which says of a second one that this waits.
// It says the version that is signed.
func TestConsoleFindsWhatWasSigned(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	section := func(id string) string {
		_, after, _ := strings.Cut(v.get("/").body, `<section class="panel" id="`+id+`"`)
		before, _, _ := strings.Cut(after, "</section>")
		return before
	}
	draft := `href="/drafts/` + s.waiting + `"`
	if !strings.Contains(section("waiting"), draft) || strings.Contains(section("others"), draft) {
		t.Error("an unsigned draft does not wait for this officer")
	}
	view := s.decides(officerLan, exchange.DecisionRelease, "")
	if strings.Contains(section("waiting"), draft) || !strings.Contains(section("others"), draft) {
		t.Errorf("a signed draft does not wait for another one: %s", section("others"))
	}
	say := regexp.MustCompile(`(?s)<section class="panel say".*?</section>`)
	if p := v.get("/cases/KH/" + s.ours); !strings.Contains(say.ReplaceAllString(p.body, ""), draft) || !strings.Contains(say.FindString(p.body), draft) {
		t.Errorf("its case does not lead to it, or what can be sent does not: %s", p.body)
	}
	if p := v.get("/write?to=KH&case=" + s.ours + "&type=" + exchange.TypeReturnRequest); !strings.Contains(p.body, draft) || !strings.Contains(p.body, "bản nháp loại này chưa gửi") {
		t.Errorf("the form of a second one does not say that it waits: %s", p.body)
	}
	// So is one that its author may not sign.
	s.vn.releasedBy(1)
	own, err := s.vn.node.desk.Submit(t.Context(), &officerLan, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: schemas.Example(exchange.TypeIdentityRequest)}, []exchange.Safeguard{consented})
	if err != nil || own.Row.State != exchange.DraftWaiting {
		t.Fatal(own.Row.State, err)
	}
	if !strings.Contains(section("others"), `href="/drafts/`+own.Row.ID+`"`) {
		t.Errorf("its author does not find it: %s", section("others"))
	}
	if p := v.get("/drafts/" + s.waiting); !strings.Contains(p.body, fmt.Sprintf("phiên bản %d<", view.Row.Version)) {
		t.Errorf("the page does not say version %d: %s", view.Row.Version, p.body)
	}
	s.quiet()
}

// The drafts that wait longest are first, and more than a page holds are counted as such
// and can be reached.
func TestConsoleManyDrafts(t *testing.T) {
	s := newScene(t)
	last := ""
	for range 30 {
		view, err := s.vn.node.desk.Submit(t.Context(), &officerMinh, exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: schemas.Example(exchange.TypeIdentityRequest)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		last = view.Row.ID
	}
	v := s.visitedBy("lan")
	first := v.get("/")
	if !strings.Contains(first.body, "<strong>25+</strong> bản nháp còn thiếu") || !strings.Contains(first.body, "/drafts/"+s.held) || strings.Contains(first.body, "/drafts/"+last) {
		t.Errorf("of 31 drafts the page has: %s", first.body)
	}
	next := regexp.MustCompile(`href="(/\?held=[^"#]*)`).FindStringSubmatch(first.body)
	if next == nil {
		t.Fatal("nothing leads to the rest")
	}
	if p := v.get(next[1]); strings.Contains(p.body, "/drafts/"+s.held) || !strings.Contains(p.body, "/drafts/"+last) || strings.Contains(p.body, "Xem các bản nháp tiếp theo") {
		t.Errorf("the rest: %s", p.body)
	}
	s.quiet()
}

// Whoever has no mouse takes the statement along by selecting all of it where it stands,
// and nothing else of the page.
func TestConsoleStatementByKeys(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.open("/drafts/" + s.waiting)
	decides("release")(h.browser)
	h.run(chromedp.Focus(chromedp.CSS("#statement")), chromedp.KeyEvent("a", func(p *input.DispatchKeyEventParams) { p.Commands = []string{"selectAll"} }, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	selected := look(h.browser, chromedp.Evaluate[string](`(e => e.value.slice(e.selectionStart, e.selectionEnd))(document.activeElement)`))
	if !json.Valid([]byte(selected)) || !strings.Contains(selected, s.waiting) {
		t.Errorf("selected is %q", selected)
	}
	h.accessible("a statement that is to be signed")
	s.quiet()
}
