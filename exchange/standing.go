package exchange

import (
	"slices"
	"strings"
)

// A standing reads a case's book: which message is in force, what it means for
// a person, and what may follow. Every question is answered from the set of
// notes alone. Two messages of one sender are ordered by when that sender
// issued them; two of different senders are never compared by their clocks,
// only by which of them answers which.
type standing struct {
	book   *Book
	opener bool // we opened the case

	spoken      map[string][]word // what was said of each person, in the order of the book
	corrections []*Note

	// Of all messages, also of those that the partner does not hold:
	named     map[string]bool // whom they name
	decisions int             // and how often anybody is named
}

// A word is what one message says of one person.
type word struct {
	note  *Note
	value string
}

// read prepares a book for questions, in one walk. What the partner does not
// hold is left out.
func (b *Book) read(opener bool) *standing {
	s := &standing{book: b, opener: opener, spoken: make(map[string][]word, 4), named: make(map[string]bool, 4)}
	for i := range b.Notes {
		n := &b.Notes[i]
		s.decisions += len(n.Subjects)
		for _, d := range n.Subjects {
			s.named[d.Ref] = true
		}
		if n.Status == dead {
			continue
		}
		if n.Type == TypeCorrection {
			s.corrections = append(s.corrections, n)
		}
		for _, d := range n.Subjects {
			s.spoken[d.Ref] = append(s.spoken[d.Ref], word{n, d.Value})
		}
	}
	return s
}

// from says whether a note was sent by a side.
func (s *standing) from(n *Note, who side) bool { return (n.Out == s.opener) == (who == opener) }

// newest returns the message of a type that one side said last of a person and
// that fits, nil when it said none.
func (s *standing) newest(ref, messageType string, who side, fits func(*Note) bool) *Note {
	var last *Note
	for _, w := range s.spoken[ref] {
		n := w.note
		if n.Type != messageType || !s.from(n, who) || fits != nil && !fits(n) {
			continue
		}
		if last == nil || later(n, last) {
			last = n
		}
	}
	return last
}

// later orders two messages of one sender.
func later(n, than *Note) bool {
	if n.IssuedAt != than.IssuedAt {
		return n.IssuedAt > than.IssuedAt
	}
	return strings.Compare(n.ID, than.ID) > 0
}

// answers returns a test for replies to a message; nil is answered by nothing.
func answers(asked *Note) func(*Note) bool {
	return func(n *Note) bool { return asked != nil && n.Reply == asked.ID }
}

// decides returns what a message says of a person, as it stands after its
// corrections; "" for no message.
func (s *standing) decides(n *Note, ref string) string {
	if n == nil {
		return ""
	}
	value, _ := n.of(ref)
	revision := 0
	for _, c := range s.corrections {
		if c.Target == n.ID && c.Out == n.Out && c.Revision > revision {
			if v, named := c.of(ref); named {
				value, revision = v, c.Revision
			}
		}
	}
	return value
}

// withdrawn returns why nothing more may be said of a person, or of the whole
// case: the reason of a withdrawal. One that closes yields to any other.
func (s *standing) withdrawn(ref string) string {
	reason := ""
	for _, key := range []string{ref, whole} {
		for _, w := range s.spoken[key] {
			if w.note.Type == TypeWithdrawal && (reason == "" || reason == reasonClosed) {
				reason = w.value
			}
		}
	}
	return reason
}

// knows says whether an opening message has introduced a person.
func (s *standing) knows(ref string) bool {
	return slices.ContainsFunc(s.spoken[ref], func(w word) bool { return kindOf(w.note.Type) != "" })
}

// What follows are the messages in force for one person of a return.

func (s *standing) identityRequest(ref string) *Note {
	return s.newest(ref, TypeIdentityRequest, opener, nil)
}

func (s *standing) nationality(ref string) *Note { return s.newest(ref, TypeNationality, other, nil) }

func (s *standing) returnRequest(ref string) *Note {
	return s.newest(ref, TypeReturnRequest, opener, nil)
}

func (s *standing) returnResponse(ref string) *Note {
	return s.newest(ref, TypeReturnResponse, other, answers(s.returnRequest(ref)))
}

func (s *standing) agreed(ref string) bool {
	return s.decides(s.returnResponse(ref), ref) == "accept"
}

// handoverNotice is in force until a newer return request or a newer record of
// a handover that did not happen.
func (s *standing) handoverNotice(ref string) *Note {
	notice := s.newest(ref, TypeHandoverNotice, opener, nil)
	for _, after := range []*Note{s.returnRequest(ref), s.missed(ref)} {
		if notice != nil && after != nil && after.IssuedAt > notice.IssuedAt {
			return nil
		}
	}
	return notice
}

// missed is the host's last record when it says that the person was not handed
// over.
func (s *standing) missed(ref string) *Note {
	record := s.newest(ref, TypeHandoverRecord, opener, nil)
	if record != nil && s.decides(record, ref) != "handed_over" {
		return record
	}
	return nil
}

// handover is the host's record that the person was handed over.
func (s *standing) handover(ref string) *Note {
	record := s.newest(ref, TypeHandoverRecord, opener, nil)
	if s.decides(record, ref) == "handed_over" {
		return record
	}
	return nil
}

// closedHandover is a handover whose record both sides have signed.
func (s *standing) closedHandover(ref string) *Note {
	record := s.handover(ref)
	if record == nil || s.newest(ref, TypeHandoverRecord, other, answers(record)) == nil {
		return nil
	}
	return record
}

func (s *standing) received(ref string) bool {
	return s.decides(s.newest(ref, TypeReception, other, nil), ref) == "received"
}

// tracing returns the side that is asked to look for a family and has not
// answered; ok is false when nobody is.
func (s *standing) tracing(ref string) (asked side, ok bool) {
	for _, asker := range byEither {
		question := s.newest(ref, TypeTracingRequest, asker, nil)
		if question != nil && s.newest(ref, TypeTracingResponse, asker.opposite(), answers(question)) == nil {
			return asker.opposite(), true
		}
	}
	return 0, false
}

// of computes where a person stands.
func (s *standing) of(ref string) SubjectState {
	out := SubjectState{Ref: ref}
	switch s.withdrawn(ref) {
	case "":
	case reasonClosed:
		out.State = StateClosed
		return out
	default:
		out.State = StateWithdrawn
		return out
	}
	switch s.book.Kind() {
	case SelfReturn:
		out.State = s.answered(ref, TypeSelfReturnRequest, TypeSelfReturnResponse, opener)
	case Information:
		out.State = s.information()
	default:
		out.State = s.returning(ref, &out)
	}
	return out
}

// answered is the short life of a question.
func (s *standing) answered(ref, question, answer string, asker side) State {
	if s.newest(ref, answer, asker.opposite(), answers(s.newest(ref, question, asker, nil))) != nil {
		return StateAnswered
	}
	return StateOpened
}

// information is answered when each side's last question is.
func (s *standing) information() State {
	for _, asker := range byEither {
		if s.newest(whole, TypeInformationRequest, asker, nil) != nil &&
			s.answered(whole, TypeInformationRequest, TypeInformationResponse, asker) == StateOpened {
			return StateOpened
		}
	}
	return StateAnswered
}

// returning is the life of a person who is brought home. What happened to the
// person (handed over, received) stands whatever papers say afterwards; until
// then each step rests on the one before, so that a confirmation which is
// taken back also takes back what was built on it.
func (s *standing) returning(ref string, out *SubjectState) State {
	remark := func(r string) { out.Remarks = append(out.Remarks, r) }
	if s.anonymous(ref) {
		remark(RemarkAnonymous)
	}
	if s.closedHandover(ref) != nil {
		switch {
		case s.received(ref) && s.newest(ref, TypeSupport, other, nil) != nil:
			return StateFollowUp
		case s.received(ref):
			return StateReceived
		}
		if s.newest(ref, TypeReception, other, nil) != nil {
			remark(RemarkNotArrived)
		}
		return StateHandedOver
	}
	state := s.verified(ref, remark)
	if state != StateConfirmed || s.returnRequest(ref) == nil {
		return state
	}
	switch s.decides(s.returnResponse(ref), ref) {
	case "":
		return StateReturnRequested
	case "refuse":
		remark(RemarkRefused)
		return state
	case "counter":
		remark(RemarkCountered)
		return state
	}
	return s.travelling(ref, remark)
}

// verified is the part of a return until nationality is confirmed.
func (s *standing) verified(ref string, remark func(string)) State {
	switch s.decides(s.nationality(ref), ref) {
	case "confirmed":
		if _, ok := s.tracing(ref); ok && s.returnRequest(ref) == nil {
			return StateTracing
		}
		return StateConfirmed
	case "not_confirmed":
		remark(RemarkNotConfirmed)
	case "undetermined":
		remark(RemarkUndetermined)
	}
	asked := s.identityRequest(ref)
	if asked == nil {
		asked = s.newest(ref, TypeNotice, opener, nil)
	}
	if s.nationality(ref) != nil {
		return StateVerifying
	}
	response := s.newest(ref, TypeIdentityResponse, other, answers(asked))
	switch s.decides(response, ref) {
	case "refused":
		remark(RemarkRequestRefused)
	case "insufficient":
		remark(RemarkInsufficient)
	}
	if response != nil {
		return StateVerifying
	}
	return StateOpened
}

// travelling is the part of a return after it was agreed.
func (s *standing) travelling(ref string, remark func(string)) State {
	if s.handoverNotice(ref) != nil {
		if s.handover(ref) != nil {
			remark(RemarkNotCountersigned)
		}
		return StateHandoverPlanned
	}
	switch s.decides(s.missed(ref), ref) {
	case "absent":
		remark(RemarkAbsent)
	case "refused":
		remark(RemarkDeclined)
	}
	if s.newest(ref, TypeTravelDocument, other, nil) != nil {
		return StateDocumented
	}
	return StateReturnAgreed
}

// anonymous says whether only an anonymous notice speaks of a person so far.
func (s *standing) anonymous(ref string) bool {
	notice := s.newest(ref, TypeNotice, opener, nil)
	return s.decides(notice, ref) == noticeAnonymous && s.identityRequest(ref) == nil
}

// before says whether one state comes before another in the case's life. A
// case that was withdrawn or closed for one person goes on for the others.
func (s *standing) before(a, b State) bool {
	kind := s.book.Kind()
	return rank(kind, a) < rank(kind, b)
}

// turn says who has to act for a person.
func (s *standing) turn(ref string, at SubjectState) Turn {
	i := rank(s.book.Kind(), at.State)
	if i < 0 {
		return TurnNobody
	}
	step := lives[s.book.Kind()][i]
	next, rests := step.Next, step.Rests
	switch at.State {
	case StateOpened:
		// After a notice alone it is for the host to ask; in police information
		// it is for whoever has not answered.
		if s.book.Kind() == Return && s.identityRequest(ref) == nil {
			next = opener
		}
		if s.book.Kind() == Information && s.answered(whole, TypeInformationRequest, TypeInformationResponse, opener) == StateAnswered {
			next = opener
		}
	case StateVerifying:
		if slices.Contains(at.Remarks, RemarkRequestRefused) || slices.Contains(at.Remarks, RemarkInsufficient) {
			next = opener
		}
	case StateTracing:
		next, _ = s.tracing(ref)
	case StateHandoverPlanned:
		if slices.Contains(at.Remarks, RemarkNotCountersigned) {
			next = other
		}
	}
	switch {
	case rests:
		return TurnNobody
	case s.opener == (next == opener):
		return TurnUs
	}
	return TurnPartner
}
