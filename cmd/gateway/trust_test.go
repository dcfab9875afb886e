package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A suspended partner is refused on connections that are already open, within
// seconds and without a restart, and comes back the same way.
func TestSuspensionReachesOpenConnections(t *testing.T) {
	p := newPair(t, "")
	if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusAccepted {
		t.Fatalf("got %d", r.status)
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { k.Status = partners.Suspended })
	started := time.Now()
	eventually(t, "the open connection is refused", func() bool {
		slug, _, _ := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))).problem()
		return slug == "partner-suspended"
	})
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if _, err := p.vn.node.outbox.Submit(t.Context(), draftTo("KH"), consented); err == nil {
		t.Error("a message to a suspended partner is taken")
	}
	// It is recorded, and knocking on does not fill the record.
	for range 20 {
		p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
	}
	recorded := len(p.vn.rows(exchange.Filter{Kind: exchange.KindRefusal, Direction: exchange.In}))
	if turned := metric(t, p.vn, "gateway_refusals_total"); recorded != 1 || turned < 21 {
		t.Errorf("%d refusals are recorded, %g counted", recorded, turned)
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { k.Status = partners.Active })
	eventually(t, "it is taken again", func() bool {
		return p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))).status == http.StatusAccepted
	})
}

// A revoked certificate is refused on the connection that is already open, and
// has no new session, resumed or full. A list that is not renewed is first a
// visible state and then a refusal (P8).
func TestRevocation(t *testing.T) {
	p := newPair(t, "")
	list := p.vn.path("kh.crl")
	authority := p.vn.world.authority
	if err := authority.WriteCRL(list, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.CRL = list })
	p.vn.reload()
	config, err := p.kh.clientTLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	p.kh.http = &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusAccepted {
		t.Fatalf("with a fresh list: %d %s", r.status, r.body)
	}
	leaf, err := certs.ReadCertificates(p.kh.path("tls.pem"))
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Revoke(leaf[0].SerialNumber); err != nil {
		t.Fatal(err)
	}
	if err := authority.WriteCRL(list, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the open connection is refused", func() bool {
		r, err := p.kh.tryPost(p.vn, p.kh.sign(p.kh.claims("VN")))
		if err != nil {
			return false
		}
		slug, _, _ := r.problem()
		return slug == "certificate-refused"
	})
	p.kh.http.CloseIdleConnections() // the next one would resume its session
	if r, err := p.kh.tryPost(p.vn, p.kh.sign(p.kh.claims("VN"))); err == nil {
		t.Errorf("a revoked certificate has a new session: %d %s", r.status, r.body)
	}
}

// An authority that is taken out of a partner's file reaches open connections.
func TestAnchorsReachOpenConnections(t *testing.T) {
	p := newPair(t, "")
	if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusAccepted {
		t.Fatalf("got %d", r.status)
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Anchors = anotherAuthority(t) })
	p.vn.reload()
	r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
	if slug, _, _ := r.problem(); slug != "certificate-refused" {
		t.Errorf("got %d %s", r.status, r.body)
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Anchors = p.vn.world.anchor() })
	p.vn.reload()
	if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusAccepted {
		t.Errorf("got %d %s", r.status, r.body)
	}
}

// P8: a stale revocation list is a bounded, visible state.
func TestP8StaleRevocation(t *testing.T) {
	p := newPair(t, "")
	list := p.vn.path("kh.crl")
	if err := p.vn.world.authority.WriteCRL(list, time.Now().Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	grace := partners.Duration(3 * time.Second)
	p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.CRL, k.TLS.RawGrace = list, &grace })
	p.vn.reload()
	state := func() partnerState { return p.vn.readyz().Partners["KH"] }
	if s := state(); s.Revocation != certs.CRLFresh {
		t.Fatalf("the list is %s", s.Revocation)
	}
	eventually(t, "the list is stale, and it shows", func() bool { return state().Revocation == certs.CRLStale })
	if r := p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN"))); r.status != http.StatusAccepted {
		t.Errorf("within the grace the answer is %d %s", r.status, r.body)
	}
	eventually(t, "the grace is over, and it shows", func() bool { return state().Revocation == certs.CRLExpired })
	r, err := p.kh.tryPost(p.vn, p.kh.sign(p.kh.claims("VN")))
	if err == nil {
		if slug, _, _ := r.problem(); slug != "certificate-refused" {
			t.Errorf("after the grace the answer is %d %s", r.status, r.body)
		}
	}
	if err := p.vn.world.authority.WriteCRL(list, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a renewed list opens the door again", func() bool {
		r, err := p.kh.tryPost(p.vn, p.kh.sign(p.kh.claims("VN")))
		return err == nil && r.status == http.StatusAccepted
	})
}

// Strangers have no TLS session: no certificate, an unknown key of the same
// authority, an old protocol.
func TestStrangersHaveNoSession(t *testing.T) {
	p := newPair(t, "")
	known, err := p.kh.clientTLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := p.vn.world.authority.Issue(certs.IssueRequest{PublicKey: key.Public(), CommonName: "stranger", DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	presents := func(raw []byte) func(*tls.Config) {
		return func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, nil
			}
		}
	}
	partner, err := certs.ReadCertificates(p.kh.path("tls.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(c *tls.Config)
		rule   certs.Rule
	}{
		"no certificate":              {func(c *tls.Config) { c.GetClientCertificate = nil }, certs.RuleNoCertificate},
		"unknown key":                 {presents(leaf.Raw), certs.RuleUnknownPin},
		"a partner's without its key": {presents(partner[0].Raw), certs.RuleHandshake},
		"TLS 1.2":                     {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, certs.RuleTLSVersion},
		"TLS 1.2 and none of our suites": {func(c *tls.Config) {
			c.MinVersion, c.MaxVersion, c.CipherSuites = tls.VersionTLS12, tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, certs.RuleTLSVersion},
	} {
		t.Run(name, func(t *testing.T) {
			config := known.Clone()
			c.change(config)
			stranger := *p.kh
			stranger.http = &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 5 * time.Second}
			before := refusedSessions(t, p.vn)
			if r, err := stranger.tryPost(p.vn, p.kh.sign(p.kh.claims("VN"))); err == nil {
				t.Errorf("answered %d %s", r.status, r.body)
			}
			eventually(t, "the refusal is counted, by its rule", func() bool {
				now := refusedSessions(t, p.vn)
				return now[c.rule] == before[c.rule]+1
			})
		})
	}
	if size := p.vn.check(); size != 0 {
		t.Errorf("strangers have left %d entries", size)
	}
}

// refusedSessions returns how many TLS sessions were refused by each rule.
func refusedSessions(t *testing.T, g *testGateway) map[certs.Rule]float64 {
	t.Helper()
	families, err := g.node.collected.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[certs.Rule]float64{}
	for _, f := range families {
		if f.GetName() == "gateway_tls_refusals_total" {
			for _, m := range f.GetMetric() {
				out[certs.Rule(m.GetLabel()[0].GetValue())] = m.GetCounter().GetValue()
			}
		}
	}
	return out
}

// TLS 1.2 is taken from the partner whose file says so, with AEAD suites only,
// and from when it says so.
func TestTLS12WhereThePartnerFileSaysSo(t *testing.T) {
	p := newPair(t, "")
	p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.MinVersion = "1.2" })
	p.vn.reload()
	for _, c := range []struct {
		suite uint16
		taken bool
	}{{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true}, {tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false}} {
		config, err := p.kh.clientTLS("127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		config.MinVersion, config.MaxVersion, config.CipherSuites = tls.VersionTLS12, tls.VersionTLS12, []uint16{c.suite}
		old := *p.kh
		old.http = &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 5 * time.Second}
		r, err := old.tryPost(p.vn, p.kh.sign(p.kh.claims("VN")))
		if taken := err == nil && r.status == http.StatusAccepted; taken != c.taken {
			t.Errorf("%s: taken %t, %v", tls.CipherSuiteName(c.suite), taken, err)
		}
	}
	config, err := p.kh.clientTLS("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	kept := *p.kh
	kept.http = &http.Client{Transport: &http.Transport{TLSClientConfig: config}, Timeout: 5 * time.Second}
	if r, err := kept.tryPost(p.vn, p.kh.sign(p.kh.claims("VN"))); err != nil || r.status != http.StatusAccepted {
		t.Fatalf("with TLS 1.2: %d %v", r.status, err)
	}
	p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.MinVersion = "1.3" })
	p.vn.reload()
	kept.http.CloseIdleConnections()
	if r, err := kept.tryPost(p.vn, p.kh.sign(p.kh.claims("VN"))); err == nil {
		t.Errorf("TLS 1.2 is still taken: %d", r.status)
	}
}

// The public side of the log, as any tlog-tiles client reads it.
func TestLogIsPublicToPartners(t *testing.T) {
	p := newPair(t, "")
	for range 3 {
		p.kh.post(p.vn, p.kh.sign(p.kh.claims("VN")))
	}
	get := func(path string) reply {
		req, err := http.NewRequest(http.MethodGet, "https://"+p.vn.listen+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.kh.do(req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := get("/v1/log/checkpoint"); r.status != 200 || !strings.HasPrefix(string(r.body), "vn.gateway.example/repatriation-log\n3\n") {
		t.Errorf("checkpoint: %d %s", r.status, r.body)
	}
	if r := get("/v1/log/tile/0/000.p/3"); r.status != 200 || len(r.body) != 96 {
		t.Errorf("tile: %d, %d bytes", r.status, len(r.body))
	}
	if r := get("/v1/log/tile/entries/000"); r.status != 404 {
		t.Errorf("entries: %d", r.status)
	}
	if r := get("/openapi.yaml"); r.status != 200 || !strings.HasPrefix(string(r.body), "openapi: 3.1") {
		t.Errorf("openapi: %d %.40s", r.status, r.body)
	}
}
