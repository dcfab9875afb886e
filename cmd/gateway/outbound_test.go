package main

import (
	"context"
	"crypto/x509"
	"net/http"
	"os"
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

// otherPin is nobody's.
const otherPin = "sha256/BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="

// deliver sends a request and waits until it is receipted.
func (g *testGateway) deliver() {
	g.t.Helper()
	sent := g.submit("KH")
	eventually(g.t, "it is delivered", func() bool {
		return len(g.rows(exchange.Filter{Kind: exchange.KindReceipt, ID: sent.ID})) == 1
	})
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
	leaf, err := g.world.authority.Issue(certs.IssueRequest{PublicKey: old.PublicKey, CommonName: g.name, IPs: old.IPAddresses, Lifetime: lifetime})
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
