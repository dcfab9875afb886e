package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
	"github.com/repatriation-exchange/gateway/exchange/record"
	"github.com/repatriation-exchange/gateway/schemas"
)

func supervisor(o *exchange.Officer) { o.Roles = []exchange.Role{exchange.RoleSupervisor} }

func compliance(o *exchange.Officer) { o.Roles = []exchange.Role{exchange.RoleCompliance} }

// assigns puts a case into the hands of officers.
func (c *caller) assigns(caseID string, officers ...*caller) reply {
	c.t.Helper()
	ids := []string{}
	for _, o := range officers {
		ids = append(ids, o.entry.ID)
	}
	return c.ask(call{method: http.MethodPut, path: "/v1/cases/KH/" + caseID + "/officers", body: map[string]any{"officers": ids, "reason": "one desk for this case"}})
}

// A case that is assigned is, for a colleague who does not have it, no case at
// all: by every way that leads to one, on both stores.
func TestAssignedCaseIsHidden(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		chief, mine, other := h.officer("chief", supervisor), h.officer("mine"), h.officer("other", police)
		national, audits := h.officer("national", system), h.officer("audits", compliance)
		caseID, confirmation := h.confirmed()
		draft := mine.submit(homeward(caseID, confirmation, refoulementChecked))
		key := exchange.CaseKey{Partner: "KH", Case: caseID}
		n := h.vn.node
		form := exchange.Form{ID: exchange.NewID(), Partner: "KH", Case: caseID, Type: exchange.TypeReturnRequest, Values: map[string][]string{}}
		forms, err := exchange.NewForms(exchange.FormsConfig{Store: n.db, Roster: n.roster, Recorder: n.committer, Opener: n.opener, Clock: n.now})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := forms.Keep(t.Context(), &other.entry, form); err != nil {
			t.Fatal(err)
		}
		const none = "there-is-no-such-case"
		// Each way, about a case or, in it, a message or a draft; and what is asked
		// about one that is not there.
		ways := map[string]func(c *caller, caseID, message, draft string) reply{
			"case":     func(c *caller, id, _, _ string) reply { return c.gets("/v1/cases/KH/" + id) },
			"timeline": func(c *caller, id, _, _ string) reply { return c.gets("/v1/cases/KH/" + id + "/timeline") },
			"links":    func(c *caller, id, _, _ string) reply { return c.gets("/v1/cases/KH/" + id + "/links") },
			"alike": func(c *caller, id, _, _ string) reply {
				return c.gets("/v1/cases/KH/" + id + "/persons/S-1/duplicates")
			},
			"message": func(c *caller, _, id, _ string) reply { return c.gets("/v1/messages/KH/in/" + id) },
			"draft":   func(c *caller, _, _, id string) reply { return c.gets("/v1/drafts/" + id) },
			"read": func(c *caller, _, _, id string) reply {
				return c.gets("/v1/drafts/"+id, "Access-Reason", "release of case 7")
			},
			"open": func(c *caller, _, id, _ string) reply {
				return c.gets("/v1/messages/KH/in/"+id, "Access-Reason", "release of case 7")
			},
			"compare": func(c *caller, id, _, _ string) reply {
				return c.gets("/v1/cases/KH/"+id+"/persons/S-1/comparison?partner=KH&case="+id+"&subject=S-1", "Access-Reason", "are they one?")
			},
			"assign": func(c *caller, id, _, _ string) reply { return c.assigns(id, c) },
			"erase": func(c *caller, id, _, _ string) reply {
				return c.ask(call{method: http.MethodPost, path: "/v1/cases/KH/" + id + "/erasure", header: map[string]string{"Access-Reason": "as the notice asks"}})
			},
			"answer": func(c *caller, id, message, _ string) reply {
				return c.ask(call{method: http.MethodPost, path: "/v1/drafts", body: homeward(id, message, refoulementChecked)})
			},
			"discard": func(c *caller, _, _, id string) reply {
				return c.ask(call{method: http.MethodDelete, path: "/v1/drafts/" + id, header: map[string]string{"If-Match": `"1"`}})
			},
			"my drafts": func(c *caller, id, _, _ string) reply { return c.gets("/v1/drafts?case=" + id) },
			"cases":     func(c *caller, id, _, _ string) reply { return c.gets("/v1/cases?case=" + id) },
			"messages":  func(c *caller, id, _, _ string) reply { return c.gets("/v1/messages?case=" + id) },
		}
		sees := func(c *caller, want bool) {
			t.Helper()
			for way, do := range ways {
				if want && slices.Contains([]string{"assign", "erase", "answer", "discard", "compare"}, way) {
					continue // they change something, or are not for every role
				}
				got, nothing := do(c, caseID, confirmation, draft.ID), do(c, none, none, none)
				if told := answerTo(got, caseID, confirmation, draft.ID) != answerTo(nothing, none, none, none); told != want {
					t.Errorf("%s, %s: %d %s; of nothing: %d %s", c.entry.ID, way, got.status, got.body, nothing.status, nothing.body)
				}
			}
			events := c.gets("/v1/events?limit=200")
			if told := strings.Contains(string(events.body), caseID); events.status != 200 || told != want {
				t.Errorf("%s is told of events: %t: %d %s", c.entry.ID, told, events.status, events.body)
			}
			_, err := n.files.Timeline(t.Context(), &c.entry, key, 0, 10)
			if (err == nil) != want {
				t.Errorf("%s and the timeline: %v", c.entry.ID, err)
			}
			mail, _, err := n.files.Mail(t.Context(), &c.entry, exchange.MailFilter{Case: caseID, Limit: 10})
			if err != nil || (len(mail) > 0) != want {
				t.Errorf("%s and the list of messages: %d %v", c.entry.ID, len(mail), err)
			}
			count, err := n.files.Count(t.Context(), &c.entry, exchange.CaseFilter{Case: caseID, Limit: 10})
			if err != nil || (count > 0) != want {
				t.Errorf("%s and the count of cases: %d %v", c.entry.ID, count, err)
			}
		}
		for _, c := range []*caller{mine, other, chief, national} {
			sees(c, true) // unassigned, it is everybody's
		}
		refusedWith(t, "a colleague assigns it to two", other.assigns(caseID, mine, other), 403, "forbidden", "")
		refusedWith(t, "a system assigns it", national.assigns(caseID, mine), 403, "forbidden", "")
		refusedWith(t, "to nobody known", chief.ask(call{method: http.MethodPut, path: "/v1/cases/KH/" + caseID + "/officers", body: map[string]any{"officers": []string{"nobody"}}}), 400, "request-invalid", "assigned-officer")
		refusedWith(t, "to a system", chief.assigns(caseID, national), 400, "request-invalid", "assigned-officer")
		refusedWith(t, "without the list", chief.ask(call{method: http.MethodPut, path: "/v1/cases/KH/" + caseID + "/officers", body: map[string]any{}}), 400, "request-invalid", "members")
		if view := read[operator.CaseView](t, chief.assigns(caseID, mine), 200); !slices.Equal(view.Officers, []string{"mine"}) {
			t.Errorf("%+v", view)
		}
		for _, c := range []*caller{mine, chief, national} {
			sees(c, true)
		}
		sees(other, false)
		if cases := get1[list[operator.CaseLine]](audits, "/v1/cases?officer=mine"); len(cases.Items) != 1 || !slices.Equal(cases.Items[0].Officers, []string{"mine"}) {
			t.Errorf("%+v", cases.Items)
		}
		if cases := get1[list[operator.CaseLine]](other, "/v1/cases?officer=mine"); len(cases.Items) != 0 {
			t.Errorf("a colleague finds it by its officer: %+v", cases.Items)
		}
		// What the colleague had begun to write is not shown, and cannot be kept.
		if rows, err := forms.List(t.Context(), &other.entry); err != nil || len(rows) != 0 {
			t.Errorf("%d forms, %v", len(rows), err)
		}
		form.Version = 1
		if _, err := forms.Keep(t.Context(), &other.entry, form); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
			t.Errorf("a form is kept: %v", err)
		}
		if _, err := forms.Resume(t.Context(), &other.entry, form.ID); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
			t.Errorf("a form is resumed: %v", err)
		}
		if _, err := n.desk.Offers(t.Context(), &other.entry, key); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
			t.Errorf("answers are offered: %v", err)
		}
		// In an emergency it opens, is told of, and lets nobody write or assign.
		if err := n.files.BreakGlass(t.Context(), &other.entry, key, "she stands at the border"); err != nil {
			t.Fatal(err)
		}
		file, err := n.files.Case(t.Context(), &other.entry, key)
		if err != nil || file.Emergency.IsZero() {
			t.Errorf("not open: %v %v", file.Emergency, err)
		}
		if waiting, err := n.files.Emergencies(t.Context(), &chief.entry); err != nil || len(waiting) != 1 || waiting[0].Case != caseID {
			t.Errorf("%+v %v", waiting, err)
		}
		if _, err := n.files.Message(t.Context(), &other.entry, exchange.MessageKey{Lane: exchange.Lane{Partner: "KH", Direction: exchange.In}, ID: confirmation}, "she stands at the border"); err != nil {
			t.Error(err)
		}
		if looks, _, err := n.files.Looks(t.Context(), &chief.entry, key, 0, 1); err != nil || len(looks) != 1 || !looks[0].BreakGlass || looks[0].Officer != "other" {
			t.Errorf("%+v %v", looks, err)
		}
		refusedWith(t, "a draft in an emergency", other.gets("/v1/drafts/"+draft.ID), 404, "not-found", "")
		refusedWith(t, "assigned in an emergency", other.assigns(caseID, other), 403, "forbidden", "")
		// It takes a second one who has it, or a supervisor.
		if after := mine.releases(draft.ID); after.State != exchange.DraftWaiting {
			t.Fatalf("%+v", after)
		}
		refusedWith(t, "a colleague releases it", other.decides(other.statement(mine.read(draft.ID), exchange.DecisionRelease)), 404, "not-found", "")
		if after := chief.releases(draft.ID); after.State != exchange.DraftReleased {
			t.Errorf("%+v", after)
		}
		// Given back, it is everybody's again, who may take it: the first one.
		if view := read[operator.CaseView](t, mine.assigns(caseID), 200); view.Officers != nil {
			t.Errorf("%+v", view)
		}
		sees(other, true)
		read[operator.CaseView](t, other.assigns(caseID, other), 200)
		refusedWith(t, "taken by the next", mine.assigns(caseID, mine), 404, "not-found", "")
		timeline := get1[list[operator.TimelineLine]](chief, "/v1/cases/KH/"+caseID+"/timeline?limit=200")
		var said []string
		for _, e := range timeline.Items {
			if e.Event == "case.assigned" {
				said = append(said, e.By+" "+strings.Join(e.Officers, "+"))
			}
		}
		if want := []string{"chief mine", "mine ", "other other"}; !slices.Equal(said, want) {
			t.Errorf("the record says %q", said)
		}
		h.vn.check()
	})
}

// answerTo is an answer without what was asked for and what differs every time.
func answerTo(r reply, names ...string) string {
	slug, rule, pointer := r.problem()
	if r.status < 400 {
		slug = string(r.body)
	}
	text := slug + " " + rule + " " + pointer
	for _, name := range names {
		text = strings.ReplaceAll(text, name, "…")
	}
	return text
}

func (c *caller) gets(path string, header ...string) reply {
	c.t.Helper()
	what := call{method: http.MethodGet, path: path, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		what.header[header[i]] = header[i+1]
	}
	return c.ask(what)
}

// Whoever can change the tables opens an assigned case to nobody, and the check
// finds that they tried.
func TestBribedAdministratorOpensNoAssignedCase(t *testing.T) {
	p := newPair(t, "")
	n := p.vn.node
	officer := func(id string, roles ...exchange.Role) *exchange.Officer {
		o := exchange.Officer{ID: id, Name: "Specimen", Roles: roles, Partners: []string{"KH"}, Status: exchange.OfficerActive}
		if err := n.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
		return &o
	}
	chief, mine, other := officer("chief", exchange.RoleSupervisor), officer("mine", exchange.RoleOfficer), officer("other", exchange.RoleOfficer)
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	key := exchange.CaseKey{Partner: "KH", Case: l.id}
	before, err := n.db.Case(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.files.Assign(t.Context(), chief, key, []string{"mine"}, ""); err != nil {
		t.Fatal(err)
	}
	after, err := n.db.Case(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	db := p.vn.tables()
	rearm := disarm(t, db, "sqlite")
	for what, bribe := range map[string]struct {
		stmt string
		args []any
		undo string
		back []any
		told bool // lists follow the table, and say no more than it does in clear
		shut bool // closed to its own officer too
	}{
		"the row is gone":      {"DELETE FROM case_officer", nil, "INSERT INTO case_officer (partner, case_id, officer) VALUES ('KH', ?, 'mine')", []any{l.id}, true, false},
		"a row more":           {"INSERT INTO case_officer (partner, case_id, officer) VALUES ('KH', ?, 'other')", []any{l.id}, "DELETE FROM case_officer WHERE officer = 'other'", nil, true, false},
		"it stands elsewhere":  {"UPDATE case_officer SET due_at = 1", nil, "UPDATE case_officer SET due_at = (SELECT due_at FROM cases WHERE case_id = ?)", []any{l.id}, false, false},
		"the book is set back": {"UPDATE cases SET book = ? WHERE case_id = ?", []any{before.Book, l.id}, "UPDATE cases SET book = ? WHERE case_id = ?", []any{after.Book, l.id}, false, false},
		"and called erased":    {"UPDATE cases SET book = ?, erased_to = 100000 WHERE case_id = ?", []any{before.Book, l.id}, "UPDATE cases SET book = ?, erased_to = 0 WHERE case_id = ?", []any{after.Book, l.id}, false, true},
	} {
		if _, err := db.Exec(bribe.stmt, bribe.args...); err != nil {
			t.Fatal(what, err)
		}
		if _, err := n.files.Case(t.Context(), other, key); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
			t.Errorf("%s: it is open: %v", what, err)
		}
		if _, err := n.files.Case(t.Context(), mine, key); (err != nil) != bribe.shut {
			t.Errorf("%s: to its own officer: %v", what, err)
		}
		rows, _, err := n.files.List(t.Context(), other, exchange.CaseFilter{Limit: 10})
		if err != nil || (len(rows) > 0) != bribe.told {
			t.Errorf("%s: listed: %d %v", what, len(rows), err)
		}
		report, err := n.audit(t.Context(), true, nil)
		if err != nil || !slices.ContainsFunc(report.Findings, func(f record.Finding) bool { return f.Rule == exchange.RuleAssigned }) {
			t.Errorf("%s: not found: %+v %v", what, report, err)
		}
		if _, err := db.Exec(bribe.undo, bribe.back...); err != nil {
			t.Fatal(what, err)
		}
	}
	rearm()
	if err := n.files.Assign(t.Context(), mine, key, nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := n.files.Case(t.Context(), other, key); err != nil {
		t.Errorf("given back, it stays closed: %v", err)
	}
	p.vn.check()
}

// An erased case stays with whoever had it: what says so is not about the person.
func TestErasedCaseStaysAssigned(t *testing.T) {
	p := newPair(t, "")
	n := p.vn.node
	for _, id := range []string{"mine", "other"} {
		if err := n.roster.Put(t.Context(), "", exchange.Officer{ID: id, Name: "Specimen", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"KH"}, Status: exchange.OfficerActive}); err != nil {
			t.Fatal(err)
		}
	}
	mine, err := n.roster.Officer(t.Context(), "mine")
	if err != nil {
		t.Fatal(err)
	}
	other, err := n.roster.Officer(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	key := exchange.CaseKey{Partner: "KH", Case: l.id}
	if err := n.files.Assign(t.Context(), mine, key, []string{"mine"}, ""); err != nil {
		t.Fatal(err)
	}
	if err := p.vn.erase(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := n.files.Case(t.Context(), mine, key); err != nil {
		t.Error(err)
	}
	if _, err := n.files.Case(t.Context(), other, key); exchange.AsProblem(err).Kind != exchange.ProblemNotFound {
		t.Errorf("erased, it is open to all: %v", err)
	}
	p.vn.check()
	if err := n.files.Assign(t.Context(), mine, key, nil, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := n.files.Case(t.Context(), other, key); err != nil {
		t.Error(err)
	}
	p.vn.check()
}

// A meeting records nothing until all have come: each has seen that nobody has
// the case.
type meeting struct {
	exchange.Recorder
	missing sync.WaitGroup
}

func (m *meeting) Record(ctx context.Context, e *exchange.Entry) error {
	m.missing.Done()
	m.missing.Wait()
	return m.Recorder.Record(ctx, e)
}

// Two who take a case at the same moment do not both have it.
func TestOneCaseTakenTwice(t *testing.T) {
	p := newPair(t, "")
	n := p.vn.node
	var takers []*exchange.Officer
	for _, id := range []string{"o-1", "o-2", "o-3", "o-4"} {
		o := exchange.Officer{ID: id, Name: "Specimen", Roles: []exchange.Role{exchange.RoleOfficer}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
		if err := n.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
		takers = append(takers, &o)
	}
	sent, err := n.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: benchType, Body: schemas.Example(benchType)}, consented)
	if err != nil {
		t.Fatal(err)
	}
	key := exchange.CaseKey{Partner: "KH", Case: sent.Case}
	together := &meeting{Recorder: n.committer}
	together.missing.Add(len(takers))
	files, err := exchange.NewCaseFiles(exchange.CaseFilesConfig{Reader: n.db, Opener: n.opener, Directory: n.directory, Roster: n.roster, Recorder: together, Clock: n.now})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for _, o := range takers {
		go func() { done <- files.Assign(t.Context(), o, key, []string{o.ID}, "") }()
	}
	took := 0
	for range takers {
		err := <-done
		var p *exchange.Problem
		if err == nil {
			took++
		} else if !errors.As(err, &p) || p.Rule != "assigned-meanwhile" {
			t.Error(err)
		}
	}
	if took != 1 {
		t.Errorf("%d took it", took)
	}
	p.vn.check()
}

// A list goes on past what it hides, and counts none of it.
func TestListsGoPastHiddenCases(t *testing.T) { stores(t, listsGoPastHiddenCases) }

func listsGoPastHiddenCases(t *testing.T, p *pair) {
	n := p.vn.node
	officer := func(id string, role exchange.Role) *exchange.Officer {
		o := exchange.Officer{ID: id, Name: "Specimen", Roles: []exchange.Role{role}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
		if err := n.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
		return &o
	}
	chief, other := officer("chief", exchange.RoleSupervisor), officer("other", exchange.RoleOfficer)
	officer("mine", exchange.RoleOfficer)
	var open []string
	for i := range 7 {
		sent, err := n.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Type: benchType, Body: schemas.Example(benchType)}, consented)
		if err != nil {
			t.Fatal(err)
		}
		if i%3 == 1 {
			open = append(open, sent.Case)
		} else if err := n.files.Assign(t.Context(), chief, exchange.CaseKey{Partner: "KH", Case: sent.Case}, []string{"mine"}, ""); err != nil {
			t.Fatal(err)
		}
	}
	pages := func(by *exchange.Officer, f exchange.CaseFilter) (cases []string) {
		for range 20 {
			rows, next, err := n.files.List(t.Context(), by, f)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				cases = append(cases, row.Case)
			}
			if next.Case == "" {
				slices.Sort(cases)
				return cases
			}
			f.After = next
		}
		t.Fatal("it never ends")
		return nil
	}
	slices.Sort(open)
	for _, byDue := range []bool{false, true} {
		if found := pages(other, exchange.CaseFilter{Limit: 1, ByDue: byDue}); !slices.Equal(found, open) {
			t.Errorf("by due %t: %v, want %v", byDue, found, open)
		}
	}
	if found := pages(chief, exchange.CaseFilter{Limit: 1, Unassigned: true}); !slices.Equal(found, open) {
		t.Errorf("assigned to nobody: %v, want %v", found, open)
	}
	if found := pages(chief, exchange.CaseFilter{Limit: 2, Officer: "mine"}); len(found) != 5 {
		t.Errorf("of one officer: %v", found)
	}
	if count, err := n.files.Count(t.Context(), other, exchange.CaseFilter{Limit: 500}); err != nil || count != len(open) {
		t.Errorf("%d are counted: %v", count, err)
	}
	if count, err := n.files.Count(t.Context(), chief, exchange.CaseFilter{Limit: 500}); err != nil || count != 7 {
		t.Errorf("%d are counted: %v", count, err)
	}
}

// An officer's own cases stand in the order of all of them, also when messages have
// moved them since they were assigned.
func TestOwnListFollowsItsCases(t *testing.T) { stores(t, ownListFollowsItsCases) }

func ownListFollowsItsCases(t *testing.T, p *pair) {
	n := p.vn.node
	mine := exchange.Officer{ID: "mine", Name: "Specimen", Roles: []exchange.Role{exchange.RoleSupervisor}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
	if err := n.roster.Put(t.Context(), "", mine); err != nil {
		t.Fatal(err)
	}
	lives := []*life{p.life(t), p.life(t), p.life(t)}
	var asks []string
	for _, l := range lives {
		asks = append(asks, l.told(exchange.TypeIdentityRequest, asked("")))
	}
	inOrder := func(when string) {
		t.Helper()
		for _, byDue := range []bool{false, true} {
			all, _, err := n.files.List(t.Context(), &mine, exchange.CaseFilter{Limit: 10, ByDue: byDue})
			if err != nil || len(all) != len(lives) {
				t.Fatal(len(all), err)
			}
			own, _, err := n.files.List(t.Context(), &mine, exchange.CaseFilter{Limit: 10, ByDue: byDue, Officer: "mine"})
			if err != nil || !slices.EqualFunc(own, all, func(a, b exchange.CaseRow) bool { return a.CaseKey == b.CaseKey }) {
				t.Errorf("%s, by due %t: %+v %v", when, byDue, own, err)
			}
			for i := range all {
				page, _, err := n.files.List(t.Context(), &mine, exchange.CaseFilter{Limit: 10, ByDue: byDue, Officer: "mine", After: all[i]})
				if err != nil || len(page) != len(all)-i-1 {
					t.Errorf("%s, by due %t, %d come after %d: %v", when, byDue, len(page), i, err)
				}
			}
		}
		p.vn.check()
	}
	for _, l := range lives {
		if err := n.files.Assign(t.Context(), &mine, exchange.CaseKey{Partner: "KH", Case: l.id}, []string{"mine"}, ""); err != nil {
			t.Fatal(err)
		}
	}
	inOrder("assigned")
	p.kh.halt() // Cambodia has not asked itself, and its refusal would move the case meanwhile
	lives[0].answers(exchange.TypeIdentityResponse, `{"subjects":[{"subject_ref":"S-1","outcome":"insufficient"}]}`, asks[0])
	inOrder("answered")
}

// At a terminal: who has a case is named or it is all, and everything shows it.
func TestCaseAssignAtATerminal(t *testing.T) {
	p := newPair(t, "")
	for id, role := range map[string]exchange.Role{"chief": exchange.RoleSupervisor, "mine": exchange.RoleOfficer, "other": exchange.RoleOfficer} {
		o := exchange.Officer{ID: id, Name: "Specimen", Roles: []exchange.Role{role}, Partners: []string{"KH"}, Status: exchange.OfficerActive}
		if err := p.vn.node.roster.Put(t.Context(), "", o); err != nil {
			t.Fatal(err)
		}
	}
	l := p.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	p.vn.halt()
	run := func(want int, says string, args ...string) {
		t.Helper()
		out, errs, code := runGateway(t, append(append([]string{"case"}, args...), "-c", p.vn.config)...)
		if code != want || !strings.Contains(out+errs, says) {
			t.Errorf("%v: %d, want %d and %q: %s%s", args, code, want, says, out, errs)
		}
	}
	assign := []string{"assign", "KH", l.id, "--as", "chief"}
	run(exitUsage, "--officer", assign...)
	run(exitUsage, "--all", append(assign, "--officer", "mine", "--all")...)
	run(exitUsage, "'gateway case list'", "assign", "KH", "no-such-case", "--as", "chief", "--officer", "mine")
	run(exitOK, "is assigned to mine", append(assign, "--officer", "mine", "--reason", "they speak Khmer")...)
	run(exitUsage, "'gateway case list'", "assign", "KH", l.id, "--as", "other", "--officer", "other")
	run(exitOK, "officers mine", "show", "KH", l.id)
	run(exitOK, l.id, "list", "--officer", "mine")
	run(exitOK, "no case", "list", "--officer", "other")
	run(exitOK, "by chief, to mine, because: they speak Khmer", "timeline", "KH", l.id)
	run(exitOK, "all officers of KH", append(assign, "--all")...)
}
