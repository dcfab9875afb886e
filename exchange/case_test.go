package exchange

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// A script plays a case on one book: each line is a message, "host" or
// "origin" says who sends it. The book is the host's.
type script struct {
	t    *testing.T
	book Book
	host bool // the book is the opener's
	n    int

	drafts []Note // that have not left
}

func newScript(t *testing.T) *script { return &script{t: t, host: true} }

// line describes one message: "VIN", "IVR S-1=match re 0".
func (s *script) note(from, line string) Note {
	s.n++
	words := strings.Fields(line)
	n := Note{ID: fmt.Sprintf("message-%02d", s.n), Out: (from == "host") == s.host}
	n.IssuedAt, n.made = int64(s.n), any(true)
	for _, r := range catalogue {
		if r.Code == words[0] {
			n.Type = r.Type
		}
	}
	for i := 1; i < len(words); i++ {
		switch ref, value, decided := strings.Cut(words[i], "="); {
		case words[i] == "re":
			i++
			n.Reply = "message-" + words[i]
		case words[i] == "to":
			i++
			n.Target = "message-" + words[i]
		case ref == "rev":
			_, _ = fmt.Sscan(value, &n.Revision)
		case ref == "digest":
			n.Digest = value
		case ref == "all":
			n.Subjects = append(n.Subjects, Decision{whole, value})
		case decided || strings.HasPrefix(ref, "S-"):
			n.Subjects = append(n.Subjects, Decision{ref, value})
		}
	}
	return n
}

func (s *script) ok(from, line string) string {
	s.t.Helper()
	n := s.note(from, line)
	if refused := s.book.admit(n); refused != nil {
		s.t.Fatalf("%s %s: %v", from, line, refused)
	}
	return n.ID
}

func (s *script) refused(from, line, rule, pointer string) {
	s.t.Helper()
	before := len(s.book.Notes)
	refused := s.book.admit(s.note(from, line))
	if refused == nil || refused.Rule != rule || refused.Pointer != pointer {
		s.t.Fatalf("%s %s: %v, want %s at %s", from, line, refused, rule, pointer)
	}
	if len(s.book.Notes) != before {
		s.t.Fatal("a refused message is in the book")
	}
}

func (s *script) stands(want State, turn Turn) {
	s.t.Helper()
	if at := s.book.Standing(); at.State != want || at.Turn != turn {
		s.t.Fatalf("after message %d the case is %s and waits for %q, want %s and %q", s.n, at.State, at.Turn, want, turn)
	}
}

func (s *script) subject(ref string, want State, remarks ...string) {
	s.t.Helper()
	for _, at := range s.book.Standing().Subjects {
		if at.Ref == ref {
			if at.State != want || !slices.Equal(at.Remarks, remarks) {
				s.t.Fatalf("%s is %s %v, want %s %v", ref, at.State, at.Remarks, want, remarks)
			}
			return
		}
	}
	s.t.Fatalf("nobody is called %s", ref)
}

// The whole life of a return, seen by the host.
func TestReturn(t *testing.T) {
	s := newScript(t)
	s.ok("host", "VIN S-1") // 01
	s.stands(StateOpened, TurnUs)
	s.ok("host", "IVQ S-1") // 02
	s.stands(StateOpened, TurnPartner)
	s.ok("origin", "IVR S-1=match re 02") // 03
	s.stands(StateVerifying, TurnPartner)
	s.refused("host", "RPQ S-1 to 05", "nationality-not-confirmed", "/body/subjects/0/subject_ref") // 04
	s.ok("origin", "NCF S-1=confirmed re 02")                                                       // 05
	s.stands(StateConfirmed, TurnUs)
	s.ok("origin", "FTQ S-1") // 06
	s.stands(StateTracing, TurnUs)
	s.ok("host", "FTR S-1=found re 06") // 07
	s.stands(StateConfirmed, TurnUs)
	s.refused("host", "RPQ S-1 to 03", "confirmation-mismatch", "/body/subjects/0/subject_ref") // 08
	s.ok("host", "RPQ S-1 to 05")                                                               // 09
	s.stands(StateReturnRequested, TurnPartner)
	s.refused("origin", "TDN S-1", "return-not-agreed", "/body/subjects/0/subject_ref") // 10
	s.ok("origin", "RPR S-1=counter re 09")                                             // 11
	s.stands(StateConfirmed, TurnUs)
	s.subject("S-1", StateConfirmed, RemarkCountered)
	s.ok("host", "RPQ S-1 to 05")          // 12: the counter-proposal reopens the request
	s.ok("origin", "RPR S-1=accept re 09") // 13: a late answer to the first request changes nothing
	s.stands(StateReturnRequested, TurnPartner)
	s.ok("origin", "RPR S-1=accept re 12") // 14
	s.stands(StateReturnAgreed, TurnPartner)
	s.refused("host", "HON S-1", "document-required", "/body/subjects/0/subject_ref") // 15
	s.ok("origin", "TDN S-1")                                                         // 16
	s.stands(StateDocumented, TurnUs)
	s.refused("host", "HOR S-1=handed_over", "handover-not-announced", "/body/subjects/0/subject_ref") // 17
	s.ok("host", "HON S-1")                                                                            // 18
	s.stands(StateHandoverPlanned, TurnUs)
	s.ok("host", "HOR S-1=absent digest=a") // 19
	s.stands(StateDocumented, TurnUs)
	s.subject("S-1", StateDocumented, RemarkAbsent)
	s.ok("host", "HON S-1")                      // 20
	s.ok("host", "HOR S-1=handed_over digest=b") // 21
	s.stands(StateHandoverPlanned, TurnPartner)
	s.subject("S-1", StateHandoverPlanned, RemarkNotCountersigned)
	s.refused("origin", "RCC S-1=received", "handover-not-countersigned", "/body/subjects/0/subject_ref")                        // 22
	s.refused("origin", "HOR S-1=handed_over re 21 to 21 digest=x", "countersignature-mismatch", "/body/subjects/0/subject_ref") // 23
	s.refused("origin", "HOR S-1=absent re 21 to 21 digest=b", "countersignature-mismatch", "/body/subjects/0/subject_ref")      // 24
	s.ok("origin", "HOR S-1=handed_over re 21 to 21 digest=b")                                                                   // 25
	s.stands(StateHandedOver, TurnPartner)
	s.refused("origin", "SUP S-1", "not-received", "/body/subjects/0/subject_ref") // 26
	s.ok("origin", "RCC S-1=received")                                             // 27
	s.stands(StateReceived, TurnNobody)
	s.ok("origin", "SUP S-1") // 28
	s.stands(StateFollowUp, TurnNobody)
	s.ok("host", "WDR to 02 all=closed") // 29
	s.stands(StateClosed, TurnNobody)
	s.refused("origin", "SUP S-1", "withdrawn", "/body/subjects/0/subject_ref")
	s.ok("host", "ERN all=case") // 31
	s.stands(StateClosed, TurnPartner)
	s.ok("origin", "ERC all=done re 31")
	s.stands(StateClosed, TurnUs) // what was asked of the partner is done, and here it is still to do
	s.book.Erased = true
	s.stands(StateClosed, TurnNobody)
	s.ok("origin", "ERN all=case") // one that crosses the erasure is still to be answered
	s.stands(StateClosed, TurnUs)
}

// Whoever's request was refused, or did not give enough, has to ask anew: the case does
// not wait for the side that has said so.
func TestAsksAnew(t *testing.T) {
	s := newScript(t)
	s.ok("host", "IVQ S-1")                 // 01
	s.ok("origin", "IVR S-1=refused re 01") // 02
	s.subject("S-1", StateVerifying, RemarkRequestRefused)
	s.stands(StateVerifying, TurnUs)
	s.ok("host", "IVQ S-1") // 03
	s.subject("S-1", StateOpened)
	s.stands(StateOpened, TurnPartner)
	s.ok("origin", "IVR S-1=insufficient re 03") // 04
	s.subject("S-1", StateVerifying, RemarkInsufficient)
	s.stands(StateVerifying, TurnUs)
	s.ok("origin", "NCF S-1=confirmed re 03") // 05: they found more themselves
	s.subject("S-1", StateConfirmed)
	s.stands(StateConfirmed, TurnUs)
}

// Two persons of one case diverge; the case stands where the slower one does.
func TestSubjectsDiverge(t *testing.T) {
	s := newScript(t)
	s.ok("host", "IVQ S-1 S-2")                                                                         // 01
	s.refused("origin", "IVR S-3=match re 01", "subject-not-asked", "/body/subjects/0/subject_ref")     // 02
	s.ok("origin", "IVR S-1=match S-2=no_match re 01")                                                  // 03
	s.ok("origin", "NCF S-1=confirmed S-2=not_confirmed")                                               // 04
	s.refused("host", "RPQ S-1 S-2 to 04", "nationality-not-confirmed", "/body/subjects/1/subject_ref") // 05
	s.ok("host", "RPQ S-1 to 04")                                                                       // 06
	s.subject("S-1", StateReturnRequested)
	s.subject("S-2", StateVerifying, RemarkNotConfirmed)
	s.stands(StateVerifying, TurnPartner)
	s.ok("host", "WDR to 01 S-2=wrong_person") // 07
	s.subject("S-2", StateWithdrawn)
	s.stands(StateReturnRequested, TurnPartner)
	s.refused("origin", "NCF S-2=confirmed", "withdrawn", "/body/subjects/0/subject_ref") // 08
	s.ok("origin", "RPR S-1=accept re 06")                                                // 09
	s.ok("host", "HON S-1=document_held")                                                 // 10: no travel document is needed
	s.stands(StateHandoverPlanned, TurnUs)
}

// A correction changes what a message says; what was built on it falls with it.
func TestCorrection(t *testing.T) {
	s := newScript(t)
	s.ok("host", "IVQ S-1")             // 01
	s.ok("origin", "NCF S-1=confirmed") // 02
	s.ok("host", "RPQ S-1 to 02")       // 03
	s.refused("host", "COR to 02 rev=1 S-1=confirmed", "target-not-own", "/body/target")
	s.refused("origin", "COR to 02 rev=2 S-1=not_confirmed", "revision-missing", "/body/revision")
	s.refused("origin", "COR to 99 rev=1 S-1=not_confirmed", "target-unknown", "/body/target")
	s.ok("origin", "COR to 02 rev=1 S-1=not_confirmed") // 07
	s.stands(StateVerifying, TurnPartner)
	s.refused("origin", "COR to 02 rev=1 S-1=confirmed", "revision-reused", "/body/revision")
	s.refused("origin", "COR to 07 rev=1 S-1=confirmed", "target-type", "/body/target")
	s.ok("origin", "COR to 02 rev=2 S-1=confirmed") // 10
	s.stands(StateReturnRequested, TurnPartner)
}

// A correction that was looked at before the one before it came says nothing of
// what both make of the message: it has to come again.
func TestCorrectionsThatMeet(t *testing.T) {
	p := newScript(t)
	p.ok("host", "IVQ S-1")             // 01
	p.ok("origin", "NCF S-1=confirmed") // 02
	first, second := p.note("origin", "COR to 02 rev=1 S-1=undetermined"), p.note("origin", "COR to 02 rev=2")
	second.made = nil
	if refused := p.book.admit(first); refused != nil {
		t.Fatal(refused)
	}
	if refused := p.book.admit(second); refused == nil || refused.Kind != ProblemCaseOrder || !refused.Kind.Retry {
		t.Fatalf("%v", refused)
	}
}

// Two withdrawals that cross do not undo each other.
func TestWithdrawalsCross(t *testing.T) {
	s := newScript(t)
	s.ok("host", "IVQ S-1")
	s.ok("origin", "IVR S-1=match re 01")
	s.ok("host", "WDR to 01 all=consent_withdrawn")
	s.ok("origin", "WDR to 02 all=closed")
	s.stands(StateWithdrawn, TurnNobody)
}

// What both sides have signed is not changed by one of them.
func TestCountersignedRecordStands(t *testing.T) {
	s := newScript(t)
	s.ok("host", "IVQ S-1")                 // 01
	s.ok("origin", "NCF S-1=confirmed")     // 02
	s.ok("host", "RPQ S-1 to 02")           // 03
	s.ok("origin", "RPR S-1=accept re 03")  // 04
	s.ok("host", "HON S-1=document_held")   // 05
	s.ok("host", "HOR S-1=absent digest=d") // 06
	s.corrects("06 05 03 01")
	s.ok("host", "COR to 06 rev=1 S-1=handed_over") // 07: before the other side has signed
	s.ok("origin", "HOR S-1=handed_over re 06 to 06 digest=d")
	s.stands(StateHandedOver, TurnPartner)
	s.corrects("05 03 01")
	s.refused("host", "COR to 06 rev=2 S-1=absent", "countersigned", "/body/target")
	s.refused("origin", "COR to 08 rev=1 S-1=absent", "countersigned", "/body/target")
	s.stands(StateHandedOver, TurnPartner)
}

// A full case can still be ended.
func TestFullCase(t *testing.T) {
	s := newScript(t)
	line := "IVQ"
	for i := range 50 {
		line += fmt.Sprintf(" S-%d", i)
	}
	n := 0
	for s.book.admit(s.note("host", line)) == nil {
		n++
	}
	if n*50 != maxCaseDecisions {
		t.Errorf("%d messages of 50 persons", n)
	}
	s.ok("host", "WDR to 01 all=closed")
	s.stands(StateClosed, TurnNobody)
	p := newScript(t)
	for i := range 4 {
		p.ok("host", strings.ReplaceAll(line, "S-", fmt.Sprintf("S-%d", i+1)))
	}
	p.refused("host", strings.ReplaceAll(line, "S-", "S-9"), "case-full", "/case")
}

// What the sender's own earlier message would allow may come later; what only
// the receiver's would allow never does.
func TestEarlyOrWrong(t *testing.T) {
	for _, c := range []struct {
		name, from string
		told       []string
		line       string
		kind       ProblemKind
	}{
		{"the host's record before its notice", "host", []string{"host IVQ S-1", "origin NCF S-1=confirmed", "host RPQ S-1 to 02", "origin RPR S-1=accept re 03", "origin TDN S-1"}, "HOR S-1=handed_over", ProblemCaseOrder},
		{"a request before the confirmation", "host", []string{"host IVQ S-1"}, "RPQ S-1 to 02", ProblemCaseState},
		{"papers before the agreement", "origin", []string{"host IVQ S-1"}, "TDN S-1", ProblemCaseOrder},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScript(t)
			s.host = c.from != "host" // the book is the receiver's
			for _, line := range c.told {
				from, rest, _ := strings.Cut(line, " ")
				s.ok(from, rest)
			}
			if refused := s.book.admit(s.note(c.from, c.line)); refused == nil || refused.Kind != c.kind {
				t.Fatalf("%v, want %s", refused, c.kind.Slug)
			}
			// Its own sender is never told to wait for what it has not sent.
			s.host = !s.host
			for i := range s.book.Notes {
				s.book.Notes[i].Out = !s.book.Notes[i].Out
			}
			if refused := s.book.admit(s.note(c.from, c.line)); refused == nil || refused.Kind != ProblemCaseState {
				t.Fatalf("the sender itself: %v", refused)
			}
		})
	}
}

func TestConversationsDoNotMix(t *testing.T) {
	s := newScript(t)
	s.refused("origin", "NCF S-1=confirmed", "case-from-state", "/case")
	s.ok("host", "SRV S-1") // 02: here the opener is the origin
	s.refused("host", "IVQ S-1", "case-kind", "/case")
	s.refused("origin", "SRV S-1", "case-side", "/type")
	s.refused("origin", "SRR S-2= re 02", "subject-not-asked", "/body/subjects/0/subject_ref")
	s.refused("origin", "SRR S-1=", "reply-required", "/in_reply_to")
	s.ok("origin", "SRR S-1= re 02")
	s.stands(StateAnswered, TurnNobody)

	p := newScript(t)
	p.ok("host", "CIQ all=")
	p.ok("origin", "CIQ all=")
	p.stands(StateOpened, TurnPartner)
	p.ok("origin", "CIR all= re 01")
	p.stands(StateOpened, TurnUs)
	p.ok("host", "CIR all= re 02")
	p.stands(StateAnswered, TurnNobody)
	p.refused("host", "VIN S-1", "case-kind", "/case")
}

func TestAnonymousNotice(t *testing.T) {
	s := newScript(t)
	s.ok("host", "VIN S-1=anonymous")
	s.subject("S-1", StateOpened, RemarkAnonymous)
	s.stands(StateOpened, TurnUs)
	s.refused("origin", "NCF S-1=confirmed", "identity-not-requested", "/body/subjects/0/subject_ref")
	s.ok("host", "IVQ S-1") // the notice has become a case
	s.subject("S-1", StateOpened)
	s.stands(StateOpened, TurnPartner)
}

// What the partner did not take does not count; what it answers, it holds.
func TestWhatThePartnerDoesNotHold(t *testing.T) {
	s := newScript(t)
	first := s.note("host", "IVQ S-1")
	first.Status = pending
	if refused := s.book.admit(first); refused != nil {
		t.Fatal(refused)
	}
	if !s.book.settle(first.ID, dead) || s.book.settle(first.ID, dead) {
		t.Fatal("a message is settled once")
	}
	if at := s.book.Standing(); at.State != StateNone || at.Kind != "" {
		t.Fatalf("a case nobody else knows is %+v", at)
	}
	again := s.note("host", "IVQ S-1")
	again.Status = pending
	if refused := s.book.admit(again); refused != nil {
		t.Fatal(refused)
	}
	s.book.settle(again.ID, dead) // gave up without an answer …
	s.ok("host", "IVQ S-1")
	s.ok("origin", "IVR S-1=match re 02") // … but it had arrived
	if n := s.book.find("message-02", true); n.Status != settled {
		t.Fatalf("an answered question is %q", n.Status)
	}
}

func TestCaseIsBounded(t *testing.T) {
	s := newScript(t)
	for range MaxCaseMessages {
		s.ok("host", "IVQ S-1")
	}
	s.refused("host", "IVQ S-1", "case-full", "/case")
}

// Every type stands in the catalogue with a life that knows its state.
func TestCatalogueIsWhole(t *testing.T) {
	if got := ReplyTo(TypeIdentityRequest); got != TypeIdentityResponse {
		t.Errorf("a request is answered by %q", got)
	}
	if ReplyTo(TypeCorrection) != "" || MessageCode(TypeHandoverRecord) != "HOR" || MessageCode("x") != "" {
		t.Error("the catalogue says what is not so")
	}
	for _, r := range catalogue {
		if len(r.Code) != 3 || len(r.From) == 0 || (r.Reply != replyNever) != (len(r.Answers) > 0) || r.Opens && r.Kind == "" {
			t.Errorf("%+v", r)
		}
		if r.Kind != "" && lives[r.Kind] == nil {
			t.Errorf("%s has no life", r.Kind)
		}
	}
}

// What was taken back does not become a message, and what is one is not taken
// back, whichever comes first.
func TestTakenBackOrSent(t *testing.T) {
	note := Note{ID: "draft-01", Type: TypeIdentityRequest, Out: true, Said: Said{Subjects: []Decision{{"S-1", ""}}}}
	back := &Book{}
	if refused := back.end(note.ID); refused != nil {
		t.Fatal(refused)
	}
	if refused := back.admit(note); refused == nil || refused.Rule != "draft-discarded" {
		t.Errorf("it was taken back, and left: %v", refused)
	}
	sent := &Book{}
	if refused := sent.admit(note); refused != nil {
		t.Fatal(refused)
	}
	if refused := sent.end(note.ID); refused == nil || refused.Rule != "draft-released" {
		t.Errorf("it left, and was taken back: %v", refused)
	}
}
