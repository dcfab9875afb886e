package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

const (
	blockCertificate = "CERTIFICATE"
	blockCRL         = "X509 CRL"
	blockKey         = "PRIVATE KEY"
	blockCSR         = "CERTIFICATE REQUEST"

	maxCertificates = 256
	maxSerialBytes  = 20 // RFC 5280, 4.1.2.2
)

// ParseCertificates reads a PEM bundle: CERTIFICATE blocks only, one or more,
// in their order; text between blocks is a comment. A block that cannot be read
// is an error: the standard decoder would pass over it, and an anchor would be
// missing without a word.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	blocks, err := decodePEM(data, blockCertificate)
	if err != nil {
		return nil, fmt.Errorf("parse certificates: %w", err)
	}
	if len(blocks) > maxCertificates {
		return nil, fmt.Errorf("parse certificates: more than %d in one file", maxCertificates)
	}
	list := make([]*x509.Certificate, 0, len(blocks))
	for i, der := range blocks {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("parse certificate %d: %w", i+1, err)
		}
		list = append(list, cert)
	}
	return list, nil
}

// EncodeCertificates is the inverse of ParseCertificates.
func EncodeCertificates(list ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, cert := range list {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: cert.Raw}))
	}
	return out.Bytes()
}

// ReadCertificates reads a PEM bundle from a file.
func ReadCertificates(path string) ([]*x509.Certificate, error) {
	data, _, err := readFile(path, maxPEM, false)
	if err != nil {
		return nil, err
	}
	list, err := ParseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return list, nil
}

// WriteCertificates writes a PEM bundle atomically, replacing what was there.
func WriteCertificates(path string, list ...*x509.Certificate) error {
	if len(list) == 0 {
		return fmt.Errorf("write %s: no certificate given", path)
	}
	return writeFile(path, EncodeCertificates(list...), publicFile)
}

// decodePEM returns the contents of all blocks, which must be of one type.
func decodePEM(data []byte, want string) ([][]byte, error) {
	var blocks [][]byte
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != want {
			return nil, wrongBlock(block.Type, want)
		}
		if len(block.Headers) != 0 {
			return nil, fmt.Errorf("block %d has PEM headers", len(blocks)+1)
		}
		blocks = append(blocks, block.Bytes)
	}
	begun := bytes.Count(data, []byte("\n-----BEGIN"))
	if bytes.HasPrefix(data, []byte("-----BEGIN")) {
		begun++
	}
	if begun != len(blocks) {
		return nil, fmt.Errorf("%d blocks begin, but only %d can be read: the PEM is damaged", begun, len(blocks))
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("no PEM block of type %s", want)
	}
	return blocks, nil
}

func wrongBlock(got, want string) error {
	hint := ""
	switch {
	case got == "ENCRYPTED PRIVATE KEY":
		hint = "decrypt it: openssl pkcs8 -in old.key -out new.key"
	case want == blockKey && strings.HasSuffix(got, blockKey):
		hint = "convert it: openssl pkcs8 -topk8 -nocrypt -in old.key -out new.key"
	case strings.HasSuffix(got, blockKey):
		hint = "a private key belongs in a file of its own, mode 600"
	}
	return setup(hint, "a PEM block of type %q where %s was expected", clip(got), want)
}

// ParseCRL reads one revocation list, PEM or DER, and refuses what this package
// could only misread: a list without a number or an end, a delta or a partial
// list, entries on behalf of another issuer.
func ParseCRL(data []byte) (*x509.RevocationList, error) {
	der := data
	if !bytes.HasPrefix(data, []byte{0x30}) { // a DER list starts with a SEQUENCE
		blocks, err := decodePEM(data, blockCRL)
		if err != nil {
			return nil, fmt.Errorf("parse revocation list: %w", err)
		}
		if len(blocks) != 1 {
			return nil, fmt.Errorf("parse revocation list: %d lists in one file", len(blocks))
		}
		der = blocks[0]
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, fmt.Errorf("parse revocation list: %w", err)
	}
	if len(list.Raw) != len(der) { // the library reads past this
		return nil, errors.New("parse revocation list: bytes follow the list")
	}
	if err := checkCRLShape(list); err != nil {
		return nil, fmt.Errorf("parse revocation list: %w", err)
	}
	return list, nil
}

// EncodeCRL is the inverse of ParseCRL.
func EncodeCRL(list *x509.RevocationList) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCRL, Bytes: list.Raw})
}

func checkCRLShape(list *x509.RevocationList) error {
	if list.Number == nil {
		return errors.New("it has no number, so an older list could not be told from a newer one")
	}
	if list.NextUpdate.IsZero() {
		return errors.New("it has no nextUpdate, so its age could not be bounded")
	}
	for _, ext := range list.Extensions {
		if ext.Critical {
			return fmt.Errorf("critical extension %s: delta, partial and indirect lists are not supported", ext.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, ext := range entry.Extensions {
			if ext.Critical {
				return fmt.Errorf("critical extension %s in an entry: indirect lists are not supported", ext.Id)
			}
		}
	}
	return nil
}

// ParseSerial reads a certificate serial number as tools print it: hexadecimal,
// with or without colons, in either case.
func ParseSerial(text string) (*big.Int, error) {
	digits := strings.ReplaceAll(strings.TrimSpace(text), ":", "")
	if digits == "" || len(digits) > 2*maxSerialBytes {
		return nil, fmt.Errorf("parse serial %q: want 1 to %d hexadecimal digits", clip(text), 2*maxSerialBytes)
	}
	for _, c := range []byte(digits) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return nil, fmt.Errorf("parse serial %q: not hexadecimal", clip(text))
		}
	}
	serial, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		return nil, fmt.Errorf("parse serial %q: not hexadecimal", clip(text))
	}
	return serial, nil
}

// FormatSerial prints a serial number as ParseSerial reads it.
func FormatSerial(serial *big.Int) string {
	text := serial.Text(16)
	if len(text)%2 == 1 {
		text = "0" + text
	}
	return text
}

// clip keeps text from outside short in our messages.
func clip(text string) string {
	const most = 80
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
