package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A trustStore turns the registry's current snapshot into the TLS trust in
// each partner. A changed file is in force at the next handshake and the next
// request, whichever comes first.
type trustStore struct {
	registry *partners.Registry
	identity *certs.Identity
	now      func() time.Time
	log      *slog.Logger

	mu       sync.Mutex
	snapshot *partners.Snapshot
	peers    *certs.Peers
	trusts   map[string]*certs.Trust
	lists    map[string]*certs.CRLs // by what they are made of: they remember the highest number seen
	clients  map[string]*http.Client
	wrong    map[string]error // partners whose last good trust is in force
	triedAt  time.Time
	leaves   map[encounter]*x509.Certificate // by which a partner was met last
}

func newTrustStore(n *node) *trustStore {
	return &trustStore{
		registry: n.registry, identity: n.identity, now: time.Now, log: n.log,
		lists: map[string]*certs.CRLs{}, leaves: map[encounter]*x509.Certificate{},
	}
}

// An encounter is with a partner, as its client or as its server.
type encounter struct {
	partner string
	as      x509.ExtKeyUsage
}

// meet notes the certificate of a partner whose handshake is done and who is trusted.
func (t *trustStore) meet(code string, as x509.ExtKeyUsage, leaf *x509.Certificate) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaves[encounter{code, as}] = leaf
}

// met returns the certificates by which a partner was met last, each once: it may have
// one for calling and one for being called.
func (t *trustStore) met(code string) []*x509.Certificate {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*x509.Certificate
	for _, as := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		leaf := t.leaves[encounter{code, as}]
		if leaf != nil && !slices.ContainsFunc(out, leaf.Equal) {
			out = append(out, leaf)
		}
	}
	return out
}

// retryTrust is how often trust that could not be made is tried again.
const retryTrust = time.Second

// current returns the trust for the current snapshot, making it when the
// registry has changed.
func (t *trustStore) current() (*certs.Peers, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refresh()
}

func (t *trustStore) refresh() (*certs.Peers, error) {
	snapshot := t.registry.Current()
	if snapshot == t.snapshot && (len(t.wrong) == 0 || t.now().Sub(t.triedAt).Abs() < retryTrust) {
		return t.peers, nil
	}
	trusts, wrong := map[string]*certs.Trust{}, map[string]error{}
	for _, p := range snapshot.All() {
		trust, err := t.trustIn(p)
		if err != nil && t.snapshot == nil {
			return nil, fmt.Errorf("partner %s: %w", p.Code, err)
		}
		if err != nil {
			// The registry has read these files a moment ago, and one is gone now.
			// The last good trust stays; a partner that is new has none.
			if wrong[p.Code] = err; t.wrong[p.Code] == nil {
				t.log.Error("a partner's TLS trust is not usable; the last good one stays in force", "partner", p.Code, "error", err)
			}
			if trust = t.trusts[p.Code]; trust == nil {
				continue
			}
		}
		trusts[p.Code] = trust
	}
	peers, err := certs.NewPeers(trusts)
	if err != nil {
		return nil, err
	}
	t.snapshot, t.peers, t.trusts, t.wrong, t.triedAt = snapshot, peers, trusts, wrong, t.now()
	for _, c := range t.clients { // their connections were made under the old trust
		c.CloseIdleConnections()
	}
	t.clients = map[string]*http.Client{}
	return peers, nil
}

func (t *trustStore) trustIn(p *partners.Partner) (*certs.Trust, error) {
	anchors, err := certs.ParseCertificates(p.TLS.AnchorsPEM)
	if err != nil {
		return nil, fmt.Errorf("trust anchors: %w", err)
	}
	var lists *certs.CRLs
	if p.TLS.CRL != "" {
		key := p.Code + "\x00" + p.TLS.CRL + "\x00" + p.TLS.CRLGrace.String() + "\x00" + string(p.TLS.AnchorsPEM)
		if lists = t.lists[key]; lists == nil {
			if lists, err = certs.NewCRLs(crlConfig(p, anchors, t.now)); err != nil {
				return nil, err
			}
			t.lists[key] = lists
		}
	}
	return certs.NewTrust(certs.TrustConfig{
		Anchors: anchors, Pins: p.TLS.Pins, RevokedSerials: p.TLS.Revoked, CRLs: lists,
		AllowTLS12: p.TLS.MinVersion == "1.2", Now: t.now,
	})
}

// crlConfig says where a partner's revocation list is.
func crlConfig(p *partners.Partner, anchors []*x509.Certificate, now func() time.Time) certs.CRLConfig {
	return certs.CRLConfig{Files: []string{p.TLS.CRL}, Anchors: anchors, Policy: certs.CRLPolicy{Grace: p.TLS.CRLGrace}, Now: now}
}

// verify decides about a handshake, full or resumed, as our server.
func (t *trustStore) verify(cs tls.ConnectionState) error {
	peers, err := t.current()
	if err != nil {
		return err
	}
	code, err := peers.Verify(cs, x509.ExtKeyUsageClientAuth)
	if err == nil {
		// A suspended partner gets its session and then a problem document that
		// says so: a bare alert would look like a broken network.
		return nil
	}
	return fmt.Errorf("partner %q: %w", code, err)
}

// minVersion returns the lowest TLS version that some partner may use now.
func (t *trustStore) minVersion() uint16 {
	peers, err := t.current()
	if err != nil {
		return tls.VersionTLS13 // verify will say what is wrong
	}
	return peers.MinVersion()
}

// authenticate names the partner of a request, by the trust of this moment.
func (t *trustStore) authenticate(r *http.Request) (string, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", exchange.NewProblem(exchange.ProblemPartnerUnknown, "The exchange needs a TLS client certificate.")
	}
	peers, err := t.current()
	if err != nil {
		return "", err
	}
	code, err := peers.Recheck(r.TLS.PeerCertificates...)
	var refusal *certs.Refusal
	switch {
	case err == nil:
		t.meet(code, x509.ExtKeyUsageClientAuth, r.TLS.PeerCertificates[0])
		return code, nil
	case errors.As(err, &refusal) && refusal.Rule == certs.RuleUnknownPin:
		return "", exchange.NewProblem(exchange.ProblemPartnerUnknown, "The certificate's key belongs to no partner of this gateway.")
	case errors.As(err, &refusal):
		return code, exchange.NewProblem(exchange.ProblemCertificate, "Rule "+string(refusal.Rule)+"; open a new connection with an accepted certificate.")
	}
	return "", err
}

// revocation returns the state of a partner's revocation lists, and what is
// wrong with the files that they and its anchors are read from; while it is, the
// last good ones are in force.
func (t *trustStore) revocation(code string) (status string, wrong []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, err := t.refresh()
	if err == nil {
		err = t.wrong[code]
	}
	if err != nil {
		wrong = append(wrong, err.Error())
	}
	if t.trusts[code] == nil {
		return certs.CRLExpired, wrong
	}
	state := t.trusts[code].CRLState()
	for _, f := range state.Files {
		if f.Problem != "" {
			wrong = append(wrong, f.Problem)
		}
	}
	return state.Status, wrong
}
