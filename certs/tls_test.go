package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// gateway is a real listener with real HTTP behind it, which rechecks every
// request as cmd does.
type gateway struct {
	country
	own   leaf
	id    *Identity
	addr  string
	peers atomic.Pointer[Peers]

	lowest atomic.Uint32 // TLS version

	mu      sync.Mutex
	refused []error // by the handshake
	counted []Rule  // by those who count
	resumed int
}

func newGateway(t *testing.T, c *clock, minVersion uint16, partners map[string]*Trust) *gateway {
	t.Helper()
	g := &gateway{country: *newCountry(t, c, "VN")}
	g.own = g.leaf(t, "vn", 0)
	g.id = g.own.identity(t, c)
	g.set(t, partners)
	g.lowest.Store(uint32(minVersion))
	handshakes := NewHandshakes(g.count)
	cfg, err := ServerConfig(ServerOptions{
		Identity: g.id, MinVersion: func() uint16 { return uint16(g.lowest.Load()) }, Verify: g.verify, Handshakes: handshakes,
	})
	must(t, err)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g.addr = plain.Addr().String()
	srv := &http.Server{Handler: g, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 5 * time.Second, ConnState: handshakes.ConnState}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(tls.NewListener(plain, cfg)) }()
	t.Cleanup(func() {
		must(t, srv.Close())
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return g
}

func (g *gateway) set(t *testing.T, partners map[string]*Trust) {
	t.Helper()
	peers, err := NewPeers(partners)
	must(t, err)
	g.peers.Store(peers)
}

func (g *gateway) verify(cs tls.ConnectionState) error {
	_, err := g.peers.Load().Verify(cs, asClient)
	g.mu.Lock()
	defer g.mu.Unlock()
	if cs.DidResume {
		g.resumed++
	}
	if err != nil {
		g.refused = append(g.refused, err)
	}
	return err
}

func (g *gateway) count(rule Rule) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.counted = append(g.counted, rule)
}

// told returns what was counted since it was last asked, once there is as much.
func (g *gateway) told(t *testing.T, n int) []Rule {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		g.mu.Lock()
		if len(g.counted) >= n || time.Now().After(deadline) {
			out := g.counted
			g.counted = nil
			g.mu.Unlock()
			return out
		}
		g.mu.Unlock()
	}
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code, err := g.peers.Load().Recheck(r.TLS.PeerCertificates...)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		http.Error(w, string(refusal.Rule), http.StatusForbidden)
		return
	}
	fmt.Fprintf(w, "%s %s resumed=%v", code, r.Proto, r.TLS.DidResume)
}

// lastRefusal forgets what it reports.
func (g *gateway) lastRefusal() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.refused) == 0 {
		return nil
	}
	err := g.refused[len(g.refused)-1]
	g.refused = nil
	return err
}

// caller is the plain client of a partner who uses no code of ours.
func caller(g *gateway, l *leaf, change func(*tls.Config)) *tls.Config {
	cfg := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "gateway.example"}
	cfg.RootCAs.AddCert(g.Certificate())
	if l != nil {
		cfg.Certificates = []tls.Certificate{l.tls()}
	}
	if change != nil {
		change(cfg)
	}
	return cfg
}

// get makes one request over a new connection. With TLS 1.3 a client only
// learns of its refusal when it reads.
func get(g *gateway, cfg *tls.Config) (string, error) {
	transport := &http.Transport{TLSClientConfig: cfg}
	defer transport.CloseIdleConnections()
	return getOver(g, &http.Client{Transport: transport, Timeout: 10 * time.Second})
}

func getOver(g *gateway, client *http.Client) (string, error) {
	res, err := client.Get("https://" + g.addr + "/")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return strings.TrimSpace(string(body)), err
}

func TestServerRefuses(t *testing.T) {
	c := newClock()
	la, kh := newCountry(t, c, "LA"), newCountry(t, c, "KH")
	good, revoked := la.leaf(t, "la", 0), la.leaf(t, "la", 0)
	foreign := kh.leaf(t, "la", 0)
	key := newP256(t)
	dated := func(from, to time.Duration) leaf {
		return leaf{key: key, Certificate: la.handmade(t, key.Public(), func(x *x509.Certificate) {
			x.NotBefore, x.NotAfter = c.Now().Add(from), c.Now().Add(to)
		})}
	}
	past, future, unpinned := dated(-2*time.Hour, -time.Hour), dated(time.Hour, 2*time.Hour), la.leaf(t, "la", 0)
	g := newGateway(t, c, tls.VersionTLS12, map[string]*Trust{"LA": la.trust(t, func(cfg *TrustConfig) {
		cfg.RevokedSerials = []string{FormatSerial(revoked.SerialNumber)}
		cfg.Pins = append(cfg.Pins, Pin(past.Certificate))
	}, good, revoked, foreign)})

	for _, tc := range []struct {
		name string
		leaf leaf
		rule Rule
	}{
		{"good", good, ""},
		{"wrong authority", foreign, RuleChain},
		{"expired", past, RuleExpired},
		{"not yet valid", future, RuleNotYetValid},
		{"revoked", revoked, RuleRevoked},
		{"wrong pin", unpinned, RuleUnknownPin},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body, err := get(g, caller(g, &tc.leaf, nil))
			wantRule(t, g.lastRefusal(), tc.rule)
			if tc.rule == "" && (err != nil || body != "LA HTTP/1.1 resumed=false") {
				t.Errorf("got %q, %v", body, err)
			}
			if tc.rule != "" && err == nil {
				t.Errorf("a refused caller got %q", body)
			}
		})
	}
	if body, err := get(g, caller(g, nil, nil)); err == nil {
		t.Errorf("without a certificate: %q", body)
	}
	only2 := func(cfg *tls.Config) { cfg.NextProtos = []string{"h2"} }
	if body, err := get(g, caller(g, &good, only2)); err == nil {
		t.Errorf("HTTP/2 only: %q", body)
	}
}

func TestTLSVersionsOnTheWire(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 0)
	strict := map[string]*Trust{"LA": la.trust(t, nil, l)}
	lenient := map[string]*Trust{"LA": la.trust(t, func(cfg *TrustConfig) { cfg.AllowTLS12 = true }, l)}
	only13, both := newGateway(t, c, 0, strict), newGateway(t, c, tls.VersionTLS12, strict)
	allowed := newGateway(t, c, tls.VersionTLS12, lenient)
	if allowed.peers.Load().MinVersion() != tls.VersionTLS12 {
		t.Error("TLS 1.2 is not offered although a partner may use it")
	}
	with := func(max uint16, suites ...uint16) func(*tls.Config) {
		return func(cfg *tls.Config) { cfg.MaxVersion, cfg.CipherSuites = max, suites }
	}
	for _, tc := range []struct {
		name   string
		g      *gateway
		change func(*tls.Config)
		ok     bool
		rule   Rule
	}{
		{"1.3 listener, 1.3", only13, with(tls.VersionTLS13), true, ""},
		{"1.3 listener, 1.2", only13, with(tls.VersionTLS12), false, ""},
		{"1.2 listener, partner without leave", both, with(tls.VersionTLS12), false, RuleTLSVersion},
		{"1.2 listener, partner with leave", allowed, with(tls.VersionTLS12), true, ""},
		{"1.2 CBC", allowed, with(tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA), false, ""},
		{"1.2 ChaCha20", allowed, with(tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256), true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			body, err := get(tc.g, caller(tc.g, &l, tc.change))
			if (err == nil) != tc.ok {
				t.Errorf("got %q, %v", body, err)
			}
			wantRule(t, tc.g.lastRefusal(), tc.rule)
		})
	}
}

func TestClientJudgesTheServer(t *testing.T) {
	c := newClock()
	la, kh := newCountry(t, c, "LA"), newCountry(t, c, "KH")
	l := la.leaf(t, "la", 0)
	g := newGateway(t, c, 0, map[string]*Trust{"LA": la.trust(t, nil, l)})
	good := g.trust(t, nil, g.own)
	for _, tc := range []struct {
		name  string
		host  string
		trust *Trust
		rule  Rule
	}{
		{"good", "gateway.example", good, ""},
		{"another host", "other.example", good, RuleHostName},
		{"another authority", "gateway.example", kh.trust(t, nil, g.own), RuleChain},
		{"another key", "gateway.example", g.trust(t, nil, l), RuleUnknownPin},
		{"revoked", "gateway.example", g.trust(t, func(cfg *TrustConfig) {
			cfg.RevokedSerials = []string{FormatSerial(g.own.SerialNumber)}
		}, g.own), RuleRevoked},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cfg, err := ClientConfig(ClientOptions{
				Identity: l.identity(t, c), ServerName: tc.host,
				Verify: func(cs tls.ConnectionState) error { return tc.trust.Verify(cs, asServer) },
			})
			must(t, err)
			body, err := get(g, cfg)
			wantRule(t, err, tc.rule) // the refusal reaches the caller through http.Client
			if tc.rule == "" && body != "LA HTTP/1.1 resumed=false" {
				t.Errorf("got %q", body)
			}
		})
	}
}

func TestConfigsRefuseWhatCannotWork(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	id := la.leaf(t, "la", 0).identity(t, c)
	yes := func(tls.ConnectionState) error { return nil }
	for name, o := range map[string]ServerOptions{
		"no identity": {Verify: yes}, "no verify": {Identity: id},
	} {
		if _, err := ServerConfig(o); err == nil {
			t.Errorf("server with %s was made", name)
		}
	}
	for name, o := range map[string]ClientOptions{
		"no identity": {ServerName: "x", Verify: yes}, "no verify": {Identity: id, ServerName: "x"}, "no name": {Identity: id, Verify: yes},
		"TLS 1.0": {Identity: id, ServerName: "x", Verify: yes, MinVersion: tls.VersionTLS10},
	} {
		if _, err := ClientConfig(o); err == nil {
			t.Errorf("client with %s was made", name)
		}
	}
	key := newP256(t)
	narrow := la.handmade(t, key.Public(), func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{asServer} })
	dir := t.TempDir()
	must(t, WriteCertificates(filepath.Join(dir, "tls.pem"), narrow))
	must(t, WritePrivateKey(filepath.Join(dir, "tls.key"), key))
	serverOnly, err := LoadIdentity(IdentityConfig{CertFile: filepath.Join(dir, "tls.pem"), KeyFile: filepath.Join(dir, "tls.key"), Now: c.Now})
	must(t, err)
	if _, err := ServerConfig(ServerOptions{Identity: serverOnly, Verify: yes}); err != nil {
		t.Error(err)
	}
	_, err = ClientConfig(ClientOptions{Identity: serverOnly, ServerName: "x", Verify: yes})
	wantRule(t, err, RuleKeyUsage)
	cfg, err := ServerConfig(ServerOptions{Identity: id, Verify: yes})
	must(t, err)
	if cfg.VerifyPeerCertificate != nil || cfg.SessionTicketsDisabled || cfg.MinVersion != tls.VersionTLS13 {
		t.Error("the listener's configuration changed")
	}
	if cfg.VerifyConnection(tls.ConnectionState{}) == nil {
		t.Error("a connection without a certificate was verified")
	}
}

// The lowest version is that of the moment, not that of the start.
func TestMinVersionReachesRunningListeners(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 0)
	g := newGateway(t, c, 0, map[string]*Trust{"LA": la.trust(t, func(cfg *TrustConfig) { cfg.AllowTLS12 = true }, l)})
	old := caller(g, &l, func(cfg *tls.Config) { cfg.MaxVersion = tls.VersionTLS12 })
	for i, lowest := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS11} {
		g.lowest.Store(uint32(lowest))
		_, err := get(g, old)
		if want := lowest == tls.VersionTLS12; (err == nil) != want {
			t.Errorf("step %d, with %s: %v", i, tls.VersionName(lowest), err)
		}
	}
}

// Every session that is refused is told of, once and by the rule, whoever
// refused it; one that is taken, or never begun, is not.
func TestEveryRefusedHandshakeIsTold(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l, stranger := la.leaf(t, "la", 0), la.leaf(t, "stranger", 0)
	g := newGateway(t, c, tls.VersionTLS12, map[string]*Trust{"LA": la.trust(t, func(cfg *TrustConfig) { cfg.AllowTLS12 = true }, l)})
	thief := leaf{Certificate: l.Certificate, key: stranger.key}
	for _, tc := range []struct {
		name   string
		leaf   *leaf
		lowest uint16
		change func(*tls.Config)
		want   Rule
	}{
		{"good", &l, tls.VersionTLS13, nil, ""},
		{"no certificate", nil, tls.VersionTLS13, nil, RuleNoCertificate},
		{"no certificate, 1.2", nil, tls.VersionTLS12, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, RuleNoCertificate},
		{"a stranger", &stranger, tls.VersionTLS13, nil, RuleUnknownPin},
		{"a stolen certificate without its key", &thief, tls.VersionTLS13, nil, RuleHandshake},
		{"an old version", &l, tls.VersionTLS13, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, RuleTLSVersion},
		{"a much older version", &l, tls.VersionTLS12, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, RuleTLSVersion},
		{"no suite of ours", &l, tls.VersionTLS12, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, RuleCipherSuite},
		{"another protocol", &l, tls.VersionTLS13, func(c *tls.Config) { c.NextProtos = []string{"h2"} }, RuleHandshake},
		{"a peer that refuses us", &l, tls.VersionTLS13, func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, RuleHandshake},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g.lowest.Store(uint32(tc.lowest))
			_, err := get(g, caller(g, tc.leaf, tc.change))
			if (err == nil) != (tc.want == "") {
				t.Fatalf("got %v", err)
			}
			want := []Rule{}
			if tc.want != "" {
				want = append(want, tc.want)
			}
			if told := g.told(t, len(want)); !slices.Equal(told, want) {
				t.Errorf("told of %v, want %v", told, want)
			}
		})
	}
	probe, err := net.Dial("tcp", g.addr)
	must(t, err)
	must(t, probe.Close())
	if _, err := get(g, caller(g, nil, nil)); err == nil {
		t.Fatal("taken")
	}
	if told := g.told(t, 1); !slices.Equal(told, []Rule{RuleNoCertificate}) {
		t.Errorf("a probe that says nothing is told of: %v", told)
	}
}

// TestRenewalReachesRunningListeners: the files change, the process does not.
func TestRenewalReachesRunningListeners(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 0)
	g := newGateway(t, c, 0, map[string]*Trust{"LA": la.trust(t, nil, l)})
	seen := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", g.addr, caller(g, &l, nil))
		must(t, err)
		defer conn.Close()
		return Pin(conn.ConnectionState().PeerCertificates[0])
	}
	if seen() != Pin(g.own.Certificate) {
		t.Fatal("another certificate is served")
	}
	next := g.leaf(t, "vn", 0)
	must(t, os.Rename(next.keyFile, g.own.keyFile))
	must(t, os.Rename(next.certFile, g.own.certFile))
	c.Advance(recheckEvery)
	if seen() != Pin(next.Certificate) {
		t.Error("the renewed certificate is not served")
	}
}
