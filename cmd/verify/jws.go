package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	typMessage = "repatriation+jwt"
	typReceipt = "receipt+jwt"
)

// windowSlack is how long after its key's end an entry may have been recorded:
// the key is judged when a message arrives, the entry is written a moment
// later.
const windowSlack = time.Minute

var kidPattern = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,64}$`)

// A partyKey is a public signing key of a party.
type partyKey struct {
	party, kid, alg string
	public          crypto.PublicKey
	thumbprint      string // RFC 7638
	nbf, exp        *int64
	used            int64
}

// A keyring holds the keys by party and kid.
type keyring map[string]map[string]*partyKey

// parseKeyring reads keys/parties.json. A key that cannot be used is found,
// and the others stay.
func parseKeyring(data []byte, r *report) keyring {
	ring := keyring{}
	parties, err := strictObject(data)
	if err != nil {
		r.find(fileParties, "%v", err)
		return ring
	}
	for party, list := range parties {
		var raws []json.RawMessage
		if len(list) == 0 || list[0] != '[' || json.Unmarshal(list, &raws) != nil {
			r.find(fileParties, "the keys of %s are not a list", plain(party))
			continue
		}
		ring[party] = map[string]*partyKey{}
		for i, raw := range raws {
			k, err := parseJWK(raw)
			if err != nil {
				r.find(fileParties, "key %d of %s: %v", i, plain(party), err)
				continue
			}
			if ring[party][k.kid] != nil {
				r.find(fileParties, "%s has two keys of the kid %s", plain(party), k.kid)
				continue
			}
			k.party = party
			ring[party][k.kid] = k
		}
	}
	return ring
}

// parseJWK reads a public key with its kid and its validity.
func parseJWK(raw []byte) (*partyKey, error) {
	m, err := strictObject(raw)
	if err != nil {
		return nil, err
	}
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if m[private] != nil {
			return nil, errors.New("it holds a private key")
		}
	}
	k := &partyKey{}
	kid, ok := stringOf(m, "kid")
	if k.kid = kid; !ok || !kidPattern.MatchString(kid) {
		return nil, errors.New("its kid is missing or malformed")
	}
	kty, _ := stringOf(m, "kty")
	switch kty {
	case "EC":
		err = k.readEC(m)
	case "OKP":
		err = k.readOKP(m)
	case "RSA":
		err = k.readRSA(m)
	default:
		err = errors.New("its kind is unknown")
	}
	if err != nil {
		return nil, err
	}
	if alg, given := stringOf(m, "alg"); m["alg"] != nil && (!given || alg != k.alg) {
		return nil, errors.New("its algorithm does not belong to its kind")
	}
	for name, into := range map[string]**int64{"nbf": &k.nbf, "exp": &k.exp} {
		if m[name] != nil {
			n, ok := intOf(m, name)
			if !ok {
				return nil, errors.New("its validity cannot be read")
			}
			*into = &n
		}
	}
	return k, nil
}

// part reads a member of base64url that is size bytes long.
func part(m map[string]json.RawMessage, name string, size int) ([]byte, error) {
	s, ok := stringOf(m, name)
	b, err := decode64(s)
	if !ok || err != nil || len(b) == 0 || size > 0 && len(b) != size {
		return nil, errors.New("its " + name + " cannot be read")
	}
	return b, nil
}

func (k *partyKey) readEC(m map[string]json.RawMessage) error {
	crv, _ := stringOf(m, "crv")
	curve, size := elliptic.P256(), 32
	switch crv {
	case "P-256":
		k.alg = "ES256"
	case "P-384":
		k.alg, curve, size = "ES384", elliptic.P384(), 48
	default:
		return errors.New("its curve is not P-256 or P-384")
	}
	x, errX := part(m, "x", size)
	y, errY := part(m, "y", size)
	if err := errors.Join(errX, errY); err != nil {
		return err
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y))
	if err != nil {
		return errors.New("its point is not on its curve")
	}
	k.public = public
	k.setThumbprint(`{"crv":"%s","kty":"EC","x":"%s","y":"%s"}`, crv, encode64(x), encode64(y))
	return nil
}

func (k *partyKey) readOKP(m map[string]json.RawMessage) error {
	if crv, _ := stringOf(m, "crv"); crv != "Ed25519" {
		return errors.New("its curve is not Ed25519")
	}
	x, err := part(m, "x", ed25519.PublicKeySize)
	if err != nil {
		return err
	}
	k.alg, k.public = "EdDSA", ed25519.PublicKey(x)
	k.setThumbprint(`{"crv":"Ed25519","kty":"OKP","x":"%s"}`, encode64(x))
	return nil
}

func (k *partyKey) readRSA(m map[string]json.RawMessage) error {
	n, errN := part(m, "n", 0)
	e, errE := part(m, "e", 0)
	if err := errors.Join(errN, errE); err != nil {
		return err
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n)}
	exponent := new(big.Int).SetBytes(e)
	if exponent.BitLen() > 31 || exponent.Bit(0) == 0 || exponent.Int64() < 3 {
		return errors.New("its exponent is not one that is used")
	}
	public.E = int(exponent.Int64())
	// The upper bound is for our own time, not for the key.
	if bits := public.N.BitLen(); bits < 3072 || bits > 16384 {
		return errors.New("it is an RSA key of less than 3072 bits, or of absurdly many")
	}
	k.alg, k.public = "PS256", public
	k.setThumbprint(`{"e":"%s","kty":"RSA","n":"%s"}`, encode64(exponent.Bytes()), encode64(public.N.Bytes()))
	return nil
}

func (k *partyKey) setThumbprint(format string, args ...any) {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	k.thumbprint = encode64(sum[:])
}

// validAt says whether the key's window covers a time.
func (k *partyKey) validAt(at time.Time) bool {
	return (k.nbf == nil || at.Unix() >= *k.nbf) && (k.exp == nil || at.Add(-windowSlack).Unix() < *k.exp)
}

// A jws is a compact JWS whose form is right; verify says whether it holds.
type jws struct {
	alg, kid  string
	claims    map[string]json.RawMessage
	signed    []byte
	signature []byte
}

// parseJWS reads a compact JWS whose header is exactly alg, kid and typ.
func parseJWS(compact, typ string) (*jws, error) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, errors.New("is not a compact JWS of three parts")
	}
	header, errH := decode64(parts[0])
	payload, errP := decode64(parts[1])
	signature, errS := decode64(parts[2])
	if errors.Join(errH, errP, errS) != nil {
		return nil, errors.New("is not in canonical base64url")
	}
	m, err := strictObject(header)
	alg, okAlg := stringOf(m, "alg")
	kid, okKid := stringOf(m, "kid")
	got, okTyp := stringOf(m, "typ")
	switch {
	case err != nil || len(header) > 512 || len(m) != 3 || !okAlg || !okKid || !okTyp || bytes.ContainsRune(header, '\\'):
		return nil, errors.New("has a header that is not exactly alg, kid and typ")
	case alg != "ES256" && alg != "ES384" && alg != "EdDSA" && alg != "PS256":
		return nil, errors.New("has an algorithm that is not permitted")
	case got != typ:
		return nil, errors.New("has another typ than " + typ)
	case !kidPattern.MatchString(kid):
		return nil, errors.New("has a malformed kid")
	}
	claims, err := strictObject(payload)
	if err != nil {
		return nil, errors.New("has claims that are not one JSON object with each name once")
	}
	return &jws{alg, kid, claims, []byte(parts[0] + "." + parts[1]), signature}, nil
}

// verify checks the signature with the one key that the header names.
func (j *jws) verify(keys map[string]*partyKey) (*partyKey, error) {
	k := keys[j.kid]
	switch {
	case k == nil:
		return nil, fmt.Errorf("names a key, kid %s, that is not among its party's keys", j.kid)
	case k.alg != j.alg:
		return nil, errors.New("has another algorithm than its key")
	case !verifySignature(k, j.signed, j.signature):
		return nil, errors.New("has a signature that does not hold")
	}
	k.used++
	return k, nil
}

// verifySignature knows the four algorithms; an ECDSA signature is r and s of
// fixed length, so the DER form is not one.
func verifySignature(k *partyKey, signed, signature []byte) bool {
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		size, digest := 32, sha256.New()
		if k.alg == "ES384" {
			size, digest = 48, sha512.New384()
		}
		if len(signature) != 2*size {
			return false
		}
		_, _ = digest.Write(signed) // a hash does not fail
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(public, digest.Sum(nil), r, s)
	case ed25519.PublicKey:
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(public, signed, signature)
	case *rsa.PublicKey:
		sum := sha256.Sum256(signed)
		// RFC 7518 3.5: the salt is as long as the hash.
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return len(signature) == public.Size() && rsa.VerifyPSS(public, crypto.SHA256, sum[:], signature, options) == nil
	}
	return false
}
