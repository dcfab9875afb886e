package seal

import (
	"bytes"
	"encoding/base64"
)

// The signature algorithms of the wire (RFC 7518 §3.1, RFC 8037).
const (
	ES256 = "ES256"
	ES384 = "ES384"
	EdDSA = "EdDSA"
	PS256 = "PS256"
)

// signatureSizes are the exact lengths; 0 means the length of the RSA modulus.
var signatureSizes = map[string]int{ES256: 64, ES384: 96, EdDSA: 64, PS256: 0}

// maxHeader bounds the decoded header: three short members.
const maxHeader = 512

// A header is the whole protected header: there is nothing else in it.
type header struct{ alg, kid, typ string }

// An Unverified is a well-formed compact JWS that nobody has verified yet.
type Unverified struct {
	compact   []byte
	signed    []byte // header and payload as they were signed
	header    header
	payload   []byte
	signature []byte
}

// Parse takes the exact bytes of a compact JWS (RFC 7515 §7.1) of the given
// type apart. The error is an *Error.
func Parse(compact []byte, typ string, maxBytes int) (*Unverified, error) {
	if len(compact) > maxBytes {
		return nil, refuse(RuleSize, "The message has %d bytes; at most %d are taken.", len(compact), maxBytes)
	}
	first, rest, ok1 := bytes.Cut(compact, dot)
	second, third, ok2 := bytes.Cut(rest, dot)
	if !ok1 || !ok2 || bytes.IndexByte(third, '.') >= 0 || len(first) == 0 || len(second) == 0 || len(third) == 0 {
		return nil, refuse(RuleForm, "A message is a compact JWS: three non-empty parts with two dots between them.")
	}
	if len(first) > base64.RawURLEncoding.EncodedLen(maxHeader) {
		return nil, refuse(RuleHeader, "The header is longer than %d bytes.", maxHeader)
	}
	head, err := decodePart(first, "header")
	if err != nil {
		return nil, err
	}
	u := &Unverified{compact: compact, signed: compact[:len(first)+1+len(second)]}
	if u.header, err = parseHeader(head); err != nil {
		return nil, err
	}
	size, allowed := signatureSizes[u.header.alg]
	if !allowed {
		return nil, refuse(RuleAlgorithm, "alg must be one of ES256, ES384, EdDSA and PS256.")
	}
	if u.header.typ != typ {
		return nil, refuse(RuleType, "typ must be %s here.", typ)
	}
	if !validKeyID(u.header.kid) {
		return nil, refuse(RuleKeyID, "kid must be 1 to 64 letters, digits or one of . _ ~ -")
	}
	if u.signature, err = decodePart(third, "signature"); err != nil {
		return nil, err
	}
	if size != 0 && len(u.signature) != size {
		return nil, refuse(RuleSignature, "A signature with this alg has exactly %d bytes.", size)
	}
	if u.payload, err = decodePart(second, "payload"); err != nil {
		return nil, err
	}
	return u, nil
}

var dot = []byte(".")

// KeyID names the key that a message says it was signed with; nobody has
// verified it.
func (u *Unverified) KeyID() string { return u.header.kid }

// decodePart decodes canonical base64url without padding (RFC 7515 §2). Go's
// decoder skips line ends and, unless strict, ignores trailing bits; neither
// may pass, because two texts must never mean the same message.
func decodePart(part []byte, name string) ([]byte, error) {
	if bytes.ContainsAny(part, "\r\n") {
		return nil, refuse(RuleBase64, "The %s is not canonical base64url without padding.", name)
	}
	out := make([]byte, base64.RawURLEncoding.DecodedLen(len(part)))
	n, err := strictBase64.Decode(out, part)
	if err != nil {
		return nil, refuse(RuleBase64, "The %s is not canonical base64url without padding.", name)
	}
	return out[:n], nil
}

var strictBase64 = base64.RawURLEncoding.Strict()

func validKeyID(kid string) bool {
	if kid == "" || len(kid) > 64 {
		return false
	}
	for _, c := range []byte(kid) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '~', c == '-':
		default:
			return false
		}
	}
	return true
}

// parseHeader reads an object with exactly the members alg, kid and typ, each
// once, each a plain string. Nothing else has a meaning here, so nothing else
// is parsed: crit, b64, jwk, jku, x5u and all the rest are refused by name
// without a list of them.
func parseHeader(b []byte) (header, error) {
	bad := refuse(RuleHeader, "The header must be a JSON object with exactly the string members alg, kid and typ.")
	if len(b) > maxHeader {
		return header{}, bad
	}
	var h header
	s := scanner{b}
	if !s.take('{') {
		return header{}, bad
	}
	for i := range 3 {
		if i > 0 && !s.take(',') {
			return header{}, bad
		}
		name, ok := s.text()
		if !ok || !s.take(':') {
			return header{}, bad
		}
		value, ok := s.text()
		if !ok || value == "" {
			return header{}, bad
		}
		var into *string
		switch name {
		case "alg":
			into = &h.alg
		case "kid":
			into = &h.kid
		case "typ":
			into = &h.typ
		}
		if into == nil || *into != "" {
			return header{}, bad
		}
		*into = value
	}
	if !s.take('}') || !s.end() {
		return header{}, bad
	}
	return h, nil
}

// A scanner reads the few tokens that a header may have.
type scanner struct{ rest []byte }

func (s *scanner) space() { s.rest = bytes.TrimLeft(s.rest, " \t\r\n") }

func (s *scanner) end() bool { s.space(); return len(s.rest) == 0 }

func (s *scanner) take(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// text reads a string of printable ASCII without escapes.
func (s *scanner) text() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	for i, c := range s.rest {
		switch {
		case c == '"':
			text := string(s.rest[:i])
			s.rest = s.rest[i+1:]
			return text, true
		case c < 0x20 || c > 0x7e || c == '\\':
			return "", false
		}
	}
	return "", false
}
