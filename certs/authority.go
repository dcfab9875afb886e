package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"path/filepath"
	"time"
)

const (
	authorityCert = "ca.pem"
	authorityKey  = "ca.key"

	defaultAuthorityLifetime = 5 * 365 * 24 * time.Hour
	defaultLeafLifetime      = 90 * 24 * time.Hour

	// backdate lets a peer whose clock is a little behind use a new certificate
	// at once.
	backdate = 5 * time.Minute
)

// Authority is a small certificate authority in a directory, for tests,
// demonstrations and pilots. It signs directly (no intermediate) and remembers
// what it issued, so that a mistyped serial number cannot pass for a revocation.
type Authority struct {
	dir  string
	now  func() time.Time
	cert *x509.Certificate
	key  crypto.Signer
}

// AuthorityConfig says what authority to make.
type AuthorityConfig struct {
	Dir        string           // where ca.pem, ca.key and authority.json go
	CommonName string           // the name in its certificate
	Now        func() time.Time // the clock
	Lifetime   time.Duration    // zero means five years
}

// NewAuthority makes a new authority. It refuses a directory that already holds
// one.
func NewAuthority(cfg AuthorityConfig) (*Authority, error) {
	if cfg.Dir == "" || cfg.CommonName == "" || cfg.Now == nil || cfg.Lifetime < 0 {
		return nil, errors.New("new authority: needs a directory, a common name, a clock and a lifetime that is not negative")
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = defaultAuthorityLifetime
	}
	key, err := GenerateKey(ES256)
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	now := cfg.Now()
	cert, err := sign(&x509.Certificate{
		Subject:               pkix.Name{CommonName: cfg.CommonName},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(cfg.Lifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}, nil, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	a := &Authority{dir: cfg.Dir, now: cfg.Now, cert: cert, key: key}
	// The key goes first: it is the file that decides who was first, and the one
	// that must not be overwritten.
	if err := WritePrivateKey(a.path(authorityKey), key); err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	if err := a.createLedger(); err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	if err := createFile(a.path(authorityCert), EncodeCertificates(cert), publicFile); err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	return a, nil
}

// LoadAuthority opens an authority that NewAuthority made.
func LoadAuthority(dir string, now func() time.Time) (*Authority, error) {
	if dir == "" || now == nil {
		return nil, errors.New("load authority: needs a directory and a clock")
	}
	a := &Authority{dir: dir, now: now}
	list, err := ReadCertificates(a.path(authorityCert))
	if err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	if len(list) != 1 || !list[0].IsCA {
		return nil, fmt.Errorf("load authority: %s is not one authority certificate", a.path(authorityCert))
	}
	a.cert = list[0]
	if a.key, err = ReadPrivateKey(a.path(authorityKey)); err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	if !samePublic(a.key.Public(), a.cert.PublicKey) {
		return nil, fmt.Errorf("load authority: %s is not the key of %s", authorityKey, authorityCert)
	}
	if _, err := a.readLedger(); err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	return a, nil
}

func (a *Authority) path(name string) string { return filepath.Join(a.dir, name) }

// Certificate is the anchor that partners configure.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// IssueRequest asks for a leaf certificate, from a request or a public key.
type IssueRequest struct {
	CSR       []byte           // PEM; its signature is checked, its key is used
	PublicKey crypto.PublicKey // instead of CSR

	// The names. With a CSR, each that is left empty is taken from it.
	CommonName string
	DNSNames   []string
	IPs        []net.IP

	Lifetime time.Duration // zero means 90 days, or what is left of the authority
}

// Issue signs a leaf certificate that serves and calls: a gateway is a TLS
// server to its partners and a TLS client of them.
func (a *Authority) Issue(req IssueRequest) (*x509.Certificate, error) {
	if err := req.fill(); err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	if req.CommonName == "" {
		return nil, errors.New("issue certificate: no common name given")
	}
	if _, err := Algorithm(req.PublicKey); err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	notAfter, err := a.leafEnd(req.Lifetime)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	cert, err := sign(&x509.Certificate{
		Subject:               pkix.Name{CommonName: req.CommonName},
		NotBefore:             a.now().Add(-backdate),
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              req.DNSNames,
		IPAddresses:           req.IPs,
	}, a.cert, req.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	if err := a.note(cert); err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	return cert, nil
}

func (req *IssueRequest) fill() error {
	if (req.CSR == nil) == (req.PublicKey == nil) {
		return errors.New("give either a certificate request or a public key")
	}
	if req.CSR == nil {
		return nil
	}
	blocks, err := decodePEM(req.CSR, blockCSR)
	if err != nil {
		return fmt.Errorf("parse certificate request: %w", err)
	}
	if len(blocks) != 1 {
		return fmt.Errorf("parse certificate request: %d requests in one file", len(blocks))
	}
	csr, err := x509.ParseCertificateRequest(blocks[0])
	if err != nil {
		return fmt.Errorf("parse certificate request: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return fmt.Errorf("check the signature of the certificate request: %w", err)
	}
	req.PublicKey = csr.PublicKey
	if req.CommonName == "" {
		req.CommonName = csr.Subject.CommonName
	}
	if req.DNSNames == nil {
		req.DNSNames = csr.DNSNames
	}
	if req.IPs == nil {
		req.IPs = csr.IPAddresses
	}
	return nil
}

func (a *Authority) leafEnd(lifetime time.Duration) (time.Time, error) {
	now, end := a.now(), a.cert.NotAfter
	if !now.Before(end) {
		return time.Time{}, setup("make a new authority in another directory",
			"the authority's own certificate expired at %s", stamp(end))
	}
	switch {
	case lifetime < 0:
		return time.Time{}, errors.New("a lifetime cannot be negative")
	case lifetime > 0 && now.Add(lifetime).After(end):
		return time.Time{}, setup("ask for a shorter lifetime",
			"the certificate would outlive its authority, which ends at %s", stamp(end))
	case lifetime > 0:
		return now.Add(lifetime), nil
	case now.Add(defaultLeafLifetime).After(end):
		return end, nil
	}
	return now.Add(defaultLeafLifetime), nil
}

// Revoke withdraws a certificate that this authority issued. Partners learn of
// it from the next CRL. Revoking twice keeps the first time.
func (a *Authority) Revoke(serial *big.Int) error {
	if serial == nil {
		return errors.New("revoke: no serial number given")
	}
	name := FormatSerial(serial)
	err := a.update(func(l *ledger) error {
		for i := range l.Issued {
			if l.Issued[i].Serial != name {
				continue
			}
			if l.Issued[i].RevokedAt == nil {
				at := a.now().UTC().Truncate(time.Second)
				l.Issued[i].RevokedAt = &at
			}
			return nil
		}
		return errors.New("this authority did not issue it")
	})
	if err != nil {
		return fmt.Errorf("revoke %s: %w", name, err)
	}
	return nil
}

// CRL signs a new revocation list, PEM, with the next number. The number is
// kept before the list is signed: one may be skipped, none is used twice.
func (a *Authority) CRL(nextUpdate time.Time) ([]byte, error) {
	now := a.now()
	if !nextUpdate.After(now) {
		return nil, fmt.Errorf("sign revocation list: its next update %s is not in the future", stamp(nextUpdate))
	}
	template := &x509.RevocationList{ThisUpdate: now, NextUpdate: nextUpdate}
	err := a.update(func(l *ledger) error {
		l.CRLNumber++
		template.Number = big.NewInt(l.CRLNumber)
		entries, err := l.revoked()
		template.RevokedCertificateEntries = entries
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sign revocation list: %w", err)
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign revocation list: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockCRL, Bytes: der}), nil
}

// WriteCRL signs a new revocation list into a file, atomically.
func (a *Authority) WriteCRL(path string, nextUpdate time.Time) error {
	data, err := a.CRL(nextUpdate)
	if err != nil {
		return err
	}
	return writeFile(path, data, publicFile)
}

// sign makes a certificate; without a parent it signs itself.
func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read back the signed certificate: %w", err)
	}
	return cert, nil
}

// samePublic compares two public keys; every accepted kind can do it.
func samePublic(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
