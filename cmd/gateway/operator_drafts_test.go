package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A national system submits a return; two officers release it; the partner gets
// it, and both approvals are in the record, signed.
func TestTwoOfficersReleaseAReturn(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		national, first, second := h.officer("national", system), h.officer("first"), h.officer("second")
		caseID, confirmation := h.confirmed()
		draft := homeward(caseID, confirmation, refoulementChecked)
		draft["jti"] = exchange.NewID()
		view := national.submit(draft)
		if view.State != exchange.DraftWaiting || view.Officers != 2 || view.Author != "national" || view.SHA256 == "" || view.Message != nil ||
			!slices.Equal(view.Withheld, []string{"/subjects/0/non_refoulement"}) {
			t.Fatalf("%+v", view)
		}
		// Asked again, it is the same draft; with other content it is refused.
		if again := national.submit(draft); again.ID != view.ID || again.Version != view.Version || again.SHA256 != view.SHA256 {
			t.Errorf("submitted twice: %+v", again)
		}
		other := homeward(caseID, confirmation, refoulementChecked+`,"guardian":{"kind":"parent","agreed_on":"2026-11-20"}`)
		other["jti"] = draft["jti"]
		refusedWith(t, "other content", national.ask(call{method: http.MethodPost, path: "/v1/drafts", body: other}), 409, "id-reused", "")

		read1 := first.read(view.ID)
		if read1.SHA256 != view.SHA256 || !strings.Contains(string(read1.Message.Body), `"moc-bai"`) || strings.Contains(string(read1.Message.Body), "refoulement") {
			t.Errorf("what is read is not what will be sent: %s", read1.Message.Body)
		}
		if after := first.releases(view.ID); after.State != exchange.DraftWaiting || len(after.Approvals) != 1 {
			t.Fatalf("after one: %+v", after)
		}
		if after := second.releases(view.ID); after.State != exchange.DraftReleased || len(after.Approvals) != 2 {
			t.Fatalf("after two: %+v", after)
		}
		h.stands(caseID, exchange.StateReturnRequested)
		eventually(t, "the partner has it", func() bool {
			return len(h.kh.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.In, ID: view.ID})) == 1
		})
		h.statementsAreProof(view.ID, first, second)
		timeline := get1[list[operator.TimelineLine]](first, "/v1/cases/KH/"+caseID+"/timeline")
		var names []string
		for _, e := range timeline.Items {
			names = append(names, e.Event)
		}
		for _, want := range []string{"draft.submitted", "access.recorded", "draft.approved", "message.sent"} {
			if !slices.Contains(names, want) {
				t.Errorf("the timeline lacks %s: %v", want, names)
			}
		}
		h.vn.check()
		h.kh.check()
	})
}

// statementsAreProof checks, as a third party would, that both officers' signed
// statements in the record are about the message that left.
func (h *house) statementsAreProof(id string, officers ...*caller) {
	h.t.Helper()
	sent := h.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, ID: id})
	opened, err := h.vn.node.opener.Open(h.t.Context(), sent[0])
	if err != nil {
		h.t.Fatal(err)
	}
	payload, err := exchange.PayloadOf(opened.Data)
	if err != nil {
		h.t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(payload, &members); err != nil {
		h.t.Fatal(err)
	}
	var parts []string
	for _, name := range []string{"aud", "jti", "type", "case", "in_reply_to", "agreement", "purpose", "recipient", "approval", "body"} {
		if raw, there := members[name]; there {
			parts = append(parts, `"`+name+`":`+string(raw))
		}
	}
	sum := sha256.Sum256([]byte("{" + strings.Join(parts, ",") + "}"))
	rows := h.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: "draft_release", ID: id})
	if len(rows) != len(officers) {
		h.t.Fatalf("%d statements are in the record", len(rows))
	}
	for i, row := range rows {
		opened, err := h.vn.node.opener.Open(h.t.Context(), row)
		if err != nil {
			h.t.Fatal(err)
		}
		var approval exchange.Approval
		if err := json.Unmarshal(opened.Data, &approval); err != nil {
			h.t.Fatal(err)
		}
		keys, err := seal.NewKeySet(officers[i].signer.Public())
		if err != nil {
			h.t.Fatal(err)
		}
		unverified, err := seal.Parse([]byte(approval.Signed), exchange.TypApproval, 1<<14)
		if err != nil {
			h.t.Fatal(err)
		}
		verified, err := unverified.Verify(keys)
		if err != nil {
			h.t.Fatal(err)
		}
		var s exchange.Statement
		if err := json.Unmarshal(verified.Payload(), &s); err != nil || s.SHA256 != base64.RawURLEncoding.EncodeToString(sum[:]) || s.Officer != officers[i].entry.ID || s.Decision != exchange.DecisionRelease {
			h.t.Errorf("%+v is not about what left (%v)", s, err)
		}
	}
}

// A message without its safeguards is held, and leaves when they are recorded.
func TestHeldDrafts(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	national, one, two := h.officer("national", system), h.officer("one"), h.officer("two")
	caseID, confirmation := h.confirmed()
	body := homeward(caseID, confirmation, "")
	draft := national.submit(body)
	if draft.State != exchange.DraftHeld || !slices.Equal(draft.Missing, []exchange.Missing{{Kind: partners.SafeguardRefoulement, Subject: "S-1"}}) {
		t.Fatalf("%+v", draft)
	}
	refusedWith(t, "released while held", one.decides(one.statement(one.read(draft.ID), exchange.DecisionRelease)), 409, "draft-state", "draft-held")
	tag := map[string]string{"If-Match": `"1"`}
	body["safeguards"] = []exchange.Safeguard{{Kind: "nonsense", On: "2026-11-20"}}
	refusedWith(t, "an unknown safeguard", national.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, body: body, header: tag}), 422, "draft-invalid", "safeguard-unknown")
	body["safeguards"] = []exchange.Safeguard{{Kind: partners.SafeguardRefoulement, On: "2026-11-20", Reference: "file 7"}}
	refusedWith(t, "without a version", national.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, body: body}), 400, "request-invalid", "if-match-required")
	view := read[operator.DraftView](t, national.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, body: body, header: tag}), 200)
	if view.State != exchange.DraftWaiting || len(view.Missing) != 0 {
		t.Fatalf("%+v", view)
	}
	one.releases(draft.ID)
	two.releases(draft.ID)
	h.stands(caseID, exchange.StateReturnRequested)

	// What only lacks a safeguard, and no officer, leaves at once when it is there.
	question := map[string]any{"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(schemas.Example(exchange.TypeIdentityRequest))}
	held := national.submit(question)
	if held.State != exchange.DraftHeld || held.Officers != 0 {
		t.Fatalf("%+v", held)
	}
	question["safeguards"] = []exchange.Safeguard{consented}
	if view := read[operator.DraftView](t, national.ask(call{method: http.MethodPut, path: "/v1/drafts/" + held.ID, body: question, header: tag}), 200); view.State != exchange.DraftReleased {
		t.Errorf("%+v", view)
	}
	// One that nobody needs any more is taken back.
	gone := national.submit(map[string]any{"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(schemas.Example(exchange.TypeIdentityRequest))})
	r := national.ask(call{method: http.MethodDelete, path: "/v1/drafts/" + gone.ID, header: map[string]string{"If-Match": `"1"`, "Access-Reason": "submitted by mistake"}})
	if view := read[operator.DraftView](t, r, 200); view.State != exchange.DraftDiscarded {
		t.Errorf("%+v", view)
	}
}

// releasedTooSoon is a return that both officers have released while its partner is
// suspended: the last approval is stored, and nothing can be signed.
func (h *house) releasedTooSoon(one, two *caller) operator.DraftView {
	h.t.Helper()
	caseID, confirmation := h.confirmed()
	draft := one.submit(homeward(caseID, confirmation, refoulementChecked))
	one.releases(draft.ID)
	seen := two.read(draft.ID)
	h.vn.editPartner("kh", func(k *partners.Partner) { k.Status = partners.Suspended })
	h.vn.reload()
	refusedWith(h.t, "not now", two.decides(two.statement(seen, exchange.DecisionRelease)), 403, "partner-suspended", "")
	draft = get1[operator.DraftView](one, "/v1/drafts/"+draft.ID)
	if draft.State != exchange.DraftReleasing {
		h.t.Fatalf("it is %s", draft.State)
	}
	return draft
}

// A crash between the last approval and the signature loses nothing: the draft
// leaves after the restart, once.
func TestCrashBetweenApprovalAndSignature(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		one, two := h.officer("one"), h.officer("two")
		draft := h.releasedTooSoon(one, two) // what a process leaves that dies in between
		h.stop()
		h.vn.halt()
		h.vn.editPartner("kh", func(k *partners.Partner) { k.Status = partners.Active })
		h.restart()
		h.stands(draft.Case, exchange.StateReturnRequested)
		eventually(t, "it is released", func() bool {
			return get1[operator.DraftView](one, "/v1/drafts/"+draft.ID).State == exchange.DraftReleased
		})
		time.Sleep(50 * time.Millisecond)
		if rows := h.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, ID: draft.ID}); len(rows) != 1 {
			t.Errorf("it left %d times", len(rows))
		}
		h.vn.check()
	})
}

// What may not be said any more when it is released is refused, and the refusal
// is in the record.
func TestRefusedAtTheEnd(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	one, two := h.officer("one"), h.officer("two")
	caseID, confirmation := h.confirmed()
	draft := one.submit(homeward(caseID, confirmation, refoulementChecked))
	one.releases(draft.ID)
	seen := two.read(draft.ID)
	h.vn.editAgreement(func(a *partners.Agreement) { a.Status = "ended" })
	if err := h.vn.node.registry.Reload(); err != nil {
		t.Fatal(err)
	}
	r := two.decides(two.statement(seen, exchange.DecisionRelease))
	if slug, _, _ := r.problem(); slug != "agreement-refused" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	view := get1[operator.DraftView](one, "/v1/drafts/"+draft.ID)
	if view.State != exchange.DraftRefused || !strings.Contains(view.Refused, "agreement") {
		t.Errorf("%+v", view)
	}
	if rows := h.vn.rows(exchange.Filter{Kind: exchange.KindRefusal, Direction: exchange.Out, ID: draft.ID}); len(rows) != 1 {
		t.Errorf("%d refusals are in the record", len(rows))
	}
}

// An approval counts only while its officer may act: who was suspended before
// the second one signs has not approved, and the draft waits for another one.
func TestSuspendedApproval(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	one, two := h.officer("one"), h.officer("two")
	caseID, confirmation := h.confirmed()
	draft := two.submit(homeward(caseID, confirmation, refoulementChecked))
	one.releases(draft.ID)
	one.entry.Status = exchange.OfficerSuspended
	one.put()
	left := func() int {
		return len(h.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, ID: draft.ID}))
	}
	sight, err := exchange.NewSight(exchange.SightConfig{Files: h.vn.node.files, Desk: h.vn.node.desk, Catalogue: h.vn.node.catalogue})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := sight.Draft(t.Context(), &two.entry, draft.ID, exchange.Reveal{}); err != nil || len(seen.Content.Approvals) != 0 || len(seen.Content.Lapsed) != 1 {
		t.Errorf("its page counts %d releases and %d that lapsed: %v", len(seen.Content.Approvals), len(seen.Content.Lapsed), err)
	}
	two.releases(draft.ID)
	if view := get1[operator.DraftView](two, "/v1/drafts/"+draft.ID); view.State != exchange.DraftWaiting || len(view.Approvals) != 1 || view.Approvals[0].Officer != "two" || left() != 0 {
		t.Errorf("%+v", view)
	}
	row, err := h.vn.node.desk.Outline(t.Context(), &two.entry, draft.ID)
	if err != nil || len(row.Content.Lapsed) != 1 || row.Content.Lapsed[0].Officer != "one" {
		t.Errorf("what does not count any more: %+v %v", row.Content.Lapsed, err)
	}
	three := h.officer("three")
	three.releases(draft.ID)
	if view := get1[operator.DraftView](two, "/v1/drafts/"+draft.ID); view.State != exchange.DraftReleased || left() != 1 {
		t.Errorf("%+v", view)
	}
	h.vn.check()
}

// An officer who is suspended, or loses the right, while a draft that all have
// released waits for its partner has not released it: it waits for another one, and is
// not lost.
func TestReleasedByWhoeverMayNotAnyMore(t *testing.T) {
	for name, change := range map[string]func(*exchange.Officer){
		"suspended":          func(o *exchange.Officer) { o.Status = exchange.OfficerSuspended },
		"of another partner": func(o *exchange.Officer) { o.Partners = []string{"LA"} },
		"of another role":    func(o *exchange.Officer) { o.Roles = []exchange.Role{exchange.RoleAuditor} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, newPair(t, ""), nil)
			one, two := h.officer("one"), h.officer("two")
			draft := h.releasedTooSoon(one, two)
			change(&two.entry)
			two.put()
			h.vn.editPartner("kh", func(k *partners.Partner) { k.Status = partners.Active })
			h.vn.reload()
			if left, err := h.vn.node.desk.Sweep(t.Context()); left != 0 || err != nil {
				t.Errorf("%d left: %v", left, err)
			}
			view := get1[operator.DraftView](one, "/v1/drafts/"+draft.ID)
			if view.State != exchange.DraftWaiting || len(view.Approvals) != 1 || len(view.Lapsed) != 1 || view.Lapsed[0].Officer != "two" {
				t.Errorf("%+v", view)
			}
			h.officer("three").releases(draft.ID)
			if view := get1[operator.DraftView](one, "/v1/drafts/"+draft.ID); view.State != exchange.DraftReleased {
				t.Errorf("%+v", view)
			}
			h.vn.check()
		})
	}
}

// A draft that all have released and nobody could sign yet is taken back; it
// does not leave when the partner is there again.
func TestTakenBackBeforeItIsSigned(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	one, two := h.officer("one"), h.officer("two")
	draft := h.releasedTooSoon(one, two)
	header := map[string]string{"If-Match": fmt.Sprintf("%q", fmt.Sprint(draft.Version)), "Access-Reason": "the partner is suspended"}
	r := one.ask(call{method: http.MethodDelete, path: "/v1/drafts/" + draft.ID, header: header})
	if view := read[operator.DraftView](t, r, 200); view.State != exchange.DraftDiscarded {
		t.Fatalf("%+v", view)
	}
	h.vn.editPartner("kh", func(k *partners.Partner) { k.Status = partners.Active })
	h.vn.reload()
	if left, err := h.vn.node.desk.Sweep(t.Context()); left != 0 || err != nil {
		t.Errorf("%d left: %v", left, err)
	}
	if rows := h.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, ID: draft.ID}); len(rows) != 0 {
		t.Error("it left")
	}
	h.vn.check()
}

// A correction asks for the safeguards of what it corrects, or it would be a way
// around them.
func TestCorrectionsNeedSafeguards(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	one := h.officer("one")
	asks, err := h.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: exchange.TypeIdentityRequest, Body: json.RawMessage(asked(""))}, consented)
	if err != nil {
		t.Fatal(err)
	}
	correction := map[string]any{
		"partner": "KH", "type": exchange.TypeCorrection, "case": asks.Case,
		"body": json.RawMessage(`{"target":"` + asks.ID + `","revision":1,"reason":"clerical_error","changes":[{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"2012"}]}`),
	}
	held := one.submit(correction)
	want := []exchange.Missing{{Kind: partners.SafeguardConsent, Subject: "S-1"}}
	if held.State != exchange.DraftHeld || !slices.Equal(held.Missing, want) {
		t.Fatalf("%s %+v", held.State, held.Missing)
	}
	correction["safeguards"] = []exchange.Safeguard{consented}
	if left := one.submit(correction); left.State != exchange.DraftReleased {
		t.Errorf("%+v", left)
	}
}
