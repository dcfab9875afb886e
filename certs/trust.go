package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
	"time"
)

// TrustConfig says what one partner's connections must satisfy.
type TrustConfig struct {
	Anchors        []*x509.Certificate // that partner's authorities, nobody else's
	Pins           []string            // its leaf keys; several during a rotation
	RevokedSerials []string            // leaves we refuse ourselves, hexadecimal
	CRLs           *CRLs               // nil when the partner publishes none
	AllowTLS12     bool                // AEAD suites with forward secrecy only
	Now            func() time.Time
}

// Trust decides about the connections of one partner. What it trusts does not
// change: a new configuration is a new Trust (over the same CRLs).
type Trust struct {
	anchors []*x509.Certificate
	roots   *x509.CertPool
	pins    map[pin]struct{}
	revoked map[string]struct{}
	crls    *CRLs
	tls12   bool
	now     func() time.Time

	mu     sync.Mutex
	proved map[[sha256.Size]byte]struct{} // leaves whose chains these anchors have proved, for Recheck
}

// maxProved bounds what a Trust remembers: a partner has a few certificates.
const maxProved = 64

// NewTrust checks a partner's configuration.
func NewTrust(cfg TrustConfig) (*Trust, error) {
	if cfg.Now == nil {
		return nil, errors.New("new trust: needs a clock")
	}
	t := &Trust{
		anchors: slices.Clone(cfg.Anchors), roots: x509.NewCertPool(), pins: map[pin]struct{}{},
		revoked: map[string]struct{}{}, crls: cfg.CRLs, tls12: cfg.AllowTLS12, now: cfg.Now,
		proved: map[[sha256.Size]byte]struct{}{},
	}
	if len(cfg.Anchors) == 0 {
		return nil, errors.New("new trust: no anchor: at least one authority certificate is needed")
	}
	for _, anchor := range cfg.Anchors {
		if anchor == nil || !anchor.BasicConstraintsValid || !anchor.IsCA {
			return nil, setup("give the certificate of the issuing authority, and the leaf's pin",
				"new trust: an anchor is not an authority certificate")
		}
		t.roots.AddCert(anchor)
	}
	if len(cfg.Pins) == 0 {
		return nil, setup("list the pin of its certificate, see gateway cert", "new trust: no pin: a partner is known by its pins")
	}
	for _, text := range cfg.Pins {
		p, err := parsePin(text)
		if err != nil {
			return nil, fmt.Errorf("new trust: %w", err)
		}
		t.pins[p] = struct{}{}
	}
	for _, text := range cfg.RevokedSerials {
		serial, err := ParseSerial(text)
		if err != nil {
			return nil, fmt.Errorf("new trust: %w", err)
		}
		t.revoked[string(serial.Bytes())] = struct{}{}
	}
	if err := t.checkListAnchors(); err != nil {
		return nil, err
	}
	return t, nil
}

// checkListAnchors keeps the two configurations together: lists checked against
// other anchors than the chains would say nothing about these chains.
func (t *Trust) checkListAnchors() error {
	if t.crls == nil {
		return nil
	}
	for _, signer := range t.crls.cfg.Anchors {
		if !slices.ContainsFunc(t.anchors, signer.Equal) {
			return fmt.Errorf("new trust: the revocation lists accept %q, which is not an anchor", clip(signer.Subject.String()))
		}
	}
	return nil
}

// Pins lists the partner's pins, sorted.
func (t *Trust) Pins() []string {
	list := make([]string, 0, len(t.pins))
	for p := range t.pins {
		list = append(list, p.String())
	}
	sort.Strings(list)
	return list
}

// AllowsTLS12 says whether the partner's configuration permits TLS 1.2.
func (t *Trust) AllowsTLS12() bool { return t.tls12 }

// CRLState reports the partner's revocation lists.
func (t *Trust) CRLState() CRLState {
	if t.crls == nil {
		return CRLState{Status: CRLNone}
	}
	return t.crls.State()
}

// Verify is the full decision about a connection. It belongs in VerifyConnection
// and has no side effect: in TLS 1.3 that is called before the peer has proved
// that it holds the key. The cheap rules come first, so that a stranger costs no
// signature check.
func (t *Trust) Verify(cs tls.ConnectionState, usage x509.ExtKeyUsage) error {
	if len(cs.PeerCertificates) == 0 {
		return noCertificate()
	}
	if err := t.verifyTLS(cs); err != nil {
		return err
	}
	leaf, now := cs.PeerCertificates[0], t.now()
	if err := t.verifyListed(leaf, now); err != nil {
		return err
	}
	if err := verifyLeaf(leaf, usage); err != nil {
		return err
	}
	return t.verifyChain(cs.PeerCertificates, usage, now)
}

// Recheck is the decision about a request on a connection that Verify let in as
// a client: is the pin still listed, is the certificate still valid and not
// revoked, and is its chain one of these anchors'. The connection may be older
// than this Trust, so the chain is proved once for each certificate.
func (t *Trust) Recheck(presented ...*x509.Certificate) error {
	if len(presented) == 0 || presented[0] == nil {
		return noCertificate()
	}
	leaf, now := presented[0], t.now()
	if err := t.verifyListed(leaf, now); err != nil {
		return err
	}
	if err := t.proveOnce(presented, now); err != nil {
		return err
	}
	if t.crls == nil {
		return nil
	}
	t.crls.refreshIfDue(now)
	return t.crls.judge(leaf, now)
}

func (t *Trust) proveOnce(presented []*x509.Certificate, now time.Time) error {
	sum := sha256.Sum256(presented[0].Raw)
	t.mu.Lock()
	_, known := t.proved[sum]
	t.mu.Unlock()
	if known {
		return nil
	}
	if err := t.verifyChain(presented, x509.ExtKeyUsageClientAuth, now); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.proved) >= maxProved {
		clear(t.proved)
	}
	t.proved[sum] = struct{}{}
	return nil
}

func noCertificate() error {
	return refuse(RuleNoCertificate, "the partner must call with its client certificate", "no certificate was presented")
}

func (t *Trust) verifyTLS(cs tls.ConnectionState) error {
	switch {
	case cs.Version >= tls.VersionTLS13:
		return nil
	case cs.Version != tls.VersionTLS12 || !t.tls12:
		return refuse(RuleTLSVersion, "TLS 1.3 is needed unless the partner's configuration allows 1.2",
			"the connection uses %s", tls.VersionName(cs.Version))
	case !slices.Contains(suites12, cs.CipherSuite):
		return refuse(RuleCipherSuite, "offer an ECDHE suite with AES-GCM or ChaCha20-Poly1305",
			"the connection uses %s", tls.CipherSuiteName(cs.CipherSuite))
	}
	return nil
}

// verifyListed holds what both the handshake and every request ask of a leaf.
func (t *Trust) verifyListed(leaf *x509.Certificate, now time.Time) error {
	p := pinOf(leaf)
	if _, ok := t.pins[p]; !ok {
		return unknownPin(p)
	}
	if err := verifyDates(leaf, now); err != nil {
		return err
	}
	if len(t.revoked) > 0 {
		if _, gone := t.revoked[string(leaf.SerialNumber.Bytes())]; gone {
			return refuse(RuleRevoked, "the partner needs a new certificate, or the serial is listed by mistake",
				"serial %s is revoked in the partner's configuration", FormatSerial(leaf.SerialNumber))
		}
	}
	return nil
}

func unknownPin(p pin) error {
	return refuse(RuleUnknownPin, "if the partner confirms this key over another channel, add the pin to its configuration",
		"the key %s is not configured", p)
}

func verifyDates(cert *x509.Certificate, now time.Time) error {
	if now.Before(cert.NotBefore) {
		return refuse(RuleNotYetValid, "compare the clocks", "certificate %s is valid only from %s",
			FormatSerial(cert.SerialNumber), stamp(cert.NotBefore))
	}
	if now.After(cert.NotAfter) {
		return refuse(RuleExpired, "the partner must renew its certificate", "certificate %s expired at %s",
			FormatSerial(cert.SerialNumber), stamp(cert.NotAfter))
	}
	return nil
}

// verifyLeaf holds what x509 leaves open: the strength of the key, and the
// purposes of a key that must sign a handshake and nothing else.
func verifyLeaf(leaf *x509.Certificate, usage x509.ExtKeyUsage) error {
	if usage != x509.ExtKeyUsageServerAuth && usage != x509.ExtKeyUsageClientAuth {
		return fmt.Errorf("verify connection: usage %d is neither server nor client authentication", usage)
	}
	if _, err := Algorithm(leaf.PublicKey); err != nil {
		return refuse(RuleWeakKey, "use P-256, P-384, Ed25519, or RSA with 3072 bits or more", "the certificate's key: %v", err)
	}
	const hint = "ask for a leaf certificate with digitalSignature, serverAuth and clientAuth"
	if leaf.IsCA {
		return refuse(RuleKeyUsage, hint, "an authority certificate was presented as a leaf")
	}
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return refuse(RuleKeyUsage, hint, "the certificate's key usage does not permit signatures")
	}
	return nil
}

func (t *Trust) verifyChain(presented []*x509.Certificate, usage x509.ExtKeyUsage, now time.Time) error {
	between := x509.NewCertPool()
	for _, cert := range presented[1:] {
		between.AddCert(cert)
	}
	leaf := presented[0]
	chains, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return chainRefusal(err, now)
	}
	if t.crls == nil {
		return nil
	}
	t.crls.Refresh()
	// Only a direct issuer among the anchors has a list that was checked.
	direct := func(chain []*x509.Certificate) bool { return len(chain) == 2 && t.crls.covers(chain[1]) }
	if !slices.ContainsFunc(chains, direct) {
		return noList(leaf)
	}
	return t.crls.judge(leaf, now)
}

// chainRefusal gives the standard library's answer one of our names.
func chainRefusal(err error, now time.Time) error {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		switch invalid.Reason {
		case x509.Expired: // the library's word for both ends
			if dates := verifyDates(invalid.Cert, now); dates != nil {
				return dates
			}
		case x509.IncompatibleUsage:
			return refuse(RuleKeyUsage, "ask for a certificate with serverAuth and clientAuth", "%v", err)
		}
	}
	return refuse(RuleChain, "the certificate must be issued by an anchor of this very partner", "%v", err)
}
