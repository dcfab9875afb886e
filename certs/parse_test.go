package certs

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestParseCertificatesLosesNothing(t *testing.T) {
	c := newClock()
	a := newCountry(t, c, "VN")
	one, two := a.leaf(t, "one", 0), a.leaf(t, "two", 0)
	bundle := EncodeCertificates(one.Certificate, two.Certificate)
	commented := append([]byte("subject=one\n"), bytes.Replace(bundle, []byte("-----END CERTIFICATE-----\n"), []byte("-----END CERTIFICATE-----\n# the next\n"), 1)...)
	for name, data := range map[string][]byte{"plain": bundle, "commented": commented} {
		list, err := ParseCertificates(data)
		must(t, err)
		if len(list) != 2 || !list[0].Equal(one.Certificate) || !list[1].Equal(two.Certificate) {
			t.Errorf("%s: %d certificates", name, len(list))
		}
	}
	key, err := EncodePrivateKey(one.key)
	must(t, err)
	text := string(bundle)
	cases := map[string]string{
		"empty":             "",
		"no block":          "certificate",
		"damaged base64":    strings.Replace(text, "MII", "M!I", 1),
		"end is missing":    strings.Replace(text, "-----END CERTIFICATE-----", "", 1),
		"a key in it":       text + string(key),
		"headers":           strings.Replace(text, "-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nA: b\n\n", 1),
		"not a certificate": string(pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: []byte{0x30, 0}})),
		"too many":          strings.Repeat(string(EncodeCertificates(one.Certificate)), maxCertificates+1),
	}
	for name, data := range cases {
		if _, err := ParseCertificates([]byte(data)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestParseCRLRefusesWhatItCannotJudge(t *testing.T) {
	c := newClock()
	a := newCountry(t, c, "KH")
	deltaIndicator := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}
	indirect := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: []byte{0x30, 0}}
	build := func(change func(*x509.RevocationList)) []byte {
		template := &x509.RevocationList{
			Number: big.NewInt(1), ThisUpdate: c.Now(), NextUpdate: c.Now().Add(time.Hour),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: c.Now()}},
		}
		change(template)
		der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
		must(t, err)
		return der
	}
	good := build(func(*x509.RevocationList) {})
	list, err := ParseCRL(good)
	must(t, err)
	if _, err := ParseCRL(EncodeCRL(list)); err != nil {
		t.Errorf("PEM: %v", err)
	}
	for name, data := range map[string][]byte{
		"empty": nil,
		"delta": build(func(l *x509.RevocationList) { l.ExtraExtensions = []pkix.Extension{deltaIndicator} }),
		"indirect": build(func(l *x509.RevocationList) {
			l.RevokedCertificateEntries[0].ExtraExtensions = []pkix.Extension{indirect}
		}),
		"trailing":  append(bytes.Clone(good), 0),
		"two lists": append(EncodeCRL(list), EncodeCRL(list)...),
		"truncated": good[:len(good)-1],
	} {
		if got, err := ParseCRL(data); err == nil || got != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	noNumber, noEnd := *list, *list
	noNumber.Number, noEnd.NextUpdate = nil, time.Time{}
	if checkCRLShape(&noNumber) == nil || checkCRLShape(&noEnd) == nil {
		t.Error("a list without number or end was accepted")
	}
}

func TestSerials(t *testing.T) {
	for text, want := range map[string]string{"0a": "0a", "A": "0a", "00:FF:01": "ff01", " 7b ": "7b", "0": "00"} {
		serial, err := ParseSerial(text)
		must(t, err)
		if got := FormatSerial(serial); got != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", ":", "0x10", "-1", "+1", "g", "1_0", strings.Repeat("a", 41)} {
		if _, err := ParseSerial(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func FuzzParseCertificates(f *testing.F) {
	a := newCountry(f, newClock(), "VN")
	one, two := a.leaf(f, "one", 0), a.leaf(f, "two", 0)
	addSeeds(f, EncodeCertificates(one.Certificate), EncodeCertificates(a.Certificate(), two.Certificate),
		append([]byte("comment\n"), EncodeCertificates(one.Certificate)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseCertificates(data)
		if err != nil {
			return
		}
		again, err := ParseCertificates(EncodeCertificates(list...))
		if err != nil || len(again) != len(list) {
			t.Fatalf("%d certificates became %d: %v", len(list), len(again), err)
		}
		for i := range list {
			if !list[i].Equal(again[i]) {
				t.Fatalf("certificate %d changed", i)
			}
			must(t, CheckPin(Pin(again[i])))
		}
	})
}

func FuzzParseCRL(f *testing.F) {
	c := newClock()
	a := newCountry(f, c, "VN")
	must(f, a.Revoke(a.leaf(f, "gone", 0).SerialNumber))
	data, err := a.CRL(c.Now().Add(time.Hour))
	must(f, err)
	list, err := ParseCRL(data)
	must(f, err)
	addSeeds(f, data, list.Raw)
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseCRL(data)
		if err != nil {
			return
		}
		again, err := ParseCRL(EncodeCRL(list))
		if err != nil || !bytes.Equal(again.Raw, list.Raw) {
			t.Fatalf("the list changed: %v", err)
		}
	})
}

func FuzzParsePrivateKey(f *testing.F) {
	for _, algorithm := range []string{ES256, ES384, EdDSA} {
		key, err := GenerateKey(algorithm)
		must(f, err)
		data, err := EncodePrivateKey(key)
		must(f, err)
		addSeeds(f, data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParsePrivateKey(data)
		if err != nil {
			return
		}
		encoded, err := EncodePrivateKey(key)
		must(t, err)
		again, err := ParsePrivateKey(encoded)
		if err != nil || !samePublic(again.Public(), key.Public()) {
			t.Fatalf("the key changed: %v", err)
		}
	})
}

func FuzzParseSerial(f *testing.F) {
	addSeeds(f, []byte("0a:FF"), []byte("00"), []byte("7b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		serial, err := ParseSerial(string(data))
		if err != nil {
			return
		}
		again, err := ParseSerial(FormatSerial(serial))
		if err != nil || again.Cmp(serial) != 0 {
			t.Fatalf("%q: %v became %v, %v", data, serial, again, err)
		}
	})
}

// addSeeds refuses an empty seed: a fuzz test that starts from nothing finds
// nothing.
func addSeeds(f *testing.F, seeds ...[]byte) {
	f.Helper()
	if len(seeds) == 0 {
		f.Fatal("no seeds")
	}
	for _, seed := range seeds {
		if len(seed) == 0 {
			f.Fatal("an empty seed")
		}
		f.Add(seed)
	}
}
