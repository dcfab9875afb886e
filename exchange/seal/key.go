package seal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// A Key is a partner's public verification key. It has one algorithm; a
// signature that names another is refused, whatever the key could do.
type Key struct {
	KeyID     string
	Algorithm string
	Public    crypto.PublicKey
	NotBefore time.Time // zero: no bound
	NotAfter  time.Time // zero: no bound
}

// maxJWK bounds a JWK: an RSA key of 8192 bits needs about 1.5 kB.
const maxJWK = 8 << 10

// minRSABits is the smallest RSA modulus that is taken (128-bit security).
const minRSABits, maxRSABits = 3072, 8192

// ParseJWK reads a public key (RFC 7517) strictly: known members only, each
// once; no private or symmetric key; canonical coordinates of the right length;
// the curve or size that belongs to alg. The error is an *Error.
func ParseJWK(data []byte) (Key, error) {
	members, err := jwkMembers(data)
	if err != nil {
		return Key{}, err
	}
	k := Key{KeyID: members["kid"], Algorithm: members["alg"]}
	if !validKeyID(k.KeyID) {
		return Key{}, refuse(RuleJWK, "kid must be 1 to 64 letters, digits or one of . _ ~ -")
	}
	if use, ok := members["use"]; ok && use != "sig" {
		return Key{}, refuse(RuleJWK, "use must be sig.")
	}
	switch members["kty"] {
	case "EC":
		err = k.readEC(members)
	case "OKP":
		err = k.readOKP(members)
	case "RSA":
		err = k.readRSA(members)
	default:
		err = refuse(RuleJWK, "kty must be EC, OKP or RSA; symmetric keys verify nothing here.")
	}
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

// jwkNames are the members that each kind of key may have.
var jwkNames = map[string]string{
	"EC": " kty kid alg use key_ops crv x y ", "OKP": " kty kid alg use key_ops crv x ", "RSA": " kty kid alg use key_ops n e ",
}

// jwkMembers reads the object's string members; key_ops may only say verify.
func jwkMembers(data []byte) (map[string]string, error) {
	bad := refuse(RuleJWK, "A key must be one JSON object with string members, each name once.")
	if len(data) > maxJWK {
		return nil, refuse(RuleJWK, "A key may have at most %d bytes.", maxJWK)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, bad
	}
	members := map[string]string{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, bad
		}
		key := name.(string) // inside an object the decoder gives names as strings
		if _, twice := members[key]; twice {
			return nil, bad
		}
		if key == "key_ops" {
			var ops []string
			if dec.Decode(&ops) != nil || len(ops) != 1 || ops[0] != "verify" {
				return nil, refuse(RuleJWK, `key_ops may only be ["verify"].`)
			}
			members[key] = "verify"
			continue
		}
		value, err := dec.Token()
		text, ok := value.(string)
		if err != nil || !ok {
			return nil, bad
		}
		members[key] = text
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, bad
	}
	allowed := jwkNames[members["kty"]]
	for name := range members {
		if allowed != "" && !bytes.Contains([]byte(allowed), []byte(" "+name+" ")) {
			return nil, refuse(RuleJWK, "A public %s key has no other members than%s.", members["kty"], allowed)
		}
	}
	return members, nil
}

// coordinate decodes a canonical base64url member; size 0 takes any length.
func coordinate(members map[string]string, name string, size int) ([]byte, error) {
	out, err := decodePart([]byte(members[name]), name)
	if err != nil || len(out) == 0 || size != 0 && len(out) != size {
		return nil, refuse(RuleJWK, "%s is not canonical base64url of the right length.", name)
	}
	return out, nil
}

func (k *Key) readEC(m map[string]string) error {
	curve, size := elliptic.P256(), 32
	switch m["crv"] + " " + k.Algorithm {
	case "P-256 " + ES256:
	case "P-384 " + ES384:
		curve, size = elliptic.P384(), 48
	default:
		return refuse(RuleJWK, "An EC key needs crv P-256 with alg ES256, or crv P-384 with alg ES384.")
	}
	x, err := coordinate(m, "x", size)
	if err != nil {
		return err
	}
	y, err := coordinate(m, "y", size)
	if err != nil {
		return err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	if err != nil {
		return refuse(RuleJWK, "x and y are no point of the curve.")
	}
	k.Public = public
	return nil
}

func (k *Key) readOKP(m map[string]string) error {
	if m["crv"] != "Ed25519" || k.Algorithm != EdDSA {
		return refuse(RuleJWK, "An OKP key needs crv Ed25519 with alg EdDSA.")
	}
	x, err := coordinate(m, "x", ed25519.PublicKeySize)
	if err != nil {
		return err
	}
	k.Public = ed25519.PublicKey(x)
	return nil
}

func (k *Key) readRSA(m map[string]string) error {
	if k.Algorithm != PS256 {
		return refuse(RuleJWK, "An RSA key needs alg PS256.")
	}
	n, err := coordinate(m, "n", 0)
	if err != nil {
		return err
	}
	e, err := coordinate(m, "e", 0)
	if err != nil {
		return err
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if n[0] == 0 || e[0] == 0 || modulus.BitLen() < minRSABits || modulus.BitLen() > maxRSABits || modulus.Bit(0) == 0 {
		return refuse(RuleJWK, "n must be an odd modulus of %d to %d bits.", minRSABits, maxRSABits)
	}
	if !exponent.IsInt64() || exponent.Int64() < 65537 || exponent.Int64() > 1<<31-1 || exponent.Bit(0) == 0 {
		return refuse(RuleJWK, "e must be odd and at least 65537.")
	}
	k.Public = &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}
	return nil
}

// JWK returns the public key as canonical JSON (members in the order of RFC
// 7638, then alg and kid).
func (k Key) JWK() []byte {
	type member struct{ name, value string }
	var members []member
	switch public := k.Public.(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil { // made by ParseJWK or NewSigner, so on its curve
			panic("seal: " + err.Error())
		}
		half := len(point) / 2
		members = []member{{"crv", public.Params().Name}, {"kty", "EC"}, {"x", encodePart(point[1 : 1+half])}, {"y", encodePart(point[1+half:])}}
	case ed25519.PublicKey:
		members = []member{{"crv", "Ed25519"}, {"kty", "OKP"}, {"x", encodePart(public)}}
	case *rsa.PublicKey:
		members = []member{{"e", encodePart(big.NewInt(int64(public.E)).Bytes())}, {"kty", "RSA"}, {"n", encodePart(public.N.Bytes())}}
	}
	out := []byte{'{'}
	for i, m := range append(members, member{"alg", k.Algorithm}, member{"kid", k.KeyID}) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `"`+m.name+`":"`+m.value+`"`...)
	}
	return append(out, '}')
}

// Thumbprint returns the key's SHA-256 JWK thumbprint (RFC 7638), base64url.
func (k Key) Thumbprint() string {
	full := k.JWK()
	required, _, _ := bytes.Cut(full, []byte(`,"alg"`))
	sum := sha256.Sum256(append(required[:len(required):len(required)], '}'))
	return encodePart(sum[:])
}

func encodePart(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// A KeySet is a partner's keys by their identifiers.
type KeySet struct{ keys map[string]preparedKey }

// A preparedKey is a key with the library's verifier for its algorithm.
type preparedKey struct {
	Key
	verifier jws.Verifier
}

// NewKeySet prepares keys; an identifier that stands twice is refused.
func NewKeySet(keys ...Key) (*KeySet, error) {
	set := &KeySet{make(map[string]preparedKey, len(keys))}
	for _, k := range keys {
		if _, twice := set.keys[k.KeyID]; twice {
			return nil, refuse(RuleJWK, "The kid %s stands twice.", k.KeyID)
		}
		if err := fits(k.Public, k.Algorithm); err != nil {
			return nil, err
		}
		verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(k.Algorithm))
		if err != nil {
			return nil, refuse(RuleJWK, "There is no verifier for %s.", k.Algorithm)
		}
		set.keys[k.KeyID] = preparedKey{k, verifier}
	}
	return set, nil
}

// fits says whether a public key may be used with an algorithm of the wire.
func fits(public crypto.PublicKey, alg string) error {
	ok := false
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		ok = alg == ES256 && p.Curve == elliptic.P256() || alg == ES384 && p.Curve == elliptic.P384()
	case ed25519.PublicKey:
		ok = alg == EdDSA && len(p) == ed25519.PublicKeySize
	case *rsa.PublicKey:
		ok = alg == PS256 && p.N.BitLen() >= minRSABits && p.N.BitLen() <= maxRSABits
	}
	if !ok {
		return refuse(RuleJWK, "The key does not fit its algorithm %s.", alg)
	}
	return nil
}
