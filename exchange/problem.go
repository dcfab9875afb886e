package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// ProblemTypePrefix stands before the slug in the "type" member of every
// problem document (RFC 9457 §3.1.1). The URN names the problem; nothing is
// served there.
const ProblemTypePrefix = "urn:repatriation:problem:"

// A ProblemKind is one row of the table of everything that can be refused:
// its stable slug, its HTTP status, its title and whether sending the
// identical bytes again later can succeed.
type ProblemKind struct {
	Slug   string
	Status int
	Title  string
	Retry  bool
}

// The table of problems. docs/wire.md is checked against it by a test.
var (
	ProblemPartnerUnknown   = ProblemKind{"partner-unknown", http.StatusForbidden, "The client certificate belongs to no known partner", false}
	ProblemPartnerSuspended = ProblemKind{"partner-suspended", http.StatusForbidden, "The exchange with this partner is suspended", true}
	ProblemCertificate      = ProblemKind{"certificate-refused", http.StatusForbidden, "The client certificate is not accepted", true}
	ProblemNotFound         = ProblemKind{"not-found", http.StatusNotFound, "No such resource", false}
	ProblemMethod           = ProblemKind{"method-not-allowed", http.StatusMethodNotAllowed, "The method is not allowed here", false}
	ProblemMediaType        = ProblemKind{"media-type", http.StatusUnsupportedMediaType, "The content type is not accepted", false}
	ProblemContentEncoding  = ProblemKind{"content-encoding", http.StatusUnsupportedMediaType, "A content encoding is not accepted", false}
	ProblemTooLarge         = ProblemKind{"too-large", http.StatusRequestEntityTooLarge, "The message is too large", false}
	ProblemRateLimited      = ProblemKind{"rate-limited", http.StatusTooManyRequests, "Too many requests", true}
	ProblemBusy             = ProblemKind{"busy", http.StatusServiceUnavailable, "Too many requests under way", true}
	ProblemIncomplete       = ProblemKind{"request-incomplete", http.StatusBadRequest, "The request body did not arrive whole", true}
	ProblemJWS              = ProblemKind{"jws-invalid", http.StatusBadRequest, "The message is not an acceptable JWS", false}
	ProblemSignature        = ProblemKind{"signature-invalid", http.StatusBadRequest, "The signature does not verify", false}
	ProblemJSON             = ProblemKind{"json-invalid", http.StatusBadRequest, "The claims are not acceptable JSON", false}
	ProblemEnvelope         = ProblemKind{"envelope-invalid", http.StatusBadRequest, "The claims do not form a message", false}
	ProblemIssuer           = ProblemKind{"issuer-mismatch", http.StatusForbidden, "The issuer is not the partner of this connection", false}
	ProblemAudience         = ProblemKind{"audience-mismatch", http.StatusForbidden, "The message is addressed to another party", false}
	ProblemExpired          = ProblemKind{"expired", http.StatusBadRequest, "The message has expired", false}
	ProblemNotYetValid      = ProblemKind{"not-yet-valid", http.StatusBadRequest, "The message was issued in the future", true}
	ProblemLifetime         = ProblemKind{"lifetime-too-long", http.StatusBadRequest, "The message is valid for too long", false}
	ProblemTypeUnknown      = ProblemKind{"type-unknown", http.StatusUnprocessableEntity, "The message type is not known", false}
	ProblemSchema           = ProblemKind{"schema-violation", http.StatusUnprocessableEntity, "The body does not match its schema", false}
	ProblemAgreement        = ProblemKind{"agreement-refused", http.StatusForbidden, "The agreement does not permit this message", false}
	ProblemField            = ProblemKind{"field-refused", http.StatusUnprocessableEntity, "The agreement's field policy refuses this body", false}
	ProblemCorrection       = ProblemKind{"correction-refused", http.StatusUnprocessableEntity, "The correction cannot be made", false}
	ProblemCaseState        = ProblemKind{"case-state", http.StatusConflict, "The case does not allow this message now", false}
	ProblemCaseOrder        = ProblemKind{"case-order", http.StatusConflict, "An earlier message of this case has not arrived yet", true}
	ProblemIDReused         = ProblemKind{"id-reused", http.StatusConflict, "The message identifier was used for other bytes", false}
	ProblemErased           = ProblemKind{"erased", http.StatusGone, "The case was erased", false}
	ProblemUnavailable      = ProblemKind{"store-unavailable", http.StatusServiceUnavailable, "The record cannot be written now", true}
	ProblemInternal         = ProblemKind{"internal", http.StatusInternalServerError, "Internal error", true}
)

// What only officers and national systems meet, at the operator API. They stand
// in docs/operating.md and never answer a partner.
var (
	ProblemUnauthenticated = ProblemKind{"unauthenticated", http.StatusUnauthorized, "Nobody who may act here was recognised", false}
	ProblemForbidden       = ProblemKind{"forbidden", http.StatusForbidden, "This may not be done by whoever asks", false}
	ProblemRequest         = ProblemKind{"request-invalid", http.StatusBadRequest, "The request is not one that is understood", false}
	ProblemDraft           = ProblemKind{"draft-invalid", http.StatusUnprocessableEntity, "The draft is not acceptable", false}
	ProblemHeld            = ProblemKind{"held", http.StatusConflict, "The message may not leave yet", false}
	ProblemDraftState      = ProblemKind{"draft-state", http.StatusConflict, "The draft does not allow this now", false}
	ProblemDraftVersion    = ProblemKind{"draft-version", http.StatusConflict, "The draft has changed meanwhile", false}
	ProblemApproval        = ProblemKind{"approval-invalid", http.StatusUnprocessableEntity, "The approval does not count", false}
	ProblemIdentity        = ProblemKind{"identity-unavailable", http.StatusServiceUnavailable, "The identity provider cannot be reached now", true}
	ProblemDamaged         = ProblemKind{"record-damaged", http.StatusInternalServerError, "What is stored is not what was recorded", false}
)

// OperatorProblemKinds returns the problems of the operator API alone.
func OperatorProblemKinds() []ProblemKind {
	return []ProblemKind{ProblemUnauthenticated, ProblemForbidden, ProblemRequest, ProblemDraft, ProblemHeld, ProblemDraftState, ProblemDraftVersion, ProblemApproval, ProblemIdentity, ProblemDamaged}
}

// ProblemKinds returns the whole table in the order of the documentation.
func ProblemKinds() []ProblemKind {
	return []ProblemKind{
		ProblemPartnerUnknown, ProblemPartnerSuspended, ProblemCertificate, ProblemNotFound, ProblemMethod,
		ProblemMediaType, ProblemContentEncoding, ProblemTooLarge, ProblemRateLimited, ProblemBusy,
		ProblemIncomplete, ProblemJWS, ProblemSignature, ProblemJSON, ProblemEnvelope, ProblemIssuer,
		ProblemAudience, ProblemExpired, ProblemNotYetValid, ProblemLifetime, ProblemTypeUnknown,
		ProblemSchema, ProblemAgreement, ProblemField, ProblemCorrection, ProblemCaseState, ProblemCaseOrder, ProblemIDReused, ProblemErased,
		ProblemUnavailable, ProblemInternal,
	}
}

// A FieldError names one place of a body that broke a rule. It never carries
// the value found there.
type FieldError struct {
	Pointer string `json:"pointer"`
	Rule    string `json:"rule"`
	Detail  string `json:"detail"`
}

// A Problem is a refusal as its receiver will read it: an RFC 9457 problem
// document. It is the only error type that reaches a partner; every other
// error becomes ProblemInternal and is logged once.
type Problem struct {
	Kind    ProblemKind
	Detail  string       // one sentence for a human: what was wrong and what to do
	Rule    string       // the rule's stable name, when one rule decided
	Pointer string       // JSON Pointer into the claims, when one place decided
	Errors  []FieldError // every place, when several did
	After   time.Duration
	cause   error // logged, never sent
}

func (p *Problem) Error() string {
	s := p.Kind.Slug
	if p.Rule != "" {
		s += " (" + p.Rule + ")"
	}
	if p.Pointer != "" {
		s += " at " + p.Pointer
	}
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	return s
}

func (p *Problem) Unwrap() error { return p.cause }

// Type returns the problem's URI.
func (p *Problem) Type() string { return ProblemTypePrefix + p.Kind.Slug }

// NewProblem returns a refusal for those outside this package who must decide
// one; detail is for a human and holds no value from a message.
func NewProblem(kind ProblemKind, detail string) *Problem {
	return &Problem{Kind: kind, Detail: detail}
}

func problem(kind ProblemKind, format string, args ...any) *Problem {
	return &Problem{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

func (p *Problem) rule(rule string) *Problem         { p.Rule = rule; return p }
func (p *Problem) at(pointer string) *Problem        { p.Pointer = pointer; return p }
func (p *Problem) because(err error) *Problem        { p.cause = err; return p }
func (p *Problem) after(d time.Duration) *Problem    { p.After = d; return p }
func (p *Problem) fields(errs []FieldError) *Problem { p.Errors = errs; return p }

// AsProblem returns the Problem in err's chain, or an internal one that hides
// err from the outside and keeps it for the log.
func AsProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return problem(ProblemInternal, "The gateway met an unexpected error; send the identical bytes again later.").because(err)
}

// A problemDocument is the JSON of RFC 9457.
type problemDocument struct {
	Type     string       `json:"type"`
	Title    string       `json:"title"`
	Status   int          `json:"status"`
	Detail   string       `json:"detail,omitempty"`
	Instance string       `json:"instance,omitempty"`
	Pointer  string       `json:"pointer,omitempty"`
	Rule     string       `json:"rule,omitempty"`
	Errors   []FieldError `json:"errors,omitempty"`
}

// Document renders the problem document; instance is the request's identifier.
func (p *Problem) Document(instance string) []byte {
	doc := problemDocument{
		Type: p.Type(), Title: p.Kind.Title, Status: p.Kind.Status, Detail: p.Detail,
		Pointer: p.Pointer, Rule: p.Rule, Errors: p.Errors,
	}
	if instance != "" {
		doc.Instance = "urn:uuid:" + instance
	}
	out, err := json.Marshal(doc)
	if err != nil { // strings and ints only: cannot fail
		panic(err)
	}
	return out
}

// A PartnerProblem is what a partner answered to a message of ours: what we know
// of its problem document.
type PartnerProblem struct {
	Status              int
	Slug, Rule, Pointer string
}

func (p *PartnerProblem) Error() string {
	s := fmt.Sprintf("the partner answered %d", p.Status)
	if p.Slug != "" {
		s += " " + p.Slug
	}
	if p.Rule != "" {
		s += " (" + p.Rule + ")"
	}
	if p.Pointer != "" {
		s += " at " + p.Pointer
	}
	return s
}

// parsePartnerProblem reads a partner's problem document defensively, because
// the text is hostile and goes into logs and the record: only slugs and rules
// of our own lists survive, and a pointer to a place of the message that was sent.
func parsePartnerProblem(status int, contentType string, body, sent []byte) *PartnerProblem {
	out := &PartnerProblem{Status: status}
	if contentType != MediaTypeProblem {
		return out
	}
	var doc problemDocument
	if json.Unmarshal(body, &doc) != nil {
		return out
	}
	i := slices.IndexFunc(ProblemKinds(), func(k ProblemKind) bool { return doc.Type == ProblemTypePrefix+k.Slug })
	if i < 0 {
		return out
	}
	out.Slug = ProblemKinds()[i].Slug
	if KnownRule(doc.Rule) {
		out.Rule = doc.Rule
	}
	out.Pointer = placeIn(sent, doc.Pointer)
	return out
}
