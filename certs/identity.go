package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// IdentityConfig names the files of an identity.
type IdentityConfig struct {
	CertFile string // PEM: the leaf first, then its issuers without the anchor
	KeyFile  string // PKCS#8 PEM, mode 600
	Now      func() time.Time
}

// Identity is a certificate with its key, read again when the files change, so
// that a renewal needs no restart. A renewal that cannot be used (half copied,
// the wrong key, not yet valid) leaves the old pair in place and is reported.
type Identity struct {
	cfg   IdentityConfig
	check throttle

	mu   sync.Mutex // one reload at a time
	live atomic.Pointer[identityPair]
}

type identityPair struct {
	cert              *tls.Certificate
	certInfo, keyInfo fs.FileInfo // what was tried last, good or not
	triedAt           time.Time
	problem           error
}

// LoadIdentity reads the pair and refuses one that does not belong together.
func LoadIdentity(cfg IdentityConfig) (*Identity, error) {
	if cfg.CertFile == "" || cfg.KeyFile == "" || cfg.Now == nil {
		return nil, errors.New("load identity: needs a certificate file, a key file and a clock")
	}
	i := &Identity{cfg: cfg}
	pair := i.read(cfg.Now())
	if pair.problem != nil {
		return nil, fmt.Errorf("load identity: %w", pair.problem)
	}
	i.live.Store(pair)
	return i, nil
}

func (i *Identity) read(now time.Time) *identityPair {
	pair := &identityPair{triedAt: now}
	var certPEM, keyPEM []byte
	certPEM, pair.certInfo, pair.problem = readFile(i.cfg.CertFile, maxPEM, false)
	if pair.problem != nil {
		return pair
	}
	keyPEM, pair.keyInfo, pair.problem = readFile(i.cfg.KeyFile, maxPEM, true)
	if pair.problem != nil {
		return pair
	}
	list, err := ParseCertificates(certPEM)
	if err != nil {
		pair.problem = fmt.Errorf("read %s: %w", i.cfg.CertFile, err)
		return pair
	}
	key, err := ParsePrivateKey(keyPEM)
	if err != nil {
		pair.problem = fmt.Errorf("read %s: %w", i.cfg.KeyFile, err)
		return pair
	}
	if !samePublic(key.Public(), list[0].PublicKey) {
		pair.problem = setup("the leaf must be the first certificate in its file",
			"%s is not the key of the first certificate in %s", i.cfg.KeyFile, i.cfg.CertFile)
		return pair
	}
	pair.cert = &tls.Certificate{PrivateKey: key, Leaf: list[0]}
	for _, cert := range list {
		pair.cert.Certificate = append(pair.cert.Certificate, cert.Raw)
	}
	return pair
}

// Refresh looks at the files now. It is called, at most once a second, when a
// connection is made.
func (i *Identity) Refresh() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, old := i.cfg.Now(), i.live.Load()
	retry := old.problem != nil && now.Sub(old.triedAt).Abs() >= retryEvery
	if !retry && !changed(i.cfg.CertFile, old.certInfo, old.triedAt) && !changed(i.cfg.KeyFile, old.keyInfo, old.triedAt) {
		return old.problem
	}
	next := i.read(now)
	if next.problem == nil && verifyDates(old.cert.Leaf, now) == nil {
		// A certificate that is not valid now must not replace one that is.
		if err := verifyDates(next.cert.Leaf, now); err != nil {
			next.problem = fmt.Errorf("the certificate now in %s is not used yet: %w", i.cfg.CertFile, err)
		}
	}
	if next.problem != nil {
		next.problem = fmt.Errorf("reload identity: %w", next.problem)
		next.cert = old.cert
	}
	i.live.Store(next)
	return next.problem
}

// Certificate is the pair to be used now.
func (i *Identity) Certificate() *tls.Certificate {
	if i.check.due(i.cfg.Now()) {
		_ = i.Refresh() // kept for Problem; the old pair still serves
	}
	return i.live.Load().cert
}

// Leaf is the certificate that peers see.
func (i *Identity) Leaf() *x509.Certificate { return i.Certificate().Leaf }

// Expires is when the certificate in use ends.
func (i *Identity) Expires() time.Time { return i.Leaf().NotAfter }

// Problem says why the files as they are now are not in use, or nil.
func (i *Identity) Problem() error {
	i.Certificate()
	return i.live.Load().problem
}

// GetCertificate is for tls.Config.
func (i *Identity) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return i.Certificate(), nil
}

// GetClientCertificate is for tls.Config. The server's hints about acceptable
// issuers are ignored: there is one identity, and the server decides.
func (i *Identity) GetClientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return i.Certificate(), nil
}

// may finds at start what every partner would refuse later.
func (i *Identity) may(usage x509.ExtKeyUsage) error { return verifyPurpose(i.Leaf(), usage) }
