package certs

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeysSurviveTheirFile(t *testing.T) {
	for _, algorithm := range []string{ES256, ES384, EdDSA} {
		t.Run(algorithm, func(t *testing.T) {
			key, err := GenerateKey(algorithm)
			must(t, err)
			path := filepath.Join(t.TempDir(), "new", "signing.key")
			must(t, WritePrivateKey(path, key))
			info, err := os.Stat(path)
			must(t, err)
			dir, err := os.Stat(filepath.Dir(path))
			must(t, err)
			if info.Mode().Perm() != 0o600 || dir.Mode().Perm() != 0o700 {
				t.Errorf("modes are %v and %v", info.Mode(), dir.Mode())
			}
			back, err := LoadSigner(path)
			must(t, err)
			if !samePublic(back.Public(), key.Public()) {
				t.Error("another key came back")
			}
			if got, err := Algorithm(back.Public()); err != nil || got != algorithm {
				t.Errorf("algorithm %q, %v", got, err)
			}
			var hint *SetupError
			if err := WritePrivateKey(path, key); !errors.Is(err, os.ErrExist) || !errors.As(err, &hint) || hint.Hint == "" {
				t.Errorf("a second write: %v", err)
			}
			left, err := os.ReadDir(filepath.Dir(path))
			must(t, err)
			if len(left) != 1 {
				t.Errorf("temporary files were left: %v", left)
			}
		})
	}
	if _, err := GenerateKey("RS256"); err == nil {
		t.Error("RS256 was made")
	}
}

func TestKeyFileReadableByOthersIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signing.key")
	must(t, WritePrivateKey(path, newP256(t)))
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o601} {
		must(t, os.Chmod(path, mode))
		if _, err := LoadSigner(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	must(t, os.Chmod(path, 0o400))
	if _, err := LoadSigner(path); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
	if _, err := LoadSigner(filepath.Dir(path)); err == nil {
		t.Error("a directory was read")
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		must(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: der})
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	must(t, err)
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	exchange, err := ecdh.X25519().GenerateKey(rand.Reader)
	must(t, err)
	sec1, err := x509.MarshalECPrivateKey(newP256(t))
	must(t, err)
	good := pkcs8(newP256(t))
	cases := map[string]struct {
		data []byte
		want string
	}{
		"P-521":       {pkcs8(p521), "P-521"},
		"RSA 2048":    {pkcs8(small), "2048"},
		"X25519":      {pkcs8(exchange), "cannot sign"},
		"SEC1":        {pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}), "openssl pkcs8 -topk8"},
		"encrypted":   {pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: sec1}), "decrypt it"},
		"two keys":    {append(append([]byte{}, good...), good...), "2 keys"},
		"damaged":     {[]byte(strings.Replace(string(good), "-----END", "----END", 1)), "damaged"},
		"not a key":   {pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: []byte("no")}), "not a PKCS#8 key"},
		"empty":       {nil, "no PEM block"},
		"certificate": {pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: []byte{1}}), "expected"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := ParsePrivateKey(tc.data); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestRSAServesTLSButDoesNotSign(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, minRSA)
	must(t, err)
	path := filepath.Join(t.TempDir(), "rsa.key")
	must(t, WritePrivateKey(path, key))
	if _, err := ReadPrivateKey(path); err != nil {
		t.Errorf("for TLS: %v", err)
	}
	var hint *SetupError
	if _, err := LoadSigner(path); !errors.As(err, &hint) {
		t.Errorf("for signing: %v", err)
	}
	if got, err := Algorithm(key.Public()); err != nil || got != PS256 {
		t.Errorf("algorithm %q, %v", got, err)
	}
}

func TestCSR(t *testing.T) {
	key := newP256(t)
	data, err := CreateCSR(key, CSRRequest{
		CommonName: "vn.gateway.example", Organization: "Example Ministry", Country: "VN",
		DNSNames: []string{"vn.gateway.example"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	must(t, err)
	block, _ := pem.Decode(data)
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	must(t, err)
	must(t, csr.CheckSignature())
	if csr.Subject.String() != "CN=vn.gateway.example,O=Example Ministry,C=VN" || len(csr.IPAddresses) != 1 {
		t.Errorf("subject %s, addresses %v", csr.Subject, csr.IPAddresses)
	}
	if _, err := CreateCSR(nil, CSRRequest{CommonName: "x"}); err == nil {
		t.Error("no key was accepted")
	}
	if _, err := CreateCSR(key, CSRRequest{}); err == nil {
		t.Error("no name was accepted")
	}
}

func TestPins(t *testing.T) {
	vn := newCountry(t, newClock(), "VN")
	l := vn.leaf(t, "vn", 0)
	again := vn.renew(t, "vn", l.key, 0)
	if Pin(l.Certificate) != Pin(again.Certificate) || Fingerprint(l.Certificate) == Fingerprint(again.Certificate) {
		t.Error("a renewal over one key must keep the pin and change the fingerprint")
	}
	early, err := PinKey(l.key.Public())
	if err != nil || early != Pin(l.Certificate) {
		t.Errorf("pin of the key %q, %v", early, err)
	}
	if got := Fingerprint(l.Certificate); len(got) != 95 || strings.Count(got, ":") != 31 {
		t.Errorf("fingerprint %s", got)
	}
	good := Pin(l.Certificate)
	must(t, CheckPin(good))
	for _, bad := range []string{"", "sha256/", good[7:], good[:len(good)-1], good + "\n", good + "A", "sha512/" + good[7:], strings.ToUpper(good[:7]) + good[7:], "sha256/AAAA"} {
		if CheckPin(bad) == nil {
			t.Errorf("pin %q was accepted", bad)
		}
	}
}
