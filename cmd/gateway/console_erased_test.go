package main

import (
	"net/url"
	"strings"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
)

// The pages of an erased case open still, also when somebody had looked at it:
// they say what is left, which is nothing of a person.
func TestConsoleErasedCase(t *testing.T) {
	s := &scene{pair: newPair(t, ""), t: t}
	vn := s.vn.signatories(t)
	for _, o := range []exchange.Officer{officerLan, officerMinh, officerAn} {
		if err := s.vn.node.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	s.serve()
	l := s.life(t)
	question := l.told(exchange.TypeIdentityRequest, asked(""))
	notice := l.asksErasure()

	v := s.visitedBy("lan")
	message, page := "/messages/KH/in/"+question, "/cases/KH/"+l.id
	if p := v.post(message, url.Values{"all": {"1"}, "reason": {"to decide on the erasure"}}); p.status != 200 {
		t.Fatalf("%d", p.status)
	}
	if p := v.get(page); p.status != 200 {
		t.Fatalf("before: %d", p.status)
	}
	l.erase(vn, notice)
	for _, path := range []string{"/", "/cases", page, page + "/print", "/messages", "/messages/KH/in/" + question + "/proof"} {
		if p := v.get(path); p.status != 200 {
			t.Errorf("%s: %d", path, p.status)
		}
	}
	for _, row := range s.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Case: l.id, Direction: exchange.Out}) {
		if p := v.get("/messages/KH/out/" + row.ID); row.Type != exchange.TypeErasureConfirmation || p.status != 200 || !strings.Contains(p.body, "Đã phê duyệt và ký") {
			t.Errorf("what confirms the erasure, and who released it (%s): %d", row.Type, p.status)
		}
	}
	if p := v.get(message); p.status != 410 {
		t.Errorf("an erased message: %d", p.status)
	}
	// What is not handed out is not in the record as a look.
	looks := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess}))
	if p := v.post(message+"/proof", url.Values{"reason": {"to see what was signed"}}); p.status != 410 {
		t.Errorf("the source of an erased message: %d", p.status)
	}
	key := exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: question}
	if _, err := s.vn.node.files.Message(t.Context(), &officerLan, key, "to see what it said"); exchange.AsProblem(err).Kind != exchange.ProblemErased {
		t.Errorf("an erased message: %v", err)
	}
	if n := len(s.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != looks {
		t.Errorf("%d looks at nothing are in the record", n-looks)
	}
	s.quiet()
}
