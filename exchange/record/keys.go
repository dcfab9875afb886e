package record

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// algEd25519 is the signature type byte of C2SP signed-note.
const algEd25519 = 1

// GenerateLogKey makes a key for the log called origin.
func GenerateLogKey(origin string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a log key: %w", err)
	}
	if _, err := NewCheckpointSigner(origin, key); err != nil {
		return nil, fmt.Errorf("generate a log key: %w", err)
	}
	return key, nil
}

// MarshalLogKey returns the private key as the text of a key file, in the form
// that Go's note package and public log software read
// (PRIVATE+KEY+origin+hash+base64), and a newline.
func MarshalLogKey(origin string, key ed25519.PrivateKey) ([]byte, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("marshal a log key: not an Ed25519 private key")
	}
	signer, err := NewCheckpointSigner(origin, key)
	if err != nil {
		return nil, fmt.Errorf("marshal a log key: %w", err)
	}
	material := base64.StdEncoding.EncodeToString(append([]byte{algEd25519}, key.Seed()...))
	return fmt.Appendf(nil, "PRIVATE+KEY+%s+%08x+%s\n", origin, signer.verifier.KeyHash(), material), nil
}

// ParseLogKey reads what MarshalLogKey wrote. Its errors never hold the text.
func ParseLogKey(text []byte) (origin string, key ed25519.PrivateKey, err error) {
	skey := strings.TrimRight(string(text), "\r\n")
	if _, err := note.NewSigner(skey); err != nil {
		return "", nil, errors.New("parse a log key: not an Ed25519 note signing key")
	}
	// NewSigner has judged name, hash and length, but hands out no seed.
	fields := strings.SplitN(skey, "+", 5)
	material, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil || len(material) != 1+ed25519.SeedSize {
		return "", nil, errors.New("parse a log key: not an Ed25519 note signing key")
	}
	return fields[2], ed25519.NewKeyFromSeed(material[1:]), nil
}

// ParseVerifierKey reads a log's public key (origin+hash+base64), and only in
// its canonical form.
func ParseVerifierKey(vkey string) (note.Verifier, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("parse a verifier key: %w", err)
	}
	_, rest, _ := strings.Cut(vkey, "+")
	hash, material, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(material)
	if err != nil || base64.StdEncoding.EncodeToString(raw) != material || hash != fmt.Sprintf("%08x", verifier.KeyHash()) {
		return nil, errors.New("parse a verifier key: not in canonical form")
	}
	return verifier, nil
}
