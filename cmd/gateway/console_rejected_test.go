package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// rejects lets an officer reject the scene's waiting draft, with a key of their own.
func (s *scene) rejects(by exchange.Officer, reason string) {
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
		Decision: exchange.DecisionReject, Reason: reason,
	}
	signed, err := statement.Sign(signer)
	if err != nil {
		s.t.Fatal(err)
	}
	if view, err = s.vn.node.desk.Decide(s.t.Context(), &by, s.waiting, signed); err != nil || view.Row.State != exchange.DraftRejected {
		s.t.Fatal(view.Row.State, err)
	}
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
	h.says("Bản nháp này đã bị bác", "Trần Thị Lan (hư cấu)", reason, "không được gửi", "Chưa ai phê duyệt")
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
