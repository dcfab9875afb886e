package exchange

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
)

// The media types and JWS types of the wire (docs/wire.md).
const (
	MediaTypeMessage = "application/repatriation+jwt"
	MediaTypeReceipt = "application/receipt+jwt"
	MediaTypeProblem = "application/problem+json"
	TypMessage       = "repatriation+jwt"
	TypReceipt       = "receipt+jwt"
)

// A Direction says which way an entry went, seen from this gateway.
type Direction string

const (
	In  Direction = "in"
	Out Direction = "out"
)

// Opposite returns the other direction.
func (d Direction) Opposite() Direction {
	if d == In {
		return Out
	}
	return In
}

// Claims are the claims of a message: RFC 7519's registered ones and ours.
// The set is closed; schemas/message.v1.json describes each.
type Claims struct {
	Issuer    string          `json:"iss"`
	Audience  string          `json:"aud"`
	ID        string          `json:"jti"`
	IssuedAt  int64           `json:"iat"`
	Expires   int64           `json:"exp"`
	Type      string          `json:"type"`
	Case      string          `json:"case"`
	InReplyTo string          `json:"in_reply_to,omitempty"`
	Agreement string          `json:"agreement"`
	Purpose   string          `json:"purpose"`
	Recipient string          `json:"recipient,omitempty"` // an agency of the receiver
	Approval  string          `json:"approval,omitempty"`  // the reference of an approval that the agreement asks for
	Body      json.RawMessage `json:"body"`
}

// claimsOf reads the claims out of a strictly parsed, envelope-validated
// value. It is called only after ValidateEnvelope, so a missing or mistyped
// member is a fault of ours and reported as one.
func claimsOf(parsed any) (Claims, any, error) {
	m, ok := parsed.(map[string]any)
	if !ok {
		return Claims{}, nil, fmt.Errorf("claims are not an object after validation")
	}
	text := func(name string) string { s, _ := m[name].(string); return s }
	var notDate *Problem
	number := func(name string) int64 {
		n, _ := m[name].(json.Number)
		v, err := n.Int64()
		if err != nil { // 1.0 and 1e3 are integers to JSON Schema
			notDate = problem(ProblemEnvelope, "Times are whole seconds, written as digits only.").rule("numeric-date").at("/" + name)
		}
		return v
	}
	c := Claims{
		Issuer: text("iss"), Audience: text("aud"), ID: text("jti"),
		IssuedAt: number("iat"), Expires: number("exp"),
		Type: text("type"), Case: text("case"), InReplyTo: text("in_reply_to"),
		Agreement: text("agreement"), Purpose: text("purpose"), Recipient: text("recipient"), Approval: text("approval"),
	}
	if notDate != nil {
		return Claims{}, nil, notDate
	}
	return c, m["body"], nil
}

// checkTimes applies exp and iat with the partner's tolerated clock skew.
func (c Claims) checkTimes(now time.Time, skew, maxLifetime time.Duration) *Problem {
	issued, expires := time.Unix(c.IssuedAt, 0), time.Unix(c.Expires, 0)
	switch {
	case !expires.After(issued):
		return problem(ProblemLifetime, "exp must be later than iat.").at("/exp")
	case expires.Sub(issued) > maxLifetime:
		return problem(ProblemLifetime, "A message may be valid for at most %s.", maxLifetime).at("/exp")
	case now.Add(skew).Before(issued):
		return problem(ProblemNotYetValid, "iat lies more than %s ahead of this gateway's clock; check yours.", skew).at("/iat")
	case now.After(expires.Add(skew)):
		return problem(ProblemExpired, "exp has passed; issue the message again with a new jti.").at("/exp")
	}
	return nil
}

var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{7,63}$`)

// ValidIdentifier says whether s may stand as a jti or a case.
func ValidIdentifier(s string) bool { return identifier.MatchString(s) }

// NewID returns a fresh identifier: a time-ordered UUID, so that it says
// nothing of the person and indexes well.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
