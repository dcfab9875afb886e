package exchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/repatriation-exchange/gateway/exchange/seal"
	"github.com/repatriation-exchange/gateway/schemas"
)

// TypApproval is the JWS type of an officer's statement about a draft.
const TypApproval = "approval+jwt"

// What an officer decides.
const (
	DecisionRelease = "release"
	DecisionReject  = "reject"
)

// A Statement is what an officer signs: which draft, exactly as it will be
// sent, may leave or may not. It stands in the record as it was signed, so a
// third party with the officer's key and the message can check who let it go.
type Statement struct {
	Officer  string `json:"iss"`
	Audience string `json:"aud"` // this gateway's code
	ID       string `json:"jti"`
	IssuedAt int64  `json:"iat"`
	Draft    string `json:"draft"`
	Version  int64  `json:"version"`
	SHA256   string `json:"sha256"` // of what will be sent; see docs/operating.md
	Decision string `json:"decision"`
	Reason   string `json:"reason,omitempty"`
}

// An Approval is a statement as it was signed.
type Approval struct {
	Officer string    `json:"officer"`
	At      time.Time `json:"at"`
	Signed  string    `json:"signed"` // compact JWS
}

// statementWindow is how far a statement's iat may lie from now: officers sign
// what they have before them.
const statementWindow = 15 * time.Minute

// maxStatementBytes bounds a statement.
const maxStatementBytes = 16 << 10

// Sign signs a statement with an officer's key.
func (s Statement) Sign(signer *seal.Signer) ([]byte, error) {
	payload, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write a statement: %w", err)
	}
	return signer.Sign(TypApproval, payload)
}

// openStatement verifies a statement with the officer's keys and checks that it
// is of this officer, here and now.
func openStatement(o *Officer, self string, signed []byte, now time.Time) (Statement, *Problem) {
	invalid := func(rule, detail string) (Statement, *Problem) {
		return Statement{}, problem(ProblemApproval, "%s", detail).rule(rule)
	}
	unverified, err := seal.Parse(signed, TypApproval, maxStatementBytes)
	if err != nil {
		return invalid("approval-form", "The statement is not a compact JWS of type approval+jwt.")
	}
	keys, err := o.keySet()
	if err != nil || len(o.Keys) == 0 {
		return invalid("approval-key", "This officer has no signing key here.")
	}
	verified, err := unverified.Verify(keys)
	if err != nil {
		return invalid("approval-signature", "The signature does not verify with a key of this officer.")
	}
	var s Statement
	if err := strictStatement(verified.Payload(), &s); err != nil {
		return invalid("approval-form", "The statement's claims are not those of a statement.")
	}
	issued := time.Unix(s.IssuedAt, 0)
	switch {
	case s.Officer != o.ID || s.Audience != self:
		return invalid("approval-party", "The statement is of another officer, or for another gateway.")
	case now.Sub(issued).Abs() > statementWindow:
		return invalid("approval-time", "The statement was not signed now; sign it again.")
	case s.Decision != DecisionRelease && s.Decision != DecisionReject:
		return invalid("approval-decision", "The decision is release or reject.")
	case len(s.Reason) > 1000:
		return invalid("approval-form", "The reason is too long.")
	}
	return s, nil
}

// strictStatement reads the claims of a statement: one JSON object with the
// members of a Statement and no other.
func strictStatement(payload []byte, s *Statement) error {
	if _, err := schemas.Parse(payload, schemas.DefaultLimits()); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.DisallowUnknownFields()
	return decoder.Decode(s)
}
