package seal

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// A Signer signs compact JWS with one key. It is safe for concurrent use.
type Signer struct {
	key    crypto.Signer
	public Key
	signer jws.Signer
}

// NewSigner takes any crypto.Signer: a key in memory, or one in a token. The
// key must fit the algorithm.
func NewSigner(key crypto.Signer, kid, alg string) (*Signer, error) {
	if key == nil {
		return nil, errors.New("a signer needs a key")
	}
	if !validKeyID(kid) {
		return nil, refuse(RuleKeyID, "kid must be 1 to 64 letters, digits or one of . _ ~ -")
	}
	if err := fits(key.Public(), alg); err != nil {
		return nil, err
	}
	signer, err := jws.NewSigner(jwa.SignatureAlgorithm(alg))
	if err != nil {
		return nil, fmt.Errorf("prepare a signer for %s: %w", alg, err)
	}
	return &Signer{key, Key{KeyID: kid, Algorithm: alg, Public: key.Public()}, signer}, nil
}

// Public returns the verification key that belongs to the signer.
func (s *Signer) Public() Key { return s.public }

// Sign returns the payload as a compact JWS of the given type.
func (s *Signer) Sign(typ string, payload []byte) ([]byte, error) {
	head := `{"alg":"` + s.public.Algorithm + `","kid":"` + s.public.KeyID + `","typ":"` + typ + `"}`
	encoding := base64.RawURLEncoding
	out := make([]byte, 0, encoding.EncodedLen(len(head))+encoding.EncodedLen(len(payload))+encoding.EncodedLen(512)+2)
	out = encoding.AppendEncode(out, []byte(head))
	out = append(out, '.')
	out = encoding.AppendEncode(out, payload)
	signature, err := s.signer.Sign(out, s.key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	out = append(out, '.')
	return encoding.AppendEncode(out, signature), nil
}
