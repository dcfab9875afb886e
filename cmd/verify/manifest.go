package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// bundleFormat is the one version that this program can judge.
const bundleFormat = "repatriation-evidence/v1"

// A listed is a file as the manifest lists it.
type listed struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// A scope says which entries the bundle claims to hold; the zero value claims
// the whole record.
type scope struct {
	From    time.Time `json:"from"` // inclusive
	To      time.Time `json:"to"`   // exclusive
	Partner string    `json:"partner"`
	Case    string    `json:"case"`
}

func (s scope) whole() bool {
	return s.From.IsZero() && s.To.IsZero() && s.Partner == "" && s.Case == ""
}

// holds says whether an entry belongs in the scope. The record keeps
// milliseconds, and so does the comparison.
func (s scope) holds(l leaf) bool {
	at := l.at.UnixMilli()
	return (s.From.IsZero() || at >= s.From.UnixMilli()) && (s.To.IsZero() || at < s.To.UnixMilli()) &&
		(s.Partner == "" || l.partner == s.Partner) && (s.Case == "" || l.caseID == s.Case)
}

func (s scope) String() string {
	if s.whole() {
		return "the whole record"
	}
	out := "a part of the record"
	if s.Partner != "" {
		out += ", with partner " + plain(s.Partner)
	}
	if s.Case != "" {
		out += ", one case"
	}
	if !s.From.IsZero() {
		out += ", from " + s.From.UTC().Format(time.RFC3339)
	}
	if !s.To.IsZero() {
		out += ", before " + s.To.UTC().Format(time.RFC3339)
	}
	return out
}

// A manifest is the signed table of contents.
type manifest struct {
	Format   string            `json:"format"`
	Origin   string            `json:"origin"`
	Party    string            `json:"party"`
	RawScope json.RawMessage   `json:"scope"`
	Reason   string            `json:"reason"`
	TreeSize int64             `json:"tree_size"`
	Root     string            `json:"root"`
	Entries  int64             `json:"entries"`
	Indexes  string            `json:"indexes"`
	RawFiles []json.RawMessage `json:"files"`

	scope scope
	files []listed
}

// errVersion is apart because another version is no fault of the bundle.
var errVersion = errors.New("its format is not " + bundleFormat)

// parseManifest reads the manifest's text.
func parseManifest(text []byte) (manifest, error) {
	var m manifest
	members, err := strictObject(text)
	if err != nil {
		return m, err
	}
	if format, ok := stringOf(members, "format"); !ok || format != bundleFormat {
		return m, errVersion
	}
	names := []string{"format", "origin", "party", "scope", "reason", "tree_size", "root", "entries", "indexes", "files"}
	if _, err := decodeClosed(text, &m, names...); err != nil {
		return m, err
	}
	if len(members) != len(names) {
		return m, errors.New("a member is missing")
	}
	if _, err := decodeClosed(m.RawScope, &m.scope, "from", "to", "partner", "case"); err != nil {
		return m, fmt.Errorf("its scope: %w", err)
	}
	last := ""
	for i, raw := range m.RawFiles {
		var f listed
		if _, err := decodeClosed(raw, &f, "path", "sha256", "size"); err != nil {
			return m, fmt.Errorf("its file %d: %w", i, err)
		}
		sum, err := hex.DecodeString(f.SHA256)
		switch {
		case !goodName(f.Path) || f.Path == fileManifest || f.Path <= last:
			return m, fmt.Errorf("its file %d has a bad path, or one out of order", i)
		case err != nil || len(sum) != sha256.Size || hex.EncodeToString(sum) != f.SHA256 || f.Size < 0:
			return m, fmt.Errorf("its file %d has no usable hash or size", i)
		}
		last, m.files = f.Path, append(m.files, f)
	}
	for _, path := range []string{fileReadme, fileCheckpoint, fileEntries, fileLogKey, fileParties} {
		if m.listed(path) == nil {
			return m, fmt.Errorf("it does not list %s", path)
		}
	}
	return m, nil
}

func (m manifest) listed(path string) *listed {
	for i := range m.files {
		if m.files[i].Path == path {
			return &m.files[i]
		}
	}
	return nil
}

// checkFiles compares what the archive has with what the manifest lists. The
// entries are hashed later, while they are read. It returns the small files.
func (m manifest) checkFiles(b *bundle, r *report) map[string][]byte {
	out := map[string][]byte{}
	for name := range b.files {
		if name != fileManifest && m.listed(name) == nil {
			r.find(name, "the manifest does not list this file: it was added")
		}
	}
	for _, f := range m.files {
		if b.files[f.Path] == nil {
			r.find(f.Path, "the manifest lists this file, and it is missing: it was removed")
			continue
		}
		if f.Path == fileEntries {
			continue
		}
		data, err := b.read(f.Path)
		if err != nil {
			r.find(f.Path, "%v", err)
			continue
		}
		sum := sha256.Sum256(data)
		f.check(hex.EncodeToString(sum[:]), int64(len(data)), r)
		out[f.Path] = data
	}
	return out
}

// check compares a file's hash and size with the listed ones.
func (f listed) check(sum string, size int64, r *report) {
	if sum != f.SHA256 || size != f.Size {
		r.find(f.Path, "it is not the file that the manifest lists (its hash or size is another): it was altered")
	}
}

// checkCheckpoint opens the bundle's own checkpoint and compares it with the
// manifest.
func (m manifest) checkCheckpoint(signed []byte, keys, logKeys keyFile, r *report) (checkpoint, bool) {
	if len(signed) > maxNote {
		r.find(fileCheckpoint, "it is longer than a checkpoint can be")
		return checkpoint{}, false
	}
	n, err := openNote(signed, keys)
	if err != nil {
		r.find(fileCheckpoint, "%v", err)
		return checkpoint{}, false
	}
	c, err := parseCheckpoint(n.text)
	if err != nil {
		r.find(fileCheckpoint, "%v", err)
		return checkpoint{}, false
	}
	if !n.signedBy(logKeys) {
		r.find(fileCheckpoint, "%v", errUnsigned)
	}
	if c.origin != m.Origin {
		r.find(fileCheckpoint, "its origin is not the manifest's")
	}
	if c.size != m.TreeSize || base64.StdEncoding.EncodeToString(c.root[:]) != m.Root {
		r.find(fileCheckpoint, "its size and root are not those of the manifest")
	}
	for _, k := range n.signers {
		if !slices.ContainsFunc(logKeys, k.same) {
			r.note("cosigned  by %s, whose cosignature holds", plain(k.Name()))
		}
	}
	if n.others > 0 {
		r.note("The checkpoint has %d more signatures of keys that were not given; they were not checked.", n.others)
	}
	return c, true
}
