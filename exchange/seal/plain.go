package seal

import (
	"crypto"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// A Plain is the same work done by the library's ready-made functions, behind
// the same strict parse: the floor that the bench measures the gateway against.
type Plain struct {
	key     crypto.Signer
	headers jws.Headers
	alg     jwa.SignatureAlgorithm
	keys    *KeySet
}

// NewPlain takes our key and the partner's keys.
func NewPlain(key crypto.Signer, kid string, keys *KeySet) (*Plain, error) {
	s, err := NewSigner(key, kid, ES256)
	if err != nil {
		return nil, err
	}
	h := jws.NewHeaders()
	if err := h.Set(jws.KeyIDKey, s.public.KeyID); err != nil {
		return nil, fmt.Errorf("prepare a header: %w", err)
	}
	return &Plain{key, h, jwa.ES256, keys}, nil
}

// Verify parses strictly and verifies with jws.Verify.
func (p *Plain) Verify(compact []byte, typ string) ([]byte, error) {
	u, err := Parse(compact, typ, len(compact))
	if err != nil {
		return nil, err
	}
	key, ok := p.keys.keys[u.header.kid]
	if !ok {
		return nil, refuse(RuleKeyID, "No key of this kid is known for the partner.")
	}
	return jws.Verify(compact, jws.WithKey(jwa.SignatureAlgorithm(key.Algorithm), key.Public))
}

// Sign signs with jws.Sign.
func (p *Plain) Sign(typ string, payload []byte) ([]byte, error) {
	h := jws.NewHeaders()
	if err := h.Set(jws.TypeKey, typ); err != nil {
		return nil, fmt.Errorf("set typ: %w", err)
	}
	if err := h.Set(jws.KeyIDKey, p.headers.KeyID()); err != nil {
		return nil, fmt.Errorf("set kid: %w", err)
	}
	return jws.Sign(payload, jws.WithKey(p.alg, p.key, jws.WithProtectedHeaders(h)))
}
