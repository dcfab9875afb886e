package exchange

import (
	"slices"
	"strings"
)

// A State is where a case stands. The states follow the life of a return
// (docs/wire.md, "Cases"); each type of message moves a case along one row of
// the table below.
type State string

const (
	StateNone      State = ""          // no message yet
	StateOpened    State = "OPENED"    // a verification was asked for
	StateVerifying State = "VERIFYING" // an answer has come; nationality is not yet confirmed
)

// A transition says which message moves a case from which states to which.
type transition struct {
	messageType string
	from        []State
	to          State
	repliesTo   string // the type of the message it must answer, "" for none
}

// transitions is the whole state machine. A type that is missing here may not
// be sent or received, whatever its schema or agreement says.
var transitions = []transition{
	{"identity_verification_request", []State{StateNone, StateOpened, StateVerifying}, StateOpened, ""},
	{"identity_verification_response", []State{StateOpened, StateVerifying}, StateVerifying, "identity_verification_request"},
}

// move decides whether a message may be taken in this state and returns the
// next one. asked is the message that in_reply_to names, as this gateway's
// record knows it from the other direction; nil when it knows none.
func move(state State, messageType, inReplyTo, caseID string, asked *Row) (State, *Problem) {
	i := slices.IndexFunc(transitions, func(t transition) bool { return t.messageType == messageType })
	if i < 0 {
		return "", problem(ProblemTypeUnknown, "No case can take a message of this type.").at("/type")
	}
	t := transitions[i]
	switch {
	case !slices.Contains(t.from, state):
		return "", problem(ProblemCaseState, "A message of this type needs the case to be %s.", listed(t.from)).rule("case-from-state").at("/case")
	case t.repliesTo == "" && inReplyTo != "":
		return "", problem(ProblemCaseState, "A message of this type answers nothing; leave in_reply_to out.").rule("reply-not-allowed").at("/in_reply_to")
	case t.repliesTo == "":
		return t.to, nil
	case inReplyTo == "":
		return "", problem(ProblemCaseState, "A message of this type must name the %s it answers.", t.repliesTo).rule("reply-required").at("/in_reply_to")
	case asked == nil:
		return "", problem(ProblemCaseState, "in_reply_to names no message that was sent the other way.").rule("reply-unknown").at("/in_reply_to")
	case asked.Type != t.repliesTo || asked.Case != caseID:
		return "", problem(ProblemCaseState, "in_reply_to names a message of another case or type.").rule("reply-mismatch").at("/in_reply_to")
	}
	return t.to, nil
}

// listed names states for a person.
func listed(states []State) string {
	names := make([]string, len(states))
	for i, s := range states {
		if names[i] = string(s); s == StateNone {
			names[i] = "new"
		}
	}
	return strings.Join(names, " or ")
}

// ReplyTo returns the type of message that answers messageType, "" when none
// does.
func ReplyTo(messageType string) string {
	for _, t := range transitions {
		if t.repliesTo == messageType {
			return t.messageType
		}
	}
	return ""
}
