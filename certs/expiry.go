package certs

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"sort"
	"time"
)

// The kinds of things that expire.
const (
	KindCertificate = "certificate"
	KindCRL         = "crl"
)

// The states of an Expiry.
const (
	ExpiryOK          = "ok"
	ExpirySoon        = "soon"
	ExpiryExpired     = "expired"
	ExpiryNotYetValid = "not-yet-valid"
)

// Expiry is one certificate or revocation list in a file and when it ends.
type Expiry struct {
	Path        string    `json:"path"`
	Kind        string    `json:"kind"`
	Subject     string    `json:"subject,omitempty"`
	Issuer      string    `json:"issuer"`
	Authority   bool      `json:"authority,omitempty"`
	Serial      string    `json:"serial"` // of a list: its number
	Pin         string    `json:"pin,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	DaysLeft    int       `json:"days_left"` // whole days, negative once expired
	Status      string    `json:"status"`
}

// ListExpiry reads files of certificates or revocation lists and says what ends
// when, the first to end first. What ends within soon is marked. A file that
// cannot be read does not hide the others: the result holds these, and the
// error names every failure.
func ListExpiry(paths []string, now time.Time, soon time.Duration) ([]Expiry, error) {
	var list []Expiry
	var failures []error
	for _, path := range paths {
		found, err := readExpiry(path)
		if err != nil {
			failures = append(failures, fmt.Errorf("list expiry: %w", err))
			continue
		}
		for _, e := range found {
			left := e.NotAfter.Sub(now)
			e.DaysLeft = int(math.Floor(left.Hours() / 24))
			e.Status = ExpiryOK
			switch {
			case left < 0:
				e.Status = ExpiryExpired
			case now.Before(e.NotBefore):
				e.Status = ExpiryNotYetValid
			case left <= soon:
				e.Status = ExpirySoon
			}
			list = append(list, e)
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].NotAfter.Before(list[j].NotAfter) })
	return list, errors.Join(failures...)
}

func readExpiry(path string) ([]Expiry, error) {
	data, _, err := readFile(path, maxCRL, false)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte{0x30}) || bytes.Contains(data, []byte("-----BEGIN "+blockCRL)) {
		crl, err := ParseCRL(data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		return []Expiry{{
			Path: path, Kind: KindCRL, Issuer: crl.Issuer.String(), Serial: crl.Number.String(),
			NotBefore: crl.ThisUpdate, NotAfter: crl.NextUpdate,
		}}, nil
	}
	certificates, err := ParseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	found := make([]Expiry, 0, len(certificates))
	for _, cert := range certificates {
		found = append(found, expiryOf(path, cert))
	}
	return found, nil
}

func expiryOf(path string, cert *x509.Certificate) Expiry {
	return Expiry{
		Path: path, Kind: KindCertificate, Subject: cert.Subject.String(), Issuer: cert.Issuer.String(),
		Authority: cert.IsCA, Serial: FormatSerial(cert.SerialNumber), Pin: Pin(cert),
		Fingerprint: Fingerprint(cert), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
	}
}
