package main

import (
	"html"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// rejects lets an officer reject the scene's waiting draft, with a key of their own.
func (s *scene) rejects(by exchange.Officer, reason string) {
	s.t.Helper()
	if view := s.decides(by, exchange.DecisionReject, reason); view.Row.State != exchange.DraftRejected {
		s.t.Fatal(view.Row.State)
	}
}

// decides lets an officer decide about the scene's waiting draft, likewise.
func (s *scene) decides(by exchange.Officer, decision, reason string) exchange.DraftView {
	s.t.Helper()
	key := filepath.Join(s.t.TempDir(), by.ID+".key")
	if err := addKey(&by, key, false); err != nil {
		s.t.Fatal(err)
	}
	if err := s.vn.node.roster.Put(s.t.Context(), "", by); err != nil {
		s.t.Fatal(err)
	}
	signer, err := officerSigner(key)
	if err != nil {
		s.t.Fatal(err)
	}
	view, err := s.vn.node.desk.Read(s.t.Context(), &by, s.waiting, "to decide about it")
	if err != nil {
		s.t.Fatal(err)
	}
	statement := exchange.Statement{
		Officer: by.ID, Audience: "VN", ID: exchange.NewID(), IssuedAt: s.vn.now().Unix(), Draft: s.waiting, Version: view.Row.Version, SHA256: view.SHA256,
		Decision: decision, Reason: reason,
	}
	signed, err := statement.Sign(signer)
	if err != nil {
		s.t.Fatal(err)
	}
	if view, err = s.vn.node.desk.Decide(s.t.Context(), &by, s.waiting, signed); err != nil {
		s.t.Fatal(err)
	}
	return view
}

// Who rejected a draft, when and why is read where its author looks: on their page
// of work, on the draft, in the case and in the record. They write it again as a new
// draft, or discard it, and then it waits for them no more.
func TestConsoleRejected(t *testing.T) {
	s := newScene(t)
	const reason = "cửa khẩu đóng cửa ngày ấy"
	s.rejects(officerLan, reason)
	h := s.signIn("minh")
	h.open("/")
	h.says("Bản nháp của tôi bị bác", "Trần Thị Lan (hư cấu)", reason)
	h.click(`#rejected a[href="/drafts/` + s.waiting + `"]`)
	h.says("Bản nháp này đã bị bác", "Trần Thị Lan (hư cấu)", reason, "không được gửi", "Chưa ai ký")
	if text := h.text(); strings.Contains(text, "trên 2") || strings.Contains(text, "sẽ được ký") {
		t.Errorf("a rejected draft still waits to be sent:\n%s", text)
	}
	h.open("/cases/KH/" + s.ours)
	h.says("Một cán bộ đã bác bản nháp", reason)
	h.open("/audit?kind=event")
	h.says(reason)

	h.open("/drafts/" + s.waiting)
	h.write("#again-why", "x")
	h.click(`form[action$="/again"] button`)
	h.says("Viết lý do, từ 5 đến 1000 ký tự.")
	if title := look(h.browser, chromedp.Title()); !strings.HasPrefix(title, "Lỗi:") || h.value("#again-why") != "x" {
		t.Errorf("the page is titled %q, and what was typed is %q", title, h.value("#again-why"))
	}
	h.write("#again-why", "đổi ngày bàn giao")
	h.click(`form[action$="/again"] button`)
	h.pick(at("/window/to#d"), "10")
	h.click(toPreview)
	h.click(toSend)
	h.says("thay cho một bản nháp bị bác")
	again := strings.TrimPrefix(h.path(), "/drafts/")
	if again == s.waiting {
		t.Fatal("what was rejected is sent under its own number")
	}
	h.open("/drafts/" + s.waiting)
	h.says("Bản nháp được viết lại")
	h.open("/")
	if strings.Contains(h.text(), reason) {
		t.Error("what was written again still waits for its author")
	}
	if row, err := s.vn.node.db.Draft(t.Context(), s.waiting); err != nil || row.State != exchange.DraftRejected {
		t.Errorf("the rejected draft is %s %v", row.State, err)
	}
	s.quiet()
	s.vn.check()
}

// A rejected draft that nobody writes again is discarded.
func TestConsoleDiscardsRejected(t *testing.T) {
	s := newScene(t)
	s.rejects(officerLan, "cửa khẩu đóng cửa ngày ấy")
	h := s.signIn("minh")
	h.open("/drafts/" + s.waiting)
	h.write("#discard-why", "không còn cần nữa")
	h.click(`form[action$="/discard"] button`)
	h.says("Bản nháp đã bị bỏ", "Bản nháp này đã bị bác")
	h.open("/")
	if strings.Contains(h.text(), "bị bác") {
		t.Error("what was discarded still waits for its author")
	}
	s.quiet()
	s.vn.check()
}

// A check that the agreement withholds from the partner stays with the draft: whoever
// changes a date does not lose it, and whoever releases it reads it. One that is taken
// out is a line of what has changed.
func TestConsoleKeepsWithheldSafeguards(t *testing.T) {
	s := newScene(t)
	h := s.signIn("minh")
	h.amend(s.waiting, "đổi ngày bàn giao")
	h.pick(at("/window/to#d"), "10")
	h.click(toPreview)
	if text := h.text(); strings.Contains(text, "Còn thiếu trước khi được gửi") {
		t.Errorf("the check was lost:\n%s", text)
	}
	h.click(toSend)
	h.says("Đã trình")

	v := newVisitor(t, s.address)
	v.get(s.pages.OpenDoor("/", "lan", "minh"))
	v.post("/sign-in/demonstration", url.Values{"officer": {"lan"}})
	struck := regexp.MustCompile(`(?s)is-withheld.*?<s>.*?20/11/2026.*?</s>`)
	if p := v.reads(s.waiting); !struck.MatchString(p.body) || len(differs(p)) != 1 {
		t.Errorf("whoever releases it reads no check, or other changes than the date: %q\n%s", differs(p), p.body)
	}

	// By another program, which knows only what is sent, it is taken out.
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.waiting, "to change it")
	if err != nil {
		t.Fatal(err)
	}
	if view, err = s.vn.node.desk.Amend(t.Context(), &officerMinh, s.waiting, 0, view.Content.Draft, []exchange.Safeguard{{Kind: "consent_or_authority", Basis: "authority", On: "2026-11-21"}}); err != nil || view.Row.State != exchange.DraftHeld {
		t.Fatal(view.Row.State, err)
	}
	for _, p := range []page{v.get("/drafts/" + s.waiting), v.reads(s.waiting)} {
		if got := strings.Join(differs(p), "\n"); !strings.Contains(got, "nơi nguy hiểm") || !strings.Contains(got, "đồng ý") {
			t.Errorf("of the safeguards the page tells as changed: %s", got)
		}
	}
	s.quiet()
	s.vn.check()
}

// differs are the places of which a draft's page says that they were changed.
func differs(p page) (out []string) {
	for _, m := range regexp.MustCompile(`<th scope="row" data-label="[^"]*">(.*?)<br>`).FindAllStringSubmatch(p.body, -1) {
		out = append(out, strings.ToLower(html.UnescapeString(m[1])))
	}
	return out
}

// What was rejected is said again once: a second one would tell the partner twice, and
// one that nobody has rejected is not said again at all.
func TestRejectedIsSaidAgainOnce(t *testing.T) {
	s := newScene(t)
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.waiting, "to say it again")
	if err != nil {
		t.Fatal(err)
	}
	again := func() error {
		draft := view.Content.Draft
		draft.ID = exchange.NewID()
		_, err := s.vn.node.desk.SubmitInstead(t.Context(), &officerMinh, s.waiting, draft, []exchange.Safeguard{consented})
		return err
	}
	if err := again(); exchange.AsProblem(err).Kind != exchange.ProblemDraftState {
		t.Errorf("a draft that waits: %v", err)
	}
	s.rejects(officerLan, "cửa khẩu đóng cửa ngày ấy")
	var said atomic.Int32
	var all sync.WaitGroup
	for range 6 { // at the same moment
		all.Go(func() {
			if again() == nil {
				said.Add(1)
			}
		})
	}
	if all.Wait(); said.Load() != 1 {
		t.Errorf("it was said again %d times", said.Load())
	}
	if err := again(); exchange.AsProblem(err).Rule != "draft-again" {
		t.Errorf("a second time: %v", err)
	}
}

// Nobody discards a version that they have not seen: who comes second is told.
func TestConsoleDiscardsWhatWasSeen(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	draft := "/drafts/" + s.held
	seen := func() string {
		return regexp.MustCompile(`action="` + draft + `/discard"[^>]*>(?:<input[^>]*>)*?<input type="hidden" name="version" value="(\d+)"`).FindStringSubmatch(v.get(draft).body)[1]
	}
	version := seen()
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.held, "to add what is missing")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.vn.node.desk.Amend(t.Context(), &officerMinh, s.held, view.Row.Version, view.Content.Draft, []exchange.Safeguard{}); err != nil {
		t.Fatal(err)
	}
	for _, stale := range []string{version, "", "0", "x"} {
		if p := v.post(draft+"/discard", url.Values{"version": {stale}, "why": {"không cần nữa"}}); !strings.Contains(p.body, "Bản nháp đã thay đổi") {
			t.Errorf("with version %q: %s", stale, p.at)
		}
	}
	if d, err := s.vn.node.db.Draft(t.Context(), s.held); err != nil || d.State != exchange.DraftHeld {
		t.Fatalf("the draft is %s: %v", d.State, err)
	}
	if p := v.post(draft+"/discard", url.Values{"version": {seen()}, "why": {"không cần nữa"}}); !strings.Contains(p.body, "đã được bỏ và không được gửi") {
		t.Errorf("what was seen is not discarded: %s", p.at)
	}
	s.quiet()
}
