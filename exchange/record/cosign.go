package record

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
)

// A cosigner makes cosignature/v1 lines (C2SP tlog-cosignature). It is ours,
// and not torchwood's, only because that one reads the system's clock itself.
type cosigner struct {
	key      crypto.Signer
	verifier *torchwood.CosignatureVerifier
}

func newCosigner(name string, key crypto.Signer) (*cosigner, error) {
	if key == nil {
		return nil, errors.New("no cosigning key")
	}
	s, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		return nil, fmt.Errorf("cosigner %q: %w", name, err)
	}
	return &cosigner{key: key, verifier: s.Verifier()}, nil
}

func (c *cosigner) cosign(checkpoint Checkpoint, at time.Time) ([]byte, error) {
	if at.Unix() < 0 {
		return nil, errors.New("cosign a checkpoint: the clock is before 1970")
	}
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), checkpoint.text())
	sig, err := c.key.Sign(nil, message, crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("cosign a checkpoint: %w", err)
	}
	stamped := binary.BigEndian.AppendUint64(nil, uint64(at.Unix())) // #nosec G115 -- seen above not to be negative
	return appendSignature(nil, c.verifier, append(stamped, sig...)), nil
}

// ParseWitnessKey reads a witness's public key.
func ParseWitnessKey(vkey string) (note.Verifier, error) {
	v, err := torchwood.NewCosignatureVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("parse a witness key: %w", err)
	}
	if v.String() != vkey {
		return nil, errors.New("parse a witness key: not in canonical form")
	}
	return v, nil
}

// AttachCosignatures adds to a signed checkpoint what a witness answered, in
// place of what the same witness may have signed before. Lines of other keys
// than the witnesses' are dropped, as tlog-witness asks; it is an error when
// none is left, or when one does not hold.
func AttachCosignatures(signed, answer []byte, log note.Verifier, witnesses ...note.Verifier) ([]byte, error) {
	old, err := openNote(signed, log, witnesses...)
	if err != nil {
		return nil, fmt.Errorf("attach cosignatures: %w", err)
	}
	// An answer with an empty line would move the end of the text.
	for line := range bytes.Lines(answer) {
		if !bytes.HasPrefix(line, []byte("— ")) {
			return nil, errors.New("attach cosignatures: the answer is not signature lines")
		}
	}
	if len(answer) > maxNote {
		return nil, errors.New("attach cosignatures: the answer is too long")
	}
	fresh, err := note.Open(append([]byte(old.Text+"\n"), answer...), note.VerifierList(witnesses...))
	if unverified := new(note.UnverifiedNoteError); errors.As(err, &unverified) {
		return nil, fmt.Errorf("attach cosignatures: %w", ErrNoSignature)
	}
	if err != nil {
		return nil, fmt.Errorf("attach cosignatures: %w", err)
	}
	replaced := func(sig note.Signature) bool {
		return slices.ContainsFunc(fresh.Sigs, func(f note.Signature) bool { return f.Name == sig.Name && f.Hash == sig.Hash })
	}
	old.Sigs = append(slices.DeleteFunc(old.Sigs, replaced), fresh.Sigs...)
	out, err := note.Sign(old)
	if err != nil {
		return nil, fmt.Errorf("attach cosignatures: %w", err)
	}
	if _, err := VerifyCheckpoint(out, log, witnesses...); err != nil {
		return nil, fmt.Errorf("attach cosignatures: %w", err)
	}
	return out, nil
}

// CosignedAt returns when each of the witnesses cosigned the checkpoint, by
// name. A cosignature of long ago proves no freshness.
func CosignedAt(c Checkpoint, witnesses ...note.Verifier) (map[string]time.Time, error) {
	n, err := note.Open(c.Note, note.VerifierList(witnesses...))
	if unverified := new(note.UnverifiedNoteError); errors.As(err, &unverified) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read cosignatures: %w", err)
	}
	out := make(map[string]time.Time, len(n.Sigs))
	for _, sig := range n.Sigs {
		at, err := torchwood.CosignatureTimestamp(sig)
		if err != nil {
			return nil, fmt.Errorf("read the cosignature of %s: %w", sig.Name, err)
		}
		out[sig.Name] = time.Unix(at, 0).UTC()
	}
	return out, nil
}

// WitnessVerifierKey returns the public key, as text, of a witness with this
// name and key.
func WitnessVerifierKey(name string, key crypto.Signer) (string, error) {
	c, err := newCosigner(name, key)
	if err != nil {
		return "", fmt.Errorf("derive a witness key: %w", err)
	}
	return c.verifier.String(), nil
}
