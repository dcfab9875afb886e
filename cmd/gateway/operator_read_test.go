package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/exchange/operator"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A told event, as the API lists it.
type toldEvent struct {
	ID, Type string
	Data     struct {
		Partner, Case, Jti, Type, Direction, State string
		Index                                      int64
	}
}

type eventList struct {
	Items []toldEvent
	Next  string
	More  bool
}

var policeQuestion = schemas.Example(exchange.TypeInformationRequest)

// Whoever is not assigned to a partner sees nothing of it, and police
// information is there only for those who may see it.
func TestOperatorScope(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		mai, lao, detective := h.officer("mai"), h.officer("lao", func(o *exchange.Officer) { o.Partners = []string{"LA"} }), h.officer("detective", police)
		nobody := h.officer("admin", func(o *exchange.Officer) {
			o.Roles, o.Partners = []exchange.Role{exchange.RoleAdministrator}, []string{"*"}
		})
		auditor := h.officer("auditor", func(o *exchange.Officer) { o.Roles = []exchange.Role{exchange.RoleAuditor} })
		caseID, confirmation := h.confirmed()
		draft := mai.submit(homeward(caseID, confirmation, refoulementChecked))
		question := detective.submit(map[string]any{
			"partner": "KH", "type": exchange.TypeInformationRequest, "recipient": "KH-NCCT", "body": json.RawMessage(policeQuestion),
		})
		if question.State != exchange.DraftWaiting {
			t.Fatalf("%+v", question)
		}
		refusedWith(t, "police information by another", mai.ask(call{method: http.MethodPost, path: "/v1/drafts", body: map[string]any{
			"partner": "KH", "type": exchange.TypeInformationRequest, "recipient": "KH-NCCT", "body": json.RawMessage(policeQuestion),
		}}), 403, "forbidden", "")
		asked := p.life(t)
		asked.told(exchange.TypeInformationRequest, string(policeQuestion), func(c *exchange.Claims) { c.Recipient = "VN-MPS" })

		sees := func(c *caller) string {
			t.Helper()
			drafts, cases := get1[list[operator.DraftLine]](c, "/v1/drafts"), get1[list[operator.CaseLine]](c, "/v1/cases")
			messages, events := get1[list[struct{ Case string }]](c, "/v1/messages"), get1[eventList](c, "/v1/events")
			return fmt.Sprintf("%d drafts, %d cases, %d messages, %v events", len(drafts.Items), len(cases.Items), len(messages.Items), len(events.Items) > 0)
		}
		for who, want := range map[*caller]string{
			mai: "1 drafts, 1 cases, 2 messages, true events", detective: "2 drafts, 3 cases, 3 messages, true events", lao: "0 drafts, 0 cases, 0 messages, false events",
		} {
			if got := sees(who); got != want {
				t.Errorf("%s sees %s, want %s", who.entry.ID, got, want)
			}
		}
		for _, e := range get1[eventList](mai, "/v1/events").Items {
			if e.Data.Case == asked.id || e.Data.Case == question.Case || e.Data.Jti == question.ID {
				t.Errorf("she hears of police information: %+v", e)
			}
		}
		told := get1[eventList](detective, "/v1/events")
		if !slices.ContainsFunc(told.Items, func(e toldEvent) bool {
			return e.Type == "draft.submitted" && e.Data.Jti == question.ID && e.Data.Type == exchange.TypeInformationRequest
		}) {
			t.Errorf("the detective does not hear of it: %+v", told)
		}
		reason := map[string]string{"Access-Reason": "to look at it"}
		for what, path := range map[string]string{
			"draft": "/v1/drafts/" + question.ID, "case": "/v1/cases/KH/" + asked.id, "timeline": "/v1/cases/KH/" + asked.id + "/timeline",
			"message": "/v1/messages/KH/in/" + told.Items[len(told.Items)-1].Data.Jti, "case of drafts": "/v1/cases/KH/" + question.Case,
		} {
			refusedWith(t, "police "+what, mai.ask(call{method: http.MethodGet, path: path, header: reason}), 404, "not-found", "")
			if r := detective.ask(call{method: http.MethodGet, path: path, header: reason}); r.status != http.StatusOK {
				t.Errorf("%s: %d %s", what, r.status, r.body)
			}
		}
		for what, path := range map[string]string{
			"draft": "/v1/drafts/" + draft.ID, "case": "/v1/cases/KH/" + caseID, "timeline": "/v1/cases/KH/" + caseID + "/timeline", "message": "/v1/messages/KH/in/" + confirmation,
		} {
			refusedWith(t, "Cambodia's "+what, lao.ask(call{method: http.MethodGet, path: path, header: reason}), 404, "not-found", "")
		}
		refusedWith(t, "a draft for Cambodia", lao.ask(call{method: http.MethodPost, path: "/v1/drafts", body: homeward(caseID, confirmation, refoulementChecked)}), 403, "forbidden", "")
		refusedWith(t, "a decision", lao.decides(lao.statement(draft, exchange.DecisionRelease)), 404, "not-found", "")
		refusedWith(t, "an administrator has no cases", nobody.ask(call{method: http.MethodGet, path: "/v1/cases"}), 403, "forbidden", "")
		if events := get1[eventList](nobody, "/v1/events"); len(events.Items) == 0 || slices.ContainsFunc(events.Items, func(e toldEvent) bool { return e.Type != "officer.changed" }) {
			t.Errorf("an administrator hears of %+v", events)
		}
		refusedWith(t, "an auditor opens nothing", auditor.ask(call{method: http.MethodGet, path: "/v1/messages/KH/in/" + confirmation, header: reason}), 403, "forbidden", "")
		h.vn.check()
	})
}

// What is personal is shown for a reason alone, and the look at it is in the
// record before.
func TestReadsAreRecorded(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	mai := h.officer("mai")
	l := h.life(t)
	id := l.told(exchange.TypeIdentityRequest, asked(""))
	path := "/v1/messages/KH/in/" + id
	if r := mai.ask(call{method: http.MethodGet, path: path}); r.status != http.StatusOK || strings.Contains(string(r.body), "Mau") || !strings.Contains(string(r.body), id) {
		t.Errorf("without a reason: %d %s", r.status, r.body)
	}
	refusedWith(t, "no reason to speak of", mai.ask(call{method: http.MethodGet, path: path, header: map[string]string{"Access-Reason": "x"}}), 400, "request-invalid", "reason-required")
	if n := len(h.vn.rows(exchange.Filter{Kind: exchange.KindAccess})); n != 0 {
		t.Errorf("%d accesses are recorded", n)
	}
	whole := get1[struct {
		Claims   exchange.Claims
		Versions []struct {
			Revision int
			Body     json.RawMessage
		}
	}](mai, path, "Access-Reason", "x%C3%A1c minh danh t%C3%ADnh")
	if !strings.Contains(string(whole.Claims.Body), "Nguyen Thi Mau") || len(whole.Versions) != 0 {
		t.Errorf("%+v", whole)
	}
	rows := h.vn.rows(exchange.Filter{Kind: exchange.KindAccess})
	if len(rows) != 1 || rows[0].ID != id || rows[0].Case != l.id {
		t.Fatalf("%+v", rows)
	}
	opened, err := h.vn.node.opener.Open(t.Context(), rows[0])
	if err != nil || !strings.Contains(string(opened.Data), `"officer":"mai","reason":"xác minh danh tính"`) {
		t.Errorf("%s %v", opened.Data, err)
	}
	l.told(exchange.TypeCorrection, `{"target":"`+id+`","revision":1,"reason":"`+firstCode(t, "correction-reasons")+`","changes":[{"op":"replace","pointer":"/subjects/0/sex","value":"male"}]}`)
	whole = get1[struct {
		Claims   exchange.Claims
		Versions []struct {
			Revision int
			Body     json.RawMessage
		}
	}](mai, path, "Access-Reason", "x%C3%A1c minh danh t%C3%ADnh")
	if len(whole.Versions) != 1 || whole.Versions[0].Revision != 1 || !strings.Contains(string(whole.Versions[0].Body), `"male"`) || !strings.Contains(string(whole.Claims.Body), `"female"`) {
		t.Errorf("%+v", whole)
	}
	if err := h.vn.erase(t.Context(), exchange.CaseKey{Partner: "KH", Case: l.id}); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, "erased", mai.ask(call{method: http.MethodGet, path: path, header: map[string]string{"Access-Reason": "to look at it"}}), 410, "erased", "")
	if view := get1[operator.CaseView](mai, "/v1/cases/KH/"+l.id); !view.Erased {
		t.Errorf("%+v", view)
	}
}

// Lists can be walked page by page while messages arrive: nothing that was
// there is left out or shown twice.
func TestPagesAreStable(t *testing.T) {
	stores(t, func(t *testing.T, p *pair) {
		h := newHouse(t, p, nil)
		mai := h.officer("mai")
		there := map[string]bool{}
		for range 23 {
			l := h.life(t)
			l.told(exchange.TypeIdentityRequest, asked(""))
			there[l.id] = true
		}
		stop := make(chan struct{})
		var wait sync.WaitGroup
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					h.life(t).told(exchange.TypeIdentityRequest, asked(""))
				}
			}
		})
		for _, first := range []string{"/v1/cases?limit=4", "/v1/cases?limit=4&order=due", "/v1/cases?limit=4&order=due&partner=KH&kind=return&turn=us", "/v1/messages?limit=4", "/v1/messages?limit=4&direction=in&type=" + exchange.TypeIdentityRequest} {
			seen := map[string]int{}
			for path, pages := first, 0; path != "" && pages < 200; pages++ {
				page := get1[list[struct{ Case string }]](mai, path)
				for _, item := range page.Items {
					if there[item.Case] {
						seen[item.Case]++
					}
				}
				if path = ""; page.Next != "" && len(seen) < len(there) {
					path = first + "&cursor=" + page.Next
				}
			}
			if len(seen) != len(there) {
				t.Errorf("%s: %d of %d", first, len(seen), len(there))
			}
			for id, n := range seen {
				if n != 1 {
					t.Errorf("%s: %s is there %d times", first, id, n)
				}
			}
		}
		close(stop)
		wait.Wait()
		page := get1[list[struct{ Case string }]](mai, "/v1/cases?limit=4")
		refusedWith(t, "the cursor of another list", mai.ask(call{method: http.MethodGet, path: "/v1/cases?limit=4&turn=us&cursor=" + page.Next}), 400, "request-invalid", "cursor")
	})
}

// Filters select what they say.
func TestFilters(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	mai := h.officer("mai")
	caseID, confirmation := h.confirmed()
	l := h.life(t)
	l.told(exchange.TypeIdentityRequest, asked(""))
	soon := time.Now().AddDate(0, 0, 20).UTC().Format(time.RFC3339)
	for path, want := range map[string]int{
		"/v1/cases": 2, "/v1/cases?partner=LA": 0, "/v1/cases?partner=KH&kind=return": 2, "/v1/cases?kind=self_return": 0, "/v1/cases?state=OPENED": 1, "/v1/cases?turn=us": 2, "/v1/cases?turn=partner": 0,
		"/v1/cases?due_before=" + soon: 1, "/v1/cases?due_before=2026-01-01T00:00:00Z": 0, "/v1/cases?case=" + caseID[:8]: 2, "/v1/cases?case=" + caseID: 1, "/v1/cases?case=zz": 0,
		"/v1/messages": 3, "/v1/messages?direction=out": 1, "/v1/messages?case=" + caseID: 2, "/v1/messages?type=nationality_confirmation": 1, "/v1/messages?partner=LA": 0,
		"/v1/messages?since=" + soon: 0, "/v1/messages?until=" + soon: 3, "/v1/drafts": 0,
	} {
		if page := get1[list[json.RawMessage]](mai, path); len(page.Items) != want {
			t.Errorf("%s: %d, want %d", path, len(page.Items), want)
		}
	}
	view := get1[operator.CaseView](mai, "/v1/cases/KH/"+l.id)
	if len(view.Clocks) != 2 || view.Clocks[0].Citation.VI == "" || view.Clocks[0].Scope != "internal" || view.Clocks[0].Label.EN == "" || view.Clocks[0].DueAt == nil || len(view.Subjects) != 1 || view.OpenedByUs {
		t.Errorf("%+v", view)
	}
	h.vn.look(time.Now().AddDate(0, 0, 40), l.id)
	var names []string
	for _, e := range get1[eventList](mai, "/v1/events").Items {
		names = append(names, e.Type)
	}
	if !slices.Contains(names, "clock.overdue") {
		t.Errorf("no clock runs out: %v", names)
	}
	if m := get1[struct{ Direction, Jti, Case string }](mai, "/v1/messages/KH/in/"+confirmation); m.Direction != "in" || m.Case != caseID {
		t.Errorf("%+v", m)
	}
	// The feed goes on where it was left, page by page.
	var walked, whole []string
	for path := "/v1/events?limit=2"; path != ""; {
		page := get1[eventList](mai, path)
		for _, e := range page.Items {
			walked = append(walked, e.ID)
		}
		if path = ""; page.More {
			path = "/v1/events?limit=2&after=" + page.Next
		}
	}
	for _, e := range get1[eventList](mai, "/v1/events").Items {
		whole = append(whole, e.ID)
	}
	if !slices.Equal(walked, whole) || len(whole) < 5 {
		t.Errorf("%v\n%v", walked, whole)
	}
	if latest := get1[eventList](mai, "/v1/events?after=latest"); len(latest.Items) != 0 || latest.Next != whole[len(whole)-1] {
		t.Errorf("%+v", latest)
	}
	catalogue := get1[struct {
		Types []struct{ Type, Code string }
		Lists []struct{ List string }
	}](mai, "/v1/catalogue")
	if len(catalogue.Types) != 21 || len(catalogue.Lists) == 0 {
		t.Errorf("%d types, %d lists", len(catalogue.Types), len(catalogue.Lists))
	}
}

// The log and every refusal hold identifiers, and nothing of a person.
func TestNoPersonInTheLog(t *testing.T) {
	h := newHouse(t, newPair(t, ""), nil)
	mai := h.officer("mai")
	canary := strings.NewReplacer("Nguyen Thi Mau", "Canary Specimen", "Nguyễn Thị Mẫu", "Canary Specimen", "Tiền Giang", "Canaryville").Replace(asked(""))
	draft := mai.submit(map[string]any{"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(canary), "safeguards": []exchange.Safeguard{consented}})
	mai.read(draft.ID)
	var said []byte
	for _, bad := range []string{
		strings.Replace(canary, `"female"`, `"Canary"`, 1), strings.Replace(canary, `"subjects"`, `"Canary"`, 1), `{"subjects":"Canary"}`, `"Canary"`, strings.Replace(canary, `"1998"`, `"Canary"`, 1),
	} {
		r := mai.ask(call{method: http.MethodPost, path: "/v1/drafts", body: map[string]any{"partner": "KH", "type": exchange.TypeIdentityRequest, "body": json.RawMessage(bad)}})
		if r.status < 400 {
			t.Errorf("taken: %s", bad)
		}
		said = append(said, r.body...)
	}
	for _, body := range []string{`{"Canary":1}`, `{"partner":"Canary","type":"Canary","body":{}}`, `{"partner":{"Canary":1}}`, `{"partner":"KH","body":"Canary","body":1}`} {
		said = append(said, mai.ask(call{method: http.MethodPost, path: "/v1/drafts", body: []byte(body), header: map[string]string{"Content-Type": "application/json"}}).body...)
	}
	said = append(said, mai.ask(call{method: http.MethodGet, path: "/v1/cases?state=x&nonsense=Canary"}).body...)
	mai.ask(call{method: http.MethodGet, path: "/v1/drafts/" + draft.ID, header: map[string]string{"Access-Reason": "Canary comes home"}})
	if strings.Contains(strings.ReplaceAll(string(said), `No partner has the code \"Canary\"`, ""), "Canary") {
		t.Errorf("a refusal repeats what was sent: %s", said)
	}
	log := h.vn.log.String()
	if strings.Contains(log, "Canary") {
		t.Error("the log holds what a draft says")
	}
	if !strings.Contains(log, `officer=mai`) {
		t.Error("the log does not name the officer")
	}
}
