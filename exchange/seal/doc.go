// Package seal stands between bytes and trust: it parses compact JWS strictly
// before any library sees them, verifies and signs them, and keeps what is
// stored encrypted.
//
// The JOSE library (lestrrat-go/jwx) accepts more than this wire allows, so it
// only ever gets a signing input, a signature of the right length and a key
// whose algorithm is settled; it never parses a header and never leaves this
// package. Verified is a type that only Verify makes: whoever holds one holds
// bytes that a known key has signed.
package seal

import "fmt"

// The rules of this package; they are stable and appear in problem documents.
const (
	RuleSize      = "jws-size"       // too many bytes
	RuleForm      = "jws-form"       // not three non-empty parts
	RuleBase64    = "jws-base64"     // not canonical base64url without padding
	RuleHeader    = "jws-header"     // not exactly the members alg, kid and typ
	RuleAlgorithm = "jws-alg"        // not an allowed algorithm, or not the key's
	RuleType      = "jws-typ"        // not the type that belongs here
	RuleKeyID     = "jws-kid"        // no key of this identifier
	RuleKeyWindow = "jws-key-window" // the key is not valid now
	RuleSignature = "jws-signature"  // the signature does not verify
	RuleJWK       = "jwk"            // a public key is not acceptable
)

// An Error is a refusal: a stable rule, and a sentence that never holds
// anything from the message.
type Error struct{ Rule, Detail string }

func (e *Error) Error() string { return e.Rule + ": " + e.Detail }

func refuse(rule, format string, args ...any) *Error {
	return &Error{rule, fmt.Sprintf(format, args...)}
}
