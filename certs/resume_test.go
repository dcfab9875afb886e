package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// TestResumedSessionIsJudgedAnew is the reason for VerifyConnection: the second
// connection resumes the first one's session, and trust changed in between.
func TestResumedSessionIsJudgedAnew(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			c := newClock()
			kh := newCountry(t, c, "KH")
			l := kh.leaf(t, "kh", 0)
			kh.publish(t, time.Hour)
			trust := kh.trust(t, func(cfg *TrustConfig) { cfg.AllowTLS12, cfg.CRLs = true, kh.lists(t, 0) }, l)
			g := newGateway(t, c, tls.VersionTLS12, map[string]*Trust{"KH": trust})
			cfg := caller(g, &l, func(cfg *tls.Config) {
				cfg.MaxVersion = version
				cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
			})
			expect := func(resumed bool) {
				t.Helper()
				body, err := get(g, cfg)
				if want := fmt.Sprintf("KH HTTP/1.1 resumed=%v", resumed); err != nil || body != want {
					t.Fatalf("got %q, %v; want %q", body, err, want)
				}
			}
			refused := func(rule Rule, resumptions int) {
				t.Helper()
				if body, err := get(g, cfg); err == nil {
					t.Fatalf("a refused session got %q", body)
				}
				wantRule(t, g.lastRefusal(), rule)
				g.mu.Lock()
				defer g.mu.Unlock()
				if g.resumed != resumptions {
					t.Fatalf("%d sessions were resumed, want %d: the test no longer tests resumption", g.resumed, resumptions)
				}
			}
			expect(false)
			expect(true)
			g.set(t, map[string]*Trust{}) // the partner is suspended
			refused(RuleUnknownPin, 2)
			g.set(t, map[string]*Trust{"KH": trust}) // and is back
			if _, err := get(g, cfg); err != nil {
				t.Fatal(err)
			}
			expect(true)
			g.mu.Lock()
			before := g.resumed
			g.mu.Unlock()
			must(t, kh.Revoke(l.SerialNumber))
			kh.publish(t, time.Hour)
			refused(RuleRevoked, before+1)
		})
	}
}

// TestKeptAliveConnectionIsRechecked: no handshake happens again, so only
// Recheck can notice.
func TestKeptAliveConnectionIsRechecked(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 24*time.Hour)
	la.publish(t, 48*time.Hour)
	trust := la.trust(t, func(cfg *TrustConfig) { cfg.CRLs = la.lists(t, 0) }, l)
	g := newGateway(t, c, 0, map[string]*Trust{"LA": trust})
	var dials atomic.Int32
	transport := &http.Transport{TLSClientConfig: caller(g, &l, nil)}
	dialer := &net.Dialer{}
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return dialer.DialContext(ctx, network, addr)
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	expect := func(want string) {
		t.Helper()
		if body, err := getOver(g, client); err != nil || body != want {
			t.Fatalf("got %q, %v; want %q", body, err, want)
		}
		if n := dials.Load(); n != 1 {
			t.Fatalf("%d connections, want the one", n)
		}
	}
	expect("LA HTTP/1.1 resumed=false")
	g.set(t, map[string]*Trust{})
	expect(string(RuleUnknownPin))
	g.set(t, map[string]*Trust{"LA": trust})
	expect("LA HTTP/1.1 resumed=false")
	c.Advance(25 * time.Hour)
	expect(string(RuleExpired))
	c.Advance(-24 * time.Hour)
	must(t, la.Revoke(l.SerialNumber))
	la.publish(t, 48*time.Hour)
	c.Advance(recheckEvery)
	expect(string(RuleRevoked))
}
