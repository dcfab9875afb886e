package certs

import (
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestIdentityIsRefused(t *testing.T) {
	c := newClock()
	vn := newCountry(t, c, "VN")
	one, two := vn.leaf(t, "one", 0), vn.leaf(t, "two", 0)
	open := vn.leaf(t, "open", 0)
	must(t, os.Chmod(open.keyFile, 0o644))
	for name, tc := range map[string]struct {
		cfg  IdentityConfig
		want string
	}{
		"mismatch":     {IdentityConfig{CertFile: one.certFile, KeyFile: two.keyFile, Now: c.Now}, "is not the key of"},
		"open key":     {IdentityConfig{CertFile: open.certFile, KeyFile: open.keyFile, Now: c.Now}, "chmod 600"},
		"no clock":     {IdentityConfig{CertFile: one.certFile, KeyFile: one.keyFile}, "clock"},
		"missing":      {IdentityConfig{CertFile: one.certFile + "x", KeyFile: one.keyFile, Now: c.Now}, "no such file"},
		"wrong way on": {IdentityConfig{CertFile: one.keyFile, KeyFile: one.certFile, Now: c.Now}, "mode"},
	} {
		if _, err := LoadIdentity(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIdentityReload(t *testing.T) {
	c := newClock()
	vn := newCountry(t, c, "VN")
	l := vn.leaf(t, "vn", 24*time.Hour)
	id := l.identity(t, c)
	if !id.Expires().Equal(l.NotAfter) || id.Problem() != nil {
		t.Fatalf("expires %v, problem %v", id.Expires(), id.Problem())
	}
	replace := func(next leaf) {
		t.Helper()
		must(t, os.Rename(next.keyFile, l.keyFile))
		must(t, os.Rename(next.certFile, l.certFile))
	}
	wantProblem := func(serves *x509.Certificate, problem string) {
		t.Helper()
		c.Advance(recheckEvery)
		if !id.Leaf().Equal(serves) {
			t.Fatalf("serves %s", FormatSerial(id.Leaf().SerialNumber))
		}
		err := id.Problem()
		if (problem == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), problem) {
			t.Fatalf("problem %v, want %q", err, problem)
		}
	}

	// Half of a renewal, then the other half.
	next := vn.leaf(t, "vn", 24*time.Hour)
	must(t, os.Rename(next.certFile, l.certFile))
	wantProblem(l.Certificate, "is not the key of")
	must(t, os.Rename(next.keyFile, l.keyFile))
	wantProblem(next.Certificate, "")

	// A renewal that begins later waits for its time without another change.
	key := newP256(t)
	later := vn.handmade(t, key.Public(), func(x *x509.Certificate) {
		x.NotBefore, x.NotAfter = c.Now().Add(time.Hour), c.Now().Add(48*time.Hour)
	})
	waiting := vn.renew(t, "vn", key, 0)
	must(t, WriteCertificates(waiting.certFile, later))
	replace(waiting)
	wantProblem(next.Certificate, "not used yet")
	var refusal *Refusal
	if !errors.As(id.Problem(), &refusal) || refusal.Rule != RuleNotYetValid {
		t.Errorf("problem %v", id.Problem())
	}
	c.Advance(time.Hour)
	wantProblem(later, "")

	// Files that vanish do not stop us.
	must(t, os.Remove(l.keyFile))
	wantProblem(later, "no such file")
	must(t, WritePrivateKey(l.keyFile, key))
	wantProblem(later, "")

	// The chain is sent along.
	must(t, WriteCertificates(l.certFile, later, vn.Certificate()))
	wantProblem(later, "")
	if n := len(id.Certificate().Certificate); n != 2 {
		t.Errorf("%d certificates are sent", n)
	}
}
