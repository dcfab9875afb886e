package main

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/repatriation-exchange/gateway/certs"
	"github.com/repatriation-exchange/gateway/exchange"
	"github.com/repatriation-exchange/gateway/partners"
)

// A partner's server certificate that is revoked, has expired, or is no longer
// the one that its file names gets nothing more, on the connection that is
// already open. The message waits, and goes out when the file is mended.
func TestKeptConnectionsToAPartnerAreJudgedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		before   func(t *testing.T, p *pair)
		distrust func(t *testing.T, p *pair)
		trust    func(t *testing.T, p *pair)
	}{
		"revoked by its issuer": {
			before: func(t *testing.T, p *pair) {
				writeCRL(t, p)
				p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.CRL = p.vn.path("kh.crl") })
			},
			distrust: func(t *testing.T, p *pair) {
				if err := p.vn.world.authority.Revoke(leafOf(t, p.kh).SerialNumber); err != nil {
					t.Fatal(err)
				}
				writeCRL(t, p)
			},
			trust: func(t *testing.T, p *pair) { renew(t, p.kh, time.Hour) },
		},
		"revoked by us": {
			distrust: func(t *testing.T, p *pair) {
				serial := certs.FormatSerial(leafOf(t, p.kh).SerialNumber)
				p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Revoked = []string{serial} })
			},
			trust: func(t *testing.T, p *pair) { renew(t, p.kh, time.Hour) },
		},
		"expired": {
			before:   func(t *testing.T, p *pair) { renew(t, p.kh, 4*time.Second) },
			distrust: func(t *testing.T, p *pair) { time.Sleep(time.Until(leafOf(t, p.kh).NotAfter.Add(time.Second))) },
			trust:    func(t *testing.T, p *pair) { renew(t, p.kh, time.Hour) },
		},
		"another pin": {
			distrust: func(_ *testing.T, p *pair) {
				p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Pins = []string{otherPin} })
			},
			trust: func(t *testing.T, p *pair) {
				p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Pins = []string{otherPin, certs.Pin(leafOf(t, p.kh))} })
			},
		},
		"another anchor": {
			distrust: func(t *testing.T, p *pair) {
				p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Anchors = anotherAuthority(t) })
			},
			trust: func(_ *testing.T, p *pair) {
				p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Anchors = p.vn.world.anchor() })
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, "")
			seen := p.kh.watchConnections()
			if c.before != nil {
				c.before(t, p)
				p.vn.reload()
			}
			for range 2 {
				p.vn.deliver()
			}
			if kept := seen(); len(kept) != 2 || kept[0] != kept[1] {
				t.Fatalf("the connection is not kept: %v", kept)
			}
			c.distrust(t, p)
			p.vn.reload() // as the registry does by itself, every second
			sent := p.vn.submit("KH")
			eventually(t, "it is tried, and fails", func() bool {
				attempts, err := p.vn.node.db.Attempts(context.Background(), "KH", sent.ID)
				return err == nil && len(attempts) > 1
			})
			if got := seen(); len(got) != 2 {
				t.Errorf("it went out all the same, over %v", got)
			}
			c.trust(t, p)
			eventually(t, "it goes out to a certificate that is trusted", func() bool {
				return len(p.vn.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
			})
		})
	}
}

// Why a partner cannot be reached stands in the log, in the attempts and in a
// metric, and no address does.
func TestWhyAPartnerIsNotReached(t *testing.T) {
	for name, c := range map[string]struct {
		break_         func(t *testing.T, p *pair)
		reason, detail string
	}{
		"its certificate names another host": {func(t *testing.T, p *pair) {
			old := leafOf(t, p.kh)
			reissue(t, p.kh, certs.IssueRequest{PublicKey: old.PublicKey, CommonName: p.kh.name, DNSNames: []string{"other.example"}})
		}, "tls-host-name", "the partner's server is not trusted: host-name"},
		"another key": {func(_ *testing.T, p *pair) {
			p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Pins = []string{otherPin} })
		}, "tls-unknown-pin", "the partner's server is not trusted: unknown-pin"},
		"another authority": {func(t *testing.T, p *pair) {
			p.vn.editPartner("kh", func(k *partners.Partner) { k.TLS.Anchors = anotherAuthority(t) })
		}, "tls-chain", "the partner's server is not trusted: chain"},
		"expired": {func(t *testing.T, p *pair) {
			renew(t, p.kh, 4*time.Second)
			time.Sleep(time.Until(leafOf(t, p.kh).NotAfter.Add(time.Second)))
		}, "tls-expired", "the partner's server is not trusted: expired"},
		"it does not trust us": {func(t *testing.T, p *pair) {
			p.kh.editPartner("vn", func(k *partners.Partner) { k.TLS.Pins = []string{otherPin} })
			p.kh.reload()
		}, "tls-alert", "the partner broke the TLS handshake off: bad certificate"},
		"nothing listens": {func(_ *testing.T, p *pair) { p.kh.halt() }, "refused", "nothing listens at the endpoint"},
		"no TLS": {func(t *testing.T, p *pair) {
			plain := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(plain.Close)
			p.vn.editPartner("kh", func(k *partners.Partner) {
				k.Endpoint = strings.Replace(plain.URL, "http:", "https:", 1)
			})
		}, "no-tls", "what answers at the endpoint does not speak TLS"},
		"no such name": {func(_ *testing.T, p *pair) {
			p.vn.editPartner("kh", func(k *partners.Partner) { k.Endpoint = "https://nowhere.invalid" })
		}, "name", "the endpoint's host name cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, "")
			c.break_(t, p)
			p.vn.reload()
			sent := p.vn.submit("KH")
			var attempts []exchange.Attempt
			eventually(t, "an attempt has failed", func() bool {
				var err error
				attempts, err = p.vn.node.db.Attempts(context.Background(), "KH", sent.ID)
				return err == nil && len(attempts) > 0
			})
			if got := attempts[0].Detail; got != "no answer: "+c.detail {
				t.Errorf("the attempt says %q, want %q", got, c.detail)
			}
			if got := unreached(t, p.vn)[c.reason]; got == 0 {
				t.Errorf("the metric has %v, want %s", unreached(t, p.vn), c.reason)
			}
			for line := range strings.Lines(p.vn.log.String()) {
				if !strings.Contains(line, "delivery failed") {
					continue
				}
				if !strings.Contains(line, c.detail) || strings.Contains(line, "127.0.0.1") {
					t.Errorf("the log says %s", line)
				}
			}
		})
	}
}

// unreached returns how many attempts had no answer, by reason.
func unreached(t *testing.T, g *testGateway) map[string]float64 {
	t.Helper()
	families, err := g.node.collected.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() == "gateway_delivery_unreached_total" {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == "reason" {
						out[l.GetValue()] = m.GetCounter().GetValue()
					}
				}
			}
		}
	}
	return out
}

// otherPin is nobody's.
const otherPin = "sha256/BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="

// deliver sends a request and waits until it is receipted.
func (g *testGateway) deliver() (id string) {
	g.t.Helper()
	sent := g.submit("KH")
	eventually(g.t, "it is delivered", func() bool {
		return len(g.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
	})
	return sent.ID
}

// watchConnections returns over which connections messages came.
func (g *testGateway) watchConnections() func() []string {
	var mu sync.Mutex
	var seen []string
	g.behave(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/messages" {
				mu.Lock()
				seen = append(seen, r.RemoteAddr)
				mu.Unlock()
			}
			next.ServeHTTP(w, r)
		})
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, seen...)
	}
}

// renew gives a gateway a new certificate over its key.
func renew(t *testing.T, g *testGateway, lifetime time.Duration) {
	t.Helper()
	old := leafOf(t, g)
	reissue(t, g, certs.IssueRequest{PublicKey: old.PublicKey, CommonName: g.name, IPs: old.IPAddresses, Lifetime: lifetime})
}

func reissue(t *testing.T, g *testGateway, request certs.IssueRequest) {
	t.Helper()
	leaf, err := g.world.authority.Issue(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := certs.WriteCertificates(g.path("tls.pem"), leaf); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the renewed certificate is used", func() bool { return g.node.identity.Leaf().Equal(leaf) })
}

func leafOf(t *testing.T, g *testGateway) *x509.Certificate {
	t.Helper()
	list, err := certs.ReadCertificates(g.path("tls.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func writeCRL(t *testing.T, p *pair) {
	t.Helper()
	if err := p.vn.world.authority.WriteCRL(p.vn.path("kh.crl"), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// anotherAuthority returns the certificate of an authority that issued nothing.
func anotherAuthority(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := certs.NewAuthority(certs.AuthorityConfig{Dir: dir, CommonName: "Another authority", Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(dir + "/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem)
}
