package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAuthorityFiles(t *testing.T) {
	c := newClock()
	dir := filepath.Join(t.TempDir(), "deep", "ca")
	cfg := AuthorityConfig{Dir: dir, CommonName: "Utopia test authority", Now: c.Now}
	made, err := NewAuthority(cfg)
	must(t, err)
	for name, mode := range map[string]os.FileMode{authorityKey: 0o600, authorityCert: 0o644, ledgerFile: 0o600, "": 0o700} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%q has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
	if _, err := NewAuthority(cfg); !errors.Is(err, os.ErrExist) || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("a second authority in the directory: %v", err)
	}
	loaded, err := LoadAuthority(dir, c.Now)
	must(t, err)
	if !loaded.Certificate().Equal(made.Certificate()) {
		t.Error("another certificate came back")
	}
	must(t, os.Remove(filepath.Join(dir, ledgerFile)))
	if _, err := LoadAuthority(dir, c.Now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an authority that forgot its revocations was loaded: %v", err)
	}
}

func TestAuthorityRefusesAnothersKey(t *testing.T) {
	c := newClock()
	a, b := newCountry(t, c, "LA"), newCountry(t, c, "KH")
	data, err := os.ReadFile(b.path(authorityKey))
	must(t, err)
	writeRaw(t, a.path(authorityKey), data, 0o600)
	if _, err := LoadAuthority(filepath.Join(a.dir, "ca"), c.Now); err == nil {
		t.Error("a key of another authority was accepted")
	}
	for name, cfg := range map[string]AuthorityConfig{
		"no clock":    {Dir: t.TempDir(), CommonName: "x"},
		"no name":     {Dir: t.TempDir(), Now: c.Now},
		"no dir":      {CommonName: "x", Now: c.Now},
		"no lifetime": {Dir: t.TempDir(), CommonName: "x", Now: c.Now, Lifetime: -1},
	} {
		if _, err := NewAuthority(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestIssue(t *testing.T) {
	c := newClock()
	a := newCountry(t, c, "GB")
	key := newP256(t)
	cert, err := a.Issue(IssueRequest{
		PublicKey: key.Public(), CommonName: "gb", DNSNames: []string{"gb.gateway.example"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	must(t, err)
	both := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	if !slices.Equal(cert.ExtKeyUsage, both) || cert.IsCA || cert.VerifyHostname("127.0.0.1") != nil || cert.VerifyHostname("gb.gateway.example") != nil {
		t.Errorf("certificate %+v", cert)
	}
	if len(cert.SerialNumber.Bytes()) < 8 {
		t.Errorf("serial %s is too short to be unguessable", FormatSerial(cert.SerialNumber))
	}
	csr, err := CreateCSR(key, CSRRequest{CommonName: "asked", DNSNames: []string{"asked.example"}})
	must(t, err)
	given, err := a.Issue(IssueRequest{CSR: csr, CommonName: "given", DNSNames: []string{"given.example"}})
	must(t, err)
	if given.Subject.CommonName != "given" || !slices.Equal(given.DNSNames, []string{"given.example"}) {
		t.Errorf("the request overrode the authority: %v %v", given.Subject, given.DNSNames)
	}

	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	damaged := []byte(strings.Replace(string(csr), "M", "N", 1))
	for name, req := range map[string]IssueRequest{
		"nothing":          {CommonName: "x"},
		"both":             {CommonName: "x", CSR: csr, PublicKey: key.Public()},
		"no name":          {PublicKey: key.Public()},
		"weak key":         {CommonName: "x", PublicKey: weak.Public()},
		"damaged request":  {CSR: damaged},
		"two requests":     {CSR: append(append([]byte{}, csr...), csr...)},
		"outlives":         {CommonName: "x", PublicKey: key.Public(), Lifetime: 10 * 365 * 24 * time.Hour},
		"negative":         {CommonName: "x", PublicKey: key.Public(), Lifetime: -time.Hour},
		"not a public key": {CommonName: "x", PublicKey: "key"},
	} {
		if _, err := a.Issue(req); err == nil {
			t.Errorf("%s was issued", name)
		}
	}

	c.Advance(defaultAuthorityLifetime - time.Hour)
	last, err := a.Issue(IssueRequest{PublicKey: key.Public(), CommonName: "last"})
	must(t, err)
	if !last.NotAfter.Equal(a.Certificate().NotAfter) {
		t.Errorf("the default lifetime ends at %v", last.NotAfter)
	}
	c.Advance(2 * time.Hour)
	if _, err := a.Issue(IssueRequest{PublicKey: key.Public(), CommonName: "late"}); err == nil {
		t.Error("an expired authority issued")
	}
}

func TestRevocationListsOfTheAuthority(t *testing.T) {
	c := newClock()
	a := newCountry(t, c, "CN")
	good, bad := a.leaf(t, "good", 0), a.leaf(t, "bad", 0)
	must(t, a.Revoke(bad.SerialNumber))
	must(t, a.Revoke(bad.SerialNumber))
	if err := a.Revoke(big.NewInt(4711)); err == nil {
		t.Error("a serial that was never issued was revoked")
	}
	if err := a.Revoke(nil); err == nil {
		t.Error("no serial was revoked")
	}
	again, err := LoadAuthority(filepath.Join(a.dir, "ca"), c.Now)
	must(t, err)
	for number, source := range []*Authority{a.Authority, again} {
		data, err := source.CRL(c.Now().Add(time.Hour))
		must(t, err)
		list, err := ParseCRL(data)
		must(t, err)
		must(t, list.CheckSignatureFrom(a.Certificate()))
		if list.Number.Int64() != int64(number+1) {
			t.Errorf("number %s, want %d", list.Number, number+1)
		}
		if len(list.RevokedCertificateEntries) != 1 || list.RevokedCertificateEntries[0].SerialNumber.Cmp(bad.SerialNumber) != 0 {
			t.Errorf("entries %v", list.RevokedCertificateEntries)
		}
	}
	if good.SerialNumber.Cmp(bad.SerialNumber) == 0 {
		t.Error("one serial was given twice")
	}
	if _, err := a.CRL(c.Now()); err == nil {
		t.Error("a list that is stale at once was signed")
	}
}

func TestAuthorityCommandsAtOnceLoseNothing(t *testing.T) {
	c := newClock()
	a := newCountry(t, c, "LA")
	const hands = 8
	var wait sync.WaitGroup
	for range hands {
		l := a.leaf(t, "leaf", 0)
		wait.Go(func() {
			own, err := LoadAuthority(filepath.Join(a.dir, "ca"), c.Now)
			if err == nil {
				err = own.Revoke(l.SerialNumber)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	data, err := a.CRL(c.Now().Add(time.Hour))
	must(t, err)
	list, err := ParseCRL(data)
	must(t, err)
	if got := len(list.RevokedCertificateEntries); got != hands {
		t.Errorf("%d revocations, want %d", got, hands)
	}
}
