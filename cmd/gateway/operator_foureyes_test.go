package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
	"github.com/repatriation-exchange/gateway/schemas"
)

// Nobody releases alone what two have to release, and only what was read.
func TestFourEyes(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	national, author, second := h.officer("national", system), h.officer("author"), h.officer("second")
	caseID, confirmation := h.confirmed()
	draft := author.submit(homeward(caseID, confirmation, refoulementChecked))
	seen := author.read(draft.ID)
	release := func(c *caller, change func(*exchange.Statement)) reply {
		s := c.statement(seen, exchange.DecisionRelease)
		if change != nil {
			change(&s)
		}
		return c.decides(s)
	}
	invalid := func(what string, r reply, rule string) {
		t.Helper()
		refusedWith(t, what, r, 422, "approval-invalid", rule)
	}
	invalid("another draft's content", release(second, func(s *exchange.Statement) { s.SHA256 = strings.Repeat("A", 43) }), "approval-draft")
	invalid("another gateway", release(second, func(s *exchange.Statement) { s.Audience = "KH" }), "approval-party")
	invalid("another's statement", release(second, func(s *exchange.Statement) { s.Officer = "author" }), "approval-party")
	invalid("signed yesterday", release(second, func(s *exchange.Statement) { s.IssuedAt -= 86400 }), "approval-time")
	invalid("signed tomorrow", release(second, func(s *exchange.Statement) { s.IssuedAt += 86400 }), "approval-time")
	invalid("neither", release(second, func(s *exchange.Statement) { s.Decision = "maybe" }), "approval-decision")
	refusedWith(t, "an old version", release(second, func(s *exchange.Statement) { s.Version = 7 }), 409, "draft-version", "draft-version")
	s := second.statement(seen, exchange.DecisionRelease)
	forged, err := s.Sign(author.signer)
	if err != nil {
		t.Fatal(err)
	}
	invalid("another's key", second.handIn(draft.ID, forged), "approval-signature")
	signed, err := s.Sign(second.signer)
	if err != nil {
		t.Fatal(err)
	}
	if at := len(signed) - 10; signed[at] == 'A' {
		signed[at] = 'B'
	} else {
		signed[at] = 'A'
	}
	invalid("a flipped bit", second.handIn(draft.ID, signed), "approval-signature")
	invalid("no statement", second.handIn(draft.ID, []byte("yes")), "approval-form")
	refusedWith(t, "a system", national.handIn(draft.ID, forged), 403, "forbidden", "")

	if r := release(author, nil); r.status != http.StatusOK { // of two, the author may be one
		t.Fatalf("%d %s", r.status, r.body)
	}
	seen = author.read(draft.ID)
	invalid("the same officer twice", release(author, nil), "approval-twice")

	// A change takes the approval away.
	changed := homeward(caseID, confirmation, refoulementChecked)
	r := second.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, body: changed, header: map[string]string{"If-Match": `"1"`}})
	refusedWith(t, "an amendment of an old version", r, 409, "draft-version", "draft-version")
	r = second.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, body: changed, header: map[string]string{"If-Match": `"2"`}})
	if view := read[operator.DraftView](t, r, 200); len(view.Approvals) != 0 || view.Version != 3 || view.Author != "second" || r.header.Get("ETag") != `"3"` {
		t.Errorf("%+v", view)
	}
	refusedWith(t, "a version that was changed since", release(second, nil), 409, "draft-version", "draft-version")
	seen = author.read(draft.ID)
	if r := release(author, nil); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.body)
	}
	// A suspended officer does not come in, and cannot be the second.
	second.entry.Status = exchange.OfficerSuspended
	second.put()
	refusedWith(t, "suspended", release(second, nil), 401, "unauthenticated", "identity-unknown")
	if rows := h.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, Type: exchange.TypeReturnRequest}); len(rows) != 0 {
		t.Error("it left")
	}
	// Rejected is rejected.
	third := h.officer("third")
	s = third.statement(third.read(draft.ID), exchange.DecisionReject)
	refusedWith(t, "without a reason", third.decides(s), 422, "approval-invalid", "approval-reason")
	s = third.statement(third.read(draft.ID), exchange.DecisionReject)
	s.Reason = "the window is too short"
	if view := read[operator.DraftView](t, third.decides(s), 200); view.State != exchange.DraftRejected {
		t.Errorf("%+v", view)
	}
	if no := get1[operator.DraftView](author, "/v1/drafts/"+draft.ID).Rejected; no == nil || no.Officer != "third" || no.Reason != s.Reason {
		t.Errorf("its author reads of the rejection: %+v", no)
	}
	refusedWith(t, "after the end", author.decides(author.statement(author.read(draft.ID), exchange.DecisionRelease)), 409, "draft-state", "draft-rejected")
}

// Where two are needed, those who have written a draft do not let it out among
// themselves: one of the two has written no version of it.
func TestOneOfTwoOfficersIsAnother(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	h.vn.releasedBy(2)
	author, other, third := h.officer("author"), h.officer("other"), h.officer("third")
	says := map[string]any{
		"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(schemas.Example(exchange.TypeIdentityRequest)),
		"safeguards": []exchange.Safeguard{consented},
	}
	draft := author.submit(says)
	read[operator.DraftView](t, other.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, header: map[string]string{"If-Match": `"1"`}, body: says}), 200)
	notAmongThemselves(t, draft.ID, author, other, third)
}

// notAmongThemselves tries to let a draft out by two who have written it.
func notAmongThemselves(t *testing.T, id string, author, other, third *caller) {
	t.Helper()
	if view := author.releases(id); view.State != exchange.DraftWaiting {
		t.Fatalf("one of the two: %+v", view)
	}
	refusedWith(t, "the other author", other.decides(other.statement(other.read(id), exchange.DecisionRelease)), 422, "approval-invalid", "approval-own")
	if view := third.releases(id); view.State != exchange.DraftReleased {
		t.Errorf("somebody else, and an author: %+v", view)
	}
}

// anew lets an officer write a new draft from one that they have read.
func (c *caller) anew(desk *exchange.Desk, from string, submit func(context.Context, *exchange.Officer, string, exchange.Draft, []exchange.Safeguard) (exchange.DraftView, error)) string {
	c.t.Helper()
	said, err := desk.Read(c.t.Context(), &c.entry, from, "to write it again")
	if err != nil {
		c.t.Fatal(err)
	}
	draft := said.Content.Draft
	draft.ID, draft.Body = exchange.NewID(), said.Content.Written()
	if _, err := submit(c.t.Context(), &c.entry, from, draft, said.Content.Safeguards); err != nil {
		c.t.Fatal(err)
	}
	return draft.ID
}

// Nor do they after somebody else has rejected it and one of them has written it again.
func TestWhatWasRejectedKeepsItsAuthors(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	author, other, third := h.officer("author"), h.officer("other"), h.officer("third")
	caseID, confirmation := h.confirmed()
	says := homeward(caseID, confirmation, refoulementChecked)
	draft := author.submit(says)
	read[operator.DraftView](t, other.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, header: map[string]string{"If-Match": `"1"`}, body: says}), 200)
	no := third.statement(third.read(draft.ID), exchange.DecisionReject)
	no.Reason = "the window is too short"
	read[operator.DraftView](t, third.decides(no), 200)
	desk := h.vn.node.desk
	notAmongThemselves(t, other.anew(desk, draft.ID, desk.SubmitInstead), author, other, third)
}

// Nor after it was taken back while one of them was changing it, and was written as a new
// one.
func TestWhatWasTakenBackKeepsItsAuthors(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	author, other, third := h.officer("author"), h.officer("other"), h.officer("third")
	caseID, confirmation := h.confirmed()
	draft := author.submit(homeward(caseID, confirmation, refoulementChecked))
	desk := h.vn.node.desk
	if err := desk.Discard(t.Context(), &author.entry, draft.ID, 0, ""); err != nil {
		t.Fatal(err)
	}
	notAmongThemselves(t, other.anew(desk, draft.ID, desk.SubmitFrom), other, author, third)
}

// Where one officer is enough, it is not the author.
func TestOneOfficerIsAnother(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	h.vn.releasedBy(1)
	author, other := h.officer("author"), h.officer("other")
	draft := author.submit(map[string]any{
		"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(schemas.Example(exchange.TypeIdentityRequest)),
		"safeguards": []exchange.Safeguard{consented},
	})
	refusedWith(t, "one's own", author.decides(author.statement(author.read(draft.ID), exchange.DecisionRelease)), 422, "approval-invalid", "approval-own")
	// Nor whoever wrote a version of it that another one has changed.
	changed := author.submit(map[string]any{
		"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(schemas.Example(exchange.TypeIdentityRequest)),
		"safeguards": []exchange.Safeguard{consented},
	})
	read[operator.DraftView](t, other.ask(call{method: http.MethodPut, path: "/v1/drafts/" + changed.ID, header: map[string]string{"If-Match": `"1"`}, body: map[string]any{
		"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(schemas.Example(exchange.TypeIdentityRequest)), "safeguards": []exchange.Safeguard{consented},
	}}), 200)
	for _, wrote := range []*caller{author, other} {
		refusedWith(t, "one's own in part", wrote.decides(wrote.statement(wrote.read(changed.ID), exchange.DecisionRelease)), 422, "approval-invalid", "approval-own")
	}
	if view := h.officer("third").releases(changed.ID); view.State != exchange.DraftReleased {
		t.Errorf("%+v", view)
	}
	if view := other.releases(draft.ID); view.State != exchange.DraftReleased {
		t.Errorf("%+v", view)
	}
}

// Two officers who have read one version both count, whoever is first; and who presses
// twice counts once, in the record, too.
func TestSignedAtTheSameMoment(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		one, two := h.officer("one"), h.officer("two")
		for range 5 {
			caseID, confirmation := h.confirmed()
			draft := one.submit(homeward(caseID, confirmation, refoulementChecked))
			seen := one.read(draft.ID)
			atOnce(one.deciding(seen, exchange.DecisionRelease), two.deciding(seen, exchange.DecisionRelease), one.deciding(seen, exchange.DecisionRelease))
			if view := get1[operator.DraftView](one, "/v1/drafts/"+draft.ID); view.State != exchange.DraftReleased || len(view.Approvals) != 2 {
				t.Errorf("%+v", view)
			}
			if n := len(h.steps(draft.ID, "draft_release")); n != 2 {
				t.Errorf("the record has %d releases", n)
			}
		}
		h.vn.check()
	})
}

// Of what two do to a draft at the same moment the record has what counts and nothing
// else: it could not leave, or would be gone and sent, if the two came apart.
func TestOneStepAtATime(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		one, two, three := h.officer("one"), h.officer("two"), h.officer("three")
		caseID, confirmation := h.confirmed()
		says := homeward(caseID, confirmation, refoulementChecked)
		for range 5 {
			draft := one.submit(says)
			amend := func(c *caller) func() {
				body := maps.Clone(says)
				body["body"] = json.RawMessage(strings.Replace(string(says["body"].(json.RawMessage)), "2026-12-11", map[*caller]string{one: "2026-12-12", two: "2026-12-13"}[c], 1))
				return func() {
					c.ask(call{method: http.MethodPut, path: "/v1/drafts/" + draft.ID, header: map[string]string{"If-Match": `"1"`}, body: body})
				}
			}
			atOnce(amend(one), amend(two))
			if n := len(h.steps(draft.ID, "draft_amended")); n != 1 {
				t.Errorf("the record has %d amendments of version 1", n)
			}
			seen := one.read(draft.ID)
			one.releases(draft.ID)
			// The last release, a rejection and a discard.
			atOnce(three.deciding(seen, exchange.DecisionRelease), two.deciding(seen, exchange.DecisionReject),
				func() {
					two.ask(call{method: http.MethodDelete, path: "/v1/drafts/" + draft.ID, header: map[string]string{"If-Match": `"3"`}})
				})
			view := get1[operator.DraftView](one, "/v1/drafts/"+draft.ID)
			left := len(h.vn.rows(exchange.Filter{Kind: exchange.KindMessage, Direction: exchange.Out, ID: draft.ID}))
			releases, rejected, discarded := len(h.steps(draft.ID, "draft_release")), len(h.steps(draft.ID, "draft_reject")), len(h.steps(draft.ID, "draft_discarded"))
			is := fmt.Sprintf("%s: %d messages, %d releases, %d rejections, %d discards", view.State, left, releases, rejected, discarded)
			switch is {
			case "released: 1 messages, 2 releases, 0 rejections, 0 discards", "rejected: 0 messages, 1 releases, 1 rejections, 0 discards",
				"discarded: 0 messages, 1 releases, 0 rejections, 1 discards", "discarded: 0 messages, 1 releases, 1 rejections, 1 discards", // of a rejected one nobody writes it again
				"discarded: 0 messages, 2 releases, 0 rejections, 1 discards": // all have released it, and it had not left yet
			default:
				t.Error(is)
			}
			if left == 1 { // one return of a person is asked for at a time
				caseID, confirmation = h.confirmed()
				says = homeward(caseID, confirmation, refoulementChecked)
			}
		}
		h.vn.check()
	})
}

// atOnce does several things at the same moment.
func atOnce(deeds ...func()) {
	var all sync.WaitGroup
	for _, do := range deeds {
		all.Go(do)
	}
	all.Wait()
}

// deciding is what an officer does who signs a draft as they have read it.
func (c *caller) deciding(seen operator.DraftView, decision string) func() {
	c.t.Helper()
	s := c.statement(seen, decision)
	if decision == exchange.DecisionReject {
		s.Reason = "the window is too short"
	}
	signed, err := s.Sign(c.signer)
	if err != nil {
		c.t.Fatal(err)
	}
	return func() { c.handIn(s.Draft, signed) }
}

// steps are what the record says was done to a draft.
func (h *house) steps(draft, event string) []exchange.Row {
	return h.vn.rows(exchange.Filter{Kind: exchange.KindEvent, Type: event, ID: draft})
}
