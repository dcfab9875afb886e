package exchange

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// A Said is what the state of a case is computed from: which persons a message
// speaks of, by their opaque references, and what it decides for each. It
// holds no name, date of birth, number or free text.
type Said struct {
	// IssuedAt is the claim iat. The messages of one sender are ordered by it
	// and, within a second, by their jti.
	IssuedAt int64 `json:"at"`
	// Subjects are the persons spoken of, in the order of the body.
	Subjects []Decision `json:"s,omitempty"`
	// Target is the message that this one corrects, withdraws, relies on or
	// countersigns.
	Target string `json:"t,omitempty"`
	// Revision counts the corrections of one message, from 1.
	Revision int `json:"r,omitempty"`
	// Digest is base64url SHA-256: of a handover record's own bytes, or of
	// those that it countersigns.
	Digest string `json:"d,omitempty"`
	// Terms are the gate and time of a handover, hashed: a countersignature
	// must repeat them.
	Terms string `json:"g,omitempty"`
	// Link ties a return to a police conversation; opaque.
	Link string `json:"l,omitempty"`
	// Minors are the persons who, by this message, are or may be minors.
	Minors []string `json:"m,omitempty"`
	// Urgent: a request calls itself so, or a correction says that it is, or is not;
	// nil where nothing is said of it.
	Urgent *bool `json:"u,omitempty"`
	// Agreement and Deadlines say which clocks the message has started here.
	Agreement string   `json:"a,omitempty"`
	Deadlines []string `json:"dl,omitempty"`
	// Counts is from when a partner's message counts for clocks, where that is
	// later than it says: see arrived.
	Counts int64 `json:"k,omitempty"`

	// made is what a correction makes of its target's body, once that was judged
	// on the revision before it. It is never stored.
	made any
}

// arrived notes when a partner's message came. It counts for clocks from then,
// less the tolerated difference of clocks: with the time that it names alone a
// partner could start a clock of ours that has run out already, or answer in time
// after the time. So the two sides' clocks of one message may differ by what it
// was under way, and each side's record says what that side saw.
func (s *Said) arrived(at time.Time, skew time.Duration) {
	if from := at.Add(-skew).Unix(); from > s.IssuedAt {
		s.Counts = from
	}
}

// counted is when a message counts for clocks.
func (s *Said) counted() time.Time { return time.Unix(max(s.IssuedAt, s.Counts), 0) }

// A Decision is what a message says of one person: an outcome, a decision, a
// result, or "" where the type knows none.
type Decision struct {
	Ref   string `json:"r,omitempty"` // subject_ref; whole for the case itself
	Value string `json:"v,omitempty"`
}

// whole stands for the case as a whole.
const whole = ""

// of returns what is decided for a person, and whether they are spoken of.
func (s *Said) of(ref string) (string, bool) {
	for _, d := range s.Subjects {
		if d.Ref == ref {
			return d.Value, true
		}
	}
	return "", false
}

// decides names, for each type, the member of a subject that the state depends
// on.
var decides = map[string]string{
	TypeIdentityResponse: "outcome",
	TypeNationality:      "outcome",
	TypeTracingResponse:  "outcome",
	TypeReturnResponse:   "decision",
	TypeHandoverRecord:   "result",
	TypeReception:        "result",
}

// said reads a body that its schema has validated.
func said(claims Claims, body any) Said {
	out := Said{IssuedAt: claims.IssuedAt}
	m, _ := body.(map[string]any)
	text := func(name string) string { s, _ := m[name].(string); return s }
	out.Link = text("link")
	switch claims.Type {
	case TypeInformationRequest, TypeInformationResponse, TypeErasureConfirmation:
		out.Subjects = []Decision{{whole, text("outcome")}}
	case TypeCorrection:
		n, _ := m["revision"].(json.Number)
		revision, _ := n.Int64() // 0 is refused as out of order
		out.Target, out.Revision = text("target"), int(revision)
		for _, c := range changesOf(body) {
			if c.Pointer == "/urgent" {
				out.says(c.Op != "remove" && c.Value == true)
			}
		}
	case TypeWithdrawal:
		out.Target, out.Subjects = text("target"), named(m["subjects"], text("reason"))
	case TypeErasureNotice:
		out.Subjects = named(m["subjects"], text("scope"))
	default:
		out.Subjects = decisions(claims.Type, m)
		if m["urgent"] == true {
			out.says(true)
		}
	}
	switch claims.Type {
	case TypeReturnRequest:
		out.Target = text("nationality_confirmation")
	case TypeHandoverRecord:
		out.Terms = digest(compact([]any{m["gate"], m["at"]}))
		if c, ok := m["countersigns"].(map[string]any); ok {
			out.Target, _ = c["message"].(string)
			out.Digest, _ = c["message_sha256"].(string)
		}
	}
	return out
}

func (s *Said) says(urgent bool) { s.Urgent = &urgent }

// decisions reads the subjects of a body.
func decisions(messageType string, body map[string]any) []Decision {
	list, _ := body["subjects"].([]any)
	out := make([]Decision, 0, len(list))
	for _, element := range list {
		subject, _ := element.(map[string]any)
		ref, _ := subject["subject_ref"].(string)
		value, _ := subject[decides[messageType]].(string)
		switch {
		case messageType == TypeHandoverNotice && subject["valid_document_held"] == true:
			value = documentHeld
		case messageType == TypeNotice && body["anonymous"] == true:
			value = noticeAnonymous
		}
		out = append(out, Decision{ref, value})
	}
	return out
}

const (
	// documentHeld is what a handover notice says of a person who needs no
	// travel document.
	documentHeld = "document_held"
	// noticeAnonymous is what a notice says of a person whose identity is not
	// disclosed.
	noticeAnonymous = "anonymous"
)

// named reads a list of references; without one the whole case is meant.
func named(list any, value string) []Decision {
	refs, _ := list.([]any)
	if len(refs) == 0 {
		return []Decision{{whole, value}}
	}
	out := make([]Decision, 0, len(refs))
	for _, r := range refs {
		ref, _ := r.(string)
		out = append(out, Decision{ref, value})
	}
	return out
}

// senseless refuses what a schema cannot: it judges one place at a time, and
// these rules compare two.
func senseless(s Said, messageType string, body any) *Problem {
	persons := s.Subjects
	if messageType == TypeInformationRequest || messageType == TypeInformationResponse { // the state is of the case, whomever they name
		m, _ := body.(map[string]any)
		persons = decisions(messageType, m)
	}
	seen := make(map[string]bool, len(persons))
	for i, d := range persons {
		if seen[d.Ref] {
			return problem(ProblemSchema, "A person is named twice.").rule("subject-repeated").at(subjectAt(messageType, d.Ref, i))
		}
		seen[d.Ref] = true
	}
	switch messageType {
	case TypeReturnRequest:
		return windowOrder(member(body, "window"), "/body/window")
	case TypeReturnResponse:
		return windowOrder(member(member(body, "counter"), "window"), "/body/counter/window")
	case TypeInformationResponse:
		return answeredTwice(body, "/body")
	case TypeSelfReturnResponse:
		subjects, _ := member(body, "subjects").([]any)
		for i, subject := range subjects {
			if refused := answeredTwice(subject, fmt.Sprintf("/body/subjects/%d", i)); refused != nil {
				return refused
			}
		}
	}
	return nil
}

func windowOrder(window any, at string) *Problem {
	from, _ := member(window, "from").(string)
	to, _ := member(window, "to").(string)
	if from > to { // days of one form are in the order of their texts
		return problem(ProblemSchema, "The window ends before it begins.").rule("window-order").at(at)
	}
	return nil
}

func answeredTwice(in any, at string) *Problem {
	seen := map[any]bool{}
	answers, _ := member(in, "answers").([]any)
	for i, answer := range answers {
		question := member(answer, "question")
		if seen[question] {
			return problem(ProblemSchema, "A question is answered twice.").rule("question-repeated").at(fmt.Sprintf("%s/answers/%d/question", at, i))
		}
		seen[question] = true
	}
	return nil
}

// subjectAt is the JSON Pointer of the i-th person that a message names.
func subjectAt(messageType, ref string, i int) string {
	switch {
	case ref == whole:
		return "/case"
	case messageType == TypeWithdrawal || messageType == TypeErasureNotice:
		return fmt.Sprintf("/body/subjects/%d", i)
	}
	return fmt.Sprintf("/body/subjects/%d/subject_ref", i)
}

// digest is base64url SHA-256.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return encode(sum[:])
}

// compact writes a parsed value as JSON with its names in order.
func compact(v any) string {
	out, err := json.Marshal(v)
	if err != nil { // it came from JSON
		panic(err)
	}
	return string(out)
}
