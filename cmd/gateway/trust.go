package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
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
	metrics  *exchange.Metrics
	log      *slog.Logger

	mu       sync.Mutex
	snapshot *partners.Snapshot
	peers    *certs.Peers
	trusts   map[string]*certs.Trust
	lists    map[string]*certs.CRLs // by what they are made of: they remember the highest number seen
	clients  map[string]*http.Client
}

// current returns the trust for the current snapshot, making it when the
// registry has changed.
func (t *trustStore) current() (*certs.Peers, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refresh()
}

func (t *trustStore) refresh() (*certs.Peers, error) {
	snapshot := t.registry.Current()
	if snapshot == t.snapshot {
		return t.peers, nil
	}
	trusts := map[string]*certs.Trust{}
	for _, p := range snapshot.All() {
		trust, err := t.trustIn(p)
		if err != nil && t.snapshot == nil {
			return nil, fmt.Errorf("partner %s: %w", p.Code, err)
		}
		if err != nil {
			// One partner's broken file must not stop the others: that partner
			// alone is not trusted until it is mended.
			t.log.Error("a partner's TLS trust is not usable; its connections are refused", "partner", p.Code, "error", err)
			continue
		}
		trusts[p.Code] = trust
	}
	peers, err := certs.NewPeers(trusts)
	if err != nil {
		return nil, err
	}
	t.snapshot, t.peers, t.trusts = snapshot, peers, trusts
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
		key := p.Code + "\x00" + p.TLS.CRL + "\x00" + string(p.TLS.AnchorsPEM)
		if lists = t.lists[key]; lists == nil {
			lists, err = certs.NewCRLs(certs.CRLConfig{
				Files: []string{p.TLS.CRL}, Anchors: anchors, Policy: certs.CRLPolicy{Grace: p.TLS.CRLGrace}, Now: t.now,
			})
			if err != nil {
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
		return code, nil
	case errors.As(err, &refusal) && refusal.Rule == certs.RuleUnknownPin:
		return "", exchange.NewProblem(exchange.ProblemPartnerUnknown, "The certificate's key belongs to no partner of this gateway.")
	case errors.As(err, &refusal):
		return code, exchange.NewProblem(exchange.ProblemCertificate, "Rule "+string(refusal.Rule)+"; open a new connection with an accepted certificate.")
	}
	return "", err
}

// revocation returns the state of a partner's revocation lists.
func (t *trustStore) revocation(code string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.refresh(); err != nil || t.trusts[code] == nil {
		return certs.CRLExpired
	}
	return t.trusts[code].CRLState().Status
}
