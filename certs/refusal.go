package certs

import (
	"fmt"
)

// Rule names why a peer was refused. The values are stable: they appear in
// metrics and in the record.
type Rule string

// The rules, in the order in which Trust.Verify applies them.
const (
	RuleNoCertificate Rule = "no-certificate"
	RuleTLSVersion    Rule = "tls-version"
	RuleCipherSuite   Rule = "cipher-suite"
	RuleUnknownPin    Rule = "unknown-pin"
	RuleExpired       Rule = "expired"
	RuleNotYetValid   Rule = "not-yet-valid"
	RuleRevoked       Rule = "revoked"
	RuleWeakKey       Rule = "weak-key"
	RuleKeyUsage      Rule = "key-usage"
	RuleChain         Rule = "chain"
	RuleCRLMissing    Rule = "crl-missing"
	RuleCRLStale      Rule = "crl-stale"
	RuleHostName      Rule = "host-name"

	// RuleHandshake is for what the TLS library refused, or the peer.
	RuleHandshake Rule = "handshake"
)

// Refusal is the answer to a peer that is not trusted. Detail and Hint are for
// our own operator; the peer only ever sees a TLS alert or the bare rule.
type Refusal struct {
	Rule   Rule
	Detail string
	Hint   string
}

func (r *Refusal) Error() string {
	return withHint(fmt.Sprintf("peer refused (%s): %s", r.Rule, r.Detail), r.Hint)
}

// RefusedBy names the rule for those who do not know this package.
func (r *Refusal) RefusedBy() string { return string(r.Rule) }

func refuse(rule Rule, hint, format string, args ...any) *Refusal {
	return &Refusal{Rule: rule, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

// SetupError is a mistake in our own files or configuration, with the one thing
// to do about it.
type SetupError struct {
	Err  error
	Hint string
}

func (e *SetupError) Error() string { return withHint(e.Err.Error(), e.Hint) }

// Unwrap gives errors.Is and errors.As the cause.
func (e *SetupError) Unwrap() error { return e.Err }

func setup(hint, format string, args ...any) *SetupError {
	return &SetupError{Err: fmt.Errorf(format, args...), Hint: hint}
}

// withHint keeps the hint in the text, so that a caller that only prints the
// error loses nothing.
func withHint(text, hint string) string {
	if hint == "" {
		return text
	}
	return text + " (hint: " + hint + ")"
}
