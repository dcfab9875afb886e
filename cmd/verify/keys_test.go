package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// A testNoteKey signs notes.
type testNoteKey struct {
	name, vkey string
	hash       uint32
	private    ed25519.PrivateKey
	witness    bool
}

func newNoteKey(name string, witness bool) *testNoteKey {
	seed := sha256.Sum256([]byte("note key of " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	algorithm := byte(1)
	if witness {
		algorithm = 4
	}
	raw := append([]byte{algorithm}, private.Public().(ed25519.PublicKey)...)
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	hash := binary.BigEndian.Uint32(sum[:])
	vkey := fmt.Sprintf("%s+%08x+%s", name, hash, base64.StdEncoding.EncodeToString(raw))
	return &testNoteKey{name, vkey, hash, private, witness}
}

// line is the signature line for a text.
func (k *testNoteKey) line(text string) string {
	raw := binary.BigEndian.AppendUint32(nil, k.hash)
	if k.witness {
		raw = binary.BigEndian.AppendUint64(raw, 1700000000)
		raw = append(raw, ed25519.Sign(k.private, []byte("cosignature/v1\ntime 1700000000\n"+text))...)
	} else {
		raw = append(raw, ed25519.Sign(k.private, []byte(text))...)
	}
	return "— " + k.name + " " + base64.StdEncoding.EncodeToString(raw) + "\n"
}

func (k *testNoteKey) sign(text string) string { return text + "\n" + k.line(text) }

func (k *testNoteKey) head(size int64, root tlog.Hash) string {
	return k.sign(fmt.Sprintf("%s\n%d\n%s\n", k.name, size, base64.StdEncoding.EncodeToString(root[:])))
}

// A testKey signs for a party.
type testKey struct {
	kid, alg string
	private  crypto.Signer
	jwk      map[string]any
}

func newTestKey(kid, alg string) *testKey {
	k := &testKey{kid: kid, alg: alg}
	seed := sha512.Sum384([]byte("key " + kid))
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	switch alg {
	case "EdDSA":
		private := ed25519.NewKeyFromSeed(seed[:32])
		k.private = private
		k.jwk = map[string]any{"kty": "OKP", "crv": "Ed25519", "x": b64(private.Public().(ed25519.PublicKey))}
	case "ES256", "ES384":
		curve, size := elliptic.P256(), 32
		if alg == "ES384" {
			curve, size = elliptic.P384(), 48
			seed[0] = 1 // below the order
		}
		private, err := ecdsa.ParseRawPrivateKey(curve, seed[:size])
		must(err)
		point, err := private.PublicKey.Bytes()
		must(err)
		k.private = private
		k.jwk = map[string]any{"kty": "EC", "crv": curve.Params().Name, "x": b64(point[1 : 1+size]), "y": b64(point[1+size:])}
	case "PS256":
		private, err := rsa.GenerateKey(rand.Reader, 3072)
		must(err)
		k.private = private
		k.jwk = map[string]any{"kty": "RSA", "n": b64(private.N.Bytes()), "e": b64(big.NewInt(int64(private.E)).Bytes())}
	}
	k.jwk["kid"], k.jwk["alg"] = kid, alg
	return k
}

// raw signs bytes as RFC 7518 asks.
func (k *testKey) raw(signed []byte) []byte {
	sum := sha256.Sum256(signed)
	var out []byte
	var err error
	switch private := k.private.(type) {
	case ed25519.PrivateKey:
		out = ed25519.Sign(private, signed)
	case *ecdsa.PrivateKey:
		digest, size, hash := sum[:], 32, crypto.SHA256
		if k.alg == "ES384" {
			long := sha512.Sum384(signed)
			digest, size, hash = long[:], 48, crypto.SHA384
		}
		var der []byte
		der, err = private.Sign(nil, digest, hash) // without randomness: RFC 6979
		out = fixedForm(der, size)
	case *rsa.PrivateKey:
		out, err = rsa.SignPSS(rand.Reader, private, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: 32})
	}
	if err != nil {
		panic(err)
	}
	return out
}

// fixedForm turns a DER signature into r and s.
func fixedForm(der []byte, size int) []byte {
	out := make([]byte, 2*size)
	rest := der[2:]
	for i := range 2 {
		n := int(rest[1])
		new(big.Int).SetBytes(rest[2 : 2+n]).FillBytes(out[i*size : (i+1)*size])
		rest = rest[2+n:]
	}
	return out
}

var sharedKeys = sync.OnceValue(func() map[string]*testKey {
	return map[string]*testKey{
		"VN": newTestKey("vn-1", "ES256"), "KH": newTestKey("kh-1", "EdDSA"), "LA": newTestKey("la-1", "EdDSA"),
		"CN": newTestKey("cn-1", "ES384"), "GB": newTestKey("gb-1", "PS256"), "XX": newTestKey("vn-1", "EdDSA"),
	}
})
