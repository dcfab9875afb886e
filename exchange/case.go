package exchange

import "slices"

// A State is where a case, or one person in it, stands.
type State string

const (
	StateNone            State = ""                      // no message yet
	StateOpened          State = "OPENED"                // a person was notified, or a question was asked
	StateVerifying       State = "VERIFYING"             // an answer has come; nationality is not yet confirmed
	StateConfirmed       State = "NATIONALITY_CONFIRMED" // the origin says: one of ours
	StateTracing         State = "TRACING"               // and a family is being looked for
	StateReturnRequested State = "RETURN_REQUESTED"
	StateReturnAgreed    State = "RETURN_AGREED"
	StateDocumented      State = "DOCUMENTED" // travel papers are there
	StateHandoverPlanned State = "HANDOVER_PLANNED"
	StateHandedOver      State = "HANDED_OVER" // the record has both signatures
	StateReceived        State = "RECEIVED"
	StateFollowUp        State = "FOLLOW_UP"
	StateAnswered        State = "ANSWERED" // of a self-return and of police information
	StateClosed          State = "CLOSED"
	StateWithdrawn       State = "WITHDRAWN" // frozen: only an erasure can still be spoken of
)

// A Turn says who has to act next.
type Turn string

const (
	TurnNobody  Turn = ""
	TurnUs      Turn = "us"
	TurnPartner Turn = "partner"
)

// lives is each conversation's life: its states in order, and who has to act
// in each. A case stands where its least advanced person stands.
var lives = map[Conversation][]struct {
	State State
	Next  side
	Rests bool // nobody has to act
}{
	Return: {
		{StateOpened, other, false},
		{StateVerifying, other, false},
		{StateConfirmed, opener, false},
		{StateTracing, other, false},
		{StateReturnRequested, other, false},
		{StateReturnAgreed, other, false},
		{StateDocumented, opener, false},
		{StateHandoverPlanned, opener, false},
		{StateHandedOver, other, false},
		{StateReceived, other, true},
		{StateFollowUp, other, true},
		{StateClosed, opener, true},
		{StateWithdrawn, opener, true},
	},
	SelfReturn: {
		{StateOpened, other, false},
		{StateAnswered, opener, true},
		{StateClosed, opener, true},
		{StateWithdrawn, opener, true},
	},
	Information: {
		{StateOpened, other, false},
		{StateAnswered, opener, true},
		{StateClosed, opener, true},
		{StateWithdrawn, opener, true},
	},
}

// rank is the place of a state in its conversation's life.
func rank(kind Conversation, s State) int {
	for i, step := range lives[kind] {
		if step.State == s {
			return i
		}
	}
	return -1
}

// A SubjectState is where one person of a case stands.
type SubjectState struct {
	Ref   string `json:"subject_ref"`
	State State  `json:"state"`
	// Note is what an officer must know besides: see the Remark constants.
	Remarks []string `json:"remarks,omitempty"`
}

// Remarks are what a state alone does not say.
const (
	RemarkRequestRefused   = "request_refused"      // the request as it was put; it is for the asker to ask anew
	RemarkInsufficient     = "request_insufficient" // what it gave; likewise
	RemarkNotConfirmed     = "nationality_not_confirmed"
	RemarkUndetermined     = "nationality_undetermined"
	RemarkRefused          = "return_refused"
	RemarkCountered        = "return_countered"
	RemarkNotCountersigned = "handover_not_countersigned"
	RemarkAbsent           = "handover_absent"
	RemarkDeclined         = "handover_refused"
	RemarkNotArrived       = "not_arrived"
	RemarkAnonymous        = "anonymous"
)

// A Standing is what a case's book comes to.
type Standing struct {
	Kind     Conversation   `json:"kind"`
	Opened   bool           `json:"opened_by_us"`
	State    State          `json:"state"`
	Turn     Turn           `json:"turn,omitempty"`
	Subjects []SubjectState `json:"subjects,omitempty"`
	Pending  int            `json:"pending,omitempty"` // our messages that the partner does not certainly hold yet
	Held     int            `json:"-"`                 // those that it does
	Dead     int            `json:"-"`                 // and those that it will not get
}

// Standing computes where the case stands.
func (b *Book) Standing() Standing {
	out := Standing{Kind: b.Kind(), Opened: b.Opened()}
	if out.Kind == "" {
		return out
	}
	s := b.read(out.Opened)
	refs := s.refs()
	if out.Kind == Information {
		refs = []string{whole}
	}
	for _, ref := range refs {
		state := s.of(ref)
		if ref != whole {
			out.Subjects = append(out.Subjects, state)
		}
		if out.State == "" || s.before(state.State, out.State) {
			out.State = state.State
			out.Turn = s.turn(ref, state)
		}
	}
	if turn := b.erasureTurn(); turn != TurnNobody {
		out.Turn = turn
	}
	for i := range b.Notes {
		switch n := &b.Notes[i]; {
		case n.Status == pending:
			out.Pending++
		case n.Status == dead:
			out.Dead++
		case n.Out:
			out.Held++
		}
	}
	return out
}

// erasureTurn says who has to act where an erasure was asked for: whoever was asked
// first and has not answered, whatever else the case waits for, or rests; then whoever
// asked for one that was done, until their own case is erased. Both sides find the same.
func (b *Book) erasureTurn() Turn {
	var next *Note
	waits := TurnNobody
	for i := range b.Notes {
		n := &b.Notes[i]
		if n.Type != TypeErasureNotice || n.Status == dead {
			continue
		}
		answered := b.repliedTo(n.ID, n.Out)
		switch {
		case answered && !b.Erased && waits == TurnNobody && b.erasedFor(n):
			waits = turnOf(n.Out)
		case !answered && (next == nil || later(next, n)):
			next = n
		}
	}
	if next != nil {
		return turnOf(!next.Out)
	}
	return waits
}

// erasedFor says whether a notice was answered with what was asked for.
func (b *Book) erasedFor(notice *Note) bool {
	return slices.ContainsFunc(b.Notes, func(n Note) bool {
		outcome, _ := n.of(whole)
		return n.Type == TypeErasureConfirmation && n.Out != notice.Out && n.Reply == notice.ID && n.Status != dead && outcome == erasureDone
	})
}

// turnOf is the turn of one side.
func turnOf(us bool) Turn {
	if us {
		return TurnUs
	}
	return TurnPartner
}

// refs returns the persons of the case in the order of their references.
func (s *standing) refs() []string {
	var out []string
	for ref := range s.spoken {
		if ref != whole && s.knows(ref) {
			out = append(out, ref)
		}
	}
	slices.Sort(out)
	return out
}
