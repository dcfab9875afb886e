package exchange

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Note is one message in the book of its case.
type Note struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Out    bool   `json:"out,omitempty"`
	Reply  string `json:"re,omitempty"`
	Status status `json:"st,omitempty"`
	Said
}

// A status says what is known of the partner's copy of a message.
type status string

const (
	settled status = ""        // both sides hold it
	pending status = "pending" // ours, and no receipt has come yet
	dead    status = "dead"    // ours, and the partner does not take it
)

// A Book holds what a case's state is computed from: a note for each of its
// messages. The state is a function of the set of notes, never of the order in
// which they came, so two gateways that hold the same messages are in the same
// state whatever was lost, repeated or reordered on the way.
//
// It is kept with the case, sealed under the case's data key, so that a message
// costs the same however long the record is.
type Book struct {
	Notes []Note `json:"notes"`
	// Ended are drafts that were rejected or taken back, the last of them: not
	// even one that is being signed at that moment becomes a message.
	Ended []string `json:"ended,omitempty"`
	// Erased: the case was erased, and the notes say nothing any more but which
	// messages there were.
	Erased bool `json:"erased,omitempty"`
	// Assigned are the officers who have the case, in order; nil: every one of the
	// partner. It says nothing of the person, and outlives an erasure.
	Assigned []string `json:"assigned,omitempty"`
	// Due is when the first running clock is due, as the row of the case says for lists;
	// zero when none runs. The agreement and the calendar of then have decided it, so it
	// cannot be told again. nil: an earlier program has not noted it.
	Due *time.Time `json:"due,omitempty"`
}

// agrees says whether the row of a case, which serves lists and which anybody can change
// who can write to the database, says what its sealed book does.
func (b *Book) agrees(row CaseRow) bool {
	if !b.dueAt(row) {
		return false
	}
	if b.Erased || len(b.Notes) == 0 { // it stands where it stood
		return true
	}
	s := b.Standing()
	return s.Kind == row.Kind && s.State == row.State && s.Turn == row.Turn
}

// dueAt says whether a case is due when its row, which counts milliseconds, says so, as far
// as the book knows.
func (b *Book) dueAt(row CaseRow) bool {
	return b.Due == nil || b.Due.UnixMilli() == row.DueAt.UnixMilli()
}

// maxEnded is far more than can be signed while one is taken back.
const maxEnded = 100

// end notes that a draft was rejected or taken back; what has left cannot be.
func (b *Book) end(id string) *Problem {
	if b.find(id, true) != nil {
		return problem(ProblemDraftState, "The draft has left already; withdraw the message instead.").rule("draft-released")
	}
	b.Ended = append(b.Ended, id)
	b.Ended = b.Ended[max(0, len(b.Ended)-maxEnded):]
	return nil
}

// What bounds a case: a message costs time and space in proportion to what its
// case holds. What ends a case may still be said when it is full.
const (
	MaxCaseMessages  = 1000
	MaxCasePersons   = 200
	maxCaseDecisions = 5000 // persons named, over all messages
	endingMessages   = 100
)

func readBook(data []byte) (*Book, error) {
	b := &Book{}
	if err := json.Unmarshal(data, b); err != nil {
		return nil, fmt.Errorf("read the book of a case: %w", err)
	}
	return b, nil
}

func (b *Book) bytes() []byte {
	out, err := json.Marshal(b)
	if err != nil { // strings and numbers only: cannot fail
		panic(err)
	}
	return out
}

// find returns the note of a message, nil when the case has none.
func (b *Book) find(id string, out bool) *Note {
	for i := range b.Notes {
		if b.Notes[i].ID == id && b.Notes[i].Out == out {
			return &b.Notes[i]
		}
	}
	return nil
}

// settle notes what became of a message of ours.
func (b *Book) settle(id string, s status) bool {
	n := b.find(id, true)
	if n == nil || n.Status == s || s == dead && b.answered(id) {
		return false
	}
	n.Status = s
	return true
}

// answered says whether the partner has answered a message of ours: then it
// holds it, whatever became of the delivery.
func (b *Book) answered(id string) bool { return b.repliedTo(id, true) }

// about is the kind of conversation that decides who may see a case: its own, or that
// of a first message which never reached the partner.
func (b *Book) about() Conversation {
	kind := b.Kind()
	for i := 0; kind == "" && i < len(b.Notes); i++ {
		kind = kindOf(b.Notes[i].Type)
	}
	return kind
}

// repliedTo says whether the other side has answered a message of ours (out), or we
// one of theirs.
func (b *Book) repliedTo(id string, out bool) bool {
	return slices.ContainsFunc(b.Notes, func(n Note) bool { return n.Out != out && n.Status != dead && n.Reply == id })
}

// admit decides whether a message may join the case, and notes it. The refusal
// says which rule it breaks and where; then the book is as it was.
func (b *Book) admit(n Note) *Problem {
	if refused := b.refuses(&n); refused != nil {
		return refused
	}
	b.enter(n)
	return nil
}

// refuses says why a message may not join the case; nil when it may.
func (b *Book) refuses(n *Note) *Problem { return b.read(b.openedBy(n)).refuses(n) }

// refuses is Book.refuses, for several messages of a book that is read once.
func (s *standing) refuses(n *Note) *Problem {
	b := s.book
	if n.Out && slices.Contains(b.Ended, n.ID) {
		return problem(ProblemDraftState, "The draft was rejected or taken back.").rule("draft-discarded")
	}
	if b.Erased && n.Type != TypeErasureNotice && n.Type != TypeErasureConfirmation {
		return problem(ProblemErased, "The case was erased; only an erasure can still be spoken of.").at("/case")
	}
	rule, refused := s.rule(n)
	if refused == nil {
		refused = b.replies(rule, n)
	}
	if refused == nil {
		refused = s.speaksOf(n)
	}
	if refused == nil && rule.Needs != nil {
		refused = s.each(rule.Needs, n)
	}
	if refused == nil {
		refused = s.acts(n)
	}
	switch {
	case refused == nil || refused.Kind != ProblemCaseOrder:
	case n.Out: // what we have not sent cannot be on its way
		refused.Kind = ProblemCaseState
	default:
		refused.Detail += " It may still be on its way; send the identical bytes again later."
	}
	return refused
}

// enter notes a message.
func (b *Book) enter(n Note) {
	if asked := b.find(n.Reply, !n.Out); asked != nil {
		asked.Status = settled // who answers holds the question
	}
	b.Notes = append(b.Notes, n)
}

// Kind returns the case's conversation, "" before its first message.
func (b *Book) Kind() Conversation {
	for i := range b.Notes {
		if kind := kindOf(b.Notes[i].Type); kind != "" && b.Notes[i].Status != dead {
			return kind
		}
	}
	return ""
}

// openedBy says whether we opened the case; before its first message that is
// whoever sends it.
func (b *Book) openedBy(first *Note) bool {
	for i := range b.Notes {
		if kindOf(b.Notes[i].Type) != "" && b.Notes[i].Status != dead {
			return b.Notes[i].Out
		}
	}
	return first.Out
}

// Opened says whether this gateway opened the case.
func (b *Book) Opened() bool { return b.openedBy(&Note{}) }

// rule finds the row of the catalogue that a message comes under.
func (s *standing) rule(n *Note) (messageRule, *Problem) {
	rows := rulesOf(n.Type)
	if len(rows) == 0 {
		return messageRule{}, problem(ProblemTypeUnknown, "No case can take a message of this type.").at("/type")
	}
	if full := s.full(n); full != nil {
		return messageRule{}, full
	}
	kind := s.book.Kind()
	if kind == "" && !rows[0].Opens {
		// What depends on nothing of ours may have overtaken the opening message.
		early := rows[0].Reply == replyNever && rows[0].Needs == nil
		return messageRule{}, lacks(early, "case-from-state", "A message of this type needs a case that is open; none of this name is.").at("/case")
	}
	if kind != "" && rows[0].Kind != "" && rows[0].Kind != kind {
		return messageRule{}, problem(ProblemCaseState, "A message of this type belongs to another kind of case than this one (%s).", kind).rule("case-kind").at("/case")
	}
	sender := opener
	if s.opener != n.Out {
		sender = other
	}
	for _, r := range rows {
		if slices.Contains(r.From, sender) {
			return r, nil
		}
	}
	return messageRule{}, problem(ProblemCaseState, "In this case a message of this type is sent by the other side.").rule("case-side").at("/type")
}

// full refuses what would make a case too large to be handled.
func (s *standing) full(n *Note) *Problem {
	messages, decisions, persons := len(s.book.Notes), s.decisions+len(n.Subjects), len(s.named)
	for i, d := range n.Subjects {
		if !s.named[d.Ref] && !slices.ContainsFunc(n.Subjects[:i], func(earlier Decision) bool { return earlier.Ref == d.Ref }) {
			persons++
		}
	}
	spare := 0
	if afterWithdrawal(n.Type) {
		spare = endingMessages
	}
	if messages >= MaxCaseMessages+spare || decisions > maxCaseDecisions+spare*len(n.Subjects) || persons > MaxCasePersons {
		return problem(ProblemCaseState, "A case has at most %d messages and %d persons; open a new one.", MaxCaseMessages, MaxCasePersons).rule("case-full").at("/case")
	}
	return nil
}

// replies checks in_reply_to.
func (b *Book) replies(r messageRule, n *Note) *Problem {
	switch {
	case n.Reply == "" && r.Reply == replyRequired:
		return problem(ProblemCaseState, "A message of this type must name the %s it answers.", strings.Join(r.Answers, " or ")).rule("reply-required").at("/in_reply_to")
	case n.Reply == "":
		return nil
	case r.Reply == replyNever:
		return problem(ProblemCaseState, "A message of this type answers nothing; leave in_reply_to out.").rule("reply-not-allowed").at("/in_reply_to")
	}
	asked := b.find(n.Reply, !n.Out)
	switch {
	case asked == nil:
		return problem(ProblemCaseState, "in_reply_to names no message of this case that was sent the other way.").rule("reply-unknown").at("/in_reply_to")
	case !slices.Contains(r.Answers, asked.Type):
		return problem(ProblemCaseState, "in_reply_to names a message of another type than a %s can answer.", n.Type).rule("reply-mismatch").at("/in_reply_to")
	}
	for i, d := range n.Subjects {
		if _, named := asked.of(d.Ref); !named && d.Ref != whole {
			return problem(ProblemCaseState, "The message that is answered does not speak of this person.").rule("subject-not-asked").at(n.at(i))
		}
	}
	return nil
}

// speaksOf checks that the persons are known in the case, and that nobody
// speaks any more of one whose case was withdrawn.
func (s *standing) speaksOf(n *Note) *Problem {
	opens := kindOf(n.Type) != ""
	for i, d := range n.Subjects {
		if d.Ref != whole && !opens && !s.knows(d.Ref) {
			return problem(ProblemCaseState, "No message of this case has introduced this person.").rule("subject-unknown").at(n.at(i))
		}
		if !afterWithdrawal(n.Type) && s.withdrawn(d.Ref) != "" {
			return problem(ProblemCaseState, "This was withdrawn or closed; only an erasure can still be spoken of.").rule("withdrawn").at(n.at(i))
		}
	}
	if !afterWithdrawal(n.Type) && s.withdrawn(whole) != "" {
		return problem(ProblemCaseState, "The case was withdrawn or closed; only an erasure can still be spoken of.").rule("withdrawn").at("/case")
	}
	return nil
}

// reasonClosed is the reason of a withdrawal that ends a case in good order.
const reasonClosed = "closed"

// at is the JSON Pointer of the i-th person that the message names.
func (n *Note) at(i int) string { return subjectAt(n.Type, n.Subjects[i].Ref, i) }

// direction is the way a message went.
func (n *Note) direction() Direction {
	if n.Out {
		return Out
	}
	return In
}
