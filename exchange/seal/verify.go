package seal

import (
	"crypto/rsa"
	"crypto/sha256"
	"time"
)

// A Verified is a message that a known key has signed. Only Verify makes one.
type Verified struct{ u *Unverified }

// Bytes returns the exact bytes that were verified. They must not be changed.
func (v Verified) Bytes() []byte { return v.u.compact }

// Payload returns the decoded payload. It must not be changed.
func (v Verified) Payload() []byte { return v.u.payload }

// KeyID returns the identifier of the key that signed.
func (v Verified) KeyID() string { return v.u.header.kid }

// Algorithm returns the algorithm that signed.
func (v Verified) Algorithm() string { return v.u.header.alg }

// SHA256 returns the hash of the exact bytes.
func (v Verified) SHA256() [32]byte { return sha256.Sum256(v.u.compact) }

// Verify checks the signature with the one key that the header names: the
// algorithm is the key's own, the key is valid now. The error is an *Error.
func (u *Unverified) Verify(keys *KeySet, now time.Time) (Verified, error) {
	key, ok := keys.keys[u.header.kid]
	if !ok {
		return Verified{}, refuse(RuleKeyID, "No key of this kid is known for the partner.")
	}
	if key.Algorithm != u.header.alg {
		return Verified{}, refuse(RuleAlgorithm, "This key signs with %s only.", key.Algorithm)
	}
	if !key.NotBefore.IsZero() && now.Before(key.NotBefore) {
		return Verified{}, refuse(RuleKeyWindow, "The key is not valid yet.")
	}
	if !key.NotAfter.IsZero() && !now.Before(key.NotAfter) {
		return Verified{}, refuse(RuleKeyWindow, "The key is not valid any more.")
	}
	if public, isRSA := key.Public.(*rsa.PublicKey); isRSA && len(u.signature) != public.Size() {
		return Verified{}, refuse(RuleSignature, "The signature has not the length of the key.")
	}
	if err := key.verifier.Verify(u.signed, u.signature, key.Public); err != nil {
		return Verified{}, refuse(RuleSignature, "The signature does not verify with the partner's key.")
	}
	return Verified{u}, nil
}
