package main

import (
	"context"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/repatriation-exchange/gateway/exchange"
)

// Whoever signs a draft that its author has open to change it has changed nothing: the
// author is asked nothing, and the signature does not count for what they send.
func TestConsoleSignedWhileAmended(t *testing.T) {
	s := newScene(t)
	h := s.signIn("minh")
	h.amend(s.waiting, "đổi ngày bàn giao")
	s.decides(officerLan, exchange.DecisionRelease, "")
	h.pick(at("/window/to#d"), "10")
	h.click(`.write__do button[value="save"]`)
	if text := h.text(); strings.Contains(text, "được người khác sửa") {
		t.Errorf("nobody has changed it:\n%s", text)
	}
	h.click(toPreview)
	h.click(toSend)
	h.says("Đã trình", "0 trên 2")
	view, err := s.vn.node.desk.Read(t.Context(), &officerMinh, s.waiting, "looking at it in a test")
	if err != nil || view.Row.State != exchange.DraftWaiting || len(view.Content.Approvals) != 0 || !strings.Contains(string(view.Content.Draft.Body), "2026-12-10") {
		t.Errorf("%s, %d approvals: %s %v", view.Row.State, len(view.Content.Approvals), view.Content.Draft.Body, err)
	}
	s.quiet()
	s.vn.check()
}

// A draft that another officer has discarded while this one changes it says by whom and
// when, and what was typed becomes a new one.
func TestConsoleDraftGoneMeanwhile(t *testing.T) {
	s := newScene(t)
	h := s.signIn("lan")
	h.amend(s.held, "bổ sung căn cứ")
	h.run(chromedp.SetValue(chromedp.CSS(at("/subjects/0/date_of_birth#y")), "1990"))
	h.click(toPreview)
	if err := s.vn.node.desk.Discard(t.Context(), &officerMinh, s.held, 1, "trùng với hồ sơ khác"); err != nil {
		t.Fatal(err)
	}
	h.click(toSend)
	h.says("Bản nháp này không sửa được nữa", "Lê Văn Minh (hư cấu)", "Những gì bạn nhập vẫn còn ở đây")
	if text := h.text(); strings.Contains(text, "Mục này không được chấp nhận") {
		t.Errorf("it is said to be wrong:\n%s", text)
	}
	h.accessible("a form whose draft was discarded")
	h.click(`.write__do button[value="new"]`)
	if got := h.value(at("/subjects/0/date_of_birth#y")); got != "1990" {
		t.Errorf("the year is %q", got)
	}
	h.click(toPreview)
	h.click(toSend)
	h.says("Bản nháp được giữ lại")
	was, err := s.vn.node.desk.Outline(t.Context(), &officerLan, s.held)
	if err != nil {
		t.Fatal(err)
	}
	if id := strings.TrimPrefix(h.path(), "/drafts/"); id == s.held {
		t.Error("what was discarded is there again")
	} else if is, err := s.vn.node.desk.Outline(t.Context(), &officerLan, id); err != nil || len(was.Authors()) == 0 || !slices.Equal(is.Content.Authors, was.Authors()) {
		t.Errorf("who has written it is forgotten: %q, not %q (%v)", is.Content.Authors, was.Authors(), err)
	}
	if forms, err := s.vn.node.db.FormsOf(t.Context(), "lan"); err != nil || len(forms) != 0 {
		t.Errorf("%d forms are kept (%v)", len(forms), err)
	}

	// One that was rejected is said again.
	h.as("minh")
	h.amend(s.waiting, "đổi ngày bàn giao")
	s.rejects(officerLan, "cửa khẩu đóng cửa ngày ấy")
	h.pick(at("/window/to#d"), "10")
	h.click(toPreview)
	h.says("Bản nháp này không sửa được nữa", "Trần Thị Lan (hư cấu)")
	h.click(`.write__do button[value="new"]`)
	h.click(toPreview)
	h.click(toSend)
	h.says("thay cho một bản nháp bị bác")
	s.quiet()
	s.vn.check()
}

// What is taken back when its last officer has signed, and before it has left, is taken back:
// both are told so, in their language, and neither that the partner would not have it.
func TestConsoleTakenBackWhileItIsSigned(t *testing.T) {
	s := newScene(t)
	s.decides(officerLan, exchange.DecisionRelease, "")
	minh, key := officerMinh, filepath.Join(t.TempDir(), "minh.key")
	if err := addKey(&minh, key, false); err != nil {
		t.Fatal(err)
	}
	if err := s.vn.node.roster.Put(t.Context(), "", minh); err != nil {
		t.Fatal(err)
	}
	n := *s.vn.node
	n.desk = s.vn.pausedDesk(pausedRecorder{at: "draft_release", after: func() {
		if err := s.vn.node.desk.Discard(t.Context(), &officerLan, s.waiting, 0, "trùng với hồ sơ khác"); err != nil {
			t.Errorf("whoever takes it back is told: %v", err)
		}
	}})
	var err error
	if s.pages, err = n.newConsole(ConsoleConfig{}); err != nil {
		t.Fatal(err)
	}
	s.address = s.listen(ConsoleConfig{}, s.pages)
	v := s.again("minh")
	statement, form := v.asks(v.reads(s.waiting), s.waiting, "release", "")
	signer, err := officerSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	said, err := exchange.ReadStatement([]byte(statement))
	if err != nil {
		t.Fatal(err)
	}
	text, err := said.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	form.Set("signed", string(text))
	p := v.post("/drafts/"+s.waiting+"/decision", form)
	if p.status != 200 || !strings.Contains(p.body, "Bản nháp đã được bỏ và không được gửi.") || !strings.Contains(p.body, "Quyết định của bạn chưa được tính") || strings.Contains(p.body, "draft-state") || strings.Contains(p.body, "không còn được phép") {
		t.Errorf("the last officer is told: %d %s", p.status, p.body)
	}
	if refused := s.vn.rows(exchange.Filter{Kind: exchange.KindRefusal, ID: s.waiting}); len(refused) != 0 || len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: s.waiting})) != 0 {
		t.Errorf("%d refusals, and perhaps a message, are in the record", len(refused))
	}
	s.quiet()
	s.vn.check()
}

// A button that was pressed twice at once leads both times to the message that left.
func TestConsolePressedTwice(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	id := exchange.NewID()
	v.post("/write/"+id, s.answering("insufficient"))
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			p := v.post("/write/"+id, url.Values{"version": {"1"}, "known": {""}, "do": {"submit"}})
			if p.at.Path != "/messages/KH/out/"+id && p.at.Path != "/drafts/"+id { // while it is being signed
				t.Errorf("%d %s", p.status, p.at)
			}
		})
	}
	all.Wait()
	s.quiet()
	s.vn.check()
}

// So does one on a draft that was changed: it says what was typed, and no press is told
// that nothing was done.
func TestConsolePressedTwiceOnAChange(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	draft := "/drafts/" + s.held
	v.post(draft+"/amend", url.Values{"why": {"bổ sung căn cứ"}})
	form, err := s.forms().Resume(t.Context(), &officerLan, s.held)
	if err != nil {
		t.Fatal(err)
	}
	form.Values["/subjects/0/date_of_birth#y"] = []string{"1990"}
	version, err := s.forms().Keep(t.Context(), &officerLan, form)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if p := v.post("/write/"+s.held, url.Values{"version": {strconv.FormatInt(version, 10)}, "known": {""}, "do": {"submit"}}); p.at.Path != draft || !strings.Contains(p.body, "Đã lưu") {
				t.Errorf("%d %s", p.status, p.at)
			}
		})
	}
	all.Wait()
	if view, err := s.vn.node.desk.Read(t.Context(), &officerLan, s.held, "looking at it in a test"); err != nil || view.Row.Version != 2 || !strings.Contains(string(view.Content.Draft.Body), `"date_of_birth":"1990`) {
		t.Errorf("version %d: %s %v", view.Row.Version, view.Content.Draft.Body, err)
	}
	if forms, err := s.vn.node.db.FormsOf(t.Context(), "lan"); err != nil || len(forms) != 0 {
		t.Errorf("%d forms are kept (%v)", len(forms), err)
	}
	s.quiet()
	s.vn.check()
}

// Whoever goes back to a form that was sent, changes it and sends it again sends another
// message: nothing is said to have left that has not.
func TestConsoleSendsAgainFromTheFormBefore(t *testing.T) {
	s := newScene(t)
	v := s.visitedBy("lan")
	id := exchange.NewID()
	write := func(outcome string) page {
		return v.post("/write/"+id, s.answering(outcome))
	}
	action := regexp.MustCompile(`<form method="post" action="/write/([^"]+)"`)
	known := regexp.MustCompile(`name="known" value="([^"]*)"`)
	for i, outcome := range []string{"insufficient", "refused"} {
		preview := write(outcome)
		form := action.FindStringSubmatch(preview.body)
		if form == nil || (form[1] == id) != (i == 0) {
			t.Fatalf("preview %d: %d, of %v", i, preview.status, form)
		}
		seen := known.FindStringSubmatch(preview.body)
		if seen == nil {
			t.Fatal(preview.body)
		}
		if p := v.post("/write/"+form[1], url.Values{"version": {"1"}, "known": {seen[1]}, "do": {"submit"}}); p.at.Path != "/messages/KH/out/"+form[1] {
			t.Fatalf("%s: %d at %s", outcome, p.status, p.at)
		}
		if claims, body := s.sent(s.fresh); claims.ID != form[1] || !strings.Contains(body, outcome) {
			t.Errorf("%s is what left: %s", body, claims.ID)
		}
	}
	if p := v.get("/"); strings.Contains(p.body, `href="/write/`) {
		t.Error("a form is left of what was sent")
	}
	s.quiet()
	s.vn.check()
}

// Of two officers who send the answer to one question at the same moment one is told that
// the other was quicker, and nothing of theirs has left.
func TestConsoleAnswersAtTheSameMoment(t *testing.T) {
	s := newScene(t)
	s.kh.halt()
	officers := []*visitor{s.visitedBy("lan"), s.again("minh")}
	ids := []string{exchange.NewID(), exchange.NewID()}
	for i, v := range officers {
		v.post("/write/"+ids[i], s.answering("insufficient"))
	}
	var all sync.WaitGroup
	statuses := make([]int, len(officers))
	for i, v := range officers {
		all.Go(func() {
			statuses[i] = v.post("/write/"+ids[i], url.Values{"version": {"1"}, "known": {""}, "do": {"submit"}}).status
		})
	}
	all.Wait()
	slices.Sort(statuses)
	sent := 0
	for _, id := range ids {
		sent += len(s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, ID: id}))
	}
	if !slices.Equal(statuses, []int{200, 409}) || sent != 1 {
		t.Errorf("%v, and %d have left", statuses, sent)
	}
	s.quiet()
	s.vn.check()
}

// So it is at two processes: the record itself tells the second one. What they press then
// is sent all the same, and a program that has shown nobody anything is not asked.
func TestConsoleAnswersAtTwoProcesses(t *testing.T) {
	s := newScene(t)
	s.kh.halt()
	other := s.beside()
	officers := []*visitor{s.visitedBy("lan"), other.visitedBy("minh")}
	again := regexp.MustCompile(`<form method="post" action="/write/([^"]+)"`)
	known := regexp.MustCompile(`name="known" value="([^"]*)"`)
	sent := func() (out []string) {
		for _, row := range s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, Type: exchange.TypeIdentityResponse, Case: s.fresh}) {
			out = append(out, row.ID)
		}
		return out
	}
	for round := range 4 {
		s.fresh = s.receives(exchange.TypeIdentityRequest, asked(""), func(c exchange.Claims) { s.asked = c.ID })
		ids, pages := []string{exchange.NewID(), exchange.NewID()}, make([]page, 2)
		for i, v := range officers {
			v.post("/write/"+ids[i], s.answering("insufficient"))
		}
		var all sync.WaitGroup
		for i, v := range officers {
			all.Go(func() {
				pages[i] = v.post("/write/"+ids[i], url.Values{"version": {"1"}, "known": {""}, "do": {"submit"}})
			})
		}
		all.Wait()
		late := slices.IndexFunc(pages, func(p page) bool { return p.status == 409 })
		if left := sent(); late < 0 || pages[1-late].status != 200 || len(left) != 1 || left[0] != ids[1-late] {
			t.Fatalf("round %d: %d and %d, and %d have left", round, pages[0].status, pages[1].status, len(left))
		}
		p := pages[late]
		form, seen := again.FindStringSubmatch(p.body), known.FindStringSubmatch(p.body)
		if form == nil || seen == nil || !strings.Contains(p.body, "Trong lúc bạn xem") || !strings.Contains(seen[1], ids[1-late]) {
			t.Fatalf("round %d: the second one is shown %s", round, p.body)
		}
		if p := officers[late].get("/"); strings.Contains(p.body, "/drafts/"+ids[late]) || strings.Count(p.body, `href="/write/`) != 1 {
			t.Errorf("round %d: what has not left is not one form: %s", round, p.body)
		}
		if p := officers[late].post("/write/"+form[1], url.Values{"version": {"1"}, "known": {seen[1]}, "do": {"submit"}}); p.status != 200 || !slices.Equal(sent(), []string{ids[1-late], form[1]}) {
			t.Errorf("round %d: pressed again: %d, %v have left", round, p.status, sent())
		}
		if _, err := s.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Case: s.fresh, InReplyTo: s.asked, Type: exchange.TypeIdentityResponse, Body: []byte(`{"subjects":[{"subject_ref":"S-1","outcome":"insufficient"}]}`)}); err != nil {
			t.Errorf("a program's answer: %v", err)
		}
	}
	if refused := s.vn.rows(exchange.Filter{Kind: exchange.KindRefusal}); len(refused) != 0 {
		t.Errorf("%d refusals are in the record", len(refused))
	}
	s.quiet()
	s.vn.check()
}

// answering is the form of an answer to the fresh question, to be previewed.
func (s *scene) answering(outcome string) url.Values {
	return url.Values{
		"to": {"KH"}, "case": {s.fresh}, "type": {exchange.TypeIdentityResponse}, ".reply": {s.asked}, "version": {"0"}, "do": {"preview"},
		"/subjects#n": {"1"}, "/subjects/0/subject_ref": {"S-1"}, "/subjects/0/outcome": {outcome},
	}
}

// beside is the scene as another process serves it, from the same store.
func (s *scene) beside() *scene {
	s.t.Helper()
	cfg, err := LoadConfig(s.vn.config, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := openNodeAt(context.Background(), cfg, slog.New(slog.NewTextHandler(s.vn.log, nil)), s.vn.now)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(n.close)
	if err := n.prepare(); err != nil {
		s.t.Fatal(err)
	}
	other := *s
	other.pair = &pair{&testGateway{party: s.vn.party, t: s.t, http: s.vn.http, log: s.vn.log, now: s.vn.now, node: n}, s.kh}
	other.serve()
	return &other
}
