package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	ledgerFile = "authority.json"
	ledgerLock = "authority.lock"
	maxLedger  = 16 << 20
)

// ledger is what an authority must remember between two commands.
type ledger struct {
	CRLNumber int64    `json:"crl_number"`
	Issued    []issued `json:"issued"`
}

type issued struct {
	Serial     string     `json:"serial"`
	CommonName string     `json:"common_name"`
	NotAfter   time.Time  `json:"not_after"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
}

// revoked lists the withdrawn certificates. Expired ones stay in: a list is
// short here, and a clock that is behind must not bring one back.
func (l *ledger) revoked() ([]x509.RevocationListEntry, error) {
	var entries []x509.RevocationListEntry
	for _, c := range l.Issued {
		if c.RevokedAt == nil {
			continue
		}
		serial, err := ParseSerial(c.Serial)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", ledgerFile, err)
		}
		entries = append(entries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: *c.RevokedAt})
	}
	return entries, nil
}

func (a *Authority) createLedger() error {
	data, err := encodeLedger(&ledger{Issued: []issued{}})
	if err != nil {
		return err
	}
	return createFile(a.path(ledgerFile), data, privateFile)
}

// readLedger refuses a missing file: an empty one in its place would start the
// CRL numbers again and forget every revocation.
func (a *Authority) readLedger() (*ledger, error) {
	data, _, err := readFile(a.path(ledgerFile), maxLedger, false)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var l ledger
	if err := dec.Decode(&l); err != nil {
		return nil, fmt.Errorf("read %s: %w", a.path(ledgerFile), err)
	}
	return &l, nil
}

// note enters a new certificate before it leaves our hands.
func (a *Authority) note(cert *x509.Certificate) error {
	return a.update(func(l *ledger) error {
		l.Issued = append(l.Issued, issued{
			Serial:     FormatSerial(cert.SerialNumber),
			CommonName: cert.Subject.CommonName,
			NotAfter:   cert.NotAfter,
		})
		return nil
	})
}

// update changes the ledger under a lock that also holds between processes, so
// that two commands at once cannot lose a revocation.
func (a *Authority) update(change func(*ledger) error) (err error) {
	lock, err := os.OpenFile(a.path(ledgerLock), os.O_CREATE|os.O_RDWR, privateFile) // #nosec G304 -- the authority's own directory
	if err != nil {
		return fmt.Errorf("open the lock of the authority: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()                // closing unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil { // #nosec G115 -- a file descriptor is small
		return fmt.Errorf("lock the authority: %w", err)
	}
	l, err := a.readLedger()
	if err != nil {
		return err
	}
	if err := change(l); err != nil {
		return err
	}
	data, err := encodeLedger(l)
	if err != nil {
		return err
	}
	return writeFile(a.path(ledgerFile), data, privateFile)
}

func encodeLedger(l *ledger) ([]byte, error) {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", ledgerFile, err)
	}
	return append(data, '\n'), nil
}
