package record

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxNote bounds a signed note that comes from somebody else: a checkpoint
// with a dozen cosignatures, even post-quantum ones, is below it.
const maxNote = 1 << 17

// MaxSize bounds the trees that are believed in. It is far beyond any record,
// and below the sizes at which tlog's arithmetic overflows: with a signed size
// above 2^62 its verification never returns.
const MaxSize = 1 << 60

// A Checkpoint is a signed tree head (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin    string
	Size      int64
	Root      tlog.Hash
	Extension string   // lines that the log added, each with its newline; ours adds none
	Note      []byte   // the signed note it was read from
	Cosigners []string // names of the given witnesses whose cosignature holds
}

// text is the part of the note that is signed.
func (c Checkpoint) text() string {
	return torchwood.Checkpoint{Origin: c.Origin, Tree: tlog.Tree{N: c.Size, Hash: c.Root}, Extension: c.Extension}.String()
}

// ParseCheckpoint reads the unsigned text of a checkpoint, and only in its
// canonical form.
func ParseCheckpoint(text string) (Checkpoint, error) {
	t, err := torchwood.ParseCheckpoint(text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("parse a checkpoint: %w", err)
	}
	c := Checkpoint{Origin: t.Origin, Size: t.N, Root: t.Hash, Extension: t.Extension}
	if c.Size > MaxSize {
		return Checkpoint{}, fmt.Errorf("parse a checkpoint: its size is above %d", int64(MaxSize))
	}
	if c.Origin == "" || c.text() != text {
		return Checkpoint{}, errors.New("parse a checkpoint: not in canonical form")
	}
	return c, nil
}

// VerifyCheckpoint reads a signed checkpoint. The log's signature must be
// there and the log's name must be the origin. Every cosignature of one of the
// witnesses must hold; signatures of others are ignored, as C2SP asks.
func VerifyCheckpoint(signed []byte, log note.Verifier, witnesses ...note.Verifier) (Checkpoint, error) {
	n, err := openNote(signed, log, witnesses...)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verify a checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verify a checkpoint: %w", err)
	}
	if c.Origin != log.Name() {
		return Checkpoint{}, errors.New("verify a checkpoint: its origin is not the log's name")
	}
	c.Note = signed
	for _, sig := range n.Sigs {
		if sig.Name != log.Name() || sig.Hash != log.KeyHash() {
			c.Cosigners = append(c.Cosigners, sig.Name)
		}
	}
	return c, nil
}

// ErrNoSignature says that the one key that counts has not signed.
var ErrNoSignature = errors.New("the expected key has not signed")

// openNote opens a note that must carry the signature of first.
func openNote(signed []byte, first note.Verifier, others ...note.Verifier) (*note.Note, error) {
	if first == nil {
		return nil, errors.New("no key to verify with")
	}
	if len(signed) > maxNote {
		return nil, fmt.Errorf("longer than %d bytes", maxNote)
	}
	n, err := note.Open(signed, note.VerifierList(append([]note.Verifier{first}, others...)...))
	if unverified := new(note.UnverifiedNoteError); errors.As(err, &unverified) {
		return nil, ErrNoSignature
	}
	if err != nil {
		return nil, err
	}
	for _, sig := range n.Sigs {
		if sig.Name == first.Name() && sig.Hash == first.KeyHash() {
			return n, nil
		}
	}
	return nil, ErrNoSignature
}

// A CheckpointSigner signs a log's checkpoints, and the manifests of evidence
// bundles. It keeps no state: that two inconsistent checkpoints are never
// signed is the committer's business.
type CheckpointSigner struct {
	origin   string
	key      crypto.Signer
	vkey     string
	verifier note.Verifier
}

// NewCheckpointSigner makes a signer for the log called origin; the key must
// be an Ed25519 key and may live in a device.
func NewCheckpointSigner(origin string, key crypto.Signer) (*CheckpointSigner, error) {
	if key == nil {
		return nil, errors.New("make a checkpoint signer: no key")
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("make a checkpoint signer: the key is not an Ed25519 key")
	}
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return nil, fmt.Errorf("make a checkpoint signer: %w", err)
	}
	verifier, err := ParseVerifierKey(vkey)
	if err != nil {
		return nil, fmt.Errorf("make a checkpoint signer for origin %q: %w", origin, err)
	}
	return &CheckpointSigner{origin: origin, key: key, vkey: vkey, verifier: verifier}, nil
}

// Origin returns the log's name.
func (s *CheckpointSigner) Origin() string { return s.origin }

// VerifierKey returns the public key as text: origin+hash+base64.
func (s *CheckpointSigner) VerifierKey() string { return s.vkey }

// Verifier returns what verifies the signer's notes.
func (s *CheckpointSigner) Verifier() note.Verifier { return s.verifier }

// Sign returns the signed checkpoint. Ed25519 is deterministic: the same tree
// head has the same bytes.
func (s *CheckpointSigner) Sign(size int64, root tlog.Hash) ([]byte, error) {
	if size < 0 || size > MaxSize {
		return nil, fmt.Errorf("sign a checkpoint: no tree has size %d", size)
	}
	b := make([]byte, 0, 2*len(s.origin)+256)
	b = append(b, s.origin...)
	b = append(b, '\n')
	b = strconv.AppendInt(b, size, 10)
	b = append(b, '\n')
	b = base64.StdEncoding.AppendEncode(b, root[:])
	b = append(b, '\n')
	return s.sign(b)
}

// SignNote signs a text, which must end in a newline. It refuses a text that
// is a checkpoint: only Sign, whose caller has a tree, speaks for the tree.
func (s *CheckpointSigner) SignNote(text []byte) ([]byte, error) {
	if len(text) == 0 || text[len(text)-1] != '\n' {
		return nil, errors.New("sign a note: the text does not end in a newline")
	}
	if _, err := torchwood.ParseCheckpoint(string(text)); err == nil {
		return nil, errors.New("sign a note: the text is a checkpoint")
	}
	signed, err := s.sign(text[:len(text):len(text)])
	if err != nil {
		return nil, err
	}
	// Characters that a note cannot carry would make a note that nobody opens.
	if n, err := note.Open(signed, note.VerifierList(s.verifier)); err != nil || n.Text != string(text) {
		return nil, errors.New("sign a note: the text holds what a note cannot carry")
	}
	return signed, nil
}

func (s *CheckpointSigner) sign(text []byte) ([]byte, error) {
	sig, err := s.key.Sign(nil, text, crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("sign a note: %w", err)
	}
	return appendSignature(append(text, '\n'), s.verifier, sig), nil
}

// appendSignature writes a signature line of a note.
func appendSignature(b []byte, key note.Verifier, sig []byte) []byte {
	raw := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(sig)), key.KeyHash())
	raw = append(raw, sig...)
	b = append(b, "— "...)
	b = append(b, key.Name()...)
	b = append(b, ' ')
	b = base64.StdEncoding.AppendEncode(b, raw)
	return append(b, '\n')
}

// VerifyNote returns the text of a note that key has signed.
func VerifyNote(signed []byte, key note.Verifier) ([]byte, error) {
	if key == nil {
		return nil, errors.New("verify a note: no key to verify with")
	}
	// A manifest grows with its bundle, so maxNote does not bind here.
	n, err := note.Open(signed, note.VerifierList(key))
	if unverified := new(note.UnverifiedNoteError); errors.As(err, &unverified) {
		return nil, fmt.Errorf("verify a note: %w", ErrNoSignature)
	}
	if err != nil {
		return nil, fmt.Errorf("verify a note: %w", err)
	}
	return []byte(n.Text), nil
}
