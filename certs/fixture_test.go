package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// clock is the injected time. It begins at the real time, because the TLS
// library keeps its own for session tickets.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().Truncate(time.Second)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// country is a partner with an authority of its own.
type country struct {
	*Authority
	clock *clock
	dir   string
}

func newCountry(t testing.TB, c *clock, name string) *country {
	t.Helper()
	dir := t.TempDir()
	a, err := NewAuthority(AuthorityConfig{Dir: filepath.Join(dir, "ca"), CommonName: name + " test authority", Now: c.Now})
	must(t, err)
	return &country{Authority: a, clock: c, dir: dir}
}

// leaf is a certificate with its key and its files.
type leaf struct {
	*x509.Certificate
	key      crypto.Signer
	certFile string
	keyFile  string
}

func (c *country) leaf(t testing.TB, name string, lifetime time.Duration) leaf {
	t.Helper()
	key, err := GenerateKey(ES256)
	must(t, err)
	return c.renew(t, name, key, lifetime)
}

func (c *country) renew(t testing.TB, name string, key crypto.Signer, lifetime time.Duration) leaf {
	t.Helper()
	csr, err := CreateCSR(key, CSRRequest{CommonName: name, DNSNames: []string{"gateway.example"}})
	must(t, err)
	cert, err := c.Issue(IssueRequest{CSR: csr, Lifetime: lifetime})
	must(t, err)
	dir := t.TempDir()
	l := leaf{Certificate: cert, key: key, certFile: filepath.Join(dir, "tls.pem"), keyFile: filepath.Join(dir, "tls.key")}
	must(t, WriteCertificates(l.certFile, cert))
	must(t, WritePrivateKey(l.keyFile, key))
	return l
}

func (l leaf) identity(t testing.TB, c *clock) *Identity {
	t.Helper()
	id, err := LoadIdentity(IdentityConfig{CertFile: l.certFile, KeyFile: l.keyFile, Now: c.Now})
	must(t, err)
	return id
}

func (l leaf) tls() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{l.Raw}, PrivateKey: l.key, Leaf: l.Certificate}
}

// trust accepts the country's leaves; change may alter the configuration.
func (c *country) trust(t testing.TB, change func(*TrustConfig), leaves ...leaf) *Trust {
	t.Helper()
	cfg := TrustConfig{Anchors: []*x509.Certificate{c.Certificate()}, Now: c.clock.Now}
	for _, l := range leaves {
		cfg.Pins = append(cfg.Pins, Pin(l.Certificate))
	}
	if change != nil {
		change(&cfg)
	}
	trust, err := NewTrust(cfg)
	must(t, err)
	return trust
}

func (c *country) crlFile() string { return filepath.Join(c.dir, "list.crl") }

func (c *country) publish(t testing.TB, valid time.Duration) {
	t.Helper()
	must(t, c.WriteCRL(c.crlFile(), c.clock.Now().Add(valid)))
}

func (c *country) lists(t testing.TB, grace time.Duration) *CRLs {
	t.Helper()
	crls, err := NewCRLs(CRLConfig{
		Files: []string{c.crlFile()}, Anchors: []*x509.Certificate{c.Certificate()},
		Policy: CRLPolicy{Grace: grace}, Now: c.clock.Now,
	})
	must(t, err)
	return crls
}

// handmade signs a certificate that Issue would not make.
func (c *country) handmade(t testing.TB, public crypto.PublicKey, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		NotBefore: c.clock.Now().Add(-time.Hour), NotAfter: c.clock.Now().Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, DNSNames: []string{"gateway.example"},
	}
	change(template)
	cert, err := sign(template, c.cert, public, c.key)
	must(t, err)
	return cert
}

func newP256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

// state13 is what a TLS 1.3 handshake would hand to Verify.
func state13(chain ...*x509.Certificate) tls.ConnectionState {
	return tls.ConnectionState{
		Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256,
		HandshakeComplete: true, PeerCertificates: chain,
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantRule(t testing.TB, err error, rule Rule) {
	t.Helper()
	var refusal *Refusal
	switch {
	case rule == "":
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
	case !errors.As(err, &refusal):
		t.Fatalf("got %v, want a refusal by rule %s", err, rule)
	case refusal.Rule != rule:
		t.Fatalf("refused by %s (%v), want rule %s", refusal.Rule, err, rule)
	case refusal.Detail == "" || refusal.Hint == "":
		t.Fatalf("a refusal without detail or hint: %#v", refusal)
	}
}

func writeRaw(t testing.TB, path string, data []byte, mode os.FileMode) {
	t.Helper()
	must(t, os.WriteFile(path, data, mode))
	must(t, os.Chmod(path, mode))
}
