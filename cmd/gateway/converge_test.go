package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A badLine loses requests and answers, and delays what it lets through, so that
// messages overtake each other.
func badLine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rand.IntN(5) == 0 {
			panic(http.ErrAbortHandler)
		}
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if rand.IntN(5) == 0 { // it is recorded, and the line breaks
			panic(http.ErrAbortHandler)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// A speaker is one of the two gateways, and the case as it knows it.
type speaker struct {
	*testGateway
	to  string
	key exchange.CaseKey
}

// book returns what the gateway knows of the case.
func (s *speaker) book(t *testing.T) *exchange.Book {
	t.Helper()
	book, err := s.node.opener.Book(t.Context(), s.key)
	if errors.Is(err, exchange.ErrNotFound) {
		return &exchange.Book{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// notes are those of a type that went one way.
func (s *speaker) notes(t *testing.T, out bool, types ...string) []exchange.Note {
	var found []exchange.Note
	for _, n := range s.book(t).Notes {
		for _, want := range types {
			if n.Type == want && n.Out == out {
				found = append(found, n)
			}
		}
	}
	return found
}

func pick[T any](random *rand.Rand, list []T) (v T, ok bool) {
	if len(list) == 0 {
		return v, false
	}
	return list[random.IntN(len(list))], true
}

// speak lets a gateway say something that it might say now. What it refuses
// itself is nobody's fault.
func (s *speaker) speak(t *testing.T, random *rand.Rand) {
	t.Helper()
	outcome, _ := pick(random, []string{"match", "probable", "no_match"})
	confirmed, _ := pick(random, []string{"confirmed", "confirmed", "not_confirmed"})
	subject := fmt.Sprintf("S-%d", 1+random.IntN(2))
	draft := exchange.Draft{To: s.to, Case: s.key.Case}
	switch random.IntN(12) {
	case 0:
		draft.Type = exchange.TypeIdentityRequest
		draft.Body = json.RawMessage(asked(""))
	case 1, 2, 3:
		question, ok := pick(random, s.notes(t, false, exchange.TypeIdentityRequest))
		if !ok {
			return
		}
		draft.Type, draft.InReplyTo = exchange.TypeIdentityResponse, question.ID
		draft.Body = json.RawMessage(`{"subjects":[{"subject_ref":"S-1","outcome":"` + outcome + `"}]}`)
	case 4, 5:
		draft.Type = exchange.TypeNationality
		draft.Body = json.RawMessage(`{"subjects":[{"subject_ref":"` + subject + `","outcome":"` + confirmed + `","evidence_types":["civil_register"],"decided_on":"2026-11-20"}]}`)
	case 6:
		if random.IntN(10) > 0 {
			return
		}
		target, ok := pick(random, s.notes(t, true, exchange.TypeIdentityRequest, exchange.TypeIdentityResponse, exchange.TypeNationality))
		if !ok {
			return
		}
		draft.Type = exchange.TypeWithdrawal
		draft.Body = json.RawMessage(`{"target":"` + target.ID + `","reason":"wrong_person","subjects":["` + subject + `"]}`)
	default:
		target, ok := pick(random, s.notes(t, true, exchange.TypeIdentityRequest, exchange.TypeIdentityResponse, exchange.TypeNationality))
		if !ok {
			return
		}
		revision := 1
		for _, n := range s.notes(t, true, exchange.TypeCorrection) {
			if n.Target == target.ID && n.Status != "dead" {
				revision = max(revision, n.Revision+1)
			}
		}
		change := map[string]string{
			exchange.TypeIdentityRequest:  `{"op":"replace","pointer":"/subjects/0/date_of_birth","value":"19` + fmt.Sprint(60+random.IntN(40)) + `"}`,
			exchange.TypeIdentityResponse: `{"op":"replace","pointer":"/subjects/0/outcome","value":"` + outcome + `"}`,
			exchange.TypeNationality:      `{"op":"replace","pointer":"/subjects/0/outcome","value":"` + confirmed + `"}`,
		}[target.Type]
		draft.Type = exchange.TypeCorrection
		draft.Body = json.RawMessage(fmt.Sprintf(`{"target":"%s","revision":%d,"reason":"clerical_error","changes":[%s]}`, target.ID, revision, change))
	}
	_, err := s.node.outbox.Submit(t.Context(), draft, consented)
	var refused *exchange.Problem
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("%s: %v", draft.Type, err)
	}
}

// versions are what the corrections have made of every message that both hold.
func (s *speaker) versions(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	officer := &exchange.Officer{ID: "test", Roles: []exchange.Role{exchange.RoleSystem}, Partners: []string{exchange.EveryPartner}}
	for _, n := range s.book(t).Notes {
		if n.Status == "dead" {
			continue
		}
		direction := exchange.In
		if n.Out {
			direction = exchange.Out
		}
		versions, err := s.node.files.Message(t.Context(), officer, exchange.MessageKey{Lane: exchange.Lane{Partner: s.to, Direction: direction}, ID: n.ID}, "both must say the same")
		if err != nil {
			t.Fatal(err)
		}
		out[n.ID] = fmt.Sprintf("%d %v", len(versions), versions[len(versions)-1].Body)
	}
	return out
}

// Two whole gateways, with their judges, stores and couriers, that speak of one
// case over a bad line say the same of it in the end: the state of each person,
// and what the corrections made of each message.
func TestGatewaysConvergeOverABadLine(t *testing.T) {
	p := newPair(t, "")
	// Only what waits for a revision that was refused may be given up: of what is
	// given up too early the other side may hold a copy whose receipt was lost, and
	// then they differ until somebody has it tried again.
	quick := func(partner *partners.Partner) {
		initial, longest, enough := partners.Duration(10*time.Millisecond), partners.Duration(100*time.Millisecond), partners.Duration(15*time.Second)
		partner.RawRetry = partners.RawRetry{Initial: &initial, Max: &longest, DeadLetterAfter: &enough}
	}
	p.vn.editPartner("kh", quick)
	p.kh.editPartner("vn", quick)
	p.vn.behave(badLine)
	p.kh.behave(badLine)
	corrected := 0
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, seed)) // #nosec G404 -- a test that can be repeated
			caseID := exchange.NewID()
			sides := []*speaker{{p.vn, "KH", exchange.CaseKey{Partner: "KH", Case: caseID}}, {p.kh, "VN", exchange.CaseKey{Partner: "VN", Case: caseID}}}
			if _, err := p.vn.node.outbox.Submit(t.Context(), exchange.Draft{To: "KH", Case: caseID, Type: exchange.TypeIdentityRequest, Body: json.RawMessage(asked(""))}, consented); err != nil {
				t.Fatal(err)
			}
			for range 40 {
				sides[random.IntN(2)].speak(t, random)
				time.Sleep(time.Duration(random.IntN(15)) * time.Millisecond)
			}
			eventually(t, "everything has come to its end", func() bool {
				return sides[0].book(t).Standing().Pending+sides[1].book(t).Standing().Pending == 0
			})
			a, b := sides[0].book(t).Standing(), sides[1].book(t).Standing()
			if a.State != b.State || fmt.Sprint(a.Subjects) != fmt.Sprint(b.Subjects) {
				t.Errorf("they differ:\n%+v\n%+v", a, b)
			}
			if a, b := sides[0].versions(t), sides[1].versions(t); !reflect.DeepEqual(a, b) {
				t.Errorf("their messages differ:\n%v\n%v", a, b)
			}
			for _, s := range sides {
				corrected += len(s.notes(t, false, exchange.TypeCorrection))
			}
		})
	}
	if corrected < 8 {
		t.Errorf("only %d corrections were taken: this tries nothing", corrected)
	}
	p.vn.check()
	p.kh.check()
}
