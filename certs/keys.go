package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"strings"
)

// The signature algorithms of the wire, by their JOSE names.
const (
	ES256 = "ES256"
	ES384 = "ES384"
	EdDSA = "EdDSA"
	PS256 = "PS256"
)

// minRSA is the smallest RSA modulus, in bits, that is accepted anywhere.
const minRSA = 3072

// GenerateKey makes a new private key. RSA keys of others are verified and may
// serve TLS, but none are made here: signing with one costs milliseconds.
func GenerateKey(algorithm string) (crypto.Signer, error) {
	var key crypto.Signer
	var err error
	switch algorithm {
	case ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case EdDSA:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, setup("use ES256, ES384 or EdDSA", "generate key: algorithm %q is not offered", clip(algorithm))
	}
	if err != nil {
		return nil, fmt.Errorf("generate %s key: %w", algorithm, err)
	}
	return key, nil
}

// Algorithm is the one signature algorithm a public key may be used with; a key
// that is too weak or of another kind is an error.
func Algorithm(public crypto.PublicKey) (string, error) {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return ES256, nil
		case elliptic.P384():
			return ES384, nil
		}
		return "", fmt.Errorf("elliptic curve %s is not accepted", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return EdDSA, nil
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA {
			return "", fmt.Errorf("RSA key of %d bits, at least %d are needed", bits, minRSA)
		}
		return PS256, nil
	}
	return "", fmt.Errorf("keys of type %T are not accepted", public)
}

// EncodePrivateKey gives the PKCS#8 PEM form of a key.
func EncodePrivateKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode private key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: der}), nil
}

// ParsePrivateKey reads exactly one PKCS#8 PEM key of an accepted kind.
func ParsePrivateKey(data []byte) (crypto.Signer, error) {
	blocks, err := decodePEM(data, blockKey)
	if err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	if len(blocks) != 1 {
		return nil, fmt.Errorf("parse private key: %d keys in one file", len(blocks))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(blocks[0])
	if err != nil {
		// The cause is dropped on purpose: nothing of a key belongs in a log.
		return nil, errors.New("parse private key: not a PKCS#8 key")
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("parse private key: a key of type %T cannot sign", parsed)
	}
	if _, err := Algorithm(key.Public()); err != nil {
		return nil, fmt.Errorf("parse private key: %w", err)
	}
	return key, nil
}

// WritePrivateKey writes a new key file, mode 0600, and never overwrites one.
func WritePrivateKey(path string, key crypto.Signer) error {
	data, err := EncodePrivateKey(key)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return createFile(path, data, privateFile)
}

// ReadPrivateKey reads a key file for TLS: any accepted kind, RSA included.
func ReadPrivateKey(path string) (crypto.Signer, error) {
	data, _, err := readFile(path, maxPEM, true)
	if err != nil {
		return nil, err
	}
	key, err := ParsePrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// LoadSigner reads a key file for signing messages, receipts or checkpoints.
func LoadSigner(path string) (crypto.Signer, error) {
	key, err := ReadPrivateKey(path)
	if err != nil {
		return nil, fmt.Errorf("load signer: %w", err)
	}
	if _, isRSA := key.(*rsa.PrivateKey); isRSA {
		return nil, setup("make an ES256, ES384 or EdDSA key",
			"load signer %s: RSA keys are verified, but not signed with here", path)
	}
	return key, nil
}

// CSRRequest says what a certificate is asked for.
type CSRRequest struct {
	CommonName   string
	Organization string
	Country      string
	DNSNames     []string
	IPs          []net.IP
}

// CreateCSR makes a PEM certificate request, to be signed by a real authority
// or by Authority.Issue.
func CreateCSR(key crypto.Signer, req CSRRequest) ([]byte, error) {
	if key == nil {
		return nil, errors.New("create certificate request: no key given")
	}
	if req.CommonName == "" {
		return nil, errors.New("create certificate request: no common name given")
	}
	subject := pkix.Name{CommonName: req.CommonName}
	if req.Organization != "" {
		subject.Organization = []string{req.Organization}
	}
	if req.Country != "" {
		subject.Country = []string{req.Country}
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: subject, DNSNames: req.DNSNames, IPAddresses: req.IPs,
	}, key)
	if err != nil {
		return nil, fmt.Errorf("create certificate request: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockCSR, Bytes: der}), nil
}

const pinPrefix = "sha256/"

// pin is the SHA-256 of a certificate's SubjectPublicKeyInfo.
type pin [sha256.Size]byte

func pinOf(cert *x509.Certificate) pin { return sha256.Sum256(cert.RawSubjectPublicKeyInfo) }

func (p pin) String() string { return pinPrefix + base64.StdEncoding.EncodeToString(p[:]) }

// Pin names the key in a certificate: "sha256/" and the base64 SHA-256 of its
// SubjectPublicKeyInfo. It outlives the renewal of a certificate over one key.
func Pin(cert *x509.Certificate) string { return pinOf(cert).String() }

// PinKey is the pin that a certificate over this public key will have, so that
// a partner can be told of it before the certificate exists.
func PinKey(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("pin public key: %w", err)
	}
	return pin(sha256.Sum256(der)).String(), nil
}

// CheckPin says whether a text is a well-formed pin.
func CheckPin(text string) error {
	_, err := parsePin(text)
	return err
}

func parsePin(text string) (pin, error) {
	encoded, ok := strings.CutPrefix(text, pinPrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || err != nil || len(raw) != sha256.Size || strings.ContainsAny(encoded, "\r\n") {
		return pin{}, setup("it is the SHA-256 of the public key in the certificate, see gateway cert",
			"pin %q: want sha256/ and 44 characters of base64", clip(text))
	}
	return pin(raw), nil
}

// Fingerprint is the SHA-256 of the whole certificate, as openssl prints it, to
// be compared by people.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}
