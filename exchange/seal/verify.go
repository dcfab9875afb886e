package seal

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"time"
)

// A Verified is a message that a known key has signed. Only Verify makes one.
type Verified struct {
	u   *Unverified
	key Key
}

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

// CheckKey says whether the key that signed was valid at a time. It is apart
// from Verify because a message that was accepted once is answered again after
// its key has ended. The error is an *Error.
func (v Verified) CheckKey(at time.Time) error {
	if !v.key.NotBefore.IsZero() && at.Before(v.key.NotBefore) {
		return refuse(RuleKeyWindow, "The key was not valid yet.")
	}
	if !v.key.NotAfter.IsZero() && !at.Before(v.key.NotAfter) {
		return refuse(RuleKeyWindow, "The key was not valid any more.")
	}
	return nil
}

// Verify checks the signature with the one key that the header names; the
// algorithm is the key's own. Whether the key is valid is for CheckKey. The
// error is an *Error.
func (u *Unverified) Verify(keys *KeySet) (Verified, error) {
	key, ok := keys.keys[u.header.kid]
	if !ok {
		return Verified{}, refuse(RuleKeyID, "No key of this kid is known for the partner.")
	}
	if key.Algorithm != u.header.alg {
		return Verified{}, refuse(RuleAlgorithm, "This key signs with %s only.", key.Algorithm)
	}
	if err := key.check(u.signed, u.signature); err != nil {
		return Verified{}, refuse(RuleSignature, "The signature does not verify with the partner's key.")
	}
	return Verified{u, key.Key}, nil
}

// check verifies a signature. RSA goes past the JOSE library, which takes a
// PS256 signature with a salt of any length; RFC 7518, 3.5 takes one as long
// as the hash, and nothing else.
func (k preparedKey) check(signed, signature []byte) error {
	public, isRSA := k.Public.(*rsa.PublicKey)
	if !isRSA {
		return k.verifier.Verify(signed, signature, k.Public)
	}
	sum := sha256.Sum256(signed)
	return rsa.VerifyPSS(public, crypto.SHA256, sum[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
}
