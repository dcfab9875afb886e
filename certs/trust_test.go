package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strings"
	"testing"
	"time"
)

const (
	asClient = x509.ExtKeyUsageClientAuth
	asServer = x509.ExtKeyUsageServerAuth
)

func TestTrustConfiguration(t *testing.T) {
	c := newClock()
	la, kh := newCountry(t, c, "LA"), newCountry(t, c, "KH")
	l := la.leaf(t, "la", 0)
	kh.publish(t, time.Hour)
	good := TrustConfig{Anchors: []*x509.Certificate{la.Certificate()}, Pins: []string{Pin(l.Certificate)}, Now: c.Now}
	if _, err := NewTrust(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*TrustConfig){
		"no clock":               func(cfg *TrustConfig) { cfg.Now = nil },
		"no anchor":              func(cfg *TrustConfig) { cfg.Anchors = nil },
		"nil anchor":             func(cfg *TrustConfig) { cfg.Anchors = []*x509.Certificate{nil} },
		"leaf as anchor":         func(cfg *TrustConfig) { cfg.Anchors = []*x509.Certificate{l.Certificate} },
		"no pin":                 func(cfg *TrustConfig) { cfg.Pins = nil },
		"bad pin":                func(cfg *TrustConfig) { cfg.Pins = []string{"sha256/AAAA"} },
		"bad serial":             func(cfg *TrustConfig) { cfg.RevokedSerials = []string{"xyz"} },
		"another country's list": func(cfg *TrustConfig) { cfg.CRLs = kh.lists(t, 0) },
	} {
		cfg := good
		change(&cfg)
		if _, err := NewTrust(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestVerify(t *testing.T) {
	c := newClock()
	la, kh := newCountry(t, c, "LA"), newCountry(t, c, "KH")
	good := la.leaf(t, "la", time.Hour)
	foreign := kh.leaf(t, "la", time.Hour) // another authority signs the right name
	key := newP256(t)
	weakKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	ca := la.handmade(t, key.Public(), func(x *x509.Certificate) { x.IsCA = true })
	serverOnly := la.handmade(t, key.Public(), func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{asServer} })
	noSign := la.handmade(t, key.Public(), func(x *x509.Certificate) { x.KeyUsage = x509.KeyUsageKeyAgreement })
	weak := la.handmade(t, weakKey.Public(), func(*x509.Certificate) {})
	future := la.handmade(t, key.Public(), func(x *x509.Certificate) { x.NotBefore = c.Now().Add(time.Minute) })
	past := la.handmade(t, key.Public(), func(x *x509.Certificate) { x.NotAfter = c.Now().Add(-time.Minute) })

	trust := la.trust(t, func(cfg *TrustConfig) {
		cfg.Pins = append(cfg.Pins, Pin(ca), Pin(weak))
	}, good, foreign)
	cases := []struct {
		name  string
		chain []*x509.Certificate
		usage x509.ExtKeyUsage
		rule  Rule
	}{
		{"good client", []*x509.Certificate{good.Certificate}, asClient, ""},
		{"good server", []*x509.Certificate{good.Certificate}, asServer, ""},
		{"none", nil, asClient, RuleNoCertificate},
		{"wrong authority", []*x509.Certificate{foreign.Certificate}, asClient, RuleChain},
		{"brings its own authority", []*x509.Certificate{foreign.Certificate, kh.Certificate()}, asClient, RuleChain},
		{"unknown key", []*x509.Certificate{la.leaf(t, "la", 0).Certificate}, asClient, RuleUnknownPin},
		{"pinned key is second", []*x509.Certificate{la.leaf(t, "la", 0).Certificate, good.Certificate}, asClient, RuleUnknownPin},
		{"authority as leaf", []*x509.Certificate{ca}, asClient, RuleKeyUsage},
		{"server only calls", []*x509.Certificate{serverOnly}, asClient, RuleKeyUsage},
		{"server only serves", []*x509.Certificate{serverOnly}, asServer, ""},
		{"may not sign", []*x509.Certificate{noSign}, asClient, RuleKeyUsage},
		{"RSA 2048", []*x509.Certificate{weak}, asClient, RuleWeakKey},
		{"not yet valid", []*x509.Certificate{future}, asClient, RuleNotYetValid},
		{"expired", []*x509.Certificate{past}, asClient, RuleExpired},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			wantRule(t, trust.Verify(state13(tc.chain...), tc.usage), tc.rule)
		})
	}
	var refusal *Refusal
	if err := trust.Verify(state13(good.Certificate), x509.ExtKeyUsageAny); err == nil || errors.As(err, &refusal) {
		t.Errorf("a caller's mistake must not look like the peer's: %v", err)
	}
	c.Advance(defaultAuthorityLifetime + time.Second) // the authority ends
	wantRule(t, trust.Verify(state13(la.handmade(t, key.Public(), func(*x509.Certificate) {})), asClient), RuleExpired)
}

func TestVerifyTLSVersionAndSuite(t *testing.T) {
	c := newClock()
	la := newCountry(t, c, "LA")
	l := la.leaf(t, "la", 0)
	strict := la.trust(t, nil, l)
	lenient := la.trust(t, func(cfg *TrustConfig) { cfg.AllowTLS12 = true }, l)
	for _, tc := range []struct {
		name            string
		version, suite  uint16
		strict, lenient Rule
	}{
		{"1.3", tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256, "", ""},
		{"1.2 GCM", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, RuleTLSVersion, ""},
		{"1.2 CBC", tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, RuleTLSVersion, RuleCipherSuite},
		{"1.2 without forward secrecy", tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, RuleTLSVersion, RuleCipherSuite},
		{"1.1", tls.VersionTLS11, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, RuleTLSVersion, RuleTLSVersion},
		{"none", 0, 0, RuleTLSVersion, RuleTLSVersion},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cs := state13(l.Certificate)
			cs.Version, cs.CipherSuite = tc.version, tc.suite
			wantRule(t, strict.Verify(cs, asClient), tc.strict)
			wantRule(t, lenient.Verify(cs, asClient), tc.lenient)
		})
	}
}

func TestPinsOverlapDuringARotation(t *testing.T) {
	c := newClock()
	kh := newCountry(t, c, "KH")
	old, next := kh.leaf(t, "old", 0), kh.leaf(t, "next", 0)
	for _, tc := range []struct {
		name              string
		pinned            []leaf
		wantOld, wantNext Rule
	}{
		{"before", []leaf{old}, "", RuleUnknownPin},
		{"during", []leaf{old, next, old}, "", ""},
		{"after", []leaf{next}, RuleUnknownPin, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trust := kh.trust(t, nil, tc.pinned...)
			for l, rule := range map[leaf]Rule{old: tc.wantOld, next: tc.wantNext} {
				wantRule(t, trust.Verify(state13(l.Certificate), asClient), rule)
				wantRule(t, trust.Recheck(l.Certificate), rule)
			}
		})
	}
}

func TestRevokedBySerial(t *testing.T) {
	c := newClock()
	gb := newCountry(t, c, "GB")
	l, other := gb.leaf(t, "gb", 0), gb.leaf(t, "gb", 0)
	text := strings.ToUpper(FormatSerial(l.SerialNumber))
	trust := gb.trust(t, func(cfg *TrustConfig) { cfg.RevokedSerials = []string{text[:2] + ":" + text[2:]} }, l, other)
	wantRule(t, trust.Verify(state13(l.Certificate), asClient), RuleRevoked)
	wantRule(t, trust.Recheck(l.Certificate), RuleRevoked)
	wantRule(t, trust.Verify(state13(other.Certificate), asClient), "")
	wantRule(t, trust.Recheck(nil), RuleNoCertificate)
}

func TestRecheckFollowsTheClock(t *testing.T) {
	c := newClock()
	gb := newCountry(t, c, "GB")
	l := gb.leaf(t, "gb", time.Hour)
	trust := gb.trust(t, nil, l)
	wantRule(t, trust.Recheck(l.Certificate), "")
	c.Advance(time.Hour)
	wantRule(t, trust.Recheck(l.Certificate), "")
	c.Advance(time.Second)
	wantRule(t, trust.Recheck(l.Certificate), RuleExpired)
	c.Advance(-2 * time.Hour)
	wantRule(t, trust.Recheck(l.Certificate), RuleNotYetValid)
}

// TestIntermediates: a chain over an intermediate is accepted, but not where a
// revocation list is asked for that nobody gave us.
func TestIntermediates(t *testing.T) {
	c := newClock()
	cn := newCountry(t, c, "CN")
	rootKey, midKey, leafKey := newP256(t), newP256(t), newP256(t)
	asAuthority := func(name string) *x509.Certificate {
		return &x509.Certificate{
			Subject: pkix.Name{CommonName: name}, NotBefore: c.Now().Add(-time.Hour), NotAfter: c.Now().Add(time.Hour),
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
		}
	}
	root, err := sign(asAuthority("root"), nil, rootKey.Public(), rootKey)
	must(t, err)
	mid, err := sign(asAuthority("mid"), root, midKey.Public(), rootKey)
	must(t, err)
	end := asAuthority("leaf")
	end.IsCA, end.KeyUsage = false, x509.KeyUsageDigitalSignature
	end.ExtKeyUsage = []x509.ExtKeyUsage{asClient, asServer}
	l, err := sign(end, mid, leafKey.Public(), midKey)
	must(t, err)

	anchored := func(crls *CRLs, anchors ...*x509.Certificate) *Trust {
		trust, err := NewTrust(TrustConfig{Anchors: anchors, Pins: []string{Pin(l)}, CRLs: crls, Now: c.Now})
		must(t, err)
		return trust
	}
	wantRule(t, anchored(nil, root).Verify(state13(l, mid), asClient), "")
	wantRule(t, anchored(nil, root).Verify(state13(l), asClient), RuleChain)
	wantRule(t, anchored(nil, mid).Verify(state13(l), asClient), "")

	cn.publish(t, time.Hour)
	unrelated := anchored(cn.lists(t, 0), root, cn.Certificate())
	wantRule(t, unrelated.Verify(state13(l, mid), asClient), RuleCRLMissing)
	wantRule(t, unrelated.Recheck(l, mid), RuleCRLMissing)
	wantRule(t, anchored(nil, root).Recheck(l, mid), "")
	wantRule(t, anchored(nil, cn.Certificate()).Recheck(l, mid), RuleChain) // the anchor was taken away
}

func TestPeers(t *testing.T) {
	c := newClock()
	la, kh := newCountry(t, c, "LA"), newCountry(t, c, "KH")
	laLeaf, khLeaf := la.leaf(t, "la", 0), kh.leaf(t, "kh", 0)
	trusts := map[string]*Trust{"LA": la.trust(t, nil, laLeaf), "KH": kh.trust(t, nil, khLeaf)}
	peers, err := NewPeers(trusts)
	must(t, err)
	code, err := peers.Verify(state13(khLeaf.Certificate), asClient)
	if code != "KH" || err != nil {
		t.Errorf("found %q, %v", code, err)
	}
	if code, err = peers.Recheck(laLeaf.Certificate); code != "LA" || err != nil {
		t.Errorf("found %q, %v", code, err)
	}
	_, err = peers.Verify(state13(la.leaf(t, "new", 0).Certificate), asClient)
	wantRule(t, err, RuleUnknownPin)
	_, err = peers.Verify(state13(), asClient)
	wantRule(t, err, RuleNoCertificate)
	_, err = peers.Recheck(nil)
	wantRule(t, err, RuleNoCertificate)
	if peers.MinVersion() != tls.VersionTLS13 {
		t.Error("TLS 1.2 is offered although nobody may use it")
	}

	for name, bad := range map[string]map[string]*Trust{
		"a shared pin": {"LA": trusts["LA"], "KH": la.trust(t, nil, laLeaf)},
		"no trust":     {"LA": nil},
		"no code":      {"": trusts["LA"]},
	} {
		if _, err := NewPeers(bad); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	// Another country's authority cannot vouch, even for a pinned key.
	stolen := kh.renew(t, "la", laLeaf.key, 0)
	_, err = peers.Verify(state13(stolen.Certificate), asClient)
	wantRule(t, err, RuleChain)
}

// A partner cannot fill our memory with certificates over its own key.
func TestRecheckRemembersLittle(t *testing.T) {
	c := newClock()
	kh := newCountry(t, c, "KH")
	l := kh.leaf(t, "kh", 0)
	trust := kh.trust(t, nil, l)
	for range maxProved + 10 {
		wantRule(t, trust.Recheck(kh.renew(t, "kh", l.key, 0).Certificate), "")
	}
	if n := len(trust.proved); n > maxProved {
		t.Errorf("%d certificates are remembered", n)
	}
}

func TestRecheckAllocatesLittle(t *testing.T) {
	trust, l := recheckFixture(t)
	if n := testing.AllocsPerRun(100, func() { _ = trust.Recheck(l) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRecheck(b *testing.B) {
	trust, l := recheckFixture(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := trust.Recheck(l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	trust, l := recheckFixture(b)
	cs := state13(l)
	b.ReportAllocs()
	for b.Loop() {
		if err := trust.Verify(cs, asClient); err != nil {
			b.Fatal(err)
		}
	}
}

func recheckFixture(t testing.TB) (*Trust, *x509.Certificate) {
	t.Helper()
	c := newClock()
	vn := newCountry(t, c, "VN")
	l, gone := vn.leaf(t, "vn", 0), vn.leaf(t, "gone", 0)
	must(t, vn.Revoke(gone.SerialNumber))
	vn.publish(t, time.Hour)
	crls := vn.lists(t, 0)
	crls.cfg.Now = time.Now
	return vn.trust(t, func(cfg *TrustConfig) {
		cfg.CRLs, cfg.Now, cfg.RevokedSerials = crls, time.Now, []string{FormatSerial(gone.SerialNumber)}
	}, l), l.Certificate
}
