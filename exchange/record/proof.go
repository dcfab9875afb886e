package record

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader = "c2sp.org/tlog-proof@v1\n"
	maxProof    = 63      // hashes: no tree is higher
	maxExtra    = 1 << 16 // characters of base64
)

// A Proof is what a C2SP tlog-proof text says, believed by nobody yet: see
// VerifyProof.
type Proof struct {
	Index      int64
	Hashes     tlog.RecordProof
	Checkpoint []byte // a signed note
	Extra      []byte // unauthenticated; nil when absent
}

// FormatProof returns the C2SP tlog-proof text that the checkpoint's tree has
// a leaf at index. Without extra (nil) the text has no extra line.
func FormatProof(index int64, proof []tlog.Hash, checkpoint []byte, extra []byte) []byte {
	b := make([]byte, 0, len(proofHeader)+32+45*len(proof)+len(checkpoint)+2*len(extra))
	b = append(b, proofHeader...)
	if extra != nil {
		b = append(b, "extra "...)
		b = base64.StdEncoding.AppendEncode(b, extra)
		b = append(b, '\n')
	}
	b = append(b, "index "...)
	b = strconv.AppendInt(b, index, 10)
	b = append(b, '\n')
	b = appendHashes(b, proof)
	b = append(b, '\n')
	return append(b, checkpoint...)
}

func appendHashes(b []byte, hashes []tlog.Hash) []byte {
	for _, h := range hashes {
		b = base64.StdEncoding.AppendEncode(b, h[:])
		b = append(b, '\n')
	}
	return b
}

// ParseProof reads a tlog-proof text, and only in the form that FormatProof
// writes.
func ParseProof(text []byte) (Proof, error) {
	var p Proof
	rest, ok := bytes.CutPrefix(text, []byte(proofHeader))
	if !ok {
		return Proof{}, errors.New("parse a proof: not a tlog-proof of version 1")
	}
	if line, after, ok := cutLine(rest, "extra "); ok {
		if len(line) > maxExtra {
			return Proof{}, errors.New("parse a proof: its extra line is too long")
		}
		extra, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil {
			return Proof{}, errors.New("parse a proof: its extra line is not base64")
		}
		p.Extra, rest = append([]byte{}, extra...), after
	}
	line, rest, ok := cutLine(rest, "index ")
	if !ok {
		return Proof{}, errors.New("parse a proof: it has no index line")
	}
	var err error
	if p.Index, err = parseSize(line); err != nil {
		return Proof{}, fmt.Errorf("parse a proof: its index: %w", err)
	}
	if p.Hashes, p.Checkpoint, err = parseHashes(rest); err != nil {
		return Proof{}, fmt.Errorf("parse a proof: %w", err)
	}
	if len(p.Checkpoint) > maxNote {
		return Proof{}, errors.New("parse a proof: its checkpoint is too long")
	}
	if !bytes.Equal(FormatProof(p.Index, p.Hashes, p.Checkpoint, p.Extra), text) {
		return Proof{}, errors.New("parse a proof: not in canonical form")
	}
	return p, nil
}

// VerifyProof checks that the tree of the proof's checkpoint, which log has
// signed, has exactly these leaf bytes at the index that it returns.
func VerifyProof(text []byte, leaf []byte, log note.Verifier, witnesses ...note.Verifier) (Checkpoint, int64, error) {
	p, err := ParseProof(text)
	if err != nil {
		return Checkpoint{}, 0, fmt.Errorf("verify a proof: %w", err)
	}
	c, err := VerifyCheckpoint(p.Checkpoint, log, witnesses...)
	if err != nil {
		return Checkpoint{}, 0, fmt.Errorf("verify a proof: %w", err)
	}
	if err := tlog.CheckRecord(p.Hashes, c.Size, c.Root, p.Index, LeafHash(leaf)); err != nil {
		return Checkpoint{}, 0, fmt.Errorf("verify a proof: leaf %d in the tree of size %d: %w", p.Index, c.Size, err)
	}
	return c, p.Index, nil
}

// ErrInconsistent says that a tree does not extend another one.
var ErrInconsistent = errors.New("the newer tree does not extend the older one")

// VerifyConsistency checks that the tree of newer begins with the tree of
// older. At the same size no proof is needed, and different roots are a
// *SplitView.
func VerifyConsistency(older, newer Checkpoint, proof []tlog.Hash) error {
	switch {
	case older.Origin != newer.Origin:
		return errors.New("verify consistency: the checkpoints are of different logs")
	case older.Size > newer.Size:
		return fmt.Errorf("verify consistency: the older tree has %d leaves, the newer only %d", older.Size, newer.Size)
	case older.Size == newer.Size || older.Size == 0:
		// Both are cases that tlog.CheckTree leaves to its caller.
		if len(proof) != 0 {
			return fmt.Errorf("verify consistency from size %d to %d: %w: the proof should be empty", older.Size, newer.Size, ErrInconsistent)
		}
		if older.Size == 0 && older.Root != emptyRoot || newer.Size == 0 && newer.Root != emptyRoot {
			return fmt.Errorf("verify consistency: %w: a tree of size 0 has another root", ErrInconsistent)
		}
		return FindSplitView(older, newer)
	}
	if err := tlog.CheckTree(proof, newer.Size, newer.Root, older.Size, older.Root); err != nil {
		return fmt.Errorf("verify consistency from size %d to %d: %w: %w", older.Size, newer.Size, ErrInconsistent, err)
	}
	return nil
}

// cutLine splits off the first line, which begins with prefix, without both.
func cutLine(b []byte, prefix string) (line string, rest []byte, ok bool) {
	after, ok := bytes.CutPrefix(b, []byte(prefix))
	if !ok {
		return "", b, false
	}
	cut, rest, ok := bytes.Cut(after, []byte("\n"))
	if !ok {
		return "", b, false
	}
	return string(cut), rest, true
}

// parseSize reads a decimal number without sign or leading zeroes.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, errors.New("not a plain decimal number")
	}
	return n, nil
}

// parseHashes reads lines of one base64 hash each, up to an empty line.
func parseHashes(b []byte) (hashes []tlog.Hash, rest []byte, err error) {
	for {
		line, after, ok := cutLine(b, "")
		if !ok {
			return nil, nil, errors.New("it ends among its hashes")
		}
		if line == "" {
			return hashes, after, nil
		}
		if len(hashes) == maxProof {
			return nil, nil, fmt.Errorf("it has more than %d hashes", maxProof)
		}
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != tlog.HashSize {
			return nil, nil, fmt.Errorf("hash %d is not base64 of 32 bytes", len(hashes))
		}
		hashes, b = append(hashes, tlog.Hash(h)), after
	}
}
