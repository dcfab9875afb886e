package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultGrace is how long a list past its nextUpdate is still used when the
	// policy does not say: a weekend and a day.
	DefaultGrace = 72 * time.Hour
	// MaxGrace keeps the policy a bound and not a way to switch revocation off.
	MaxGrace = 31 * 24 * time.Hour

	// crlSkew is how far another clock may be ahead of ours.
	crlSkew = 5 * time.Minute
)

// CRLPolicy says what happens when a revocation list is not renewed in time.
type CRLPolicy struct {
	Grace time.Duration // zero means DefaultGrace
}

// CRLConfig says where the lists of one partner are.
type CRLConfig struct {
	Files   []string            // one list of one issuer each, PEM or DER
	Anchors []*x509.Certificate // who may sign them
	Policy  CRLPolicy
	Now     func() time.Time
}

// CRLs are the revocation lists of one partner, read from files and read again
// when these change. Keep one for as long as its configuration is the same,
// across new Trusts: it remembers the highest number it saw.
type CRLs struct {
	cfg   CRLConfig
	check throttle

	mu   sync.Mutex // one reload at a time
	live atomic.Pointer[[]crlFile]
}

// crlFile is one file as last used. A value is never changed once it is live.
type crlFile struct {
	path   string
	issuer *x509.Certificate
	list   *crlList

	info    fs.FileInfo // what was tried last, good or not
	triedAt time.Time
	problem string // why the last try was not used
	since   time.Time
}

type crlList struct {
	sum        [sha256.Size]byte
	number     *big.Int
	thisUpdate time.Time
	nextUpdate time.Time
	revoked    map[string]struct{} // big-endian serial numbers
	loadedAt   time.Time
}

// NewCRLs reads every file once and refuses to start without one: a list that
// is configured and missing must not become "nothing is revoked".
func NewCRLs(cfg CRLConfig) (*CRLs, error) {
	if len(cfg.Files) == 0 || len(cfg.Anchors) == 0 || cfg.Now == nil {
		return nil, errors.New("revocation lists: need files, anchors and a clock")
	}
	if cfg.Policy.Grace == 0 {
		cfg.Policy.Grace = DefaultGrace
	}
	if cfg.Policy.Grace < 0 || cfg.Policy.Grace > MaxGrace {
		return nil, fmt.Errorf("revocation lists: a grace of %s is not between 0 and %s", cfg.Policy.Grace, MaxGrace)
	}
	c := &CRLs{cfg: cfg}
	now := cfg.Now()
	files := make([]crlFile, 0, len(cfg.Files))
	for _, path := range cfg.Files {
		f := c.reload(crlFile{path: path}, now)
		if f.list == nil {
			return nil, setup("put the issuer's current list there, or take the file out of the partner's configuration",
				"load revocation list: %s", f.problem)
		}
		for _, other := range files {
			if other.issuer == f.issuer {
				return nil, fmt.Errorf("revocation lists: %s and %s are of the same issuer", other.path, f.path)
			}
		}
		files = append(files, f)
	}
	c.live.Store(&files)
	return c, nil
}

// Refresh looks at the files now. It is called for every handshake, and at most
// once a second from Trust.Recheck; nothing needs to run in the background.
func (c *CRLs) Refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	old := *c.live.Load()
	var files []crlFile
	for i, f := range old {
		retry := f.problem != "" && now.Sub(f.triedAt).Abs() >= retryEvery
		if !retry && !changed(f.path, f.info, f.triedAt) {
			continue
		}
		if files == nil {
			files = append(files, old...)
		}
		files[i] = c.reload(f, now)
	}
	if files != nil {
		c.live.Store(&files)
	}
}

func (c *CRLs) refreshIfDue(now time.Time) {
	if c.check.due(now) {
		c.Refresh()
	}
}

// reload gives the file with the list that is there now, or the old list and
// the problem.
func (c *CRLs) reload(f crlFile, now time.Time) crlFile {
	data, info, err := readFile(f.path, maxCRL, false)
	f.info, f.triedAt = info, now
	if err == nil && f.list != nil && f.list.sum == sha256.Sum256(data) {
		f.problem, f.since = "", time.Time{}
		return f
	}
	if err == nil {
		var next crlFile
		if next, err = c.accept(f, data, now); err == nil {
			return next
		}
		err = fmt.Errorf("%s: %w", f.path, err)
	}
	if f.problem == "" {
		f.since = now
	}
	f.problem = err.Error()
	return f
}

// accept checks a list in full before it replaces the one in use.
func (c *CRLs) accept(f crlFile, data []byte, now time.Time) (crlFile, error) {
	parsed, err := ParseCRL(data)
	if err != nil {
		return f, err
	}
	issuer, err := c.signer(parsed)
	if err != nil {
		return f, err
	}
	if f.issuer != nil && f.issuer != issuer {
		return f, errors.New("the list is now of another issuer")
	}
	if parsed.ThisUpdate.After(now.Add(crlSkew)) {
		return f, fmt.Errorf("the list begins in the future, at %s", stamp(parsed.ThisUpdate))
	}
	if !parsed.NextUpdate.After(parsed.ThisUpdate) {
		return f, errors.New("the list ends before it begins")
	}
	if f.list != nil {
		switch parsed.Number.Cmp(f.list.number) {
		case -1:
			return f, fmt.Errorf("the number went backwards, from %s to %s", f.list.number, parsed.Number)
		case 0:
			return f, fmt.Errorf("another list with the same number %s", parsed.Number)
		}
	}
	revoked := make(map[string]struct{}, len(parsed.RevokedCertificateEntries))
	for _, entry := range parsed.RevokedCertificateEntries {
		revoked[string(entry.SerialNumber.Bytes())] = struct{}{}
	}
	f.issuer = issuer
	f.list = &crlList{
		sum: sha256.Sum256(data), number: parsed.Number, revoked: revoked, loadedAt: now,
		thisUpdate: parsed.ThisUpdate, nextUpdate: parsed.NextUpdate,
	}
	f.problem, f.since = "", time.Time{}
	return f, nil
}

func (c *CRLs) signer(list *x509.RevocationList) (*x509.Certificate, error) {
	var last error
	for _, anchor := range c.cfg.Anchors {
		if !bytes.Equal(list.RawIssuer, anchor.RawSubject) {
			continue
		}
		if last = list.CheckSignatureFrom(anchor); last == nil {
			return anchor, nil
		}
	}
	if last != nil {
		return nil, fmt.Errorf("check its signature: %w", last)
	}
	return nil, errors.New("it was not signed by one of the partner's anchors")
}

// covers says whether there is a list by this very anchor.
func (c *CRLs) covers(issuer *x509.Certificate) bool {
	for _, f := range *c.live.Load() {
		if f.issuer.Equal(issuer) {
			return true
		}
	}
	return false
}

// judge decides about one leaf from what is in memory. It is on the path of
// every request.
func (c *CRLs) judge(leaf *x509.Certificate, now time.Time) error {
	files := *c.live.Load()
	covered := false
	for i := range files {
		f := &files[i]
		if !issuedBy(leaf, f.issuer) {
			continue
		}
		covered = true
		if _, gone := f.list.revoked[string(leaf.SerialNumber.Bytes())]; gone {
			return refuse(RuleRevoked, "the partner needs a new certificate, and its new pin must be configured",
				"serial %s is on the revocation list number %s of %q",
				FormatSerial(leaf.SerialNumber), f.list.number, clip(f.issuer.Subject.String()))
		}
		if end := f.list.nextUpdate.Add(c.cfg.Policy.Grace); now.After(end) {
			return refuse(RuleCRLStale, "fetch the current list to "+f.path,
				"the revocation list of %q should have been renewed by %s, and the grace ended at %s",
				clip(f.issuer.Subject.String()), stamp(f.list.nextUpdate), stamp(end))
		}
	}
	if !covered {
		return noList(leaf)
	}
	return nil
}

func noList(leaf *x509.Certificate) error {
	return refuse(RuleCRLMissing, "configure the certificate's direct issuer as an anchor, and its revocation list",
		"no revocation list is configured for the issuer %q", clip(leaf.Issuer.String()))
}

// issuedBy matches names and key identifiers; the signature was checked when
// the connection was made.
func issuedBy(leaf, issuer *x509.Certificate) bool {
	if !bytes.Equal(leaf.RawIssuer, issuer.RawSubject) {
		return false
	}
	if len(leaf.AuthorityKeyId) == 0 || len(issuer.SubjectKeyId) == 0 {
		return true
	}
	return bytes.Equal(leaf.AuthorityKeyId, issuer.SubjectKeyId)
}
