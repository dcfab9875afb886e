package exchange

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
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
	Signed  string    `json:"signed"` // compact JWS, or a PasskeyStatement
}

// Reason is why an officer decided so, as they signed it. The signature is not
// verified again: it was before the approval was recorded.
func (a Approval) Reason() string {
	payload, err := a.payload()
	var s Statement
	if err != nil || strictStatement(payload, &s) != nil {
		return ""
	}
	return s.Reason
}

func (a Approval) payload() ([]byte, error) {
	if !strings.HasPrefix(a.Signed, "{") {
		return PayloadOf([]byte(a.Signed))
	}
	var s PasskeyStatement
	if err := strictJSON([]byte(a.Signed), &s); err != nil {
		return nil, err
	}
	return strict(s.Statement)
}

// A PasskeyStatement is a statement that a passkey signed: the challenge of the
// assertion is the SHA-256 of the statement's bytes.
type PasskeyStatement struct {
	Statement string `json:"statement"` // base64url of its JSON
	Assertion
}

// statementWindow is how far a statement's iat may lie from now: officers sign
// what they have before them.
const statementWindow = 15 * time.Minute

// maxStatementBytes bounds a statement.
const maxStatementBytes = 16 << 10

// Bytes returns a statement as it is signed.
func (s Statement) Bytes() []byte { return []byte(compactStruct(s)) }

// ReadStatement reads a statement that is yet to be signed.
func ReadStatement(text []byte) (s Statement, err error) {
	if err = strictStatement(text, &s); err != nil {
		return s, fmt.Errorf("this is no statement about a draft: %w", err)
	}
	return s, nil
}

// Challenge returns what a passkey signs for a statement.
func Challenge(statement []byte) []byte {
	sum := sha256.Sum256(statement)
	return sum[:]
}

// Sign signs a statement with an officer's key.
func (s Statement) Sign(signer *seal.Signer) ([]byte, error) {
	return signer.Sign(TypApproval, s.Bytes())
}

// openStatement verifies a statement with the officer's keys and checks that it
// is of this officer, here and now.
func openStatement(o *Officer, self string, signed []byte, now time.Time) (Statement, *Problem) {
	invalid := func(rule, detail string) (Statement, *Problem) {
		return Statement{}, problem(ProblemApproval, "%s", detail).rule(rule)
	}
	payload, refused := signedBy(o, signed)
	if refused != nil {
		return Statement{}, refused
	}
	var s Statement
	if err := strictStatement(payload, &s); err != nil {
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
	case reasonLength(s.Reason) > maxReason:
		return invalid("approval-form", "The reason is too long.")
	}
	return s, nil
}

// signedBy returns what an officer has signed, with a key or with a passkey.
func signedBy(o *Officer, signed []byte) ([]byte, *Problem) {
	invalid := func(rule, detail string) ([]byte, *Problem) {
		return nil, problem(ProblemApproval, "%s", detail).rule(rule)
	}
	if len(signed) > maxStatementBytes {
		return invalid("approval-form", "The statement is too long.")
	}
	if bytes.HasPrefix(signed, []byte("{")) {
		var s PasskeyStatement
		if err := strictJSON(signed, &s); err != nil {
			return invalid("approval-form", "The statement is neither a compact JWS of type approval+jwt nor what a passkey signed.")
		}
		passkey, known := o.passkey(s.Credential)
		if !known {
			return invalid("approval-key", "This officer has no such passkey here.")
		}
		payload, err := strict(s.Statement)
		if err != nil {
			return invalid("approval-form", "The statement is not canonical base64url.")
		}
		if err := passkey.verify(s.Assertion, Challenge(payload)); err != nil {
			return invalid("approval-signature", "The passkey has not signed this statement at its own site, after asking its owner.")
		}
		return payload, nil
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
	return verified.Payload(), nil
}

// strictStatement reads the claims of a statement: one JSON object with the
// members of a Statement and no other.
func strictStatement(payload []byte, s *Statement) error {
	if _, err := schemas.Parse(payload, schemas.DefaultLimits()); err != nil {
		return err
	}
	return strictJSON(payload, s)
}

// approves says whether an approval of the record is an officer's own release of
// exactly this content, with a key that the officer has now.
func approves(o *Officer, a Approval, draft, sha256 string) bool {
	payload, refused := signedBy(o, []byte(a.Signed))
	var s Statement
	return refused == nil && strictStatement(payload, &s) == nil &&
		s.Officer == o.ID && s.Draft == draft && s.SHA256 == sha256 && s.Decision == DecisionRelease
}
