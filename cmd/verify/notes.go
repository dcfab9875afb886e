package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxNote = 1 << 17 // a checkpoint, however many have cosigned it
	// maxTree bounds the trees that are believed in: far beyond any record,
	// and far below the sizes where tlog's arithmetic overflows and its
	// verification does not come to an end.
	maxTree = 1 << 50
)

// A verifierKey is one line of a key file (C2SP signed-note).
type verifierKey struct {
	note.Verifier
	line    string
	witness bool // it cosigns; it never signs as a log
}

// fingerprint is what two people can compare: the SHA-256 of the line.
func (k verifierKey) fingerprint() string {
	sum := sha256.Sum256([]byte(k.line))
	return hex.EncodeToString(sum[:])
}

// parseVerifierKey reads origin+hash+base64.
func parseVerifierKey(line string) (verifierKey, error) {
	name, rest, _ := strings.Cut(line, "+")
	hash, encoded, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	sum, hashErr := strconv.ParseUint(hash, 16, 32)
	if err != nil || hashErr != nil || len(raw) != 1+ed25519.PublicKeySize || fmt.Sprintf("%s+%08x+%s", name, sum, base64.StdEncoding.EncodeToString(raw)) != line {
		return verifierKey{}, errors.New("not a verifier key: name+hash+base64 is wanted")
	}
	const logSignature, cosignature = 1, 4
	switch raw[0] {
	case logSignature:
		v, err := note.NewVerifier(line)
		if err != nil {
			return verifierKey{}, errors.New("not a verifier key: its hash or name is wrong")
		}
		return verifierKey{v, line, false}, nil
	case cosignature:
		want := sha256.Sum256(append([]byte(name+"\n"), raw...))
		if name == "" || strings.ContainsAny(name, " \t\n") || binary.BigEndian.Uint32(want[:]) != uint32(sum) {
			return verifierKey{}, errors.New("not a verifier key: its hash or name is wrong")
		}
		return verifierKey{&witness{name, uint32(sum), raw[1:]}, line, true}, nil
	}
	return verifierKey{}, errors.New("a verifier key of an unknown kind")
}

// A witness verifies cosignatures (C2SP tlog-cosignature, cosignature/v1).
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

// Verify checks the time and the signature that a cosignature consists of.
func (w *witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), text)
	return ed25519.Verify(w.key, message, sig[8:])
}

// A keyFile is a set of verifier keys.
type keyFile []verifierKey

// parseKeyFile reads one key a line; empty lines and # comments are skipped.
func parseKeyFile(text []byte) (keyFile, error) {
	var keys keyFile
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := parseVerifierKey(line)
		if err != nil {
			return nil, err
		}
		same := func(o verifierKey) bool { return o.Name() == k.Name() && o.KeyHash() == k.KeyHash() }
		if i := slices.IndexFunc(keys, same); i >= 0 {
			if keys[i].line != line {
				return nil, errors.New("two of its keys have the same name and hash")
			}
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no verifier key")
	}
	return keys, nil
}

// readKeyFile reads the file that --key names.
func readKeyFile(path string) (keyFile, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil, errors.New("the key file cannot be read")
	}
	text, err := os.ReadFile(path) // #nosec G304 -- the auditor names the file
	if err != nil {
		return nil, errors.New("the key file cannot be read")
	}
	keys, err := parseKeyFile(text)
	if err != nil {
		return nil, fmt.Errorf("the key file: %w", err)
	}
	return keys, nil
}

// of returns the keys of the log called origin.
func (f keyFile) of(origin string) keyFile {
	var out keyFile
	for _, k := range f {
		if k.Name() == origin && !k.witness {
			out = append(out, k)
		}
	}
	return out
}

var (
	errNote     = errors.New("it is not a signed note")
	errNoteSig  = errors.New("its signature does not hold")
	errUnsigned = errors.New("the expected key has not signed it")
)

// An openedNote is a note with the keys whose signatures hold.
type openedNote struct {
	text    string
	signers keyFile
	others  int // signatures of keys that we do not have
}

// openNote reads a note. Every signature of one of keys must hold; others are
// counted only.
func openNote(signed []byte, keys keyFile) (openedNote, error) {
	verifiers := make([]note.Verifier, len(keys))
	for i, k := range keys {
		verifiers[i] = k
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		n = unverified.Note
	case errors.As(err, &invalid):
		return openedNote{}, errNoteSig
	case err != nil:
		return openedNote{}, errNote
	}
	out := openedNote{text: n.Text, others: len(n.UnverifiedSigs)}
	for _, sig := range n.Sigs {
		for _, k := range keys {
			if k.Name() == sig.Name && k.KeyHash() == sig.Hash {
				out.signers = append(out.signers, k)
			}
		}
	}
	return out, nil
}

// openSole reads a note that has exactly one signature, of one of keys, in the
// one form that a signature has. Package note ignores repeated signatures and
// loose base64, and with them bytes that nothing would protect.
func openSole(signed []byte, keys keyFile) (text string, by verifierKey, err error) {
	n, err := openNote(signed, keys)
	if err != nil {
		return "", verifierKey{}, err
	}
	if len(n.signers) != 1 {
		return n.text, verifierKey{}, errUnsigned
	}
	line := bytes.TrimPrefix(signed, []byte(n.text+"\n"))
	encoded, ok := bytes.CutPrefix(line, []byte("— "+n.signers[0].Name()+" "))
	encoded, end := bytes.CutSuffix(encoded, []byte("\n"))
	if raw, err := base64.StdEncoding.Strict().DecodeString(string(encoded)); !ok || !end || err != nil || base64.StdEncoding.EncodeToString(raw) != string(encoded) {
		return n.text, verifierKey{}, errors.New("it carries more than the one signature")
	}
	return n.text, n.signers[0], nil
}

// A checkpoint is a tree head (C2SP tlog-checkpoint).
type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

var errCheckpoint = errors.New("it is not a checkpoint")

// parseCheckpoint reads the text of a checkpoint in its one form.
func parseCheckpoint(text string) (checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" || slices.Index(lines, "") != len(lines)-1 {
		return checkpoint{}, errCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, ok := decodeHash(lines[2])
	if err != nil || !ok || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, errCheckpoint
	}
	if size > maxTree {
		return checkpoint{}, errors.New("its tree is larger than any log")
	}
	return checkpoint{lines[0], size, root}, nil
}

// includes says whether the tree has these leaf bytes at index.
func (c checkpoint) includes(proof tlog.RecordProof, index int64, leaf []byte) bool {
	if index < 0 || index >= c.size || c.size > maxTree || len(proof) > 63 {
		return false
	}
	return tlog.CheckRecord(proof, c.size, c.root, index, tlog.RecordHash(leaf)) == nil
}

// A proofText is a C2SP tlog-proof, believed by nobody yet.
type proofText struct {
	index  int64
	hashes tlog.RecordProof
	note   string // a signed checkpoint
}

// parseProof reads the tlog-proof text of a receipt.
func parseProof(text string) (proofText, bool) {
	head, signed, ok := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	if !ok || len(signed) > maxNote || len(lines) < 2 || len(lines) > 66 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return proofText{}, false
	}
	lines = lines[1:]
	if extra, found := strings.CutPrefix(lines[0], "extra "); found {
		if _, err := base64.StdEncoding.Strict().DecodeString(extra); err != nil || len(lines) < 2 {
			return proofText{}, false
		}
		lines = lines[1:]
	}
	digits, ok := strings.CutPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || index < 0 || strconv.FormatInt(index, 10) != digits {
		return proofText{}, false
	}
	p := proofText{index: index, note: signed}
	for _, line := range lines[1:] {
		h, ok := decodeHash(line)
		if !ok {
			return proofText{}, false
		}
		p.hashes = append(p.hashes, h)
	}
	return p, true
}

// same says whether two keys are one.
func (k verifierKey) same(o verifierKey) bool { return k.line == o.line }

// signedBy says whether one of the keys is among the signers.
func (n openedNote) signedBy(keys keyFile) bool {
	return slices.ContainsFunc(n.signers, func(k verifierKey) bool { return slices.ContainsFunc(keys, k.same) })
}
