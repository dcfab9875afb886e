package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/repatriation-exchange/gateway/partners"
	"github.com/repatriation-exchange/gateway/schemas"
)

// A DraftState is where a draft stands.
type DraftState string

const (
	DraftHeld      DraftState = "held"      // safeguards are missing
	DraftWaiting   DraftState = "waiting"   // officers have to release it
	DraftReleasing DraftState = "releasing" // all have; it is being signed
	DraftReleased  DraftState = "released"  // it is a message now
	DraftRejected  DraftState = "rejected"  // an officer said no
	DraftRefused   DraftState = "refused"   // what it says may not be said any more
	DraftDiscarded DraftState = "discarded" // an officer took it back
)

// A Safeguard is what was done to protect a person before a message about them
// leaves. It stays here; what the partner has to know is in the body.
type Safeguard struct {
	Kind      string `json:"kind"`                  // one of the agreement's safeguards
	Subject   string `json:"subject_ref,omitempty"` // "": every person of the message
	Basis     string `json:"basis,omitempty"`       // of consent_or_authority: consent or authority
	On        string `json:"on"`                    // the day, YYYY-MM-DD
	Reference string `json:"reference,omitempty"`   // where the paper is kept
}

// A DraftRow is a draft as the store keeps it. Its identifier is the jti of the
// message it will become.
type DraftRow struct {
	ID        string
	Partner   string
	Case      string
	Type      string
	State     DraftState
	Author    string
	Version   int64 // rises with every change; a change names the one it saw
	CreatedAt time.Time
	ChangedAt time.Time
	Content   []byte // sealed: a DraftContent
}

// A DraftContent is the personal part of a draft.
type DraftContent struct {
	Draft Draft `json:"draft"` // completed, redacted: exactly what will be sent
	// Given is the body as it was written, where the agreement withholds something of
	// it: what it states of safeguards stays on record here.
	Given      json.RawMessage `json:"given,omitempty"`
	Withheld   []string        `json:"withheld,omitempty"`
	Safeguards []Safeguard     `json:"safeguards,omitempty"`
	Missing    []Missing       `json:"missing,omitempty"` // why it is held
	Officers   int             `json:"officers"`          // how many have to release it
	Approvals  []Approval      `json:"approvals,omitempty"`
	Lapsed     []Approval      `json:"lapsed,omitempty"`  // their officers may not act any more, or not with that key
	Authors    []string        `json:"authors,omitempty"` // whoever has written any of it
	Persons    []string        `json:"persons,omitempty"` // the references of whoever was in an earlier version
	Edition    int64           `json:"edition,omitempty"` // its version when it was written; approvals raise that
	WrittenAt  time.Time       `json:"written_at,omitzero"`
	Rejected   *Approval       `json:"rejected,omitempty"`  // who said no, and why
	Discarded  string          `json:"discarded,omitempty"` // who took it back
	Again      string          `json:"again,omitempty"`     // of a rejected one: the draft that says it again
	Instead    string          `json:"instead,omitempty"`   // of that one: the rejected draft
	Refused    string          `json:"refused,omitempty"`   // the problem it met in the end
	Earlier    []Earlier       `json:"earlier,omitempty"`   // what it said before, the last first

	// Of a preview: the messages that it answers or rests on, by identifier.
	Named map[string]Named `json:"-"`
}

// An Earlier is a version of a draft that another one has replaced: whoever
// decides anew sees what is different.
type Earlier struct {
	Edition   int64      `json:"edition,omitempty"` // its version when it was written
	Version   int64      `json:"version"`           // and when it was replaced
	Author    string     `json:"author"`
	At        time.Time  `json:"at"` // when it was written
	Draft     Draft      `json:"draft"`
	Approvals []Approval `json:"approvals,omitempty"`
	// As in a DraftContent:
	Given      json.RawMessage `json:"given,omitempty"`
	Safeguards []Safeguard     `json:"safeguards,omitempty"`
}

// Written is the body as an officer has written it, with what is withheld.
func (c DraftContent) Written() json.RawMessage { return written(c.Given, c.Draft) }

func written(given json.RawMessage, draft Draft) json.RawMessage {
	if given != nil {
		return given
	}
	return draft.Body
}

// Authors are those who have written any version of a draft, the first one first.
func (v DraftView) Authors() []string {
	out := slices.Clone(v.Content.Authors)
	for _, e := range slices.Backward(v.Content.Earlier) { // written before all of them were noted
		if !slices.Contains(out, e.Author) {
			out = append(out, e.Author)
		}
	}
	if !slices.Contains(out, v.Row.Author) {
		out = append(out, v.Row.Author)
	}
	return out
}

// maxEarlier bounds how many earlier versions a draft keeps.
const maxEarlier = 4

// earlier returns the versions before the next one: this one, and those before it. Where
// they are too many, the oldest that nobody has released go first.
func (v DraftView) earlier() []Earlier {
	c := v.Content
	at := c.WrittenAt
	if at.IsZero() { // it was written before that was noted
		at = v.Row.ChangedAt.UTC()
	}
	out := []Earlier{{c.Edition, v.Row.Version, v.Row.Author, at, c.Draft, c.Approvals, c.Given, c.Safeguards}}
	out = append(out, c.Earlier...)
	for len(out) > maxEarlier {
		oldest := len(out) - 1
		for i, e := range out[1:] {
			if len(e.Approvals) == 0 {
				oldest = i + 1
			}
		}
		out = slices.Delete(out, oldest, oldest+1)
	}
	return out
}

// Persons are the references of whoever is in a draft, or was in any version of it: nobody
// else in it gets one of them.
func (v DraftView) Persons() []string {
	out := slices.Clone(v.Content.Persons)
	bodies := []json.RawMessage{v.Content.Draft.Body}
	for _, e := range v.Content.Earlier { // written before they were noted
		bodies = append(bodies, e.Draft.Body)
	}
	for _, text := range bodies {
		body, err := schemas.Parse(text, schemas.DefaultLimits())
		if err != nil { // whoever opens it is told
			continue
		}
		for ref := range subjectsOf(body) {
			if ref != "" && !slices.Contains(out, ref) {
				out = append(out, ref)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Began returns a draft as it was at an earlier version, and false where that is not
// kept any more.
func (v DraftView) Began(version int64) (DraftView, bool) {
	i := slices.IndexFunc(v.Content.Earlier, func(e Earlier) bool { return e.Edition > 0 && e.Edition <= version && version <= e.Version })
	if i < 0 {
		return v, false
	}
	e := v.Content.Earlier[i]
	v.Content.Draft, v.Content.Given, v.Content.Safeguards = e.Draft, e.Given, e.Safeguards
	return v, true
}

// Rewritten says whether a draft was written anew since a version: whoever signs it
// raises that too, and changes nothing of what it says.
func (v DraftView) Rewritten(since int64) bool {
	if v.Content.Edition == 0 { // it was written before that was noted
		return since != v.Row.Version
	}
	return since < v.Content.Edition
}

// ReleasedBy says whether an officer's release of this version counts.
func (v DraftView) ReleasedBy(officer string) bool {
	return slices.ContainsFunc(v.Content.Approvals, func(a Approval) bool { return a.Officer == officer })
}

// Own says whether an officer's release would leave a draft let out by nobody but those
// who have written it.
func (v DraftView) Own(officer string) bool {
	return slices.Contains(v.Authors(), officer) && !v.byAnother() && len(v.Content.Approvals)+1 >= v.Content.Officers
}

// byAnother says whether somebody has released a draft who has written no version of it.
func (v DraftView) byAnother() bool {
	authors := v.Authors()
	return slices.ContainsFunc(v.Content.Approvals, func(a Approval) bool { return !slices.Contains(authors, a.Officer) })
}

// A Missing is a safeguard that a message may not leave without.
type Missing struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject_ref"`
}

// A DraftFilter selects drafts; its zero value selects all.
type DraftFilter struct {
	ID       string
	Partners []string // nil: every one
	Case     string
	State    DraftState
	Author   string
	Oldest   bool      // the first changed first, and not the last
	Before   time.Time // changed before, or with Oldest after; for the next page
	BeforeID string    // and, of those changed at that very time, before, or after, this one
	Limit    int
}

// A DraftStore keeps drafts.
type DraftStore interface {
	// PutDraft adds a draft (version 1), or replaces the version before; an
	// error that is ErrConflict when another version stands there.
	PutDraft(ctx context.Context, d DraftRow) error
	// Draft returns one; ErrNotFound.
	Draft(ctx context.Context, id string) (DraftRow, error)
	// Drafts returns those that f selects, last changed first, or in f.Oldest's order.
	Drafts(ctx context.Context, f DraftFilter) ([]DraftRow, error)
}

// digest is what officers approve: base64url SHA-256 of what will be signed,
// written as compact JSON in this order. It can be computed from the message.
func (d *Draft) digest() string {
	return digest(compactStruct(struct {
		To        string          `json:"aud"`
		ID        string          `json:"jti"`
		Type      string          `json:"type"`
		Case      string          `json:"case"`
		InReplyTo string          `json:"in_reply_to,omitempty"`
		Agreement string          `json:"agreement"`
		Purpose   string          `json:"purpose"`
		Recipient string          `json:"recipient,omitempty"`
		Approval  string          `json:"approval,omitempty"`
		Body      json.RawMessage `json:"body"`
	}{d.To, d.ID, d.Type, d.Case, d.InReplyTo, d.Agreement, d.Purpose, d.Recipient, d.Approval, d.Body}))
}

func compactStruct(v any) string {
	out, err := json.Marshal(v)
	if err != nil { // its only free part is JSON already
		panic(err)
	}
	return string(out)
}

// missing returns the safeguards that a draft lacks. What the body itself says
// counts, and so does what was recorded beside it; but a risk that the body
// states is not made good by a paper.
func missing(permit *partners.Permit, body any, book *Book, recorded []Safeguard, at time.Time) []Missing {
	var out []Missing
	for _, kind := range permit.Safeguards {
		for ref, subject := range protected(body) {
			stated, says := subject[inBody[kind]].(map[string]any)
			needed := kind != partners.SafeguardGuardian || mayBeMinor(subject, at) || book.Minor(ref)
			taken := says || slices.ContainsFunc(recorded, func(s Safeguard) bool { return s.covers(kind, ref) })
			if needed && (!taken || stated["outcome"] == "risk_found") {
				out = append(out, Missing{kind, ref})
			}
		}
	}
	slices.SortFunc(out, func(a, b Missing) int { return strings.Compare(a.Kind+a.Subject, b.Kind+b.Subject) })
	return out
}

// protected returns the persons that safeguards are for: the subjects of a body,
// those that it only names, or whoever it is about when it names nobody.
func protected(body any) map[string]map[string]any {
	out := subjectsOf(body)
	if names, _ := member(body, "subjects").([]any); len(out) == 0 {
		for _, name := range names {
			if ref, ok := name.(string); ok {
				out[ref] = map[string]any{}
			}
		}
	}
	if len(out) == 0 {
		out[whole] = map[string]any{}
	}
	return out
}

func (s Safeguard) covers(kind, ref string) bool {
	return s.Kind == kind && (s.Subject == "" || s.Subject == ref)
}

// inBody names the member of a subject that states a safeguard.
var inBody = map[string]string{
	partners.SafeguardConsent:       "consent",
	partners.SafeguardGuardian:      "guardian",
	partners.SafeguardVoluntariness: "voluntariness",
	partners.SafeguardRefoulement:   "non_refoulement",
}

// SafeguardKinds are the kinds of safeguards, in order.
func SafeguardKinds() []string { return slices.Sorted(maps.Keys(inBody)) }

// MemberOf names the member of a subject that states a kind of safeguard.
func MemberOf(kind string) string { return inBody[kind] }

// SafeguardIn names the safeguard that a member of a subject states, "" for a
// member that states none.
func SafeguardIn(member string) string {
	for kind, name := range inBody {
		if name == member {
			return kind
		}
	}
	return ""
}

// Check says what is wrong with a safeguard; nil when nothing is.
func (s Safeguard) Check(now time.Time) *Problem {
	if inBody[s.Kind] == "" {
		return problem(ProblemDraft, "There is no safeguard of this kind.").rule("safeguard-unknown").at("/safeguards")
	}
	day, err := time.Parse(time.DateOnly, s.On)
	if err != nil || day.After(now.Add(24*time.Hour)) { // it may be tomorrow already where it was taken
		return problem(ProblemDraft, "A safeguard says on which day it was taken, as YYYY-MM-DD, and not in the future.").rule("safeguard-day").at("/safeguards")
	}
	if s.Kind == partners.SafeguardConsent && s.Basis != "consent" && s.Basis != "authority" {
		return problem(ProblemDraft, "Its basis is consent or authority.").rule("safeguard-basis").at("/safeguards")
	}
	if len(s.Reference) > 256 || len(s.Subject) > 64 {
		return problem(ProblemDraft, "A text of a safeguard is too long.").rule("safeguard-length").at("/safeguards")
	}
	return nil
}

func readContent(data []byte) (DraftContent, error) {
	var c DraftContent
	if err := json.Unmarshal(data, &c); err != nil {
		return c, fmt.Errorf("read a draft: %w", err)
	}
	return c, nil
}

// draftAAD binds a draft's content to everything that stands beside it in clear.
func draftAAD(d DraftRow) []byte {
	return fmt.Appendf(nil, "draft/%s/%d/%s/%s/%s/%s/%s", d.ID, d.Version, d.State, d.Author, d.Partner, d.Case, d.Type)
}
